import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../src/platform/id.ts';
import { ROLES, type Role, SCOPES, type Scope, scopesOf } from '../../src/access/scopes.ts';
import { startApp, type TestApp, type TestKey } from '../support/app.ts';
import { asOwner, createDatabase, type TestDatabase, until } from '../support/database.ts';
import { ALL_CHAINS } from '../support/markets.ts';
import { OWNED } from '../support/objects.ts';
import { type Route, routesOf, sampleOf } from '../support/openapi.ts';

const PUBLIC_ROUTES = ['GET /health/live', 'GET /health/ready', 'GET /metrics'];

/** No vendor is asked: the walk needs no prices. */
const NO_VENDORS = Object.fromEntries(
  ['KRAKEN', 'COINBASE', 'KUCOIN', 'BITSTAMP'].map((name) => [`${name}_URL`, 'http://127.0.0.1:1']),
);

let database: TestDatabase;
let service: TestApp;
let routes: Route[];

beforeAll(async () => {
  database = await createDatabase();
  service = await startApp(database, { ...ALL_CHAINS, ...NO_VENDORS });
  routes = await routesOf(service);
});
afterAll(async () => {
  await service?.close();
  await database?.drop();
});

const rolesOf = (scope: Scope): readonly Role[] => SCOPES[scope];
const guarded = () => routes.flatMap((route) => (route.scope === null ? [] : [{ ...route, scope: route.scope }]));

const call = (route: Route, key: TestKey | undefined, id: string) =>
  service.send(route.method, route.path.replace(/\{[^}]+\}/g, id), {
    ...(key === undefined ? {} : { key }),
    ...(route.body === null ? {} : { body: sampleOf(route.body) }),
  });

const keyOf = (role: Role, scopes: readonly Scope[]): Promise<TestKey> => {
  if (role === 'tenant') return service.tenantKey({ scopes });
  return role === 'operator' ? service.operatorKey(scopes) : service.payeeKey(newId('payee'), scopes);
};

describe('every route', () => {
  test('is closed without a key, but for those of the operator of the machine', async () => {
    expect(
      routes
        .filter(({ scope }) => scope === null)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(PUBLIC_ROUTES);
    for (const route of guarded()) {
      // Requests without a key are few a second; the walk goes at that pace.
      const reply = await until('an allowance', async () => {
        const answer = await call(route, undefined, newId('key'));
        return answer.status !== 429 && answer;
      });
      expect([route.name, reply.status, reply.body['code']]).toEqual([route.name, 401, 'unauthenticated']);
    }
  });

  test('is closed to a key of every role that has all scopes but its own', async () => {
    for (const role of ROLES) {
      const keys = new Map<Scope, TestKey>();
      for (const route of guarded()) {
        const key =
          keys.get(route.scope) ??
          (await keyOf(
            role,
            scopesOf(role).filter((scope) => scope !== route.scope),
          ));
        keys.set(route.scope, key);
        const reply = await call(route, key, newId('key'));
        expect([role, route.name, reply.status, reply.body['code']]).toEqual([role, route.name, 403, 'forbidden']);
      }
    }
  });

  test('that takes an id and is open to tenants or payees is walked below', () => {
    const open = guarded().filter(
      ({ path, scope }) => path.includes('{') && rolesOf(scope).some((role) => role !== 'operator'),
    );
    expect([...new Set(open.map(({ path }) => path))].sort()).toEqual(Object.keys(OWNED).sort());
  });
});

test('no tenant or payee reads or touches an object of another, or learns that it exists', async () => {
  const owner = await service.tenantKey();
  const strangers = [await service.tenantKey(), await service.payeeKey(newId('payee'))];
  for (const route of guarded()) {
    const create = OWNED[route.path];
    if (create === undefined) continue;
    const id = await create(service, owner);
    const before = await rowsThatMention(id);
    for (const stranger of strangers) {
      const foreign = await call(route, stranger, id);
      const missing = await call(route, stranger, id.slice(0, 4) + newId('key').slice(4));
      const verdict = (reply: typeof foreign) => [route.name, reply.status, reply.body['code']];
      expect([403, 404]).toContain(foreign.status);
      expect(verdict(foreign)).toEqual(verdict(missing));
    }
    expect(await rowsThatMention(id)).toEqual(before);
    const own = await call(route, owner, id);
    // The sample body may name objects that do not exist; the object of the path does, for its owner.
    const refused = [401, 403].includes(own.status) || (own.status === 404 && own.body['field'] === 'id');
    expect([route.name, own.status, refused]).toEqual([route.name, own.status, false]);
  }
});

test('no list of a tenant or payee shows an object of another', async () => {
  const owner = await service.tenantKey();
  const ids = await Promise.all([...new Set(Object.values(OWNED))].map((create) => create(service, owner)));
  const strangers = [await service.tenantKey(), await service.payeeKey(newId('payee'))];
  for (const route of guarded()) {
    if (route.method !== 'GET' || route.path.includes('{')) continue;
    if (route.query.some(({ required }) => required)) continue;
    for (const stranger of strangers) {
      const { text } = await call(route, stranger, '');
      expect([route.name, ids.filter((id) => text.includes(id))]).toEqual([route.name, []]);
      expect([route.name, text.includes(owner.ownerId)]).toEqual([route.name, false]);
    }
  }
});

/** Every row of every table that mentions an id, but for the time a key was last used. */
async function rowsThatMention(id: string): Promise<string[]> {
  return asOwner(database.ownerUrl, async (client) => {
    const tables = await client.query<{ name: string }>(
      "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
    );
    const rows: string[] = [];
    for (const { name } of tables.rows) {
      const sql = `SELECT (to_jsonb(t) - 'last_used_at')::text AS row FROM ${name} t WHERE t::text LIKE '%' || $1 || '%' ORDER BY 1`;
      const found = await client.query<{ row: string }>(sql, [id]);
      rows.push(...found.rows.map(({ row }) => `${name} ${row}`));
    }
    return rows;
  });
}
