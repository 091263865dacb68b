import { Decimal } from 'decimal.js';
import type { AssetId } from '../money/asset.ts';

/** How long before a price the one lies that it is held against. */
export const JUMP_WINDOW_MS = 300_000;

const DAY_MS = 86_400_000;
/** Moves of more standard deviations than this within the window are not believed. */
const JUMP_DEVIATIONS = 4;

/** Never taken to be calmer than 4 % a day, stablecoins included: their peg has a bound of its own. */
const DAILY_BPS_FLOOR = 400;
/** Standard deviation of daily log returns, January to June 2021, basis points. */
const DAILY_BPS: Readonly<Record<AssetId, number>> = { BTC: 488, ETH: 667, AKT: 790 };

/** How far, in basis points, a price may lie from the one five minutes before: four standard deviations, rounded up. */
export function jumpBoundBps(asset: AssetId): bigint {
  const daily = Math.max(DAILY_BPS[asset] ?? 0, DAILY_BPS_FLOOR);
  const bound = new Decimal(JUMP_WINDOW_MS).div(DAY_MS).sqrt().times(daily).times(JUMP_DEVIATIONS);
  return BigInt(bound.ceil().toFixed(0));
}
