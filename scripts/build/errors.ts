// Failures that the person at the keyboard can mend: printed as their message alone, without a stack.

export class BuildError extends Error {
  override name = 'BuildError';
}

/** Runs a script's main function; a BuildError becomes its message and exit status 1. */
export function main(script: string, work: () => Promise<void>): void {
  work().catch((error: unknown) => {
    if (error instanceof BuildError || isUsageError(error)) console.error(`${script}: ${error.message}`);
    else console.error(error);
    process.exitCode = 1;
  });
}

/** What node:util's parseArgs says of a wrong option is fit to be read as it is. */
const isUsageError = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
