import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AMOUNT_GRAMMAR } from '../../src/money/codec.ts';
import { type Role, SCOPES } from '../../src/access/scopes.ts';
import { newId } from '../../src/platform/id.ts';
import { type Reply, startApp, type TestApp, type TestKey } from '../support/app.ts';
import { asOwner, createDatabase, type TestDatabase } from '../support/database.ts';
import { fieldsOf, replaced, type Route, routesOf, sampleOf, type Schema } from '../support/openapi.ts';

let database: TestDatabase;
let service: TestApp;
let writes: (Route & { body: Schema })[];
let reads: Route[];
let keys: Record<Role, TestKey>;

beforeAll(async () => {
  database = await createDatabase();
  service = await startApp(database);
  const routes = await routesOf(service);
  writes = routes.flatMap((route) => (route.body === null ? [] : [{ ...route, body: route.body }]));
  reads = routes.filter(({ method, scope }) => method === 'GET' && scope !== null);
  keys = {
    tenant: await service.tenantKey(),
    operator: await service.operatorKey(),
    payee: await service.payeeKey(newId('payee')),
  };
});
afterAll(async () => {
  await service?.close();
  await database?.drop();
});

const keyFor = (route: Route): TestKey => {
  const role: Role | undefined = route.scope === null ? undefined : SCOPES[route.scope][0];
  if (role === undefined) throw new Error(`${route.name} has no role`);
  return keys[role];
};

/** An id of the right form in the path: the example of the document. The object need not exist, the body is read first. */
const pathOf = (route: Route) => route.path.replace(/\{[^}]+\}/g, () => route.idExample ?? 'x');

const send = (route: Route, body: unknown, headers: Record<string, string> = {}) =>
  service.send(route.method, pathOf(route), { key: keyFor(route), body, headers });

/** Rows of every table, to see that a refused request left nothing behind. */
const rowCounts = () =>
  asOwner(database.ownerUrl, async (client) => {
    const tables = await client.query<{ name: string }>(
      "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
    );
    const counts: Record<string, string | undefined> = {};
    for (const { name } of tables.rows) {
      counts[name] = (await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${name}`)).rows[0]?.n;
    }
    return counts;
  });

const refused = (what: string, reply: Reply, codes: readonly string[], field?: string) => {
  expect([what, reply.status >= 400 && reply.status < 500, codes.includes(String(reply.body['code']))]).toEqual([
    what,
    true,
    true,
  ]);
  expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  if (field !== undefined) expect([what, reply.body['field']]).toEqual([what, field]);
};

describe('bodies that are not acceptable, on every route that takes one', () => {
  test.each<[string, string, readonly string[], Record<string, string>?]>([
    ['malformed', '{"a":', ['invalid_body']],
    ['with a duplicate name', '{"a":1,"a":2}', ['invalid_body']],
    ['with a duplicate name, escaped', '{"a":1,"\\u0061":2}', ['invalid_body']],
    ['with __proto__', '{"__proto__":{"role":"operator"}}', ['invalid_body']],
    ['10,000 levels deep', `${'['.repeat(10_000)}${']'.repeat(10_000)}`, ['invalid_body']],
    ['with a NUL', '{"name":"a\\u0000b"}', ['invalid_body']],
    ['with a lone surrogate', '{"name":"a\\ud800b"}', ['invalid_body']],
    ['an array', '[]', ['invalid_field']],
    ['null', 'null', ['invalid_field']],
    ['a text', '"text"', ['invalid_field']],
    ['of 10 MB', JSON.stringify({ name: 'x'.repeat(10_000_000) }), ['body_too_large']],
    ['of another type', 'name=x', ['unsupported_media_type'], { 'content-type': 'application/x-www-form-urlencoded' }],
    ['XML', '<a/>', ['unsupported_media_type'], { 'content-type': 'application/xml' }],
  ])('%s', async (what, text, codes, headers) => {
    const before = await rowCounts();
    for (const route of writes) refused(`${route.name}: ${what}`, await send(route, text, headers), codes);
    expect(await rowCounts()).toEqual(before);
  });

  test('with a field that is not known', async () => {
    const before = await rowCounts();
    for (const route of writes) {
      for (const name of ['status', 'rate', 'tenantId', 'constructor', 'toString']) {
        const body = { ...Object(sampleOf(route.body)), [name]: 'injected' };
        refused(`${route.name} ${name}`, await send(route, body), ['unknown_field'], name);
      }
    }
    expect(await rowCounts()).toEqual(before);
  });
});

const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  string: [1, true, ['x'], { x: 1 }, '', 'a\r\nb', ' padded ', 'x'.repeat(5_000)],
  integer: [1.5, -1e15, '1', true, [], {}, 2 ** 53],
  number: ['1', true, [], {}],
  boolean: ['false', 0, [], {}],
  array: ['x', 1, true, { 0: 'x' }],
  object: ['x', 1, true, []],
};

const WRONG_AMOUNTS = [
  ...['-1', '+1', '0x10', '1e3', '1e400', 'NaN', 'Infinity', '1_000', '1,5', '.5', '1.', '01', ' 1', '１', '٣'],
  '9'.repeat(79),
  1,
  1.5,
];

describe('values that are not acceptable, in every field of every route', () => {
  test('are refused by the name of the field, and nothing is stored', async () => {
    const before = await rowCounts();
    for (const route of writes) {
      for (const field of fieldsOf(route.body)) {
        const amount = field.schema.pattern === AMOUNT_GRAMMAR.source;
        for (const value of amount ? WRONG_AMOUNTS : (WRONG[[field.schema.type].flat()[0] ?? ''] ?? [])) {
          const body = replaced(sampleOf(route.body), field.path, value);
          const what = `${route.name} ${field.name} = ${JSON.stringify(value).slice(0, 40)}`;
          refused(what, await send(route, body), ['invalid_field', 'invalid_amount', 'unknown_field'], field.name);
        }
      }
    }
    expect(await rowCounts()).toEqual(before);
  });

  test('1e400 where a whole number belongs', async () => {
    for (const route of writes) {
      for (const field of fieldsOf(route.body).filter(({ schema }) => schema.type === 'integer')) {
        const text = JSON.stringify(replaced(sampleOf(route.body), field.path, '@')).replace('"@"', '1e400');
        refused(`${route.name} ${field.name}`, await send(route, text), ['invalid_field'], field.name);
      }
    }
  });
});

describe('queries', () => {
  test.each([
    ['limit', '0'],
    ['limit', '101'],
    ['limit', '1e9'],
    ['limit', '-1'],
    ['limit', '1.5'],
    ['limit', 'x'],
    ['cursor', 'forged'],
    ['cursor', '%00'],
    ['unknown', '1'],
  ])('%s=%s', async (name, value) => {
    for (const route of reads.filter(({ query }) => query.some((parameter) => parameter.name === 'cursor'))) {
      if (route.path.includes('{') || route.query.some(({ required }) => required)) continue;
      const reply = await service.send('GET', `${route.path}?${name}=${value}`, { key: keyFor(route) });
      refused(`${route.name} ${name}`, reply, ['invalid_field', 'invalid_cursor', 'unknown_field'], name);
    }
  });
});

describe('what is not a route', () => {
  test.each([
    ['GET', '/v1/nothing', 404, 'unknown_route'],
    ['PUT', '/v1/keys', 405, 'method_not_allowed'],
    ['PATCH', '/v1/keys/abc', 405, 'method_not_allowed'],
    ['GET', '/v1/keys/%zz', 404, 'unknown_route'],
    ['GET', '/../etc/passwd', 404, 'unknown_route'],
  ])('%s %s', async (method, path, status, code) => {
    const reply = await service.send(method, path, { key: keys.tenant });
    expect(reply).toMatchObject({ status, body: { code, requestId: expect.stringMatching(/^req_/) } });
    if (status === 405) expect(reply.headers.get('allow')).toBeTruthy();
  });

  test('an id of another kind names the parameter', async () => {
    const reply = await service.send('DELETE', `/v1/keys/ten_${'A'.repeat(22)}`, { key: keys.tenant });
    expect(reply).toMatchObject({ status: 400, body: { code: 'invalid_field', field: 'id' } });
  });
});

test('a request id is taken over if it is harmless, otherwise it is ours', async () => {
  const given = await service.send('GET', '/health/live', { headers: { 'x-request-id': 'trace-1.2' } });
  expect(given.headers.get('x-request-id')).toBe('trace-1.2');
  const bad = await service.send('GET', '/health/live', { headers: { 'x-request-id': 'a b"c' } });
  expect(bad.headers.get('x-request-id')).toMatch(/^req_[\w-]{22}$/);
});
