import { checkInvariants, type Fault, type ReadRows, type TextRow } from './invariants.ts';
import { GENESIS, type SealedJournal, sealHash } from './seal.ts';

export interface Verified {
  /** The last seal as recomputed from the rows; seq 0 and zeros when there is none. */
  readonly seq: bigint;
  readonly hash: string;
  /** Journals that are not sealed yet. */
  readonly unsealed: bigint;
  readonly faults: readonly Fault[];
}

const PAGE = 2000n;

/**
 * Recomputes every seal from the rows, without the database's own functions, and checks the invariants. `read` must see
 * one snapshot (REPEATABLE READ). After a seal that does not fit, it goes on from the stored one, so that each change is
 * named once.
 */
export async function verifyLedger(read: ReadRows): Promise<Verified> {
  const faults: Fault[] = [];
  let seq = 0n;
  let hash: Buffer = GENESIS;
  for (;;) {
    const rows = await read(SEALS_SQL, seq.toString(), (seq + PAGE).toString());
    for (const group of bySeal(rows)) {
      const { stored, found, journal } = sealOf(group);
      if (found !== seq + 1n) faults.push({ rule: 'seals have no gap', what: `seal ${found} after ${seq}` });
      seq = found;
      const expected = journal === null ? null : sealHash(hash, journal);
      if (expected === null || !expected.equals(stored)) {
        const what = `seal ${seq}, journal ${group[0]['journal_id']}${journal === null ? ', which is missing' : ''}`;
        faults.push({ rule: 'each seal is the hash of its journal', what });
      }
      hash = stored;
    }
    if (rows.length > 0) continue;
    const [next] = await read('SELECT min(seq)::text AS seq FROM seals WHERE seq > $1::bigint', seq.toString());
    if (next?.['seq'] == null) break;
    faults.push({ rule: 'seals have no gap', what: `seal ${next['seq']} after ${seq}` });
    seq = BigInt(next['seq']) - 1n;
  }
  const late = await read(LATE_SQL);
  faults.push(...late.map(({ id }) => ({ rule: 'no journal appears behind the seals', what: `journal ${id}` })));
  faults.push(...(await checkInvariants(read)));
  const [open] = await read(UNSEALED_SQL);
  return { seq, hash: hash.toString('hex'), unsealed: BigInt(open?.['n'] ?? '0'), faults };
}

type Group = readonly [TextRow, ...TextRow[]];

/** One row a transfer, in the order of seals: the rows of one seal lie together. */
function bySeal(rows: readonly TextRow[]): Group[] {
  const groups: [TextRow, ...TextRow[]][] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    if (last !== undefined && last[0]['seq'] === row['seq']) last.push(row);
    else groups.push([row]);
  }
  return groups;
}

function sealOf(group: Group): { found: bigint; stored: Buffer; journal: SealedJournal | null } {
  const [first] = group;
  const found = BigInt(first['seq'] ?? '0');
  const stored = Buffer.from(first['hash'] ?? '', 'hex');
  if (first['id'] === null) return { found, stored, journal: null };
  return {
    found,
    stored,
    journal: {
      id: text(first, 'id'),
      keyHash: text(first, 'key_hash'),
      kind: text(first, 'kind'),
      cause: text(first, 'cause'),
      priceEvidenceId: first['price_evidence_id'] ?? null,
      ruleVersion: first['rule_version'] ?? null,
      effectiveAt: text(first, 'effective_at'),
      postedAt: text(first, 'posted_at'),
      transfers: group.filter((row) => row['n'] !== null).map(transferOf),
    },
  };
}

const transferOf = (row: TextRow) => ({
  n: text(row, 'n'),
  from: { kind: text(row, 'from_kind'), ref: text(row, 'from_ref'), shard: text(row, 'from_shard') },
  asset: text(row, 'asset'),
  to: { kind: text(row, 'to_kind'), ref: text(row, 'to_ref'), shard: text(row, 'to_shard') },
  units: text(row, 'units'),
  fromBalance: text(row, 'from_balance'),
  toBalance: text(row, 'to_balance'),
  placeHeight: row['place_height'] ?? null,
  placeTx: row['place_tx'] ?? null,
  tenantId: row['tenant_id'] ?? null,
});

/** A missing name (an account that was deleted) reads as empty and so cannot fit its seal. */
const text = (row: TextRow, column: string): string => row[column] ?? '';

const MICROSECONDS = (column: string) => `(extract(epoch FROM ${column}) * 1000000)::numeric(30, 0)::text`;

const SEALS_SQL = `
SELECT s.seq::text, encode(s.hash, 'hex') AS hash, s.journal_id::text, j.id::text, encode(j.key_hash, 'hex') AS key_hash,
  j.kind, j.cause, j.price_evidence_id, j.rule_version, ${MICROSECONDS('j.effective_at')} AS effective_at,
  ${MICROSECONDS('j.posted_at')} AS posted_at, t.n::text, f.kind AS from_kind, f.ref AS from_ref,
  f.shard::text AS from_shard, f.asset, g.kind AS to_kind, g.ref AS to_ref, g.shard::text AS to_shard, t.units::text,
  t.from_balance::text, t.to_balance::text, t.place_height::text, t.place_tx, t.tenant_id
FROM seals s
LEFT JOIN journals j ON j.id = s.journal_id
LEFT JOIN transfers t ON t.journal_id = s.journal_id
LEFT JOIN accounts f ON f.id = t.from_account
LEFT JOIN accounts g ON g.id = t.to_account
WHERE s.seq > $1::bigint AND s.seq <= $2::bigint ORDER BY s.seq, t.n, t.posted_at`;

const LATE_SQL = `
SELECT j.id::text FROM journals j
WHERE j.id <= (SELECT sealed_id FROM sealer) AND NOT EXISTS (SELECT FROM seals s WHERE s.journal_id = j.id)
ORDER BY j.id LIMIT 20`;

const UNSEALED_SQL = `
SELECT count(*)::text AS n FROM journals j WHERE NOT EXISTS (SELECT FROM seals s WHERE s.journal_id = j.id)`;
