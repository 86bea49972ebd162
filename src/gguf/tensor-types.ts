// The tensor types of the format: which are converted and how their bytes are laid out, and the names of the others for errors.

export interface TensorType {
  name: string;
  /** Elements of a block; 1 for a dense type. */
  blockElements: number;
  blockBytes: number;
}

const type = (name: string, blockElements: number, blockBytes: number): TensorType => ({
  name,
  blockElements,
  blockBytes,
});

/** The supported types by their number in the file. */
export const TENSOR_TYPES: Record<number, TensorType> = {
  0: type('F32', 1, 4),
  1: type('F16', 1, 2),
  2: type('Q4_0', 32, 18),
  3: type('Q4_1', 32, 20),
  8: type('Q8_0', 32, 34),
  30: type('BF16', 1, 2),
};

const OTHER_TYPES: Record<number, string> = {
  6: 'Q5_0',
  7: 'Q5_1',
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  12: 'Q4_K',
  13: 'Q5_K',
  14: 'Q6_K',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
  40: 'NVFP4',
  41: 'Q1_0',
};

export const SUPPORTED_TYPES = Object.values(TENSOR_TYPES)
  .map((entry) => entry.name)
  .sort()
  .join(', ');

export const typeName = (id: number): string => TENSOR_TYPES[id]?.name ?? OTHER_TYPES[id] ?? `number ${id}`;
