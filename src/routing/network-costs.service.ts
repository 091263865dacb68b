import { Injectable } from '@nestjs/common';
import { Chains } from '../adapters/chains/index.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { Markets } from '../markets/markets.service.ts';
import type { AssetId } from '../money/asset.ts';
import type { Money } from '../money/money.ts';
import { divide } from '../money/rate.ts';
import { Clock } from '../platform/clock.ts';
import { Refusal } from '../platform/refusal.ts';

/** Blocks a deposit may wait until it is spent on. */
const TARGET_BLOCKS = 6;
const AGE_MAX_MS = 120_000;

interface Known {
  readonly fee: Money;
  readonly asOf: Date;
}

/** What spending a deposit costs on its chain, refreshed in the background. */
@Injectable()
export class NetworkCosts {
  private fees: ReadonlyMap<AssetId, Known> = new Map();

  constructor(
    private readonly chains: Chains,
    private readonly catalog: AssetCatalog,
    private readonly markets: Markets,
    private readonly clock: Clock,
  ) {}

  /** Asks every chain for its fee rate. A chain that does not answer keeps what it said until that is too old. */
  async refresh(): Promise<void> {
    const asOf = await this.clock.now();
    const fees = new Map(this.fees);
    const failed: unknown[] = [];
    for (const chain of this.chains.all()) {
      try {
        const feeRate = await chain.feeRate(TARGET_BLOCKS);
        for (const { id } of chain.assets) {
          fees.set(id, { fee: chain.estimateFee({ inputs: 1, outputs: 1, asset: id }, feeRate), asOf });
        }
      } catch (error) {
        failed.push(error);
      }
    }
    this.fees = fees;
    if (failed.length > 0) throw new AggregateError(failed, 'a chain gave no fee rate');
  }

  /** Fee of spending one deposit of an asset, in that asset, rounded up. @throws Refusal no_price */
  costOf(asset: AssetId, now: Date): bigint {
    const known = this.fees.get(asset);
    if (known === undefined || now.getTime() - known.asOf.getTime() > AGE_MAX_MS) {
      throw new Refusal('no_price', { facts: { asset, why: 'network fee stale' } });
    }
    const { fee } = known;
    if (fee.asset === asset || fee.units === 0n) return fee.units;
    const [from, to] = [this.markets.price(fee.asset, now), this.markets.price(asset, now)];
    const num = from.ask.num * to.bid.den * 10n ** BigInt(this.catalog.require(asset).decimals);
    const den = from.ask.den * to.bid.num * 10n ** BigInt(this.catalog.require(fee.asset).decimals);
    return divide(fee.units * num, den, 'ceil');
  }
}
