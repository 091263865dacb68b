import { type Ratio, ratio } from '../money/rate.ts';
import type { Tx } from '../platform/database.ts';
import type { AcceptedPrice, PriceInput } from './price.ts';
import { type Drop, PRICE_RULE_VERSION } from './price-rule.ts';

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

interface EvidenceRow {
  readonly id: string;
  readonly asset: string;
  readonly mid_num: string;
  readonly mid_den: string;
  readonly uncertainty_bps: number;
  readonly inputs: readonly StoredInput[];
  readonly dropped: readonly Drop[];
  readonly at: Date;
}

interface StoredInput {
  readonly source: string;
  readonly through: string | null;
  readonly reason?: string | null;
  readonly bid?: string;
  readonly ask?: string;
  readonly observedAt?: string;
}

/** Prices as they were accepted, from their evidence, in the order of `ids`. @throws Error for an id without evidence. */
export async function readEvidence(tx: Tx, ids: readonly string[]): Promise<AcceptedPrice[]> {
  const rows = await tx.$queryRaw<EvidenceRow[]>`
    SELECT id, asset, mid_num, mid_den, uncertainty_bps, inputs, dropped, at FROM price_evidence WHERE id = ANY(${ids})`;
  return ids.map((id) => {
    const row = rows.find((one) => one.id === id);
    if (row === undefined) throw new Error(`no price evidence ${id}`);
    return acceptedPrice(row);
  });
}

function acceptedPrice(row: EvidenceRow): AcceptedPrice {
  const mid = ratio(BigInt(row.mid_num), BigInt(row.mid_den));
  const apart = (bps: number) => ratio(mid.num * BigInt(10_000 + bps), mid.den * 10_000n);
  const inputs = row.inputs.map(priceInput);
  const used = inputs.filter(
    ({ source, reading }) => reading !== null && !row.dropped.some((drop) => drop.source === source),
  );
  return {
    asset: row.asset,
    mid,
    bid: apart(-row.uncertainty_bps),
    ask: apart(row.uncertainty_bps),
    uncertaintyBps: row.uncertainty_bps,
    oldestObservedAt: new Date(Math.min(...used.map(({ reading }) => reading?.observedAt.getTime() ?? Infinity))),
    at: row.at,
    evidenceId: row.id,
    inputs,
    used: used.map(({ source }) => source),
    dropped: row.dropped,
  };
}

function priceInput({ source, through, reason = null, bid, ask, observedAt }: StoredInput): PriceInput {
  if (bid === undefined || ask === undefined || observedAt === undefined) {
    return { source, reading: null, through, reason };
  }
  return {
    source,
    reading: { source, bid: parse(bid), ask: parse(ask), observedAt: new Date(observedAt) },
    through,
    reason,
  };
}

function parse(text: string): Ratio {
  const [num = '', den = ''] = text.split('/');
  return { num: BigInt(num), den: BigInt(den) };
}
