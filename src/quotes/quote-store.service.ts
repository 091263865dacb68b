import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Database, databaseErrorCode } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { bodyHash, type OnceKey } from '../platform/once.ts';
import { Refusal } from '../platform/refusal.ts';
import type { QuoteDetail } from './quote-detail.ts';

/** A quote as stored. */
export interface StoredQuote {
  readonly id: string;
  readonly tenantId: string;
  readonly leaseId: string | null;
  readonly payUnits: bigint;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly detail: QuoteDetail;
}

/** What became of a write: stored, or the id of the quote that the same request stored before. */
type StoreOutcome = { readonly kind: 'stored' } | { readonly kind: 'replayed'; readonly quoteId: string };

interface Pending {
  readonly row: Row;
  resolve(outcome: 'stored' | 'conflict'): void;
  reject(error: unknown): void;
}

const FLUSH_MS = 1;
const BATCH_MAX = 128;
/** Statements under way at once; more would only wait for each other. */
const STATEMENTS_MAX = 2;

/**
 * Quote, idempotency row and event of many requests in one statement: either all three of a request are stored or none.
 * Rows are sorted by key, so that two statements with the same keys cannot wait for each other in a circle.
 */
const STORE = `
  WITH given AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS g(
      id text, tenant text, lease text, asset text, units numeric, detail json, created timestamptz, expires timestamptz,
      route text, key text, hash text, event text, told json)
  ), keyed AS (
    INSERT INTO idempotency_keys (owner, route, key, body_hash, status, answer, created_at)
    SELECT tenant, route, key, decode(hash, 'hex'), 201, to_jsonb(id), created FROM given ORDER BY tenant, route, key
    ON CONFLICT DO NOTHING RETURNING answer #>> '{}' AS id
  ), quoted AS (
    INSERT INTO quotes (id, tenant_id, lease_id, state, pay_asset, pay_units, detail, created_at, expires_at)
    SELECT id, tenant, lease, 'open', asset, units, detail, created, expires FROM given JOIN keyed USING (id)
  ), told AS (
    INSERT INTO outbox (id, type, subject, tenant_id, data, created_at)
    SELECT event, 'quote.created', id, tenant, told, created FROM given JOIN keyed USING (id)
  )
  SELECT id FROM keyed`;

const EARLIER = `
  SELECT answer #>> '{}' AS id, encode(body_hash, 'hex') AS hash FROM idempotency_keys
  WHERE owner = $1 AND route = $2 AND key = $3`;

/** Writes quotes, many requests in one statement. The same rules for a repeated Idempotency-Key as `Once`. */
@Injectable()
export class QuoteStore implements OnApplicationShutdown {
  private waiting: Pending[] = [];
  private readonly running = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private statements = 0;

  constructor(private readonly database: Database) {}

  /**
   * The id of the quote that this key stored before, if any.
   * @throws Refusal idempotency_mismatch for another body
   */
  async earlier(key: OnceKey): Promise<string | undefined> {
    const { rows } = await this.database.pool.query<{ id: string; hash: string }>({
      name: 'quote-earlier',
      text: EARLIER,
      values: [key.owner, key.route, key.key],
    });
    const [row] = rows;
    if (row === undefined) return undefined;
    if (row.hash === bodyHash(key.body).toString('hex')) return row.id;
    throw new Refusal('idempotency_mismatch', { field: 'Idempotency-Key', expected: 'a new key for a new body' });
  }

  /**
   * Stores a quote with its key and its event.
   * @throws Refusal request_in_progress while the same key is being stored, idempotency_mismatch for another body
   */
  async store(quote: StoredQuote, key: OnceKey): Promise<StoreOutcome> {
    const name = `${key.owner}\n${key.route}\n${key.key}`;
    if (this.running.has(name)) throw new Refusal('request_in_progress', { field: 'Idempotency-Key' });
    const hash = bodyHash(key.body).toString('hex');
    this.running.add(name);
    try {
      const outcome = await new Promise<'stored' | 'conflict'>((resolve, reject) => {
        this.waiting.push({ row: rowOf(quote, key, hash), resolve, reject });
        this.schedule();
      });
      if (outcome === 'stored') return { kind: 'stored' };
      const quoteId = await this.earlier(key);
      if (quoteId === undefined) throw new Refusal('request_in_progress', { field: 'Idempotency-Key' });
      return { kind: 'replayed', quoteId };
    } finally {
      this.running.delete(name);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    while (this.waiting.length > 0 || this.statements > 0)
      await new Promise((resolve) => setTimeout(resolve, FLUSH_MS));
  }

  private schedule(): void {
    if (this.statements >= STATEMENTS_MAX) return;
    if (this.waiting.length >= BATCH_MAX) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const batch = this.waiting.splice(0, BATCH_MAX);
    if (batch.length === 0) return;
    this.statements += 1;
    void this.write(batch).finally(() => {
      this.statements -= 1;
      if (this.waiting.length > 0) this.schedule();
    });
  }

  private async write(batch: readonly Pending[]): Promise<void> {
    try {
      const { rows } = await this.database.pool.query<{ id: string }>({
        name: 'quote-store',
        text: STORE,
        values: [JSON.stringify(batch.map(({ row }) => row))],
      });
      const stored = new Set(rows.map(({ id }) => id));
      for (const one of batch) {
        one.resolve(stored.has(one.row.id) ? 'stored' : 'conflict');
      }
    } catch (error) {
      await this.writeSingly(batch, error);
    }
  }

  /** What one row cannot have, the others shall: only an error of the data itself is tried again, row by row. */
  private async writeSingly(batch: readonly Pending[], error: unknown): Promise<void> {
    if (batch.length === 1 || databaseErrorCode(error) === undefined) {
      for (const one of batch) one.reject(error);
      return;
    }
    for (const one of batch) await this.write([one]);
  }
}

interface Row {
  readonly id: string;
  readonly [column: string]: unknown;
}

const rowOf = (quote: StoredQuote, key: OnceKey, hash: string): Row => ({
  id: quote.id,
  tenant: quote.tenantId,
  lease: quote.leaseId,
  asset: quote.detail.payAsset,
  units: quote.payUnits.toString(),
  detail: quote.detail,
  created: quote.createdAt.toISOString(),
  expires: quote.expiresAt.toISOString(),
  route: key.route,
  key: key.key,
  hash,
  event: newId('event'),
  told: { quoteId: quote.id, payAsset: quote.detail.payAsset, payUnits: quote.payUnits.toString() },
});
