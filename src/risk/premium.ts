import { Injectable } from '@nestjs/common';
import { policyOf } from '../markets/policy.ts';
import type { AssetId } from '../money/asset.ts';
import { Config } from '../platform/config.ts';

/** What holding a rate costs. */
export abstract class PremiumModel {
  /** Basis points of the pay amount for holding a rate between `asset` and what it buys for `windowMs`. */
  abstract premiumBps(asset: AssetId, windowMs: number): number;
  /** Basis points of its size for a right to top up, paid up front, whether it is used or not. */
  abstract rightBps(asset: AssetId): number;
}

/** Longest right to top up that is sold. */
export const RIGHT_MAX_MS = 86_400_000;
const RIGHT_BPS = 300;

/** The premium the operator set for the asset, for windows up to the asset's own funding time. */
@Injectable()
export class PolicyPremium extends PremiumModel {
  constructor(private readonly config: Config) {
    super();
  }

  premiumBps(asset: AssetId, windowMs: number): number {
    const { premiumBps, fundByMs, confirmAfterMs } = policyOf(this.config, asset);
    const coveredMs = fundByMs + confirmAfterMs;
    return windowMs <= coveredMs ? premiumBps : Math.ceil((premiumBps * windowMs) / coveredMs);
  }

  rightBps(_asset: AssetId): number {
    return RIGHT_BPS;
  }
}
