import type { Ratio } from '../money/rate.ts';

/** An amount with what makes it comparable: the asset's decimals and the USD price of one whole unit. */
export interface Priced {
  readonly units: bigint;
  readonly decimals: number;
  readonly usd: Ratio;
}

/** True if `value` is worth more than `cost`. Exact: both sides as integers over a common denominator. */
export const worthMore = (value: Priced, cost: Priced): boolean => scaled(value, cost) > scaled(cost, value);

const scaled = (of: Priced, other: Priced): bigint =>
  of.units * of.usd.num * other.usd.den * 10n ** BigInt(other.decimals);
