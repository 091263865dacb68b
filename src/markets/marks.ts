import type { AssetId } from '../money/asset.ts';
import { type Ratio, ratio } from '../money/rate.ts';
import type { Tx } from '../platform/database.ts';
import type { AcceptedPrice } from './price.ts';

/** Stores the first accepted price of a minute. Prices of a minute that has its mark are left out. */
export async function recordMarks(tx: Tx, prices: readonly AcceptedPrice[]): Promise<void> {
  const rows = prices.map(({ asset, mid, uncertaintyBps, at }) => ({
    asset,
    minute: at.toISOString(),
    mid_num: mid.num.toString(),
    mid_den: mid.den.toString(),
    uncertainty_bps: uncertaintyBps,
  }));
  if (rows.length === 0) return;
  await tx.$executeRaw`
    INSERT INTO price_marks (asset, minute, mid_num, mid_den, uncertainty_bps)
    SELECT asset, date_trunc('minute', minute, 'UTC'), mid_num, mid_den, uncertainty_bps
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      AS m(asset text, minute timestamptz, mid_num text, mid_den text, uncertainty_bps integer)
    ORDER BY asset
    ON CONFLICT (asset, minute) DO NOTHING`;
}

/** The oldest mark of each asset from `since` to `until`. */
export async function oldestMarks(tx: Tx, since: Date, until: Date): Promise<ReadonlyMap<AssetId, Ratio>> {
  const rows = await tx.$queryRaw<{ asset: string; mid_num: string; mid_den: string }[]>`
    SELECT DISTINCT ON (asset) asset, mid_num, mid_den FROM price_marks
    WHERE minute >= ${since} AND minute <= ${until}
    ORDER BY asset, minute`;
  return new Map(rows.map(({ asset, mid_num, mid_den }) => [asset, ratio(BigInt(mid_num), BigInt(mid_den))]));
}
