import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { scopesOf } from '../../src/access/scopes.ts';
import { Database } from '../../src/platform/database.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { startProcess } from '../support/process.ts';

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

const created = z.object({
  tenantId: z.string().optional(),
  operatorId: z.string().optional(),
  keyId: z.string(),
  scopes: z.array(z.string()),
  secret: z.string(),
});

async function admin(...args: string[]) {
  const process = startProcess('admin', { DATABASE_URL: database.appUrl }, args);
  return { code: await process.ended, out: process.out(), err: process.err() };
}
const read = async (secret: string, path: string) =>
  service.send('GET', path, { key: { secret, keyId: '', ownerId: '' } });

test('a tenant, an operator and a key are made, and each key works', async () => {
  const tenant = created.parse(JSON.parse((await admin('tenant', 'create', '--name', 'Acme')).out));
  expect(tenant.scopes).toEqual(scopesOf('tenant').sort());
  expect((await read(tenant.secret, '/v1/keys')).status).toBe(200);

  const operator = created.parse(JSON.parse((await admin('operator', 'create', '--name', 'Night shift')).out));
  expect((await read(operator.secret, '/v1/jobs/parked')).status).toBe(200);

  const { out } = await admin(
    ...['key', 'create', '--tenant', String(tenant.tenantId), '--name', 'reader', '--scopes', 'keys:read'],
    ...['--expires', '2099-01-01T00:00:00Z'],
  );
  const key = created.parse(JSON.parse(out));
  const { body } = await read(key.secret, '/v1/keys');
  expect(body['data']).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ id: key.keyId, scopes: ['keys:read'], expiresAt: '2099-01-01T00:00:00.000Z' }),
    ]),
  );
});

test('a payee that is known gets a key', async () => {
  await service.app.get(Database).pool.query(
    `INSERT INTO payees (id, kind, chain, asset, address, destination, interval_ms, minimum_units, created_at, next_payout_at)
     VALUES ('pay_known', 'provider', 'akash', 'AKT', 'akash1known', 'akash1known', 86400000, 0, now(), now())`,
  );
  const key = created.parse(JSON.parse((await admin('key', 'create', '--payee', 'pay_known', '--name', 'theirs')).out));
  expect(key.scopes).toEqual(scopesOf('payee').sort());
  expect((await read(key.secret, '/v1/keys')).status).toBe(200);
});

describe('what is wrong is said in one line', () => {
  test.each([
    [['tenant', 'create'], '--name'],
    [['tenant', 'create', '--name', ''], '--name'],
    [['tenant', 'create', '--name', 'x', '--nonsense', '1'], 'nonsense'],
    [['key', 'create', '--name', 'x'], '--tenant, --operator or --payee'],
    [['key', 'create', '--name', 'x', '--tenant', 'ten_x', '--payee', 'pay_x'], 'exactly one'],
    [['key', 'create', '--name', 'x', '--payee', 'pay_unknown'], 'payee'],
    [['key', 'create', '--name', 'x', '--tenant', 'ten_unknown'], 'tenant'],
    [['operator', 'create', '--name', 'x', '--scopes', 'everything'], 'everything'],
    [['operator', 'create', '--name', 'x', '--scopes', 'quotes:write'], 'quotes:write'],
    [['operator', 'create', '--name', 'x', '--expires', 'tomorrow'], '--expires'],
  ])('%j', async (args, named) => {
    const { code, out, err } = await admin(...args);
    expect([code, out, err.trim().split('\n').length]).toEqual([1, '', 1]);
    expect(err).toContain(named);
  });

  test('a name that is taken', async () => {
    expect((await admin('tenant', 'create', '--name', 'Twice')).code).toBe(0);
    expect(await admin('tenant', 'create', '--name', 'Twice')).toMatchObject({ code: 1, out: '' });
  });

  test('an unknown command shows how it is used', async () => {
    expect((await admin('tenant', 'destroy')).err).toContain('usage:');
  });
});
