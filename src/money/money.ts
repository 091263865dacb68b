import type { AssetId } from './asset.ts';

/** An exact amount in base units of one asset. */
export interface Money {
  readonly asset: AssetId;
  readonly units: bigint;
}

export const money = (asset: AssetId, units: bigint): Money => ({ asset, units });

/** Sum of two amounts of the same asset. Throws on different assets: that is a bug, never input. */
export function add(a: Money, b: Money): Money {
  return money(sameAsset(a, b), a.units + b.units);
}

/** Difference of two amounts of the same asset; may be negative. Throws on different assets. */
export function subtract(a: Money, b: Money): Money {
  return money(sameAsset(a, b), a.units - b.units);
}

/** -1, 0 or 1. Throws on different assets. */
export function compare(a: Money, b: Money): -1 | 0 | 1 {
  sameAsset(a, b);
  if (a.units === b.units) return 0;
  return a.units < b.units ? -1 : 1;
}

function sameAsset(a: Money, b: Money): AssetId {
  if (a.asset !== b.asset) throw new Error(`amounts of ${a.asset} and ${b.asset} do not mix`);
  return a.asset;
}

export const minUnits = (a: bigint, b: bigint): bigint => (a < b ? a : b);
export const maxUnits = (a: bigint, b: bigint): bigint => (a > b ? a : b);
