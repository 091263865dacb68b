import { TxError } from './tx-error.ts';

/**
 * What work costs. The first two are the SDK's own parameters (x/auth); the rest stand for its many small store reads
 * and writes, so that totals are near those of a real node: about 70,000 for a send.
 */
export const GAS = {
  txByte: 10,
  signature: 1_000,
  fee: 38_000,
  message: 8_000,
  output: 18_000,
  newAccount: 4_000,
} as const;

/** Counts gas against a limit. */
export class GasMeter {
  readonly #limit: number;
  used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Throws `out of gas` once the limit is passed. What was used stays counted. */
  consume(amount: number, location: string): void {
    this.used += amount;
    if (this.used <= this.#limit) return;
    const figures = `gasWanted: ${this.#limit}, gasUsed: ${this.used}`;
    throw new TxError('outOfGas', `out of gas in location: ${location}; ${figures}`);
  }
}
