import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database, type Tx } from './database.ts';
import { Refusal } from './refusal.ts';

/** What makes two requests the same request. */
export interface OnceKey {
  /** Tenant, payee or operator the key belongs to. */
  readonly owner: string;
  /** Method and route pattern. */
  readonly route: string;
  /** The caller's Idempotency-Key. */
  readonly key: string;
  /** The parsed body; the same body gives the same answer. */
  readonly body: unknown;
}

export interface StoredAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** SHA-256 of a canonical JSON text: object keys sorted, so that key order makes no difference. */
export function bodyHash(body: unknown): Buffer {
  return hash('sha256', canonical(body), 'buffer');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const record = value as Record<string, unknown>;
    let members = '';
    for (const key of Object.keys(record).sort()) members += `${JSON.stringify(key)}:${canonical(record[key])},`;
    return `{${members.slice(0, -1)}}`;
  }
  return typeof value === 'bigint' ? `"${value}"` : (JSON.stringify(value) ?? 'null');
}

/**
 * One effect and one stored answer per key. The answer is written in the transaction that has the effect; a refused or
 * failed request stores nothing, so it may be corrected and sent again under the same key.
 */
@Injectable()
export class Once {
  constructor(private readonly database: Database) {}

  /**
   * Runs `work`, or returns what it answered the first time.
   * @throws Refusal `request_in_progress` while the first still runs, `idempotency_mismatch` for another body.
   */
  async run(key: OnceKey, work: (tx: Tx) => Promise<StoredAnswer>): Promise<StoredAnswer> {
    const sent = bodyHash(key.body);
    return this.database.transaction(async (tx) => {
      const lock = `${key.owner}\n${key.route}\n${key.key}`;
      const [row] = await tx.$queryRaw<{ locked: boolean }[]>`
        SELECT pg_try_advisory_xact_lock(hashtextextended(${lock}, 0)) AS locked`;
      if (row?.locked !== true) throw new Refusal('request_in_progress', { field: 'Idempotency-Key' });
      const [earlier] = await tx.$queryRaw<{ body_hash: Uint8Array; status: number; answer: unknown }[]>`
        SELECT body_hash, status, answer FROM idempotency_keys
        WHERE owner = ${key.owner} AND route = ${key.route} AND key = ${key.key}`;
      if (earlier !== undefined) {
        if (sent.equals(earlier.body_hash)) return { status: earlier.status, body: earlier.answer };
        throw new Refusal('idempotency_mismatch', { field: 'Idempotency-Key', expected: 'a new key for a new body' });
      }
      const answer = await work(tx);
      await tx.$executeRaw`
        INSERT INTO idempotency_keys (owner, route, key, body_hash, status, answer, created_at)
        VALUES (${key.owner}, ${key.route}, ${key.key}, ${sent}, ${answer.status}, ${JSON.stringify(answer.body)}::jsonb,
                lockstep_now())`;
      return answer;
    });
  }
}
