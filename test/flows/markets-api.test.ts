import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Exchanges, startExchanges } from '../../devnet/exchanges/index.ts';
import { type Reply, startApp, type TestApp, type TestKey } from '../support/app.ts';
import { createDatabase, type TestDatabase, until } from '../support/database.ts';
import { ALL_CHAINS, exchangeSettings, TEST_PRICES } from '../support/markets.ts';

const USDC = '0x5FbDB2315678afecb367f032d93F642f64180aa3';

let database: TestDatabase;
let exchanges: Exchanges;
let service: TestApp;
let tenant: TestKey;
let operator: TestKey;

beforeAll(async () => {
  database = await createDatabase();
  await database.setClock(new Date('2026-11-22T12:00:00Z'));
  exchanges = await startExchanges({ prices: TEST_PRICES, now: () => new Date('2026-11-22T12:00:00Z') });
  service = await startApp(database, {
    ...ALL_CHAINS,
    ...exchangeSettings(exchanges),
    TICK_MS: '50',
    ETHEREUM_CHAIN_ID: '31337',
    ETHEREUM_TOKENS: JSON.stringify({ 'USDC.ethereum': USDC, 'USDT.ethereum': USDC }),
  });
  [tenant, operator] = await Promise.all([service.tenantKey(), service.operatorKey()]);
});
afterAll(async () => {
  await service?.close();
  await exchanges?.stop();
  await database?.drop();
});

type Row = Record<string, unknown>;
const rows = ({ body }: Reply): Row[] => (Array.isArray(body['data']) ? body['data'] : []);
const rateOf = async (asset: string): Promise<Row | undefined> =>
  rows(await service.send('GET', '/v1/rates', { key: tenant })).find((row) => row['asset'] === asset);
const assetOf = async (id: string): Promise<Row | undefined> =>
  rows(await service.send('GET', '/v1/assets', { key: tenant })).find((row) => row['id'] === id);

test('the assets of the configured networks are listed with their state, finality and limits', async () => {
  const reply = await service.send('GET', '/v1/assets', { key: tenant });
  expect(reply.status).toBe(200);
  expect(rows(reply).map(({ id, caip19, reference }) => [id, caip19, reference])).toEqual([
    ['BTC', 'bip122:000000000019d6689c085ae165831e93/slip44:0', null],
    ['ETH', 'eip155:31337/slip44:60', null],
    ['USDC.ethereum', `eip155:31337/erc20:${USDC}`, USDC],
    ['USDT.ethereum', `eip155:31337/erc20:${USDC}`, USDC],
    ['AKT', 'cosmos:akashnet-2/slip44:118', 'uakt'],
  ]);
  expect(await assetOf('BTC')).toMatchObject({
    decimals: 8,
    state: 'quotable',
    stateReason: null,
    finality: { creditDepth: 1, releaseDepth: 6 },
    limits: { depositMinimum: '0.0002' },
  });
});

test('rates show each price with its sources, their ages, and what was dropped', async () => {
  const akt = await until('a price of AKT', async () => {
    const rate = await rateOf('AKT');
    return rate?.['price'] !== null && rate;
  });
  expect(akt).toMatchObject({
    price: { mid: expect.stringMatching(/^0\.(49|50)\d{10}$/), oldestObservedAt: '2026-11-22T12:00:00.000Z', ageMs: 0 },
    why: null,
    sources: expect.arrayContaining([
      expect.objectContaining({ source: 'kucoin', through: 'USDT.ethereum', used: true, why: null, ageMs: 0 }),
    ]),
  });

  exchanges.fault('kraken', 'high', 'BTC');
  exchanges.fault('coinbase', 'html', 'AKT');
  await until('the faults to show', async () => {
    const [btc, thin] = [await rateOf('BTC'), await rateOf('AKT')];
    return thin?.['why'] === 'too_few_sources' && JSON.stringify(btc).includes('outlier');
  });
  expect(await rateOf('BTC')).toMatchObject({
    price: expect.objectContaining({ mid: expect.stringMatching(/^6\d{4}\./) }),
    sources: expect.arrayContaining([expect.objectContaining({ source: 'kraken', used: false, why: 'outlier' })]),
  });
  expect(await rateOf('AKT')).toMatchObject({
    price: null,
    sources: expect.arrayContaining([
      expect.objectContaining({ source: 'coinbase', bid: null, used: false, why: expect.stringMatching(/JSON/) }),
    ]),
  });
  for (const vendor of ['kraken', 'coinbase'] as const) exchanges.fault(vendor, null);
});

test('an operator sets the state of an asset, with a reason everybody sees', async () => {
  const body = { state: 'pay-only', reason: 'issuer paused transfers' };
  expect(await service.send('POST', '/v1/assets/USDC.ethereum/state', { key: operator, body })).toMatchObject({
    status: 200,
    body: { asset: 'USDC.ethereum', ...body },
  });
  const asset = await until('the new state', async () => {
    const found = await assetOf('USDC.ethereum');
    return found?.['state'] === 'pay-only' && found;
  });
  expect(asset).toMatchObject({ stateReason: body.reason, stateChangedAt: '2026-11-22T12:00:00.000Z' });
});

test.each<[string, string, unknown, number, string]>([
  ['an unknown asset', '/v1/assets/XYZ/state', { state: 'halted', reason: 'x' }, 422, 'unknown_asset'],
  ['no asset id at all', '/v1/assets/..%2f/state', { state: 'halted', reason: 'x' }, 400, 'invalid_field'],
  ['an unknown state', '/v1/assets/BTC/state', { state: 'open', reason: 'x' }, 400, 'invalid_field'],
  ['no reason', '/v1/assets/BTC/state', { state: 'halted' }, 400, 'invalid_field'],
  ['an unknown field', '/v1/assets/BTC/state', { state: 'halted', reason: 'x', until: 1 }, 400, 'unknown_field'],
])('%s is refused and nothing changes', async (_name, path, body, status, code) => {
  expect(await service.send('POST', path, { key: operator, body })).toMatchObject({ status, body: { code } });
  expect(await assetOf('BTC')).toMatchObject({ state: 'quotable' });
});

test('a tenant cannot change a state, and nobody reads rates without a key', async () => {
  const body = { state: 'halted', reason: 'x' };
  expect((await service.send('POST', '/v1/assets/BTC/state', { key: tenant, body })).status).toBe(403);
  expect((await service.send('GET', '/v1/rates')).status).toBe(401);
});
