import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApp, type TestApp, type TestKey } from '../support/app.ts';
import { asOwner, createDatabase, type TestDatabase, until } from '../support/database.ts';

let database: TestDatabase;
let service: TestApp;

beforeAll(async () => {
  database = await createDatabase();
  service = await startApp(database);
});
afterAll(async () => {
  await service?.close();
  await database?.drop();
});

const BODY = { name: 'made once', scopes: ['keys:read'] };
const post = (key: TestKey, idempotencyKey: string, body: unknown = BODY, path = '/v1/keys') =>
  service.send('POST', path, { key, body, headers: { 'idempotency-key': idempotencyKey } });
const keysOf = async (key: TestKey) =>
  asOwner(database.ownerUrl, async (client) => {
    const sql = 'SELECT id FROM api_keys WHERE tenant_id = $1 AND id <> $2';
    return (await client.query<{ id: string }>(sql, [key.ownerId, key.keyId])).rows.map(({ id }) => id);
  });

test('50 requests at once with one key have one effect, and every repetition the same answer', async () => {
  const key = await service.tenantKey();
  const replies = await Promise.all(Array.from({ length: 50 }, () => post(key, 'fifty')));
  expect(replies.filter(({ status }) => ![201, 409].includes(status))).toEqual([]);
  expect(
    replies.filter(({ status }) => status === 409).every(({ body }) => body['code'] === 'request_in_progress'),
  ).toBe(true);
  const answers = replies.filter(({ status }) => status === 201);
  expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
  const ids = await keysOf(key);
  expect(ids).toHaveLength(1);
  expect(new Set(answers.map(({ body }) => body['id']))).toEqual(new Set(ids));

  const repeated = await post(key, 'fifty', { scopes: BODY.scopes, name: BODY.name });
  expect(repeated).toMatchObject({ status: 201, body: { id: ids[0] } });
  expect(repeated.headers.get('idempotency-replayed')).toBe('true');
});

test('another body under the same key is refused', async () => {
  const key = await service.tenantKey();
  expect((await post(key, 'two bodies')).status).toBe(201);
  const reply = await post(key, 'two bodies', { ...BODY, name: 'another' });
  expect(reply).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch', field: 'Idempotency-Key' } });
  expect(await keysOf(key)).toHaveLength(1);
});

test('so is the same body for another object', async () => {
  const key = await service.tenantKey();
  const [first, second] = [(await post(key, 'a')).body['id'], (await post(key, 'b')).body['id']];
  expect((await post(key, 'rotate', { overlapMs: 1 }, `/v1/keys/${first}/rotate`)).status).toBe(201);
  expect((await post(key, 'rotate', { overlapMs: 1 }, `/v1/keys/${second}/rotate`)).status).toBe(422);
});

test('while the first still runs a repetition is told to wait, then gets its answer', async () => {
  const key = await service.tenantKey();
  const victim = String((await post(key, 'victim')).body['id']);
  const rotate = () => post(key, 'slow', { overlapMs: 60_000 }, `/v1/keys/${victim}/rotate`);
  const blocker = new pg.Client({ connectionString: database.ownerUrl });
  await blocker.connect();
  try {
    await blocker.query('BEGIN');
    await blocker.query('SELECT 1 FROM api_keys WHERE id = $1 FOR UPDATE', [victim]);
    const first = rotate();
    await until('the first to wait for the row', async () => {
      const sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
      return (await blocker.query(sql)).rows.length > 0;
    });
    expect(await rotate()).toMatchObject({ status: 409, body: { code: 'request_in_progress' } });
    await blocker.query('COMMIT');
    const answer = await first;
    expect(answer.status).toBe(201);
    expect((await rotate()).body['id']).toBe(answer.body['id']);
  } finally {
    await blocker.end();
  }
});

test("another tenant's key of the same text is another key", async () => {
  const [one, other] = [await service.tenantKey(), await service.tenantKey()];
  expect((await post(one, 'shared text')).status).toBe(201);
  expect((await post(other, 'shared text', { ...BODY, name: 'another' })).status).toBe(201);
  expect([(await keysOf(one)).length, (await keysOf(other)).length]).toEqual([1, 1]);
});

test('a second API key of the same tenant repeats the same request', async () => {
  const one = await service.tenantKey();
  const two = await service.tenantKey({ tenantId: one.ownerId });
  const first = await post(one, 'two API keys');
  expect((await post(two, 'two API keys')).body['id']).toBe(first.body['id']);
});

test('a refused request stores nothing and may be corrected under its key', async () => {
  const key = await service.tenantKey();
  expect((await post(key, 'corrected', { ...BODY, scopes: [] })).status).toBe(400);
  expect((await post(key, 'corrected', { ...BODY, scopes: ['ledger:read'] })).status).toBe(403);
  const stored = await asOwner(database.ownerUrl, (client) =>
    client.query("SELECT 1 FROM idempotency_keys WHERE key = 'corrected'"),
  );
  expect(stored.rows).toEqual([]);
  expect((await post(key, 'corrected')).status).toBe(201);
});

test.each([
  ['missing', undefined],
  ['empty', ''],
  ['too long', 'k'.repeat(256)],
  ['not ASCII', 'schlüssel'],
])('a key that is %s is refused', async (_, text) => {
  const key = await service.tenantKey();
  const response = await fetch(`${service.url}/v1/keys`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key.secret}`,
      'content-type': 'application/json',
      ...(text === undefined ? {} : { 'idempotency-key': text }),
    },
    body: JSON.stringify(BODY),
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ code: 'invalid_idempotency_key', field: 'Idempotency-Key' });
  expect(await keysOf(key)).toEqual([]);
});
