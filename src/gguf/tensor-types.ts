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
  6: type('Q5_0', 32, 22),
  7: type('Q5_1', 32, 24),
  8: type('Q8_0', 32, 34),
  10: type('Q2_K', 256, 84),
  11: type('Q3_K', 256, 110),
  12: type('Q4_K', 256, 144),
  13: type('Q5_K', 256, 176),
  14: type('Q6_K', 256, 210),
  20: type('IQ4_NL', 32, 18),
  23: type('IQ4_XS', 256, 136),
  30: type('BF16', 1, 2),
};

const OTHER_TYPES: Record<number, string> = {
  9: 'Q8_1',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  21: 'IQ3_S',
  22: 'IQ2_S',
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
