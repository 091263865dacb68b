import type { AssetId } from '../money/asset.ts';
import { minUnits } from '../money/money.ts';
import { divide } from '../money/rate.ts';
import type { Terms } from './terms.ts';

/**
 * A rate lock. `open`: money that is in time is credited at its rate. `closed`: `confirmBy` has passed, the size is what
 * was credited, the rest of its exposure is released. `open → closed`, never back. Money that was in time is credited by
 * its own times, however late the lock's job or the credit itself runs.
 *
 * A bought right to top up is a second lock of the same quote, of kind `right`: its `fundBy` is the end of the right.
 */
export interface Lock {
  readonly id: string;
  readonly quoteId: string;
  readonly kind: 'window' | 'right';
  readonly tenantId: string;
  readonly leaseId: string;
  readonly payAsset: AssetId;
  /** Pay units the costs and the lines' shares are stated for. */
  readonly quotedUnits: bigint;
  /** Most that may be credited: all of it; of a right, the part whose price was paid. */
  readonly capacityUnits: bigint;
  /** The lock's size as shown: the capacity while open, what was credited once closed. */
  readonly sizeUnits: bigint;
  readonly paidUnits: bigint;
  readonly state: 'open' | 'closed';
  readonly lockedAt: Date;
  readonly fundBy: Date;
  readonly confirmBy: Date;
  readonly closedAt: Date | null;
  readonly costs: Costs;
  readonly lines: readonly LockLine[];
  readonly terms: Terms;
}

export const COST_KINDS = ['premium', 'fee', 'swap', 'network', 'right'] as const;
export type CostKind = (typeof COST_KINDS)[number];

/** What a quote costs beside what its lines get, in base units of the pay asset. */
export type Costs = Readonly<Record<CostKind, bigint>>;

/** The clock a line accrues by: Akash blocks, whole seconds of block time, or owed at once. */
export type LineClock = 'akash-height' | 'utc' | 'once';

export interface LockLine {
  /** Place in the quote, from 0. */
  readonly n: number;
  readonly lineId: string;
  readonly asset: AssetId;
  readonly clock: LineClock;
  /** Price in base units of the line's asset per tick × 10^18. */
  readonly priceNumerator: bigint;
  readonly ticks: bigint;
  /** Escrow of the line at full payment, in its asset. */
  readonly units: bigint;
  /** What of the full payment, net of costs, buys those units; in the pay asset. */
  readonly shareUnits: bigint;
  /** Pay base units × num / den = base units of the line's asset. */
  readonly rateNum: bigint;
  readonly rateDen: bigint;
}

export interface Credit {
  /** Costs this payment carries, in the pay asset. */
  readonly costs: Costs;
  /** What each line is credited now, in its own asset, in the order of the lock's lines. */
  readonly perLine: readonly bigint[];
  /** Part of this payment above what the lock can still take; never converted at its rate. */
  readonly excess: bigint;
}

/**
 * What one more in-time payment credits. Everything is a function of the total paid, less what was booked before, so
 * splitting a payment never changes the totals: each cost is floor(cost × paid / quoted), what the lines share is
 * floor(all their shares × paid / quoted). Of that, `once` lines are filled first in their order, then streaming lines get
 * equal runway; a line's units are floor(its share × rate). The units lost to rounding come right at full payment.
 * `creditedBefore` is what this lock has credited to each line and still stands; a line that holds more than its due
 * (a payment before it was taken back) gets nothing until the total has caught up.
 */
export function creditOf(
  lock: Pick<Lock, 'quotedUnits' | 'capacityUnits' | 'costs' | 'lines'>,
  paidBefore: bigint,
  paidNow: bigint,
  creditedBefore: readonly bigint[],
): Credit {
  if (paidBefore < 0n || paidNow < 0n) throw new Error(`creditOf takes payments >= 0, got ${paidBefore}, ${paidNow}`);
  const before = minUnits(paidBefore, lock.capacityUnits);
  const after = minUnits(paidBefore + paidNow, lock.capacityUnits);
  const [costsBefore, costsAfter] = [costsAt(lock, before), costsAt(lock, after)];
  const due = linesAt(lock, after);
  return {
    costs: mapCosts((kind) => costsAfter[kind] - costsBefore[kind]),
    perLine: due.map((units, index) => {
      const credited = creditedBefore[index] ?? 0n;
      return units > credited ? units - credited : 0n;
    }),
    excess: paidNow - (after - before),
  };
}

/** Costs that `paid` units carry in total. */
function costsAt(lock: Pick<Lock, 'quotedUnits' | 'costs'>, paid: bigint): Costs {
  return mapCosts((kind) => divide(lock.costs[kind] * paid, lock.quotedUnits, 'floor'));
}

/** Units each line holds after `paid` units in total. */
function linesAt({ quotedUnits, lines }: Pick<Lock, 'quotedUnits' | 'lines'>, paid: bigint): bigint[] {
  const all = lines.reduce((sum, { shareUnits }) => sum + shareUnits, 0n);
  const streaming = lines.reduce((sum, line) => sum + (line.clock === 'once' ? 0n : line.shareUnits), 0n);
  // Not what is left of the payment after its costs: that can fall by a unit as the payment grows.
  let rest = divide(all * paid, quotedUnits, 'floor');
  const shares = new Map<number, bigint>();
  for (const line of lines.filter(({ clock }) => clock === 'once')) {
    const share = minUnits(line.shareUnits, rest);
    shares.set(line.n, share);
    rest -= share;
  }
  return lines.map((line) => {
    if (line.clock !== 'once') return unitsFor(line, streaming === 0n ? 0n : (rest * line.shareUnits) / streaming);
    return minUnits(unitsFor(line, shares.get(line.n) ?? 0n), line.units);
  });
}

const unitsFor = (line: LockLine, share: bigint): bigint => divide(share * line.rateNum, line.rateDen, 'floor');

export const mapCosts = (of: (kind: CostKind) => bigint): Costs => ({
  premium: of('premium'),
  fee: of('fee'),
  swap: of('swap'),
  network: of('network'),
  right: of('right'),
});

export const sumOf = (costs: Costs): bigint => COST_KINDS.reduce((sum, kind) => sum + costs[kind], 0n);

/** What is known of a payment when it is judged. */
export interface Sighting {
  /** When it was first seen, in the mempool or in a block. */
  readonly seenAt: Date;
  /** Its fee rate and the node's 6-block estimate at that moment; null where the chain has no such thing. */
  readonly feeRate: bigint | null;
  readonly feeRateNeeded: bigint | null;
  /** Time of the block that holds it; null while unconfirmed. */
  readonly blockAt: Date | null;
}

/**
 * Whether a payment is in time: seen by `fundBy` at a fee at or above the 6-block estimate, and in a block by
 * `confirmBy`. One seen at a lower fee counts as seen when it is in a block. False while it is in no block.
 */
export function inTime(lock: Pick<Lock, 'lockedAt' | 'fundBy' | 'confirmBy'>, payment: Sighting): boolean {
  if (payment.blockAt === null) return false;
  const slow = payment.feeRate !== null && payment.feeRateNeeded !== null && payment.feeRate < payment.feeRateNeeded;
  const seenAt = slow ? payment.blockAt : payment.seenAt;
  return seenAt >= lock.lockedAt && seenAt <= lock.fundBy && payment.blockAt <= lock.confirmBy;
}
