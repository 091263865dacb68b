import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenedLease, Stack, uakt, units } from '../support/stack.ts';

const PRICE_UAKT = 50_000n;
const BLOCKS = 2_000;

let stack: Stack;

beforeAll(async () => {
  stack = await Stack.start();
});

afterAll(() => stack?.stop());

const PARTS = [
  { payAsset: 'BTC', chain: 'bitcoin', decimals: 8 },
  { payAsset: 'USDC.ethereum', chain: 'ethereum', decimals: 6 },
] as const;

describe.each(PARTS)('a lease priced in AKT per block and paid in $payAsset', ({ payAsset, chain, decimals }) => {
  let opened: OpenedLease;
  let startedAt: bigint;
  let credited: bigint;

  const view = () => stack.lease(opened.lease.id);
  const line = async () => {
    const [only] = (await view()).lines;
    if (only === undefined) throw new Error('the lease has no line');
    return only;
  };
  const height = async () => {
    const [row] = await stack.rows<{ height: string }>(`SELECT height::text FROM chain_cursors WHERE chain = 'akash'`);
    return BigInt(row?.height ?? 0);
  };

  it('is locked at the rate of its quote', async () => {
    opened = await stack.open({ payAsset, price: PRICE_UAKT.toString(), blocks: BLOCKS });
    const { quote, lease } = opened;
    expect(lease.state).toBe('awaiting');
    expect(lease.locks).toMatchObject([{ quoteId: quote.id, size: quote.pay, due: quote.pay, state: 'open' }]);
    expect(uakt(quote.lines[0]?.escrow.amount ?? '')).toBe(PRICE_UAKT * BigInt(BLOCKS));
    const costs = quote.costs.reduce((sum, { amount }) => sum + units(amount, decimals), 0n);
    expect(costs).toBe(units(quote.pay.amount, decimals));
  });

  it('starts once its payment is deep enough, with all that was quoted', async () => {
    const txId = await stack.payUri(opened.lease.locks[0]?.paymentUri);
    const lease = await stack.leaseOnce('the credit', opened.lease.id, ({ state }) => state === 'active');
    expect(lease.deposits).toMatchObject([{ txId, state: 'credited', amount: opened.quote.pay.amount }]);
    credited = uakt(lease.lines[0]?.credited.amount ?? '');
    // The payment is rounded up to a whole base unit, and what that buys beyond the quoted blocks is the tenant's.
    expect(credited - PRICE_UAKT * BigInt(BLOCKS)).toBeGreaterThanOrEqual(0n);
    expect(credited - PRICE_UAKT * BigInt(BLOCKS)).toBeLessThan(PRICE_UAKT);
    expect(lease.locks[0]).toMatchObject({ paid: opened.quote.pay, paymentUri: null });
    startedAt = BigInt(lease.lines[0]?.fundedUntil?.tick ?? 0) - BigInt(BLOCKS);
    expect(startedAt).toBeLessThanOrEqual(await height());
  });

  it('accrues its price for every Akash block', async () => {
    for (const blocks of [1, 7, 40]) {
      await stack.mine(blocks);
      await stack.turn();
      expect(uakt((await line()).accrued.amount)).toBe(PRICE_UAKT * ((await height()) - startedAt));
    }
  });

  it('pays the provider on schedule, exactly what accrued', async () => {
    await stack.mine(100);
    const first = await stack.settle('a payout on the chain', () => stack.paidTo('akash', opened.provider));
    expect(first).toBe(await paidInBooks());
    await stack.mine(100);
    const second = await stack.settle('a second one', async () => {
      const paid = await stack.paidTo('akash', opened.provider);
      return paid !== first && paid;
    });
    expect(second).toBe(await paidInBooks());
    expect(second).toMatch(/^2 × /);
  });

  it('gives back what is unspent when it closes, in the asset paid', async () => {
    // Enough for a last payout to be worth its fee.
    await stack.mine(20);
    await stack.turn();
    await stack.call('POST', `/v1/leases/${opened.lease.id}/close`, {});
    const [closed, accrued] = [await view(), uakt((await line()).accrued.amount)];
    expect(closed.state).toBe('closed');
    const unspent = uakt(closed.lines[0]?.unspent.amount ?? '');
    expect(unspent + accrued).toBe(credited);
    const paid = await stack.settle('the refund', () => stack.paidTo(chain, opened.refundAddress));
    const [refund] = await stack.rows<{ net: string; tx: string }>(
      `SELECT net_units::text AS net FROM refunds WHERE lease_id = $1`,
      opened.lease.id,
    );
    expect(paid).toBe(`1 × ${refund?.net}`);
    const part = (units(opened.quote.pay.amount, decimals) * uakt(closed.lines[0]?.unspent.amount ?? '')) / uakt('100');
    const back = BigInt(refund?.net ?? 0);
    expect(back).toBeLessThan(part);
    expect(back).toBeGreaterThan((part * 90n) / 100n);
    await stack.mine(100);
    await stack.leaseOnce(
      'the last payout',
      closed.id,
      ({ lines }) => uakt(lines[0]?.paidOut.amount ?? '') === accrued,
    );
    await stack.settle('it to be on the chain', async () =>
      /^3 × /.test((await stack.paidTo('akash', opened.provider)) ?? ''),
    );
    expect(await stack.paidTo('akash', opened.provider)).toBe(await paidInBooks());
  });

  it('leaves nothing of it in the books', async () => {
    const { id } = await line();
    expect(await stack.balance(`escrow:${id}`, 'AKT')).toBe(0n);
    expect(await stack.balance(`payable:${id}`, 'AKT')).toBe(0n);
    for (const deposit of (await view()).deposits)
      expect(await stack.balance(`suspense:${deposit.id}`, payAsset)).toBe(0n);
  });

  /** Payouts to the provider as the API's lease and the fees in the books say: `how often × how much in all`. */
  async function paidInBooks(): Promise<string> {
    const [row] = await stack.rows<{ count: string; fees: string }>(
      `SELECT count(*)::text AS count, sum(fee_units)::text AS fees FROM payouts WHERE address = $1`,
      opened.provider,
    );
    return `${row?.count} × ${uakt((await line()).paidOut.amount) - BigInt(row?.fees ?? 0)}`;
  }
});

it('leaves whole books, and in every wallet what they say', () => stack.check());
