import type { AssetId } from '../../src/money/asset.ts';
import { type Prices, START_PRICES, type Step } from './adversary.ts';

/** Numbers in [0, 1) that follow from a seed alone (mulberry32). */
export class Dice {
  private state: number;
  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  roll(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from 0 to below `count`. */
  below(count: number): number {
    return Math.floor(this.roll() * count);
  }

  chance(probability: number): boolean {
    return this.roll() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }
}

/** `constant`: nothing moves. `outside`: only when every lock's time is over. `free`: at every step. */
export type Mode = 'constant' | 'outside' | 'free';

/** A step in which the actor may lock a rate, or not. */
export interface PathStep extends Step {
  readonly locks: boolean;
}

const MINUTE_MS = 60_000;
/** In this time every window of a lock made before ends, and every right of at most two hours. */
const ALL_LOCKS_OVER_MS = 300 * MINUTE_MS;
const MOVE_BPS = 900;

/** The whole price path of a seed. The actor knows it from the start. */
export function pathOf(dice: Dice, mode: Mode): PathStep[] {
  if (mode === 'constant')
    return Array.from({ length: 8 }, () => ({ ...time(dice), prices: START_PRICES, locks: true }));
  const steps: PathStep[] = [];
  let prices = START_PRICES;
  if (mode === 'outside') {
    for (let n = 0; n < 3; n += 1) steps.push({ ms: 10 * MINUTE_MS, blocks: 1, prices, locks: true });
    steps.push({ ms: ALL_LOCKS_OVER_MS, blocks: 3, prices, locks: false });
  }
  for (let n = 0; n < (mode === 'free' ? 9 : 4); n += 1) {
    prices = moved(dice, prices);
    steps.push({ ...time(dice), prices, locks: mode === 'free' });
  }
  return steps;
}

const time = (dice: Dice) => ({ ms: dice.pick([10, 10, 20, 30, 60, 90]) * MINUTE_MS, blocks: dice.pick([1, 1, 2]) });

function moved(dice: Dice, prices: Prices): Prices {
  const by = (asset: AssetId, bps: number) =>
    ((prices[asset] ?? 0n) * BigInt(10_000 + dice.below(2 * bps + 1) - bps)) / 10_000n;
  return {
    BTC: by('BTC', MOVE_BPS),
    AKT: by('AKT', MOVE_BPS),
    ETH: by('ETH', MOVE_BPS),
    // Within its peg: beyond it the asset is halted.
    'USDC.ethereum': BigInt(997_000 + dice.below(6_001)),
  };
}
