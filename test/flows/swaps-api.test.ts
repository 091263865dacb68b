import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Exchanges, startExchanges } from '../../devnet/exchanges/index.ts';
import { Database } from '../../src/platform/database.ts';
import { newId } from '../../src/platform/id.ts';
import { SwapRows } from '../../src/swaps/swap-rows.service.ts';
import { type Reply, startApp, type TestApp, type TestKey } from '../support/app.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { ALL_CHAINS, exchangeSettings, TEST_PRICES } from '../support/markets.ts';

const NOW = new Date('2026-11-22T12:00:00Z');
let database: TestDatabase;
let exchanges: Exchanges;
let service: TestApp;
let operator: TestKey;
const ids: string[] = [];

beforeAll(async () => {
  database = await createDatabase();
  await database.setClock(NOW);
  exchanges = await startExchanges({ prices: TEST_PRICES, now: () => NOW });
  service = await startApp(database, { ...ALL_CHAINS, ...exchangeSettings(exchanges) });
  operator = await service.operatorKey();
  const rows = service.app.get(SwapRows, { strict: false });
  for (let n = 0; n < 3; n += 1) {
    const id = newId('swap');
    const amounts = { inputUnits: 150_000_000n, expectedUnits: 300_000_000n, minimumUnits: 297_000_000n };
    const pair = { fromAsset: 'BTC', toAsset: 'AKT', ...amounts };
    const leg = { id: newId('leg'), venue: 'inventory', deadline: NOW, ...pair };
    const lost = [{ route: 'BTC > uniswap AKT', why: 'loses 120 bps' }];
    await service.app
      .get(Database)
      .transaction((tx) => rows.insert(tx, { id, reason: 'short', lost, evidenceIds: [], legs: [leg], ...pair }));
    ids.unshift(id);
    await database.advanceClock(1000);
  }
});
afterAll(async () => {
  await service?.close();
  await exchanges?.stop();
  await database?.drop();
});

const get = (path: string, key = operator): Promise<Reply> => service.send('GET', path, { key });
const data = ({ body }: Reply): Record<string, unknown>[] => (Array.isArray(body['data']) ? body['data'] : []);

test('an operator reads a swap with its legs and the routes not taken', async () => {
  const { status, body } = await get(`/v1/swaps/${ids[2]}`);
  expect(status).toBe(200);
  expect(body).toMatchObject({
    id: ids[2],
    state: 'planned',
    reason: 'short',
    input: { asset: 'BTC', amount: '1.50000000' },
    expected: { asset: 'AKT', amount: '300.000000' },
    minimum: { asset: 'AKT', amount: '297.000000' },
    output: null,
    legs: [{ venue: 'inventory', state: 'ready', sendId: null, fees: [] }],
    lost: [{ route: 'BTC > uniswap AKT', why: 'loses 120 bps' }],
    createdAt: '2026-11-22T12:00:00.000Z',
    doneAt: null,
  });
});

test('the list is newest first, by cursor and by state', async () => {
  const first = await get('/v1/swaps?limit=2');
  const second = await get(`/v1/swaps?limit=2&cursor=${String(first.body['nextCursor'])}`);
  expect([...data(first), ...data(second)].map(({ id }) => id)).toEqual(ids);
  expect(second.body['nextCursor']).toBeNull();
  expect(data(await get('/v1/swaps?state=planned'))).toHaveLength(3);
  expect(data(await get('/v1/swaps?state=done'))).toEqual([]);
});

test('nobody else reads it, and what cannot be is refused by name', async () => {
  expect((await get(`/v1/swaps/${ids[0]}`, await service.tenantKey())).status).toBe(403);
  expect((await get('/v1/swaps', await service.payeeKey(newId('payee')))).status).toBe(403);
  expect((await get(`/v1/swaps/${newId('swap')}`)).status).toBe(404);
  expect((await get('/v1/swaps/swp_1')).status).toBe(400);
  expect((await get('/v1/swaps?state=lost')).status).toBe(400);
  expect((await get('/v1/swaps?cursor=abc')).body).toMatchObject({ code: 'invalid_cursor' });
});
