import { type Ratio, divide } from '../money/rate.ts';

/**
 * A deposit is one transfer to one of our addresses, known by its place in its chain.
 *
 * - `seen`: in the mempool or in a block that is not deep enough. `dropped`: it was in the mempool and is gone.
 * - `confirmed`: deep enough; booked into suspense. What becomes of it is decided in the same or the next transaction:
 *   `credited` to a lease's lines, `returned` to the payer, `unclaimed` (listed, claimable), or `float` (the operator's).
 * - `reorged`: booked, and its block is no longer in the chain. Mined again it goes back to where it was; with a final
 *   conflict, or after a day, it is `unwound`.
 */
export type DepositState =
  | 'seen'
  | 'dropped'
  | 'confirmed'
  | 'credited'
  | 'returned'
  | 'unclaimed'
  | 'float'
  | 'reorged'
  | 'unwound';

export type DepositEvent =
  | 'included'
  | 'vanished'
  | 'deep-enough'
  | 'credit'
  | 'return'
  | 'set-aside'
  | 'own-float'
  | 'orphaned'
  | 'mined-again'
  | 'unwind';

const MOVES: Readonly<Record<DepositState, Partial<Readonly<Record<DepositEvent, DepositState>>>>> = {
  seen: { included: 'seen', vanished: 'dropped', orphaned: 'seen', 'deep-enough': 'confirmed' },
  dropped: { included: 'seen' },
  confirmed: {
    credit: 'credited',
    return: 'returned',
    'set-aside': 'unclaimed',
    'own-float': 'float',
    orphaned: 'reorged',
  },
  credited: { orphaned: 'reorged' },
  returned: { orphaned: 'reorged' },
  unclaimed: { orphaned: 'reorged', return: 'returned' },
  float: { orphaned: 'reorged' },
  // Mined again, it takes up the state it had: `reorged_from` names it.
  reorged: { 'mined-again': 'confirmed', unwind: 'unwound' },
  // Mined after it was written off: it starts anew, at the rate of that day.
  unwound: { included: 'seen' },
};

/** The state after an event. Throws on a move that does not exist: that is a bug, never input. */
export function next(state: DepositState, event: DepositEvent): DepositState {
  const to = MOVES[state][event];
  if (to === undefined) throw new Error(`a deposit that is ${state} cannot take ${event}`);
  return to;
}

/** Value in micro-dollars, rounded up, of base units at a price in USD per whole unit. */
export function usdMicros(units: bigint, decimals: number, price: Ratio): bigint {
  return divide(units * price.num * 1_000_000n, price.den * 10n ** BigInt(decimals), 'ceil');
}

export interface DepthRule {
  readonly creditDepth: number;
  readonly releaseDepth: number;
  readonly largeDepositUsdMicros: bigint;
  readonly unreleasedCapUsdMicros: bigint;
}

/**
 * Confirmations a deposit needs before it is credited: large ones, and all while too much is credited but not released,
 * wait until they may be released as well. Without a price (null value) the deeper rule holds.
 */
export function creditDepth(valueUsdMicros: bigint | null, unreleasedUsdMicros: bigint, rule: DepthRule): number {
  if (valueUsdMicros === null || valueUsdMicros > rule.largeDepositUsdMicros) return rule.releaseDepth;
  return valueUsdMicros + unreleasedUsdMicros > rule.unreleasedCapUsdMicros ? rule.releaseDepth : rule.creditDepth;
}
