import { maxUnits, minUnits } from '../money/money.ts';
import { divide } from '../money/rate.ts';

/** Blocks an attempt may wait before the next one is offered, by chain family. */
export const BUMP_AFTER_BLOCKS = { bitcoin: 6, handshake: 6, evm: 6, akash: 20 } as const;

/** What the next attempt offers above the last, when the market does not ask for more. */
const INCREASE_BPS = 2500n;
/** Where no amount is in the fee's own asset (token payments and calls), the budget is a multiple of the first fee. */
const BUDGET_FIRST_FEES = 4n;

/** Most a send may cost in fees: basis points of what it pays, or a multiple of its first fee; never below the first. */
export function feeBudget(paidUnits: bigint, budgetBps: number, firstFee: bigint): bigint {
  if (paidUnits === 0n) return firstFee * BUDGET_FIRST_FEES;
  return maxUnits(firstFee, (paidUnits * BigInt(budgetBps)) / 10_000n);
}

export interface LastAttempt {
  readonly feeRate: bigint;
  /** The most the network can charge for it. */
  readonly feeMaxUnits: bigint;
}

/**
 * The fee rate of the next attempt: the market's, at least a quarter above the last, at most what `budget` allows; null
 * when the budget does not allow `least`, the lowest rate at which nodes take a replacement.
 */
export function bumpedRate(last: LastAttempt, market: bigint, least: bigint, budget: bigint): bigint | null {
  const quarterMore = last.feeRate + divide(last.feeRate * INCREASE_BPS, 10_000n, 'ceil');
  const wanted = maxUnits(maxUnits(market, quarterMore), least);
  const affordable = last.feeMaxUnits === 0n ? wanted : (last.feeRate * budget) / last.feeMaxUnits;
  const rate = minUnits(wanted, affordable);
  return rate < least ? null : rate;
}
