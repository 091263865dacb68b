/** What is under way: one line that is written over on a terminal, plain lines anywhere else. */
export class Progress {
  readonly #terminal = process.stdout.isTTY === true;

  /** Something has begun. */
  step(text: string): void {
    if (this.#terminal) process.stdout.write(`\r\x1b[2K${text} …`);
    else process.stdout.write(`${text}\n`);
  }

  /** A line that stays. */
  line(text = ''): void {
    process.stdout.write(`${this.#terminal ? '\r\x1b[2K' : ''}${text}\n`);
  }
}

/** Ends the program with one line that says what is wrong. */
export function endWith(name: string, error: unknown): never {
  const text = (error instanceof Error ? error.message : String(error)).split('\n')[0];
  process.stderr.write(`${process.stdout.isTTY ? '\r\x1b[2K' : ''}${name}: ${text}\n`);
  process.exit(1);
}
