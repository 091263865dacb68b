import type { Ratio } from '../money/rate.ts';
import type { Tx } from '../platform/database.ts';
import type { AcceptedPrice, PriceInput } from './price.ts';
import { PRICE_RULE_VERSION } from './price-rule.ts';

/**
 * Stores what prices were made of, so that whatever refers to them can be recomputed. Recording a price again changes
 * nothing. @returns the ids, in the order of `prices`.
 */
export async function recordEvidence(tx: Tx, prices: readonly AcceptedPrice[]): Promise<string[]> {
  // One order for all, so that two transactions that record the same prices never wait for each other in a circle.
  const rows = prices.map(evidenceRow).sort((a, b) => (a.id < b.id ? -1 : 1));
  if (rows.length > 0) {
    await tx.$executeRaw`
      INSERT INTO price_evidence (id, asset, mid_num, mid_den, uncertainty_bps, inputs, dropped, rule_version, at)
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        AS e(id text, asset text, mid_num text, mid_den text, uncertainty_bps integer, inputs jsonb, dropped jsonb,
             rule_version text, at timestamptz)
      ON CONFLICT (id) DO NOTHING`;
  }
  return prices.map(({ evidenceId }) => evidenceId);
}

const evidenceRow = (price: AcceptedPrice) => ({
  id: price.evidenceId,
  asset: price.asset,
  mid_num: price.mid.num.toString(),
  mid_den: price.mid.den.toString(),
  uncertainty_bps: price.uncertaintyBps,
  inputs: price.inputs.map(inputRow),
  dropped: price.dropped,
  rule_version: PRICE_RULE_VERSION,
  at: price.at.toISOString(),
});

const inputRow = ({ source, reading, through, reason }: PriceInput) =>
  reading === null
    ? { source, through, reason }
    : {
        source,
        through,
        bid: exact(reading.bid),
        ask: exact(reading.ask),
        observedAt: reading.observedAt.toISOString(),
      };

const exact = ({ num, den }: Ratio): string => `${num}/${den}`;
