import { Injectable } from '@nestjs/common';
import { configuredAssets } from '../adapters/assets.ts';
import type { Asset, AssetId } from '../money/asset.ts';
import { Config } from '../platform/config.ts';
import { Refusal } from '../platform/refusal.ts';

/** The assets this service knows: those of the chains that are switched on. Fixed for the life of a process. */
@Injectable()
export class AssetCatalog {
  private readonly assets: ReadonlyMap<AssetId, Asset>;

  constructor(config: Config) {
    this.assets = new Map(configuredAssets(config).map((asset) => [asset.id, asset]));
  }

  get(id: AssetId): Asset | undefined {
    return this.assets.get(id);
  }

  /** @throws Refusal `unknown_asset`, naming `field` if given. */
  require(id: AssetId, field?: string): Asset {
    const asset = this.assets.get(id);
    if (asset !== undefined) return asset;
    throw new Refusal('unknown_asset', {
      ...(field === undefined ? {} : { field }),
      expected: `one of ${[...this.assets.keys()].join(', ')}`,
    });
  }

  all(): readonly Asset[] {
    return [...this.assets.values()];
  }
}
