import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.ts';
import { Database, type Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { Refusal } from '../platform/refusal.ts';
import { type Caller, type KeyOwner } from './caller.ts';
import { NEWEST_FIRST, olderThan, type PageQuery } from './page.ts';
import { isScope, type Scope, scopesOf } from './scopes.ts';

/** `lsk_`, the key's id, and 256 random bits. Both parts have a fixed length. */
const KEY_TEXT = /^lsk_(key_[\w-]{22})_([\w-]{43})$/;

/** A key is read from the database again after this time, so a revocation holds everywhere within it. */
export const KEY_CACHE_MS = 2_000;
const CACHE_SIZE_MAX = 10_000;

/** What a new key is allowed. */
export interface KeyGrant {
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** When it ends by itself; null for never. */
  readonly expiresAt: Date | null;
}

/** A key as its owner sees it. */
export interface KeyRecord {
  readonly id: string;
  readonly name: string;
  readonly scopes: string[];
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

interface Cached {
  readonly hash: Uint8Array;
  readonly caller: Caller;
  readonly readAtMs: number;
}

/** API keys: issued, listed, rotated, revoked, and recognised on every request. */
@Injectable()
export class KeysService {
  private readonly cache = new Map<string, Cached>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Issues a key. `secret` is the whole text of the key and is not kept anywhere. */
  async issue(tx: Tx, owner: KeyOwner, grant: KeyGrant): Promise<{ key: KeyRecord; secret: string }> {
    const foreign = grant.scopes.find((scope) => !scopesOf(owner.role).includes(scope));
    if (foreign !== undefined) {
      throw new Refusal('invalid_field', { field: 'scopes', expected: `scopes of a ${owner.role}, not ${foreign}` });
    }
    const id = newId('key');
    const secret = randomBytes(32).toString('base64url');
    const key = await tx.apiKey.create({
      data: {
        id,
        ...ownerColumns(owner),
        role: owner.role,
        name: grant.name,
        hash: digest(secret),
        scopes: [...new Set(grant.scopes)].sort(),
        createdAt: await this.clock.now(tx),
        expiresAt: grant.expiresAt,
      },
    });
    return { key, secret: `lsk_${id}_${secret}` };
  }

  /**
   * Issues a key on behalf of another: never with more scopes, nor for longer, than its own.
   * @throws Refusal `forbidden` naming the first scope that is too much.
   */
  async issueBy(tx: Tx, caller: Caller, grant: KeyGrant): Promise<{ key: KeyRecord; secret: string }> {
    const excess = grant.scopes.find((scope) => !caller.scopes.includes(scope));
    if (excess !== undefined) {
      throw new Refusal('forbidden', { field: 'scopes', expected: `scopes of the calling key, not ${excess}` });
    }
    if (caller.expiresAt !== null && (grant.expiresAt === null || grant.expiresAt > caller.expiresAt)) {
      throw new Refusal('forbidden', {
        field: 'expiresAt',
        expected: `no later than the calling key's ${caller.expiresAt.toISOString()}`,
      });
    }
    return this.issue(tx, caller, grant);
  }

  /** A page of the owner's keys (one row more than its limit), newest first, revoked ones included. */
  async list(owner: KeyOwner, query: PageQuery): Promise<KeyRecord[]> {
    return this.database.prisma.apiKey.findMany({
      where: { ...ownerColumns(owner), ...olderThan('keys', query.cursor) },
      orderBy: NEWEST_FIRST,
      take: query.limit + 1,
    });
  }

  /** Ends a key now. Revoking twice changes nothing. @throws Refusal `not_found` for a key of somebody else. */
  async revoke(tx: Tx, owner: KeyOwner, id: string): Promise<KeyRecord> {
    const key = await this.owned(tx, owner, id);
    this.cache.delete(id);
    if (key.revokedAt !== null) return key;
    return tx.apiKey.update({ where: { id }, data: { revokedAt: await this.clock.now(tx) } });
  }

  /**
   * Issues a successor with the same name and scopes; the old key ends after `overlapMs`.
   * @throws Refusal `conflict` for a key that has ended, `forbidden` for one with more scopes than the caller's.
   */
  async rotate(tx: Tx, caller: Caller, id: string, overlapMs: number): Promise<{ key: KeyRecord; secret: string }> {
    const old = await this.owned(tx, caller, id);
    const at = await this.clock.now(tx);
    if (old.revokedAt !== null || (old.expiresAt !== null && old.expiresAt <= at)) {
      throw new Refusal('conflict', { field: 'id', expected: 'a key that is neither revoked nor expired' });
    }
    const successor = await this.issueBy(tx, caller, {
      name: old.name,
      scopes: old.scopes.filter(isScope),
      expiresAt: old.expiresAt,
    });
    const end = new Date(at.getTime() + overlapMs);
    if (old.expiresAt === null || end < old.expiresAt) {
      await tx.apiKey.update({ where: { id }, data: { expiresAt: end } });
    }
    this.cache.delete(id);
    return successor;
  }

  /**
   * Who sends this key. A revoked or expired key is refused within `KEY_CACHE_MS` in every process.
   * @throws Refusal `unauthenticated`, the same for every reason.
   */
  async authenticate(text: string): Promise<Caller> {
    const [, id, secret] = KEY_TEXT.exec(text) ?? [];
    if (id === undefined || secret === undefined) throw new Refusal('unauthenticated');
    const known = this.cached(id) ?? (await this.read(id));
    if (known === undefined || !timingSafeEqual(digest(secret), known.hash)) throw new Refusal('unauthenticated');
    return known.caller;
  }

  private cached(id: string): Cached | undefined {
    const known = this.cache.get(id);
    return known !== undefined && performance.now() - known.readAtMs < KEY_CACHE_MS ? known : undefined;
  }

  private async read(id: string): Promise<Cached | undefined> {
    const readAtMs = performance.now();
    const { rows } = await this.database.pool.query<KeyRow>(READ_LIVE_KEY, [id]);
    const [row] = rows;
    this.cache.delete(id);
    if (row === undefined) return undefined;
    if (this.cache.size >= CACHE_SIZE_MAX) this.cache.clear();
    const cached = { hash: row.hash, caller: callerOf(row), readAtMs };
    this.cache.set(id, cached);
    return cached;
  }

  private async owned(tx: Tx, owner: KeyOwner, id: string) {
    const key = await tx.apiKey.findFirst({ where: { id, ...ownerColumns(owner) } });
    if (key === null) throw new Refusal('not_found', { field: 'id' });
    return key;
  }
}

interface KeyRow {
  readonly id: string;
  readonly role: string;
  readonly tenant_id: string | null;
  readonly payee_id: string | null;
  readonly operator_id: string | null;
  readonly hash: Uint8Array;
  readonly scopes: string[];
  readonly expires_at: Date | null;
}

/** Reading a key also notes its use, once a minute at most: a use does not write at the rate of requests. */
const READ_LIVE_KEY = `
  WITH live AS (
    SELECT * FROM api_keys
    WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > lockstep_now())
  ), used AS (
    UPDATE api_keys k SET last_used_at = lockstep_now() FROM live
    WHERE k.id = live.id AND (live.last_used_at IS NULL OR live.last_used_at < lockstep_now() - interval '1 minute')
  )
  SELECT id, role, tenant_id, payee_id, operator_id, hash, scopes, expires_at FROM live`;

function callerOf(row: KeyRow): Caller {
  const common = { keyId: row.id, scopes: row.scopes.filter(isScope), expiresAt: row.expires_at };
  if (row.tenant_id !== null) return { role: 'tenant', tenantId: row.tenant_id, ...common };
  if (row.payee_id !== null) return { role: 'payee', payeeId: row.payee_id, ...common };
  if (row.operator_id !== null) return { role: 'operator', operatorId: row.operator_id, ...common };
  throw new Error(`key ${row.id} has no owner`);
}

/** The owner as columns, the other two null, so that a WHERE with them matches this owner alone. */
const ownerColumns = (owner: KeyOwner) => ({
  tenantId: owner.role === 'tenant' ? owner.tenantId : null,
  payeeId: owner.role === 'payee' ? owner.payeeId : null,
  operatorId: owner.role === 'operator' ? owner.operatorId : null,
});

const digest = (secret: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(createHash('sha256').update(secret).digest());
