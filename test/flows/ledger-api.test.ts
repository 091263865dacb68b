import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Reply, startApp, type TestApp, type TestKey } from '../support/app.ts';
import { journalOf, openLedger, type TestLedger, transfer } from '../support/ledger.ts';

let books: TestLedger;
let service: TestApp;
let operator: TestKey;
let tenant: TestKey;
beforeAll(async () => {
  books = await openLedger();
  service = await startApp(books.test);
  [operator, tenant] = [await service.operatorKey(), await service.tenantKey()];
  for (let n = 1; n <= 5; n += 1) {
    const place = { height: n, txId: `tx${n}` };
    await books.post(
      journalOf(
        [{ ...transfer('external:w', `suspense:d${n}`, n), place }, transfer(`suspense:d${n}`, 'desk:main', 1)],
        {
          kind: 'deposit.confirmed',
          cause: `d${n}`,
          tenantId: 'ten_1',
        },
      ),
    );
  }
  await books.sealUpTo(5);
});
afterAll(async () => {
  await service?.close();
  await books?.close();
});

type Row = Record<string, unknown>;
const rows = ({ body }: Reply): Row[] => (Array.isArray(body['data']) ? body['data'] : []);

/** Every row of a list, read two by two. */
async function all(path: string): Promise<Row[]> {
  const found: Row[] = [];
  for (let cursor = ''; ; ) {
    const reply = await service.send('GET', `${path}limit=2${cursor}`, { key: operator });
    expect(reply.status).toBe(200);
    found.push(...rows(reply));
    if (reply.body['nextCursor'] === null) return found;
    cursor = `&cursor=${String(reply.body['nextCursor'])}`;
  }
}

test('every key reads the head, which is the verifier’s', async () => {
  const { seq, hash } = await books.verify();
  for (const key of [operator, tenant]) {
    const reply = await service.send('GET', '/v1/ledger/head', { key });
    expect(reply.body).toMatchObject({ seq: seq.toString(), hash });
  }
});

test('accounts page by page, each once, in order, of one kind if asked', async () => {
  const accounts = await all('/v1/ledger/accounts?');
  expect(accounts.map(({ account, units }) => [account, units])).toEqual([
    ['desk:main', '5'],
    ['external:w', '-15'],
    ...[1, 2, 3, 4, 5].map((n) => [`suspense:d${n}`, String(n - 1)]),
  ]);
  expect(accounts[1]).toEqual({ account: 'external:w', asset: 'AKT', role: 'place', units: '-15' });
  expect(await all('/v1/ledger/accounts?kind=desk&')).toHaveLength(1);
});

test('journals in the order of their seals, with evidence', async () => {
  const journals = await all('/v1/ledger/journals?');
  expect(journals.map(({ seq }) => seq)).toEqual(['1', '2', '3', '4', '5']);
  expect(journals[2]).toMatchObject({
    ...{ kind: 'deposit.confirmed', cause: 'd3', effectiveAt: '2026-03-01T12:00:00.123Z', priceEvidenceId: null },
    transfers: [
      {
        ...{ n: 1, from: 'external:w', to: 'suspense:d3', asset: 'AKT', units: '3', fromBalance: '-6', toBalance: '3' },
        ...{ place: { height: '3', txId: 'tx3' }, tenantId: 'ten_1' },
      },
      { n: 2, from: 'suspense:d3', to: 'desk:main', units: '1', fromBalance: '2', place: null },
    ],
  });
});

test('the history of an account, newest first, over all its shards', async () => {
  const history = await all('/v1/ledger/transfers?account=external:w&asset=AKT&');
  expect(history.map(({ units, fromBalance }) => [units, fromBalance])).toEqual([
    ['5', '-15'],
    ['4', '-10'],
    ['3', '-6'],
    ['2', '-3'],
    ['1', '-1'],
  ]);
  expect(await all('/v1/ledger/transfers?account=desk:main&asset=AKT&')).toHaveLength(5);
  expect(await all('/v1/ledger/transfers?account=desk:none&asset=AKT&')).toEqual([]);
});

test('tenants do not read the books', async () => {
  for (const path of ['accounts', 'journals', 'transfers?account=desk:main&asset=AKT']) {
    expect((await service.send('GET', `/v1/ledger/${path}`, { key: tenant })).status).toBe(403);
  }
});

test.each([
  ['accounts?kind=bank', 'kind'],
  ['accounts?cursor=x', 'cursor'],
  ['journals?limit=0', 'limit'],
  ['transfers?account=bank:x&asset=AKT', 'account'],
  ['transfers?account=desk:main&asset=*', 'asset'],
  ['transfers?account=desk:main', 'asset'],
])('%s is refused', async (path, field) => {
  const reply = await service.send('GET', `/v1/ledger/${path}`, { key: operator });
  expect([reply.status, reply.body['field']]).toEqual([400, field]);
});
