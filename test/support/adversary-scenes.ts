import { vi } from 'vitest';
import { Markets } from '../../src/markets/markets.service.ts';
import { Refunds } from '../../src/payouts/refunds.service.ts';
import { Locks } from '../../src/quotes/locks.service.ts';
import type { Actor } from './adversary-actor.ts';
import { Dice } from './adversary-path.ts';
import { type Outcome, playPath } from './adversary-run.ts';
import { type Prices, START_PRICES, type World } from './adversary.ts';

const MINUTE_MS = 60_000;
/** A tenth less than at the start. */
const BTC_FELL: Prices = { ...START_PRICES, BTC: 54_000_000_000n };
const AKT_FELL: Prices = { ...START_PRICES, AKT: 450_000n };

interface Act {
  readonly afterMs: number;
  readonly prices: Prices;
  readonly does?: (actor: Actor) => Promise<void> | void;
}

/** 3,000 dollars in BTC for a provider paid in AKT, hardly any of it spent before the close. */
async function lock(actor: Actor): Promise<void> {
  const price = { amount: '1', unit: 'AKT', per: 'block' };
  const lines = [{ payee: { address: 'akash:actor:scene' }, price }];
  const quote = await actor.quote({ payAsset: 'BTC', fix: 'pay', payAmount: '0.05', refund: 'market', lines });
  if (quote === undefined || (await actor.take(quote)) === undefined) throw new Error('the scene has no lock');
}

const pay = (actor: Actor) => {
  for (const one of actor.locks) actor.pay(one, 1000n);
};

const SCENES = {
  /** The pay asset falls while the window is open; he pays only then. */
  'pays in time when the price has fallen': [
    { afterMs: MINUTE_MS, prices: START_PRICES, does: lock },
    { afterMs: 30 * MINUTE_MS, prices: BTC_FELL, does: pay },
    { afterMs: 10 * MINUTE_MS, prices: BTC_FELL },
  ],
  /** The same an hour too late. */
  'pays too late when the price has fallen': [
    { afterMs: MINUTE_MS, prices: START_PRICES, does: lock },
    { afterMs: 120 * MINUTE_MS, prices: BTC_FELL, does: pay },
    { afterMs: 10 * MINUTE_MS, prices: BTC_FELL },
  ],
  /** The line's asset falls after the credit; he closes and has the rest refunded in what he paid. */
  'closes when what was bought has fallen': [
    { afterMs: MINUTE_MS, prices: START_PRICES, does: (actor) => lock(actor).then(() => pay(actor)) },
    { afterMs: 30 * MINUTE_MS, prices: START_PRICES },
    { afterMs: 300 * MINUTE_MS, prices: AKT_FELL },
  ],
} as const satisfies Record<string, readonly Act[]>;

export type SceneName = keyof typeof SCENES;

/** Plays a scene of fixed acts, under the same measure as the random ones. */
export function playScene(world: World, name: SceneName): Promise<Outcome> {
  const acts: readonly Act[] = SCENES[name];
  return playPath(world, {
    seed: 0,
    mode: 'free',
    strategy: 'random',
    dice: new Dice(0),
    path: acts.map(({ afterMs: ms, prices }) => ({ ms, prices, blocks: 1, locks: true })),
    script: async (actor, step) => acts[step]?.does?.(actor),
  });
}

/** Locks that never end: money that comes late is credited at their rate. */
export function breakTimes(world: World): void {
  const locks = world.get(Locks);
  vi.spyOn(locks, 'openFor').mockImplementation(async (tx, leaseId, asset, seenAt) => {
    const open = (await locks.ofLease(tx, leaseId)).find((one) => one.payAsset === asset);
    return open === undefined ? null : { ...open, fundBy: seenAt, confirmBy: new Date(seenAt.getTime() + 86_400_000) };
  });
}

/** Refunds at the prices of the lock, whatever the market is at the close: a put on the line's asset that nobody paid for. */
export function breakRefunds(world: World): void {
  const [refunds, markets] = [world.get(Refunds), world.get(Markets)];
  const refund = refunds.refundLease.bind(refunds);
  vi.spyOn(refunds, 'refundLease').mockImplementation(async (leaseId) => {
    const current = markets.price.bind(markets);
    const pinned = vi.spyOn(markets, 'price').mockImplementation((asset) => {
      const price = { num: START_PRICES[asset] ?? 0n, den: 1_000_000n };
      return { ...current(asset), mid: price, bid: price, ask: price };
    });
    await refund(leaseId);
    pinned.mockRestore();
  });
}
