import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshAddress } from '../../devnet/stack/on-chain.ts';
import type { LeaseView } from '../../src/escrow/lease-views.ts';
import type { QuoteView } from '../../src/quotes/view.ts';
import { type OpenedLease, Stack, uakt } from '../support/stack.ts';

const PRICE_UAKT = 500_000n;
const BLOCKS = 100n;

let stack: Stack;
let opened: OpenedLease;
let unfunded: OpenedLease;
let lastFunded: bigint;

beforeAll(async () => {
  stack = await Stack.start();
  const wish = { price: PRICE_UAKT.toString(), blocks: 100 };
  unfunded = await stack.open({ payAsset: 'BTC', ...wish });
  opened = await stack.open({ payAsset: 'USDC.ethereum', ...wish });
  await stack.payUri(opened.lease.locks[0]?.paymentUri);
  const lease = await active('the credit');
  lastFunded = BigInt(lease.fundedUntil?.tick ?? 0);
});

afterAll(() => stack?.stop());

const active = (what: string) => stack.leaseOnce(what, opened.lease.id, ({ state }) => state === 'active');
const accrued = async () => uakt((await stack.lease(opened.lease.id)).lines[0]?.accrued.amount ?? '');

/** Makes blocks up to a height, and lets the service see them. */
async function mineTo(height: bigint): Promise<void> {
  const [row] = await stack.rows<{ height: string }>(`SELECT height::text FROM chain_cursors WHERE chain = 'akash'`);
  await stack.mine(Number(height - BigInt(row?.height ?? 0)));
  await stack.turn();
}

it('runs to the last block that is paid for, and stops there', async () => {
  await mineTo(lastFunded);
  expect(await stack.lease(opened.lease.id)).toMatchObject({ state: 'active', fundedUntil: { tick: `${lastFunded}` } });
  expect(await accrued()).toBe(PRICE_UAKT * BLOCKS);
  await mineTo(lastFunded + 1n);
  expect(await stack.lease(opened.lease.id)).toMatchObject({ state: 'depleted', fundedUntil: null });
  await mineTo(lastFunded + 60n);
  expect(await accrued()).toBe(PRICE_UAKT * BLOCKS);
});

it('starts again with a further lock, in another asset, at the block of its credit; the gap is not charged', async () => {
  const { id } = opened.lease;
  await stack.refresh();
  const quote = await stack.call<QuoteView>('POST', '/v1/quotes', {
    payAsset: 'BTC',
    fix: 'duration',
    blocks: 100,
    leaseId: id,
  });
  const body = { quoteId: quote.id, refundAddress: freshAddress.bitcoin() };
  const locked = await stack.call<LeaseView>('POST', `/v1/leases/${id}/locks`, body);
  expect(locked).toMatchObject({ state: 'depleted', locks: [{}, { quoteId: quote.id, due: quote.pay }] });
  await stack.payUri(locked.locks[1]?.paymentUri);
  const lease = await active('the second credit');
  const funded = BigInt(lease.fundedUntil?.tick ?? 0);
  expect(funded - BLOCKS).toBeGreaterThanOrEqual(lastFunded + 60n);
  await mineTo(funded);
  expect(await accrued()).toBe(2n * PRICE_UAKT * BLOCKS);
  await mineTo(funded + 20n);
  expect(await stack.lease(id)).toMatchObject({ state: 'depleted' });
  expect(await accrued()).toBe(2n * PRICE_UAKT * BLOCKS);
});

it('pays the provider for both parts and nothing else', async () => {
  await stack.mine(100);
  const total = await stack.settle('the payouts', async () => {
    const [row] = await stack.rows<{ units: string | null; net: string | null; count: string }>(
      `SELECT sum(units)::text AS units, sum(net_units)::text AS net, count(*)::text AS count FROM payouts
       WHERE address = $1 AND state = 'confirmed'`,
      opened.provider,
    );
    return row?.units === (2n * PRICE_UAKT * BLOCKS).toString() && row;
  });
  expect(await stack.paidTo('akash', opened.provider)).toBe(`${total.count} × ${total.net}`);
});

it('expires a lease that nothing was paid for', async () => {
  expect(await stack.lease(unfunded.lease.id)).toMatchObject({ state: 'awaiting' });
  await stack.advance(4 * 3_600_000);
  const lease = await stack.leaseOnce('the end', unfunded.lease.id, ({ state }) => state === 'expired');
  expect(lease.locks).toMatchObject([{ state: 'closed', paymentUri: null }]);
});

it('leaves whole books', () => stack.check());
