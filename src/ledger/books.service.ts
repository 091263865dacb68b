import { Injectable } from '@nestjs/common';
import type { AssetId } from '../money/asset.ts';
import { Database } from '../platform/database.ts';
import { type AccountKindName, type AccountName, type AccountRole, parseAccount } from './account.ts';
import type { Balance } from './ledger.service.ts';

export interface AccountRow {
  /** `kind:ref` and asset, the account's place in the list. */
  readonly account: AccountName;
  readonly asset: AssetId;
  readonly role: AccountRole;
  /** Base units. */
  readonly units: string;
}

export interface TransferRow {
  readonly journalId: string;
  readonly n: number;
  readonly from: AccountName;
  readonly to: AccountName;
  readonly asset: AssetId;
  readonly units: string;
  /** Balances of both sides after this transfer; of the shard it touched, for an account that has several. */
  readonly fromBalance: string;
  readonly toBalance: string;
  readonly placeHeight: string | null;
  readonly placeTx: string | null;
  readonly tenantId: string | null;
}

export interface JournalRow {
  readonly seq: string;
  readonly id: string;
  readonly hash: string;
  readonly kind: string;
  readonly cause: string;
  readonly priceEvidenceId: string | null;
  readonly ruleVersion: string | null;
  readonly effectiveAt: Date;
  readonly postedAt: Date;
  readonly transfers: readonly TransferRow[];
}

/** A transfer in the journal it belongs to. */
export interface MovementRow {
  readonly journalId: string;
  readonly kind: string;
  readonly cause: string;
  readonly effectiveAt: Date;
  readonly from: AccountName;
  readonly to: AccountName;
  readonly asset: AssetId;
  readonly units: string;
  readonly placeTx: string | null;
}

/** A transfer's place in an account's history. */
export interface HistoryPosition {
  readonly journalId: string;
  readonly n: string;
}

/** The books for reading, page by page. */
@Injectable()
export class Books {
  constructor(private readonly database: Database) {}

  /** Accounts in the order of kind, name and asset, after `after`; shards are summed. */
  async accounts(after: readonly [string, string, string] | null, kind: AccountKindName | null, limit: number) {
    const { rows } = await this.database.pool.query<AccountRow>(
      `SELECT kind || ':' || ref AS account, asset, min(role) AS role, sum(balance)::text AS units FROM accounts
       WHERE ($1::text IS NULL OR (kind, ref, asset) > ($1, $2, $3)) AND ($4::text IS NULL OR kind = $4)
       GROUP BY kind, ref, asset ORDER BY kind, ref, asset LIMIT $5`,
      [after?.[0] ?? null, after?.[1] ?? null, after?.[2] ?? null, kind, limit],
    );
    return rows;
  }

  /** Sealed journals after `afterSeq`, oldest first: none is ever added behind a page that was read. */
  async journals(afterSeq: bigint, limit: number): Promise<JournalRow[]> {
    const { rows } = await this.database.pool.query<Omit<JournalRow, 'transfers'>>(
      `SELECT s.seq::text, j.id::text, encode(s.hash, 'hex') AS hash, j.kind, j.cause,
         j.price_evidence_id AS "priceEvidenceId", j.rule_version AS "ruleVersion", j.effective_at AS "effectiveAt",
         j.posted_at AS "postedAt"
       FROM seals s JOIN journals j ON j.id = s.journal_id AND j.posted_at = s.posted_at
       WHERE s.seq > $1::bigint ORDER BY s.seq LIMIT $2`,
      [afterSeq.toString(), limit],
    );
    const moved = await this.database.pool.query<TransferRow>(
      `SELECT ${TRANSFER_COLUMNS} FROM transfers t ${TRANSFER_ACCOUNTS}
       WHERE t.journal_id = ANY ($1::bigint[]) ORDER BY t.journal_id, t.n`,
      [rows.map(({ id }) => id)],
    );
    const transfers = Map.groupBy(moved.rows, ({ journalId }) => journalId);
    return rows.map((row) => ({ ...row, transfers: transfers.get(row.id) ?? [] }));
  }

  /** Balances of named accounts in every asset, zeros included. */
  async balancesOf(accounts: readonly AccountName[]): Promise<Balance[]> {
    const parts = accounts.map(parseAccount);
    const { rows } = await this.database.pool.query<{ account: string; asset: string; units: string }>(
      `SELECT a.kind || ':' || a.ref AS account, a.asset, sum(a.balance)::text AS units
       FROM accounts a JOIN unnest($1::text[], $2::text[]) AS o(kind, ref) ON a.kind = o.kind AND a.ref = o.ref
       GROUP BY a.kind, a.ref, a.asset ORDER BY a.kind, a.ref, a.asset`,
      [parts.map(({ kind }) => kind), parts.map(({ ref }) => ref)],
    );
    return rows.map(({ account, asset, units }) => ({ account, asset, units: BigInt(units) }));
  }

  /**
   * Every transfer into or out of these accounts, oldest first, and with the journals of `whole` kinds among them all of
   * their transfers; of a period if one is given, from its start to before its end.
   */
  async movements(
    accounts: readonly AccountName[],
    whole: readonly string[] = [],
    period: { readonly from: Date; readonly to: Date } | null = null,
  ): Promise<MovementRow[]> {
    const parts = accounts.map(parseAccount);
    const { rows } = await this.database.pool.query<MovementRow>(
      `WITH own AS MATERIALIZED (
         SELECT a.id FROM accounts a JOIN unnest($1::text[], $2::text[]) AS o(kind, ref) ON a.kind = o.kind AND a.ref = o.ref
       ), touching AS MATERIALIZED (
         SELECT journal_id, n, posted_at FROM transfers WHERE from_account IN (SELECT id FROM own)
         UNION SELECT journal_id, n, posted_at FROM transfers WHERE to_account IN (SELECT id FROM own)
       ), wanted AS (
         SELECT journal_id, n, posted_at FROM touching
         UNION SELECT t.journal_id, t.n, t.posted_at FROM touching o
           JOIN journals j ON j.id = o.journal_id AND j.posted_at = o.posted_at AND j.kind = ANY ($3::text[])
           JOIN transfers t ON t.journal_id = o.journal_id AND t.posted_at = o.posted_at)
       SELECT t.journal_id::text AS "journalId", j.kind, j.cause, j.effective_at AS "effectiveAt",
         f.kind || ':' || f.ref AS "from", g.kind || ':' || g.ref AS "to", f.asset, t.units::text, t.place_tx AS "placeTx"
       FROM wanted w JOIN transfers t ON t.journal_id = w.journal_id AND t.n = w.n AND t.posted_at = w.posted_at
         JOIN journals j ON j.id = t.journal_id AND j.posted_at = t.posted_at ${TRANSFER_ACCOUNTS}
       WHERE $4::timestamptz IS NULL OR j.effective_at >= $4 AND j.effective_at < $5
       ORDER BY t.journal_id, t.n`,
      [parts.map(({ kind }) => kind), parts.map(({ ref }) => ref), whole, period?.from ?? null, period?.to ?? null],
    );
    return rows;
  }

  /** Transfers of an account, newest first, before `before`. */
  async history(
    { kind, ref }: { readonly kind: AccountKindName; readonly ref: string },
    asset: AssetId,
    before: HistoryPosition | null,
    limit: number,
  ): Promise<TransferRow[]> {
    const side = (column: string) => `SELECT ${TRANSFER_COLUMNS} FROM accounts a
      CROSS JOIN LATERAL (
        SELECT * FROM transfers
        WHERE ${column} = a.id AND ($4::bigint IS NULL OR (journal_id, n) < ($4::bigint, $5::integer))
        ORDER BY journal_id DESC, n DESC LIMIT $6) t ${TRANSFER_ACCOUNTS}
      WHERE a.kind = $1 AND a.ref = $2 AND a.asset = $3`;
    const { rows } = await this.database.pool.query<TransferRow>(
      `SELECT * FROM (${side('from_account')} UNION ALL ${side('to_account')}) AS moved
       ORDER BY "journalId"::bigint DESC, n DESC LIMIT $6`,
      [kind, ref, asset, before?.journalId ?? null, before?.n ?? null, limit],
    );
    return rows;
  }
}

const TRANSFER_COLUMNS = `t.journal_id::text AS "journalId", t.n, f.kind || ':' || f.ref AS "from",
  g.kind || ':' || g.ref AS "to", f.asset, t.units::text, t.from_balance::text AS "fromBalance",
  t.to_balance::text AS "toBalance", t.place_height::text AS "placeHeight", t.place_tx AS "placeTx",
  t.tenant_id AS "tenantId"`;

const TRANSFER_ACCOUNTS = 'JOIN accounts f ON f.id = t.from_account JOIN accounts g ON g.id = t.to_account';
