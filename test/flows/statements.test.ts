import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { freshAddress } from '../../devnet/stack/on-chain.ts';
import { Ledger } from '../../src/ledger/ledger.service.ts';
import { statementView } from '../../src/payouts/lease-statement.ts';
import { payeeStatementView } from '../../src/payouts/payee-statement.ts';
import { Database } from '../../src/platform/database.ts';
import { newId } from '../../src/platform/id.ts';
import { Wallets } from '../../src/wallets/wallets.service.ts';
import type { SendOptions, TestKey } from '../support/app.ts';
import { type OpenedLease, Stack, uakt, units } from '../support/stack.ts';

/** Three chains and a whole life of two leases, on a loaded machine. */
const SETUP_MS = 400_000;

let stack: Stack;
let stranger: TestKey;
let provider: string;
let first: OpenedLease;
let second: OpenedLease;

/** Two leases of two tenants with one provider, paid in BTC and in USDC, run for a while, paid out, and closed. */
beforeAll(async () => {
  stack = await Stack.start();
  provider = freshAddress.akash();
  first = await stack.open({ payAsset: 'BTC', provider });
  second = await stack.open({ payAsset: 'USDC.ethereum', provider });
  for (const { lease } of [first, second]) await stack.payUri(lease.locks[0]?.paymentUri);
  for (const { lease } of [first, second]) {
    await stack.leaseOnce(
      'release',
      lease.id,
      ({ lots }) => lots.length > 0 && lots.every((lot) => lot.releasedAt !== null),
    );
  }
  await stack.mine(150);
  await stack.settle('a payout of both leases', async () => {
    const rows = await stack.rows<{ n: number }>(
      `SELECT count(DISTINCT l.lease_id)::integer AS n FROM payouts o JOIN payout_items i ON i.payout_id = o.id
       JOIN lines l ON l.id = i.line_id WHERE o.state = 'confirmed'`,
    );
    return rows[0]?.n === 2;
  });
  await stack.call('POST', `/v1/leases/${first.lease.id}/close`, {});
  await stack.settle('the refund of the first', async () => {
    const rows = await stack.rows(`SELECT 1 FROM refunds WHERE lease_id = '${first.lease.id}' AND state = 'confirmed'`);
    return rows.length > 0;
  });
  stranger = await stack.service.tenantKey();
}, SETUP_MS);
afterAll(() => stack?.stop());

const get = (path: string, options: SendOptions = {}) =>
  stack.service.send('GET', path, { key: stack.key, ...options });
const receiptOf = async (id: string) => statementView.parse((await get(`/v1/leases/${id}/statement`)).body);
const listOf = async (path: string, key: TestKey = stack.key) =>
  z
    .strictObject({ data: z.array(z.record(z.string(), z.unknown())), nextCursor: z.null() })
    .parse((await get(path, { key })).body).data;
const payeeIdOf = ({ lease }: OpenedLease): string => lease.lines[0]?.payeeId ?? '';
const sum = (all: readonly bigint[]): bigint => all.reduce((total, one) => total + one, 0n);

test("a tenant's receipt ties out to the ledger, in every asset", async () => {
  for (const { lease, quote } of [first, second]) {
    const receipt = await receiptOf(lease.id);
    const { asset } = quote.pay;
    const decimals = asset === 'BTC' ? 8 : 6;
    const total = (kind: string, of: string) =>
      sum(
        receipt.totals
          .filter((row) => row.kind === kind && row.total.asset === of)
          .map(({ total }) => units(total.amount, of === asset ? decimals : 6)),
      );
    const balance = (kind: string, of: string) =>
      sum(
        receipt.balances
          .filter((row) => row.kind === kind && row.balance.asset === of)
          .map((row) => units(row.balance.amount, of === asset ? decimals : 6)),
      );

    expect(receipt.entries.filter(({ kind }) => kind === 'other')).toEqual([]);
    expect(total('deposit', asset)).toBe(total('converted', asset) + balance('suspense', asset));
    expect(total('credit', 'AKT')).toBe(total('accrual', 'AKT') + total('unspent', 'AKT') + balance('escrow', 'AKT'));
    expect(total('accrual', 'AKT')).toBe(total('payout', 'AKT') + balance('payable', 'AKT'));
    expect(total('refund', asset) + total('refund.fee', asset)).toBe(
      total('refund.network', asset) + total('refund.sent', asset) + balance('refund', asset),
    );
    const [line] = (await stack.lease(lease.id)).lines;
    if (line === undefined) throw new Error('no line');
    expect(balance('escrow', 'AKT')).toBe(await stack.balance(`escrow:${line.id}`, 'AKT'));
    expect(balance('payable', 'AKT')).toBe(await stack.balance(`payable:${line.id}`, 'AKT'));
    expect(total('credit', 'AKT')).toBe(uakt(line.credited.amount));
    expect(total('payout', 'AKT')).toBe(uakt(line.paidOut.amount));
    expect(total('payout', 'AKT')).toBeGreaterThan(0n);
  }
  const closed = await receiptOf(first.lease.id);
  expect(closed.totals.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining([
      'deposit',
      'cost.premium',
      'cost.fee',
      'credit',
      'accrual',
      'payout',
      'unspent',
      'refund.sent',
    ]),
  );
});

test('every entry that was on a chain names its transaction', async () => {
  const { entries } = await receiptOf(first.lease.id);
  for (const kind of ['deposit', 'payout', 'refund.sent']) {
    const own = entries.filter((entry) => entry.kind === kind);
    expect(own.length).toBeGreaterThan(0);
    if (kind !== 'payout') for (const { txId } of own) expect(txId).toMatch(/^(0x)?[0-9a-fA-F]{64}$/);
  }
  expect(entries.find(({ kind }) => kind === 'payout')?.txId).toMatch(/^[0-9A-F]{64}$/i);
});

test('the receipt as CSV has the same entries, by query and by Accept header', async () => {
  const path = `/v1/leases/${first.lease.id}/statement`;
  const { entries } = await receiptOf(first.lease.id);
  const byQuery = await get(`${path}?format=csv`);
  const byHeader = await get(path, { headers: { accept: 'text/csv' } });
  expect(byQuery.headers.get('content-type')).toMatch(/^text\/csv/);
  expect(byHeader.text).toBe(byQuery.text);
  const [names, ...lines] = byQuery.text.trimEnd().split('\r\n');
  expect(names).toBe('at,kind,asset,amount,lineId,reference,txId');
  expect(lines).toEqual(
    entries.map(({ at, kind, asset, amount, lineId, reference, txId }) =>
      [at, kind, asset, amount, lineId ?? '', reference, txId ?? ''].join(','),
    ),
  );
});

test("a payee's statement adds up, and a period leaves out what is not in it", async () => {
  const id = payeeIdOf(first);
  const key = await stack.service.payeeKey(id);
  const read = async (query: string) =>
    payeeStatementView.parse((await get(`/v1/payees/${id}/statement${query}`, { key })).body);
  const whole = await read('');
  expect(new Set(whole.lines.map(({ leaseId }) => leaseId))).toEqual(new Set([first.lease.id, second.lease.id]));
  for (const line of whole.lines) {
    const own = whole.entries.filter(({ lineId }) => lineId === line.lineId);
    const of = (kind: string) => sum(own.filter((entry) => entry.kind === kind).map(({ amount }) => uakt(amount)));
    expect(uakt(line.accrued.amount)).toBe(of('accrued'));
    expect(uakt(line.paid.amount)).toBe(of('paid'));
    expect(uakt(line.accrued.amount) - uakt(line.paid.amount)).toBe(uakt(line.payable.amount));
  }
  const paid = whole.entries.filter(({ kind, state }) => kind === 'paid' && state === 'confirmed');
  const arrived = await stack.paidTo('akash', provider);
  const [, received] = /× ?(\d+)/.exec(arrived ?? '') ?? [];
  expect(sum(paid.map(({ net }) => uakt(net)))).toBe(BigInt(received ?? 0));

  const { at = '' } = whole.entries[0] ?? {};
  expect((await read(`?from=2020-01-01T00:00:00Z&to=${at}`)).entries).toEqual([]);
  expect((await read(`?from=${at}`)).entries).toEqual(whole.entries);
  expect((await get(`/v1/payees/${id}/statement?from=${at}&to=${at}`, { key })).body).toMatchObject({ field: 'from' });
});

test('payouts show a payee all, a tenant its own part, a stranger nothing', async () => {
  const id = payeeIdOf(first);
  const payee = await stack.service.payeeKey(id);
  const [own, seen] = [await listOf('/v1/payouts', payee), await listOf('/v1/payouts')];
  expect(own.length).toBeGreaterThan(0);
  expect(seen).toEqual(own);
  expect(await listOf('/v1/payouts', stranger)).toEqual([]);
  expect((await get(`/v1/payouts/${String(own[0]?.['id'])}`, { key: stranger })).status).toBe(404);
  expect((await get(`/v1/payees/${id}/statement`, { key: stranger })).status).toBe(404);
  expect((await get(`/v1/leases/${first.lease.id}/statement`, { key: stranger })).status).toBe(404);
});

test('refunds are listed with what they cost, by lease', async () => {
  const refunds = await listOf(`/v1/refunds?leaseId=${first.lease.id}`);
  expect(refunds.length).toBeGreaterThan(0);
  for (const refund of refunds) {
    expect(refund).toMatchObject({ leaseId: first.lease.id, address: first.refundAddress, from: { asset: 'AKT' } });
  }
  expect(await listOf(`/v1/refunds?leaseId=${second.lease.id}`)).toEqual([]);
  expect(await listOf('/v1/refunds', stranger)).toEqual([]);
});

test('the operator sees each wallet with its books and its chain', async () => {
  await stack.check();
  const { body } = await get('/v1/wallets', { key: await stack.service.operatorKey() });
  expect(body).toMatchObject({
    data: expect.arrayContaining([
      expect.objectContaining({
        id: 'akash-hot',
        holdings: expect.arrayContaining([
          {
            books: expect.objectContaining({ asset: 'AKT' }),
            compared: expect.objectContaining({ height: expect.any(String) }),
          },
        ]),
      }),
    ]),
  });
  expect((await get('/v1/wallets')).status).toBe(403);
});

test('an asset whose books stand above the chain is not paid out; a line is paid where it was opened to be', async () => {
  const id = payeeIdOf(second);
  await stack.rows(
    `UPDATE reconciliations SET book_units = chain_units + 1 WHERE wallet_id = 'akash-hot' AND asset = 'AKT'`,
  );
  await stack.rows(
    'UPDATE payees SET next_payout_at = lockstep_now(), destination = $1 WHERE id = $2',
    freshAddress.akash(),
    id,
  );
  await stack.mine(100);
  const unsent = () => stack.rows(`SELECT address FROM payouts WHERE state = 'planned'`);
  for (const job of ['watch-chain', 'settle-payouts', 'settle-payouts'] as const) await stack.run(job);
  expect(await unsent()).toEqual([{ address: provider }]);
  await stack.rows(
    `UPDATE reconciliations SET book_units = chain_units WHERE wallet_id = 'akash-hot' AND asset = 'AKT'`,
  );
  await stack.run('settle-payouts');
  expect(await unsent()).toEqual([]);
});

test('a refund that was held leaves as soon as it is worth its fee', async () => {
  const [id, address] = [newId('refund'), freshAddress.akash()];
  const at = await stack.now();
  await stack.get(Database).transaction(async (tx) => {
    await stack.get(Wallets).allow(tx, { chain: 'akash', address, why: 'refund', activeFrom: at });
    const transfers = [{ from: 'desk:main', to: `refund:${id}`, asset: 'AKT', units: 5_000_000n }];
    await stack.get(Ledger).post(tx, [{ key: id, kind: 'test', cause: id, effectiveAt: at, transfers }]);
  });
  await stack.rows(
    `INSERT INTO refunds (id, tenant_id, lease_id, reason, deposit_id, reversals, mode, from_asset, from_units, chain, asset,
       address, units, fee_units, net_units, state, created_at)
     SELECT $1, tenant_id, lease_id, 'return', id, 7, 'inKind', 'AKT', 5000000, 'akash', 'AKT', $2, 5000000, 5000000, 0,
       'held', $4 FROM deposits WHERE lease_id = $3`,
    ...[id, address, first.lease.id, at],
  );
  await stack.settle('the refund to arrive', async () => (await stack.paidTo('akash', address)) !== undefined);
  await stack.settle('its books to close', async () => (await stack.balance(`refund:${id}`, 'AKT')) === 0n);
  const refund = (await get(`/v1/refunds/${id}`)).body;
  expect(refund).toMatchObject({ state: 'confirmed', amount: { amount: '5.000000' } });
  const { fee, net } = z
    .object({ fee: z.object({ amount: z.string() }), net: z.object({ amount: z.string() }) })
    .parse(refund);
  expect(uakt(fee.amount)).toBeGreaterThan(0n);
  expect(await stack.paidTo('akash', address)).toBe(`1 × ${uakt(net.amount)}`);
  await stack.check();
});
