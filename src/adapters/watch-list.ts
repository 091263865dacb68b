import type { WatchList } from './chain.ts';

/** 4 MiB of bits: a million keys turn 97 of 100 misses away. */
const FILTER_BITS = 25;
const GOLDEN_RATIO = 0x9e3779b1;

/**
 * Watched addresses in memory, by the driver's key. Looking up a key among a million costs several cache misses and a
 * string; for hex keys `mayHave` answers most misses from their last four bytes with one.
 */
export class WatchedKeys implements WatchList {
  private readonly byKey = new Map<string, string>();
  private readonly filter = new Uint32Array(1 << (FILTER_BITS - 5));

  add(key: string, address: string): void {
    this.byKey.set(key, address);
    const bit = bitOf(Number.parseInt(key.slice(-8), 16));
    this.filter[bit >>> 5] = (this.filter[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }

  mayHave(tail: number): boolean {
    const bit = bitOf(tail);
    return (((this.filter[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
  }

  has(key: string): boolean {
    return this.byKey.has(key);
  }

  address(key: string): string | undefined {
    return this.byKey.get(key);
  }
}

const bitOf = (tail: number): number => Math.imul(tail, GOLDEN_RATIO) >>> (32 - FILTER_BITS);
