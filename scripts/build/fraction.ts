// Reads from a compiler driver's line how far it is.

const NINJA_STEP = /^\[(\d+)\/(\d+)\]/;
const MAKE_STEP = /^\[ *(\d+)%\]/;

/** 0 to 1 from Ninja's `[3/12]` or make's `[ 25%]`, or undefined for any other line. */
export function buildFraction(line: string): number | undefined {
  const ninja = NINJA_STEP.exec(line);
  if (ninja) return Number(ninja[1]) / Number(ninja[2]);
  const make = MAKE_STEP.exec(line);
  return make ? Number(make[1]) / 100 : undefined;
}
