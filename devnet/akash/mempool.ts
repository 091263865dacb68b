import type { IncludedTx } from './chain.ts';
import { execute, type TxResult } from './execute.ts';
import { sha256 } from './hash.ts';
import { Branch, type State } from './state.ts';

interface Waiting {
  readonly bytes: Uint8Array;
  /** Never given to a proposer: the node took it and told nobody. */
  readonly withheld: boolean;
}

/** Transactions that were accepted and wait for a block. Kept in memory only: a restart forgets them. */
export class Mempool {
  /** While true, what is accepted never reaches a proposer. */
  withholding = false;
  readonly #chainId: string;
  readonly #waiting = new Map<string, Waiting>();
  /** Hashes that are answered "already exists in cache": all that wait or succeeded. */
  readonly #cache = new Set<string>();
  #state: Branch;
  #height = 0;

  constructor(chainId: string, state: State) {
    this.#chainId = chainId;
    this.#state = new Branch(state);
  }

  /** The state that the waiting transactions lead to. */
  state(): State {
    return new Branch(this.#state);
  }

  isCached(hash: string): boolean {
    return this.#cache.has(hash);
  }

  /** Checks a transaction on top of those that wait, and keeps it if it passes. */
  offer(bytes: Uint8Array): TxResult {
    const result = this.#check(bytes);
    if (result.code === 0) {
      const hash = sha256(bytes);
      this.#cache.add(hash);
      this.#waiting.set(hash, { bytes, withheld: this.withholding });
    }
    return result;
  }

  /** What a proposer puts into the next block, in order of arrival. */
  proposal(): Uint8Array[] {
    return [...this.#waiting.values()].filter(({ withheld }) => !withheld).map(({ bytes }) => bytes);
  }

  /** All that wait, the withheld ones too. */
  waiting(): Uint8Array[] {
    return [...this.#waiting.values()].map(({ bytes }) => bytes);
  }

  /** After a block: forgets what it took, and checks the rest again on the new state. */
  update(state: State, height: number, included: readonly IncludedTx[]): void {
    for (const { hash, result } of included) {
      this.#waiting.delete(hash);
      if (result.code === 0) this.#cache.add(hash);
      else this.#cache.delete(hash);
    }
    this.#state = new Branch(state);
    this.#height = height;
    for (const [hash, { bytes }] of this.#waiting) {
      if (this.#check(bytes).code === 0) continue;
      this.#waiting.delete(hash);
      this.#cache.delete(hash);
    }
  }

  #check(bytes: Uint8Array): TxResult {
    return execute(this.#state, bytes, { mode: 'check', chainId: this.#chainId, height: this.#height });
  }
}
