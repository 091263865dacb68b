import type { AssetId } from './asset.ts';
import { type Money, money } from './money.ts';

/** The direction a division rounds to; always named by the caller. */
export type Rounding = 'floor' | 'ceil';

/** An exact ratio: `from` base units × num / den = `to` base units. Both terms are positive. */
export interface Rate {
  readonly from: AssetId;
  readonly to: AssetId;
  readonly num: bigint;
  readonly den: bigint;
}

/** A positive exact number, e.g. a price in USD. */
export interface Ratio {
  readonly num: bigint;
  readonly den: bigint;
}

/** Integer division of non-negative terms with the rounding named. */
export function divide(num: bigint, den: bigint, rounding: Rounding): bigint {
  if (den <= 0n || num < 0n) throw new Error(`divide takes num >= 0 and den > 0, got ${num} / ${den}`);
  const quotient = num / den;
  return rounding === 'ceil' && quotient * den !== num ? quotient + 1n : quotient;
}

/** A rate in lowest terms. Throws unless both terms are positive. */
export function rate(from: AssetId, to: AssetId, num: bigint, den: bigint): Rate {
  return { from, to, ...ratio(num, den) };
}

/** A ratio in lowest terms. Throws unless both terms are positive. */
export function ratio(num: bigint, den: bigint): Ratio {
  if (num <= 0n || den <= 0n) throw new Error(`a ratio takes two positive integers, got ${num} / ${den}`);
  const divisor = greatestCommonDivisor(num, den);
  return { num: num / divisor, den: den / divisor };
}

/** The amount in the rate's `to` asset. Throws if the amount is not in its `from` asset. */
export function convert(amount: Money, by: Rate, rounding: Rounding): Money {
  if (amount.asset !== by.from) throw new Error(`a rate from ${by.from} cannot convert ${amount.asset}`);
  return money(by.to, divide(amount.units * by.num, by.den, rounding));
}

/** The rate in the other direction. */
export const invert = (of: Rate): Rate => ({ from: of.to, to: of.from, num: of.den, den: of.num });

/**
 * What one more payment credits under a cumulative conversion: floor of the total paid, less what was credited before.
 * However a payment is split, the parts credit the same total.
 */
export function creditCumulative(by: Rate, paidBefore: bigint, paidNow: bigint, creditedBefore: bigint): bigint {
  return divide((paidBefore + paidNow) * by.num, by.den, 'floor') - creditedBefore;
}

export interface Share {
  readonly id: string;
  readonly weight: bigint;
}

/**
 * Splits units by weight with the largest remainder; ties go to the smaller id. The parts sum to the whole exactly.
 * Throws if no weight is positive.
 */
export function allocate(units: bigint, shares: readonly Share[]): Map<string, bigint> {
  const total = shares.reduce((sum, share) => sum + share.weight, 0n);
  if (total <= 0n || shares.some((share) => share.weight < 0n)) throw new Error('allocate takes positive weights');
  const parts = shares.map(({ id, weight }) => ({
    id,
    part: (units * weight) / total,
    rest: (units * weight) % total,
  }));
  let left = units - parts.reduce((sum, { part }) => sum + part, 0n);
  const byRest = [...parts].sort((a, b) => (a.rest === b.rest ? (a.id < b.id ? -1 : 1) : a.rest > b.rest ? -1 : 1));
  const result = new Map(parts.map(({ id, part }) => [id, part]));
  for (const { id, part } of byRest) {
    if (left === 0n) break;
    result.set(id, part + 1n);
    left -= 1n;
  }
  return result;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}
