import { Injectable } from '@nestjs/common';
import { Ledger } from '../ledger/ledger.service.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { type AssetPolicy, policyOf } from '../markets/policy.ts';
import type { Asset, AssetId } from '../money/asset.ts';
import { parseUnits } from '../money/codec.ts';
import type { Ratio } from '../money/rate.ts';
import { Config } from '../platform/config.ts';
import type { Tx } from '../platform/database.ts';
import type { Book } from './flatten.ts';
import { POSITION_KINDS, positionsOf } from './position.ts';
import { SwapRows } from './swap-rows.service.ts';

/** The desk's positions with what the operator decided about each asset. */
@Injectable()
export class DeskBooks {
  constructor(
    private readonly config: Config,
    private readonly catalog: AssetCatalog,
    private readonly ledger: Ledger,
    private readonly rows: SwapRows,
  ) {}

  /** Every asset that has a price in `usd`. */
  async read(tx: Tx, usd: ReadonlyMap<AssetId, Ratio>): Promise<ReadonlyMap<AssetId, Book>> {
    const expected = await this.rows.expected(tx);
    const positions = positionsOf(await this.ledger.balances(tx, ...POSITION_KINDS), expected);
    const books = this.catalog.all().flatMap((asset): [AssetId, Book][] => {
      const price = usd.get(asset.id);
      if (price === undefined) return [];
      const { desk, float } = positions.get(asset.id) ?? { desk: 0n, float: 0n };
      const limits = { target: this.policy(asset, 'positionTarget'), band: this.policy(asset, 'positionBand') };
      return [[asset.id, { asset: asset.id, desk, float, ...limits, unit: 10n ** BigInt(asset.decimals), usd: price }]];
    });
    return new Map(books);
  }

  /**
   * Most of an asset that one order may sell: half of the largest lock, so that the signer's cap for one send leaves room
   * for its fee.
   */
  orderMaximum(asset: AssetId): bigint {
    return this.policy(this.catalog.require(asset), 'lockMaximum') / 2n;
  }

  private policy(asset: Asset, name: keyof AssetPolicy): bigint {
    const units = parseUnits(String(policyOf(this.config, asset.id)[name]), asset.decimals);
    if (typeof units !== 'bigint') throw new Error(`settings: POLICY ${asset.id} ${name} has too many decimals`);
    return units;
  }
}
