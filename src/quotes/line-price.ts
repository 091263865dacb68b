import type { Asset } from '../money/asset.ts';
import { parseUnits } from '../money/codec.ts';
import type { Ratio } from '../money/rate.ts';
import type { LineClock } from './lock.ts';
import type { PER } from './quote-detail.ts';

export interface StatedPrice {
  readonly amount: string;
  /** `uakt`, or the id of the asset the amount is whole units of. */
  readonly unit: string;
  readonly per: (typeof PER)[number];
}

const SCALE_DECIMALS = 18;
const SECONDS: Readonly<Record<StatedPrice['per'], bigint>> = {
  block: 1n,
  second: 1n,
  hour: 3_600n,
  // A twelfth of 365.25 days.
  month: 2_629_800n,
  once: 1n,
};

/** The clock a price runs on. */
export function clockOf(per: StatedPrice['per']): LineClock {
  if (per === 'once') return 'once';
  return per === 'block' ? 'akash-height' : 'utc';
}

/**
 * A stated price as base units × 10^18 of its own asset for each tick, rounded down to that grain; null if the amount has
 * more decimals than can be kept (18 of a base unit) or is below the grain.
 */
export function numeratorOf({ amount, unit, per }: StatedPrice, asset: Asset): bigint | null {
  const decimals = unit === 'uakt' ? SCALE_DECIMALS : asset.decimals + SCALE_DECIMALS;
  const scaled = parseUnits(amount, decimals);
  if (typeof scaled !== 'bigint') return null;
  const numerator = scaled / SECONDS[per];
  return numerator === 0n ? null : numerator;
}

/**
 * The price in another asset, at both mids, rounded down. It is fixed by the lock: what the line accrues afterwards does
 * not follow the market.
 */
export function numeratorIn(numerator: bigint, from: Asset, fromUsd: Ratio, to: Asset, toUsd: Ratio): bigint {
  const [up, down] = [10n ** BigInt(to.decimals), 10n ** BigInt(from.decimals)];
  return (numerator * fromUsd.num * toUsd.den * up) / (fromUsd.den * toUsd.num * down);
}
