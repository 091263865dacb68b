import { Injectable } from '@nestjs/common';
import type pg from 'pg';
import type { AssetId } from '../money/asset.ts';
import { Database, databaseErrorCode, type Tx } from '../platform/database.ts';
import { Refusal } from '../platform/refusal.ts';
import { type AccountKindName, type AccountName, parseAccount } from './account.ts';
import { POST_SQL, postingParameters } from './posting.ts';
import type { Journal } from './transfer.ts';

/** What became of a journal given to `post`. */
export interface Posted {
  readonly journalId: bigint;
  /** False if its key was posted before; then `journalId` is that journal's. */
  readonly posted: boolean;
}

export interface Balance {
  readonly account: AccountName;
  readonly asset: AssetId;
  readonly units: bigint;
}

/** The newest seal: all journals up to `seq` are fixed by `hash`. */
export interface Head {
  readonly seq: bigint;
  /** SHA-256 in hexadecimal; 64 zeros before the first seal. */
  readonly hash: string;
  readonly sealedAt: Date | null;
}

/** Reads see the transaction they are given; without one, what is committed. */
export type Reader = Pick<Tx, '$queryRawUnsafe'>;

interface PostedRow {
  readonly ids: readonly string[];
  readonly posted: readonly boolean[];
}

const OVERDRAFT = 'LG001';
const MONTHS_AHEAD = 12;

/** The books. Every movement of money goes through `post`; nothing posted ever changes. */
@Injectable()
export class Ledger {
  private calls = process.pid;

  constructor(private readonly database: Database) {}

  /**
   * Posts journals in their order, all or none, within `tx`, whose isolation is READ COMMITTED. A journal whose key was
   * posted before is left out. Give all journals of a transaction at once: locks are then taken in one order, and no two
   * transactions wait for each other.
   * @throws Refusal `conflict` if an account that may not would be below zero; it names the account.
   * @throws Error if a key was posted before with other transfers.
   */
  async post(tx: Tx, journals: readonly Journal[]): Promise<Posted[]> {
    if (journals.length === 0) return [];
    const parameters = this.parameters(journals);
    return outcome(tx.$queryRawUnsafe<PostedRow[]>(POST_SQL, ...parameters));
  }

  /** As `post`, in the transaction that is open on a connection of `pg`; without one, in its own. */
  async postBatch(client: pg.ClientBase, journals: readonly Journal[]): Promise<Posted[]> {
    if (journals.length === 0) return [];
    const values = this.parameters(journals);
    const query = { name: 'ledger_post', text: POST_SQL, values };
    return outcome(client.query<PostedRow>(query).then(({ rows }) => rows));
  }

  /** Balance of an account in base units; 0 for one that never moved. */
  async balance(reader: Reader, account: AccountName, asset: AssetId): Promise<bigint> {
    const { kind, ref } = parseAccount(account);
    const sql = `SELECT coalesce(sum(balance), 0)::text AS units FROM accounts
      WHERE kind = $1 AND ref = $2 AND asset = $3`;
    return onlyUnits(await reader.$queryRawUnsafe<{ units: string }[]>(sql, kind, ref, asset));
  }

  /** Balance after the journal that was sealed with `seq`. */
  async balanceAsOf(reader: Reader, account: AccountName, asset: AssetId, seq: bigint): Promise<bigint> {
    const { kind, ref } = parseAccount(account);
    return onlyUnits(await reader.$queryRawUnsafe<{ units: string }[]>(AS_OF_SQL, kind, ref, asset, seq.toString()));
  }

  /** All balances of the kinds named, or of all; accounts at zero are left out. */
  async balances(reader: Reader, ...kinds: AccountKindName[]): Promise<Balance[]> {
    const sql = `SELECT kind || ':' || ref AS account, asset, sum(balance)::text AS units FROM accounts
      WHERE cardinality($1::text[]) = 0 OR kind = ANY ($1::text[])
      GROUP BY kind, ref, asset HAVING sum(balance) <> 0 ORDER BY kind, ref, asset`;
    const rows = await reader.$queryRawUnsafe<{ account: string; asset: string; units: string }[]>(sql, kinds);
    return rows.map(({ account, asset, units }) => ({ account, asset, units: BigInt(units) }));
  }

  async head(): Promise<Head> {
    const { rows } = await this.database.pool.query<{ seq: string; hash: string; sealed_at: Date }>(
      `SELECT seq, encode(hash, 'hex') AS hash, sealed_at FROM seals ORDER BY seq DESC LIMIT 1`,
    );
    const [row] = rows;
    if (row === undefined) return { seq: 0n, hash: '0'.repeat(64), sealedAt: null };
    return { seq: BigInt(row.seq), hash: row.hash, sealedAt: row.sealed_at };
  }

  /** Seals what can be sealed, in transactions of at most `batch` journals; returns how many. */
  async seal(batch = 1000): Promise<number> {
    for (let total = 0; ; ) {
      const { rows } = await this.database.pool.query<{ sealed: number }>('SELECT ledger_seal($1) AS sealed', [batch]);
      const sealed = rows[0]?.sealed ?? 0;
      total += sealed;
      if (sealed < batch) return total;
    }
  }

  /** Makes the monthly partitions of the coming year where they are missing; returns how many were. */
  async createPartitions(): Promise<number> {
    const sql = 'SELECT ledger_create_partitions($1) AS made';
    const { rows } = await this.database.pool.query<{ made: number }>(sql, [MONTHS_AHEAD]);
    return rows[0]?.made ?? 0;
  }

  /** Each call takes the next shard of busy accounts. */
  private parameters(journals: readonly Journal[]): string[] {
    this.calls += 1;
    return postingParameters(journals, this.calls);
  }
}

/** An account's transfers in the order of their journals' ids are the order in which its balance changed. */
const AS_OF_SQL = `
SELECT coalesce(sum(last.balance), 0)::text AS units
FROM accounts a
CROSS JOIN LATERAL (
  SELECT moved.balance
  FROM (
    SELECT journal_id, n, from_balance AS balance FROM transfers WHERE from_account = a.id
    UNION ALL
    SELECT journal_id, n, to_balance FROM transfers WHERE to_account = a.id
  ) AS moved
  JOIN seals s ON s.journal_id = moved.journal_id AND s.seq <= $4::bigint
  ORDER BY moved.journal_id DESC, moved.n DESC LIMIT 1
) AS last
WHERE a.kind = $1 AND a.ref = $2 AND a.asset = $3`;

function onlyUnits(rows: readonly { readonly units: string }[]): bigint {
  const [row] = rows;
  if (row === undefined) throw new Error('a sum gave no row');
  return BigInt(row.units);
}

async function outcome(rows: PromiseLike<readonly PostedRow[]>): Promise<Posted[]> {
  try {
    const [row] = await rows;
    if (row === undefined) throw new Error('ledger_post gave no row');
    return row.ids.map((id, n) => ({ journalId: BigInt(id), posted: row.posted[n] === true }));
  } catch (error) {
    if (databaseErrorCode(error) !== OVERDRAFT || !(error instanceof Error)) throw error;
    const [fact = 'an account would be below zero'] =
      /[a-z]+:\S+ has \S+ \S+ and cannot give \d+/.exec(error.message) ?? [];
    throw new Refusal('conflict', { expected: `every account at or above zero: ${fact}` });
  }
}
