import { Injectable } from '@nestjs/common';
import type { VenueContext } from '../adapters/venue.ts';
import { Ledger } from '../ledger/ledger.service.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { isAccepted, Markets } from '../markets/markets.service.ts';
import { policyOf } from '../markets/policy.ts';
import type { Asset, AssetId } from '../money/asset.ts';
import { parseUnits } from '../money/codec.ts';
import { Clock } from '../platform/clock.ts';
import { Config } from '../platform/config.ts';
import { Database } from '../platform/database.ts';

/** What venues are told: accepted prices, the own float as the books have it, and its low-water marks. */
@Injectable()
export class VenueContexts {
  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly catalog: AssetCatalog,
    private readonly markets: Markets,
    private readonly ledger: Ledger,
  ) {}

  async now(): Promise<VenueContext> {
    const assets = this.catalog.all();
    const now = await this.clock.now();
    const rates = assets.map(({ id }) => this.markets.rate(id, now)).filter(isAccepted);
    const float = new Map<AssetId, bigint>();
    for (const { id } of assets) float.set(id, await this.ledger.balance(this.database.prisma, 'equity:float', id));
    return {
      usd: new Map(rates.map(({ asset, mid }) => [asset, mid])),
      float,
      floatLow: new Map(assets.map((asset) => [asset.id, this.floatLow(asset)])),
      now,
    };
  }

  private floatLow(asset: Asset): bigint {
    const units = parseUnits(policyOf(this.config, asset.id).floatLow, asset.decimals);
    if (typeof units !== 'bigint') throw new Error(`settings: POLICY ${asset.id} floatLow has too many decimals`);
    return units;
  }
}
