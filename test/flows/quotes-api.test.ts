import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseUnits } from '../../src/money/codec.ts';
import { newId } from '../../src/platform/id.ts';
import { BODY, PROVIDER, type Quoting, startQuoting } from '../support/quoting.ts';

let quoting: Quoting;

beforeAll(async () => {
  quoting = await startQuoting();
});
afterAll(async () => {
  await quoting.stop();
});

interface View {
  id: string;
  pay: { asset: string; amount: string };
  costs: { kind: string; asset: string; amount: string; words: string }[];
  lines: {
    ticks: string;
    priceNumerator: string;
    escrow: { asset: string; amount: string };
    cost: { amount: string };
    rate: { num: string; den: string; decimal: string; uncertaintyBps: number };
  }[];
  prices: { asset: string; evidenceId: string; sources: { source: string; ageMs: number; used: boolean }[] }[];
  rules: { when: string; rule: string; words: string }[];
  lasts: { duration: string; blockTimeMicros: string };
  createdAt: string;
  expiresAt: string;
}

const units = (amount: string, decimals: number): bigint => {
  const parsed = parseUnits(amount, decimals);
  if (typeof parsed !== 'bigint') throw new Error(`${amount}: ${parsed}`);
  return parsed;
};
const viewOf = (body: unknown) => body as View;

test('a quote states every cost, the rate, the prices used, the rules and its end; it reads the same afterwards', async () => {
  const reply = await quoting.quote();
  expect(reply.status).toBe(201);
  const view = viewOf(reply.body);
  expect(view.costs.map(({ kind }) => kind)).toEqual(['spot', 'spread', 'swap', 'network', 'premium', 'fee', 'right']);
  const total = view.costs.reduce((sum, { amount }) => sum + units(amount, 8), 0n);
  expect(total).toBe(units(view.pay.amount, 8));
  const cost = (kind: string) => units(view.costs.find((one) => one.kind === kind)?.amount ?? '', 8);
  for (const kind of ['spot', 'spread', 'network', 'premium', 'fee']) expect(cost(kind)).toBeGreaterThan(0n);

  // 30 days in blocks of the measured time, rounded up, at 150.5 uakt each, rounded up.
  const [line] = view.lines;
  if (line === undefined) throw new Error('no line');
  const blockUs = BigInt(view.lasts.blockTimeMicros);
  const blocks = (30n * 86_400n * 1_000_000n + blockUs - 1n) / blockUs;
  expect(BigInt(line.ticks)).toBe(blocks);
  expect(line.priceNumerator).toBe('150500000000000000000');
  expect(units(line.escrow.amount, 6)).toBe((blocks * 1505n + 9n) / 10n);
  // The share buys the escrow at the exact rate, and one satoshi less would not.
  const [num, den, share] = [BigInt(line.rate.num), BigInt(line.rate.den), units(line.cost.amount, 8)];
  expect((share * num) / den).toBeGreaterThanOrEqual(units(line.escrow.amount, 6));
  expect(((share - 1n) * num) / den).toBeLessThan(units(line.escrow.amount, 6));
  // 64,000 / 0.5 is 128,000 AKT for one BTC at the mid; the offer is a little less.
  expect(Number(line.rate.decimal)).toBeGreaterThan(126_000);
  expect(Number(line.rate.decimal)).toBeLessThan(128_000);

  expect(view.prices.map(({ asset }) => asset).sort()).toEqual(['AKT', 'BTC']);
  for (const { sources, evidenceId } of view.prices) {
    expect(sources.map(({ source }) => source).sort()).toEqual(['bitstamp', 'coinbase', 'kraken', 'kucoin']);
    for (const { ageMs } of sources) expect(ageMs).toBeLessThan(30_000);
    expect(await quoting.rows('SELECT 1 FROM price_evidence WHERE id = $1', [evidenceId])).toHaveLength(1);
  }
  expect(view.rules.map(({ when }) => when)).toEqual([
    ...['short', 'over', 'late', 'belowMinimum', 'afterDepletion', 'unspent', 'costs'],
  ]);
  for (const { words } of view.rules) expect(words.length).toBeGreaterThan(40);
  expect(Date.parse(view.expiresAt) - Date.parse(view.createdAt)).toBe(60_000);

  const again = await quoting.service.send('GET', `/v1/quotes/${view.id}`, { key: quoting.key });
  expect(again.body).toEqual(reply.body);
  const events = await quoting.rows(`SELECT 1 FROM outbox WHERE type = 'quote.created' AND subject = $1`, [view.id]);
  expect(events).toHaveLength(1);
  const stranger = await quoting.service.tenantKey();
  expect((await quoting.service.send('GET', `/v1/quotes/${view.id}`, { key: stranger })).status).toBe(404);
});

test('what a term costs buys that term, and the other way round', async () => {
  // A block costs 15,000 uakt, a satoshi buys 1,270: no rounding is worth a block.
  const lines = [{ ...BODY.lines[0], price: { amount: '15000', unit: 'uakt', per: 'block' } }];
  const forTerm = viewOf((await quoting.quote({ duration: undefined, blocks: 432_000, lines })).body);
  expect(forTerm.lines[0]?.ticks).toBe('432000');
  const body = { fix: 'pay', duration: undefined, payAmount: forTerm.pay.amount, lines };
  const forPay = viewOf((await quoting.quote(body)).body);
  expect(forPay.pay).toEqual(forTerm.pay);
  const difference = BigInt(forPay.lines[0]?.ticks ?? 0) - 432_000n;
  expect(difference >= 0n && difference <= 1n).toBe(true);
});

test('lines of several clocks and prices last equally long; one-time lines are paid in full', async () => {
  const line = (amount: string, unit: string, per: string) => ({
    payee: { address: PROVIDER },
    price: { amount, unit, per },
  });
  const lines = [
    line('100', 'uakt', 'block'),
    line('50', 'AKT', 'hour'),
    line('3000', 'AKT', 'month'),
    line('2.5', 'AKT', 'once'),
  ];
  const view = viewOf((await quoting.quote({ duration: 'P10D', lines })).body);
  expect(view.lines.map(({ escrow }) => escrow.amount).slice(1)).toEqual(['12000.000000', '985.626284', '2.500000']);
  const body = { fix: 'pay', duration: undefined, payAmount: view.pay.amount, lines };
  const forPay = viewOf((await quoting.quote(body)).body);
  expect(forPay.lines[3]?.escrow.amount).toBe('2.500000');
  // A satoshi is worth up to two seconds here.
  for (const n of [1, 2]) {
    const seconds = BigInt(forPay.lines[n]?.ticks ?? 0);
    expect(seconds >= 863_990n && seconds <= 864_010n).toBe(true);
  }
});

test('paid in what is owed, a quote has neither spread nor premium', async () => {
  const view = viewOf((await quoting.quote({ payAsset: 'AKT' })).body);
  for (const kind of ['spread', 'swap', 'premium']) {
    expect(view.costs.find((cost) => cost.kind === kind)?.amount).toBe('0.000000');
  }
  expect(view.lines[0]?.rate).toMatchObject({ num: '1', den: '1', uncertaintyBps: 0 });
});

test('a right to top up costs 3 % of its size, up front', async () => {
  const view = viewOf((await quoting.quote({ topUpRight: { amount: '0.01', duration: 'PT24H' } })).body);
  expect(view.costs.find(({ kind }) => kind === 'right')?.amount).toBe('0.00030000');
  const longer = await quoting.quote({ topUpRight: { amount: '0.01', duration: 'PT24H1S' } });
  expect([longer.status, longer.body['field']]).toEqual([400, 'topUpRight.duration']);
});

test('the same Idempotency-Key gives the same quote, also at once and when prices are gone; another body is refused', async () => {
  const headers = { 'idempotency-key': newId('request') };
  const first = await quoting.quote({}, headers);
  const again = await quoting.quote({}, headers);
  expect([again.status, again.body]).toEqual([201, first.body]);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  const other = await quoting.quote({ duration: 'P31D' }, headers);
  expect([other.status, other.body['code']]).toEqual([422, 'idempotency_mismatch']);

  const at = { 'idempotency-key': newId('request') };
  const many = await Promise.all(Array.from({ length: 30 }, () => quoting.quote({}, at)));
  const made = new Set(many.filter(({ status }) => status === 201).map(({ body }) => body['id']));
  expect(made.size).toBe(1);
  for (const { status, body } of many) if (status !== 201) expect(body['code']).toBe('request_in_progress');
  expect(await quoting.rows('SELECT 1 FROM idempotency_keys WHERE key = $1', [at['idempotency-key']])).toHaveLength(1);

  await quoting.db.advanceClock(31_000);
  expect((await quoting.quote()).body['code']).toBe('no_price');
  expect((await quoting.quote({}, headers)).body).toEqual(first.body);
  await quoting.refresh();
});

describe('refused, with the field named and nothing stored:', () => {
  const line = BODY.lines[0];
  const priced = (amount: unknown) => ({ lines: [{ ...line, price: { amount, unit: 'uakt', per: 'block' } }] });
  test.each([
    ['an unknown field', { price: '1' }, 'price', 400],
    ['an unknown pay asset', { payAsset: 'DOGE' }, 'payAsset', 422],
    ['an unknown line asset', { lines: [{ ...line, asset: 'DOGE' }] }, 'lines[0].asset', 422],
    ['a wrong type', { payAsset: 7 }, 'payAsset', 400],
    ['neither term', { duration: undefined }, 'duration', 400],
    ['both terms', { blocks: 5 }, 'duration', 400],
    ['a month', { duration: 'P1M' }, 'duration', 400],
    ['no time', { duration: 'PT0S' }, 'duration', 400],
    ['no lines', { lines: undefined }, 'lines', 400],
    ['an empty list', { lines: [] }, 'lines', 400],
    ['lines and a lease', { leaseId: newId('lease') }, 'lines', 400],
    ['a price of zero', priced('0'), 'lines[0].price.amount', 400],
    ['a negative price', priced('-1'), 'lines[0].price.amount', 400],
    ['an exponent', priced('1e400'), 'lines[0].price.amount', 400],
    ['not a number', priced('NaN'), 'lines[0].price.amount', 400],
    ['a number', priced(1.5), 'lines[0].price.amount', 400],
    ['19 decimals', priced('0.0000000000000000001'), 'lines[0].price.amount', 400],
    [
      'an address of another network',
      { lines: [{ ...line, payee: { address: 'cosmos1pyysjzgfpyysjzgfpyysjzgfpyysjzgfam50we' } }] },
      'lines[0].payee.address',
      400,
    ],
    [
      'a bad checksum',
      { lines: [{ ...line, payee: { address: `${PROVIDER.slice(0, -1)}q` } }] },
      'lines[0].payee.address',
      400,
    ],
    [
      'more than a lock may be',
      { duration: 'P1800D', lines: [{ ...line, price: { ...line.price, amount: '99999' } }] },
      'lines',
      422,
    ],
    ['less than a deposit may be', { blocks: 1, duration: undefined }, 'lines', 422],
    ['a payment of too many decimals', { fix: 'pay', duration: undefined, payAmount: '0.000000001' }, 'payAmount', 400],
    ['a payment its costs take', { fix: 'pay', duration: undefined, payAmount: '0.00000001' }, 'payAmount', 422],
    ['a lease of somebody else', { leaseId: newId('lease'), lines: undefined }, 'leaseId', 404],
  ])('%s', async (_, change, field, status) => {
    const [before] = await quoting.rows<{ count: string }>('SELECT count(*) FROM quotes');
    const reply = await quoting.quote(change);
    expect([reply.status, reply.body['field']]).toEqual([status, field]);
    const [after] = await quoting.rows<{ count: string }>('SELECT count(*) FROM quotes');
    expect(after).toEqual(before);
  });

  test('our own address as payee', async () => {
    const [own] = await quoting.rows<{ address: string }>(`SELECT address FROM wallets WHERE id = 'akash-hot'`);
    const reply = await quoting.quote({ lines: [{ ...line, payee: { address: own?.address } }] });
    expect([reply.status, reply.body['code'], reply.body['field']]).toEqual([
      400,
      'own_address',
      'lines[0].payee.address',
    ]);
  });
});
