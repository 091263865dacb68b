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
  /** Basis points of a lock's value that are reserved against the caps, for its window or its right. */
  abstract stressBps(asset: AssetId, kind: 'window' | 'right'): number;
}

/** Longest right to top up that is sold. */
export const RIGHT_MAX_MS = 86_400_000;
const RIGHT_BPS = 300;
/** A move grows with the square root of time: a day's is about three times the one of a funding window. */
const RIGHT_STRESS_FACTOR = 3;
const MYRIAD = 10_000;

/** The premium the operator set for the asset, whatever the window's exact length; the right at a flat price. */
@Injectable()
export class PolicyPremium extends PremiumModel {
  constructor(private readonly config: Config) {
    super();
  }

  premiumBps(asset: AssetId, _windowMs: number): number {
    return policyOf(this.config, asset).premiumBps;
  }

  rightBps(_asset: AssetId): number {
    return RIGHT_BPS;
  }

  stressBps(asset: AssetId, kind: 'window' | 'right'): number {
    const { stressBps } = policyOf(this.config, asset);
    return kind === 'window' ? stressBps : Math.min(MYRIAD, stressBps * RIGHT_STRESS_FACTOR);
  }
}
