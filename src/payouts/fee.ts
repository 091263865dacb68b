import type { Chain } from '../adapters/chain.ts';
import { type Asset } from '../money/asset.ts';
import { divide, type Ratio } from '../money/rate.ts';

/** A payout waits until its fee is at most this part of it. */
const FEE_PART_MAX = 100n;

/** Mid prices in USD per whole unit. */
export type UsdPriceOf = (asset: string) => Ratio;

/**
 * The recipient's share of the network fee for one output among many, in the asset that is sent, rounded up. Prices are
 * asked for only where the fee is paid in another asset.
 */
export function feeShare(chain: Chain, asset: Asset, feeRate: bigint, outputs: number, usd: UsdPriceOf): bigint {
  // On EVM chains inputs are deposit addresses to sweep; the hot wallet has none.
  const inputs = chain.family === 'evm' ? 0 : 1;
  const fee = chain.estimateFee({ inputs, outputs, asset: asset.id }, feeRate);
  const share = divide(fee.units, BigInt(outputs), 'ceil');
  if (fee.asset === asset.id) return share;
  const [from, to] = [usd(fee.asset), usd(asset.id)];
  const num = share * from.num * to.den * 10n ** BigInt(asset.decimals);
  return divide(num, from.den * to.num * 10n ** BigInt(chain.feeAsset.decimals), 'ceil');
}

/** Whether the fee is small enough for the amount to leave now. */
export const isWorthSending = (units: bigint, feeUnits: bigint): boolean => feeUnits * FEE_PART_MAX <= units;
