import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SCOPES } from '../../src/access/scopes.ts';
import { startApp, type TestApp, type TestKey } from '../support/app.ts';
import { asOwner, createDatabase, type TestDatabase, until } from '../support/database.ts';

let database: TestDatabase;
let service: TestApp;
let other: TestApp;

beforeAll(async () => {
  database = await createDatabase();
  [service, other] = await Promise.all([startApp(database), startApp(database)]);
});
afterAll(async () => {
  await Promise.all([service?.close(), other?.close()]);
  await database?.drop();
});

const create = (key: TestKey, body: unknown) => service.send('POST', '/v1/keys', { key, body });
const asKey = (body: Record<string, unknown>): TestKey => ({
  secret: String(body['secret']),
  keyId: String(body['id']),
  ownerId: '',
});
const statusOf = async (key: TestKey, at = service) => (await at.send('GET', '/v1/keys', { key })).status;

describe('API keys', () => {
  test('a created key works, and its secret is neither stored nor shown again', async () => {
    const key = await service.tenantKey();
    const headers = { 'idempotency-key': 'create a key' };
    const body = { name: 'billing', scopes: ['keys:read'] };
    const created = await service.send('POST', '/v1/keys', { key, body, headers });
    expect(created).toMatchObject({ status: 201, body: { name: 'billing', scopes: ['keys:read'], expiresAt: null } });
    expect(await statusOf(asKey(created.body))).toBe(200);

    const replayed = await service.send('POST', '/v1/keys', { key, body, headers });
    expect(replayed).toMatchObject({ status: 201, body: { ...created.body, secret: null } });

    const listed = await service.send('GET', '/v1/keys', { key });
    expect(listed.body['data']).toHaveLength(2);
    const secretPart = String(created.body['secret']).slice(-43);
    expect(listed.text).not.toContain(secretPart);
    const stored = await asOwner(database.ownerUrl, async (client) => {
      const keys = await client.query('SELECT k::text AS row FROM api_keys k');
      const answers = await client.query('SELECT i::text AS row FROM idempotency_keys i');
      return JSON.stringify([keys.rows, answers.rows]);
    });
    expect(stored).toContain(String(created.body['id']));
    expect(stored).not.toContain(secretPart);
  });

  test('a key cannot create a key with more than its own scopes, or for longer', async () => {
    const narrow = await service.tenantKey({ scopes: ['keys:write', 'leases:read'] });
    expect(await create(narrow, { name: 'more', scopes: ['leases:read', 'leases:write'] })).toMatchObject({
      status: 403,
      body: { code: 'forbidden', field: 'scopes' },
    });
    expect((await create(narrow, { name: 'same', scopes: ['leases:read'] })).status).toBe(201);

    const short = await service.tenantKey({ expiresAt: new Date(Date.now() + 3_600_000) });
    expect(await create(short, { name: 'longer', scopes: ['keys:read'] })).toMatchObject({
      status: 403,
      body: { field: 'expiresAt' },
    });
  });

  test('nor rotate one that has more scopes', async () => {
    const wide = await service.tenantKey();
    const narrow = await service.tenantKey({ tenantId: wide.ownerId, scopes: ['keys:write'] });
    const path = `/v1/keys/${wide.keyId}/rotate`;
    expect((await service.send('POST', path, { key: narrow, body: { overlapMs: 0 } })).status).toBe(403);
    expect(await statusOf(wide)).toBe(200);
  });

  test('no tenant key carries an operator scope', async () => {
    const key = await service.tenantKey();
    expect((await create(key, { name: 'x', scopes: ['ledger:read'] })).status).toBe(403);
    await expect(service.tenantKey({ scopes: ['ledger:read'] })).rejects.toThrow();
  });

  test('every scope belongs to a role', () => {
    expect(Object.values(SCOPES).every((roles) => roles.length > 0)).toBe(true);
  });
});

describe('an end of a key', () => {
  test('a revoked key is refused in every process within the stated time', async () => {
    const key = await service.tenantKey();
    const victim = asKey((await create(key, { name: 'victim', scopes: ['keys:read'] })).body);
    expect([await statusOf(victim), await statusOf(victim, other)]).toEqual([200, 200]);

    const revoked = await service.send('DELETE', `/v1/keys/${victim.keyId}`, { key });
    expect(revoked).toMatchObject({ status: 200, body: { id: victim.keyId } });
    expect(revoked.body['revokedAt']).not.toBeNull();
    expect(await statusOf(victim)).toBe(401);
    await until('the other process to refuse it', async () => (await statusOf(victim, other)) === 401, 30_000);

    const again = await service.send('DELETE', `/v1/keys/${victim.keyId}`, { key });
    expect(again.body).toEqual(revoked.body);
  });

  test('rotation overlaps: both keys work until the overlap ends, then the new one alone', async () => {
    await database.setClock(new Date('2026-03-01T00:00:00Z'));
    const key = await service.tenantKey();
    const old = asKey((await create(key, { name: 'worker', scopes: ['keys:read', 'leases:read'] })).body);
    const rotated = await service.send('POST', `/v1/keys/${old.keyId}/rotate`, { key, body: { overlapMs: 60_000 } });
    expect(rotated).toMatchObject({ status: 201, body: { name: 'worker', scopes: ['keys:read', 'leases:read'] } });
    const successor = asKey(rotated.body);
    expect([await statusOf(old), await statusOf(successor)]).toEqual([200, 200]);

    await database.advanceClock(60_001);
    await until('the old key to end', async () => (await statusOf(old)) === 401, 30_000);
    expect(await statusOf(successor)).toBe(200);
    const late = await service.send('POST', `/v1/keys/${old.keyId}/rotate`, { key, body: { overlapMs: 0 } });
    expect(late).toMatchObject({ status: 409, body: { code: 'conflict' } });
  });
});

describe('a request without a good key', () => {
  test.each([
    ['no header', {}],
    ['another scheme', { authorization: 'Basic abc' }],
    ['no key at all', { authorization: 'Bearer nonsense' }],
    ['an unknown key', { authorization: `Bearer lsk_key_${'A'.repeat(22)}_${'B'.repeat(43)}` }],
  ])('%s', async (_, headers) => {
    const reply = await service.send('GET', '/v1/keys', { headers });
    expect(reply).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
  });

  test('a right key with a wrong secret', async () => {
    const key = await service.tenantKey();
    const last = key.secret.endsWith('A') ? 'E' : 'A';
    expect(await statusOf({ ...key, secret: key.secret.slice(0, -1) + last })).toBe(401);
  });

  test('a scope that is missing is named', async () => {
    const key = await service.tenantKey({ scopes: ['leases:read'] });
    const reply = await service.send('GET', '/v1/keys', { key });
    expect(reply).toMatchObject({ status: 403, body: { code: 'forbidden', expected: 'the scope keys:read' } });
  });

  test('a role that a scope does not belong to is refused', async () => {
    const key = await service.tenantKey();
    expect((await service.send('GET', '/v1/jobs/parked', { key })).status).toBe(403);
  });

  test('requests above the limit of the key are told when to come back', async () => {
    const slow = await startApp(database, { RATE_LIMIT_PER_S: '1' });
    try {
      const key = await slow.tenantKey();
      const replies = await Promise.all(Array.from({ length: 5 }, () => slow.send('GET', '/v1/keys', { key })));
      const limited = replies.find(({ status }) => status === 429);
      expect(limited?.body).toMatchObject({ code: 'rate_limited' });
      expect(Number(limited?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(limited?.headers.get('ratelimit-limit')).toBe('1');
      expect(limited?.headers.get('ratelimit-remaining')).toBe('0');
    } finally {
      await slow.close();
    }
  });
});
