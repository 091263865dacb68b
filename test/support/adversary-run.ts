import { Actor, STRATEGIES, type Strategy } from './adversary-actor.ts';
import { Dice, type Mode, pathOf, type PathStep } from './adversary-path.ts';
import { type Position, START_PRICES, totalWorth, type World } from './adversary.ts';

/**
 * What the design allows one person who is everybody, and how it is measured.
 *
 * His position q is, by asset, what he received on chain less what he paid, and what he is still owed: suspense, escrow,
 * payables, payouts and refunds on their way, the service fee a close would give back. Its value at mid prices p is q·p.
 * From step to step the value changes in two ways, exactly:
 *
 *   q(k)·p(k) − q(k−1)·p(k−1)  =  q(k−1)·(p(k) − p(k−1))  +  (q(k) − q(k−1))·p(k)
 *                                  exposure                   jump
 *
 * Exposure is what the same coins would have done in his pocket: pay asset until it is credited, the line's asset after.
 * The tenant bears it, whichever way it goes. A jump is made by the service at a price that both know: a credit, a
 * refund, a payout, a fee. Summed up, final value = Σ exposure + Σ jumps, and Σ jumps is what he gained from the service.
 *
 * A jump may be positive in one case alone: a payment that was seen by `fundBy` and in a block by `confirmBy` is credited
 * at a locked rate that has become better than the market. It gains at most what its part of the locked size is worth
 * less itself (`LockTerms.optionValue`); the premium is not in that part. A right is the same for the bought size, as far
 * as the window was paid. Everything else costs him. So after every step Σ jumps ≤ Σ option values; with constant
 * prices, and with prices that move only when no lock is open, the right side is zero.
 *
 * The price is the one at the credit, which follows `confirmBy` by the confirmations the deposit needs.
 */
export interface Outcome {
  readonly seed: number;
  readonly mode: Mode;
  readonly strategy: Strategy;
  /** Final value, on chain alone; what exposure made of it; what the locks allowed. In 10^-24 dollars. */
  readonly final: bigint;
  readonly exposure: bigint;
  readonly allowed: bigint;
  /** Σ jumps at the end. */
  readonly gain: bigint;
  /** Single credits that gained. */
  readonly gains: number;
  readonly violations: readonly string[];
  readonly replies: ReadonlyMap<string, number>;
}

const MODES: readonly Mode[] = ['constant', 'outside', 'free', 'free'];
/** Blocks after the close in which everything is released, refunded and paid out. */
const DRAIN: readonly number[] = [4, 1, 1];
const DRAIN_MS = 4_000_000;
/** All payments that still wait are mined from this step on. */
const DRAIN_STEP = 1_000;

/** Plays one seed. What it plays follows from the seed alone. */
export async function play(world: World, seed: number): Promise<Outcome> {
  const dice = new Dice(seed);
  const [mode, strategy] = [dice.pick(MODES), dice.pick(STRATEGIES)];
  return playPath(world, { seed, mode, strategy, dice, path: pathOf(dice, mode) });
}

export interface Scene {
  readonly seed: number;
  readonly mode: Mode;
  readonly strategy: Strategy;
  readonly dice: Dice;
  readonly path: readonly PathStep[];
  /** Played instead of the strategy. */
  readonly script?: (actor: Actor, step: number) => Promise<void>;
}

export async function playPath(world: World, { seed, mode, strategy, dice, path, script }: Scene): Promise<Outcome> {
  const actor = new Actor(world, await world.service.tenantKey(), dice, path, strategy);
  await world.advance({ ms: 600_000, blocks: 1, prices: START_PRICES }, DRAIN_STEP);
  await world.work();
  const start = await world.position();
  const onChain = world.received();
  const violations: string[] = [];
  let [before, exposure, gain, allowed, gains] = [less(start, start), 0n, 0n, 0n, 0];
  const last = path.at(-1)?.prices ?? START_PRICES;
  const drain = DRAIN.map((blocks) => ({ ms: DRAIN_MS, blocks, prices: last }));
  for (const [n, step] of [...path, ...drain].entries()) {
    const old = world.prices();
    await world.advance(step, n < path.length ? n : DRAIN_STEP);
    exposure += totalWorth(before, step.prices) - totalWorth(before, old);
    if (n >= path.length) await actor.closeAll();
    else await (script ?? ((who, at) => who.act(at)))(actor, n);
    await world.work();
    const after = less(await world.position(), start);
    const jump = totalWorth(after, step.prices) - totalWorth(before, step.prices);
    allowed += await optionValues(world, actor);
    gain += jump;
    if (jump > 0n) gains += 1;
    if (gain > allowed) violations.push(`step ${n}: gained ${usd(gain)}, allowed ${usd(allowed)}`);
    before = after;
  }
  const final = totalWorth(less(world.received(), onChain), last);
  if (totalWorth(before, last) !== exposure + gain) violations.push('value is not exposure and jumps');
  if (final - exposure > allowed) violations.push(`on chain ${usd(final - exposure)}, allowed ${usd(allowed)}`);
  if (mode !== 'free' && allowed !== 0n) violations.push(`${usd(allowed)} allowed though no price moved in a window`);
  for (const { rule, what } of await world.faults()) violations.push(`${rule}: ${what}`);
  const { replies } = actor;
  return { seed, mode, strategy, final, exposure, allowed, gain, gains, violations, replies };
}

/** What the credits of this step may have gained. */
async function optionValues(world: World, actor: Actor): Promise<bigint> {
  const credited = await world.rows<{ txId: string; leaseId: string; asset: string; units: string }>(
    `SELECT tx_id AS "txId", lease_id AS "leaseId", asset, units::text FROM deposits
     WHERE tenant_id = $1 AND credited_at = $2 AND state = 'credited' ORDER BY height, tx_id`,
    [actor.tenantId, world.now()],
  );
  let sum = 0n;
  for (const { txId, leaseId, asset, units } of credited) {
    const payment = actor.paymentOf(txId);
    const lock = actor.locks.findLast(
      (one) => one.leaseId === leaseId && one.asset === asset && payment !== undefined && one.takes(payment),
    );
    if (lock !== undefined && payment !== undefined) sum += lock.optionValue(payment, BigInt(units), world.prices());
  }
  return sum;
}

const less = (a: Position, b: Position): Position =>
  Object.fromEntries(Object.entries(a).map(([asset, units]) => [asset, units - (b[asset] ?? 0n)]));

/** Dollars with cents, for reading. */
export const usd = (value: bigint): string => {
  const cents = value / 10n ** 22n;
  return `${cents < 0n ? '-' : ''}${(cents < 0n ? -cents : cents) / 100n}.${String((cents < 0n ? -cents : cents) % 100n).padStart(2, '0')}`;
};
