import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPaymentUri } from '../../devnet/stack/payment.ts';
import type { LeaseView } from '../../src/escrow/lease-views.ts';
import { type OpenedLease, Stack, uakt, units } from '../support/stack.ts';

const USDC = 'USDC.ethereum';

let stack: Stack;

beforeAll(async () => {
  stack = await Stack.start();
});

afterAll(() => stack?.stop());

const usdc = (text: string | undefined): bigint => units(text ?? '', 6);
const due = ({ lease }: OpenedLease): bigint => usdc(lease.locks[0]?.due.amount);
const uri = ({ lease }: OpenedLease): string => lease.locks[0]?.paymentUri ?? '';
const credited = (lease: LeaseView): bigint => uakt(lease.lines[0]?.credited.amount ?? '');

/** Turns and blocks until a lease's newest deposit, by its transaction, is in a state. */
const once = ({ lease }: OpenedLease, txId: string, state: string): Promise<LeaseView> =>
  stack.leaseOnce(`${txId} to be ${state}`, lease.id, ({ deposits }) =>
    deposits.some((deposit) => deposit.txId === txId && deposit.state === state),
  );

/** What of a payment came back to the refund address, as the chain says, and what its refund says; both base units. */
async function backOf({ refundAddress }: OpenedLease, depositTx: string, asset = USDC): Promise<{ gross: bigint }> {
  const refund = await stack.settle('the refund to be confirmed', async () => {
    const [row] = await stack.rows<{ units: string; net: string; count: string }>(
      `SELECT r.units::text AS units, r.net_units::text AS net, count(*) OVER ()::text AS count
       FROM refunds r JOIN deposits d ON d.id = r.deposit_id
       WHERE d.tx_id = $1 AND r.reason = 'return' AND r.state = 'confirmed' AND r.asset = $2`,
      depositTx,
      asset,
    );
    return row;
  });
  expect(refund.count).toBe('1');
  expect(await stack.paidTo('ethereum', refundAddress)).toBe(`1 × ${refund.net}`);
  expect(BigInt(refund.net)).toBeGreaterThan((BigInt(refund.units) * 8n) / 10n);
  return { gross: BigInt(refund.units) };
}

async function setPrice(ticker: string, usd: string): Promise<void> {
  stack.chains.exchanges.set(ticker, usd);
  await stack.refresh();
}

describe('short', () => {
  it('is credited in proportion; the rest may follow in time, at the locked rate whatever the market does', async () => {
    const opened = await stack.open({ payAsset: USDC });
    const quoted = uakt(opened.quote.lines[0]?.escrow.amount ?? '');
    const half = due(opened) / 2n;
    const first = await once(opened, await stack.payUri(uri(opened), half), 'credited');
    expect(credited(first)).toBeLessThanOrEqual(quoted / 2n);
    expect(credited(first)).toBeGreaterThan((quoted * 499n) / 1000n);
    expect(usdc(first.locks[0]?.due.amount)).toBe(due(opened) - half);
    await setPrice('AKT', '0.53');
    const second = await once(opened, await stack.payUri(first.locks[0]?.paymentUri), 'credited');
    await setPrice('AKT', '0.52');
    // In two parts exactly what one payment would have been credited: the quote, and less than a base unit's worth more.
    expect(credited(second) - quoted).toBeGreaterThanOrEqual(0n);
    expect(credited(second) - quoted).toBeLessThan(10n);
  });
});

describe('above the size', () => {
  it('is never converted: it goes back in kind', async () => {
    const opened = await stack.open({ payAsset: USDC });
    const extra = 20_000_000n;
    const txId = await stack.payUri(uri(opened), due(opened) + extra);
    const lease = await once(opened, txId, 'credited');
    expect(credited(lease) - uakt(opened.quote.lines[0]?.escrow.amount ?? '')).toBeLessThan(10n);
    expect(lease.locks[0]).toMatchObject({ paid: opened.quote.pay });
    expect((await backOf(opened, txId)).gross).toBe(extra);
  });
});

describe('late', () => {
  it('for a closed lease it goes back in kind', async () => {
    const opened = await stack.open({ payAsset: USDC });
    await stack.call('POST', `/v1/leases/${opened.lease.id}/close`, {});
    const txId = await stack.payUri(uri(opened));
    const lease = await once(opened, txId, 'returned');
    expect(lease.lots).toEqual([]);
    expect((await backOf(opened, txId)).gross).toBe(due(opened));
  });
});

describe('after the lease ran dry', () => {
  const dry = async (afterDepletion: 'resume' | 'return') => {
    const opened = await stack.open({ payAsset: USDC, price: '500000', blocks: 200, more: { afterDepletion } });
    await once(opened, await stack.payUri(uri(opened), due(opened) / 2n), 'credited');
    await stack.mine(150);
    return {
      opened,
      lease: await stack.leaseOnce('it to run dry', opened.lease.id, ({ state }) => state === 'depleted'),
    };
  };

  it('resumes from its credit, and buys no block that has passed', async () => {
    const { opened, lease } = await dry('resume');
    const before = uakt(lease.lines[0]?.accrued.amount ?? '');
    await stack.mine(50);
    const txId = await stack.payUri(uri(opened), due(opened) / 2n);
    const resumed = await once(opened, txId, 'credited');
    expect(resumed.state).toBe('active');
    const [row] = await stack.rows<{ height: string }>(`SELECT height::text FROM chain_cursors WHERE chain = 'akash'`);
    const left = BigInt(resumed.fundedUntil?.tick ?? 0) - BigInt(row?.height ?? 0);
    const accruedSince = uakt(resumed.lines[0]?.accrued.amount ?? '') - before;
    expect(accruedSince).toBeLessThanOrEqual(500_000n * 10n);
    expect(left * 500_000n + accruedSince).toBeGreaterThan(500_000n * 98n);
  });

  it('goes back in kind where the quote says so', async () => {
    const { opened, lease } = await dry('return');
    const half = due(opened) / 2n;
    const txId = await stack.payUri(uri(opened), half);
    const after = await once(opened, txId, 'returned');
    expect(after.state).toBe('depleted');
    expect(after.lines[0]?.accrued).toEqual(lease.lines[0]?.accrued);
    expect((await backOf(opened, txId)).gross).toBe(half);
  });
});

describe('what is not credited at all', () => {
  let opened: OpenedLease;
  let address: string;

  beforeAll(async () => {
    opened = await stack.open({ payAsset: USDC });
    address = readPaymentUri(uri(opened)).address;
  });

  const unclaimed = async (txId: string) => {
    await once(opened, txId, 'unclaimed');
    const { data } = await stack.call<{ data: { id: string; txId: string }[] }>('GET', '/v1/deposits?state=unclaimed');
    const found = data.find((deposit) => deposit.txId === txId);
    if (found === undefined) throw new Error(`${txId} is not listed`);
    return found;
  };

  it('below the minimum: unclaimed and listed', async () => {
    expect(await unclaimed(await stack.payUri(uri(opened), 500_000n))).toMatchObject({ reason: 'below-minimum' });
  });

  it('a wrong asset: unclaimed, and sent back when it is claimed', async () => {
    const dai = 30n * 10n ** 18n;
    const txId = await stack.ethereum.pay({ token: stack.token('DAI'), to: address, units: dai });
    const deposit = await unclaimed(txId);
    expect(deposit).toMatchObject({ reason: 'wrong-asset', asset: 'DAI.ethereum', amount: '30.000000000000000000' });
    await stack.call('POST', `/v1/deposits/${deposit.id}/claim`, {});
    expect((await backOf(opened, txId, 'DAI.ethereum')).gross).toBe(dai);
    await expect(stack.call('POST', `/v1/deposits/${deposit.id}/claim`, {})).rejects.toThrow(/lease_state/);
  });

  it('a token that is not known: unclaimed by its contract, and nobody can claim it', async () => {
    await stack.ethereum.mint('WETH', address, 10n ** 18n);
    const [deposit] = await stack.settle('the token to be listed', async () => {
      const { data } = await stack.call<{ data: { id: string; reason: string }[] }>(
        'GET',
        `/v1/deposits?state=unclaimed&leaseId=${opened.lease.id}`,
      );
      const unknown = data.filter(({ reason }) => reason === 'unknown-token');
      return unknown.length > 0 && unknown;
    });
    const reference = stack.token('WETH');
    expect(deposit).toMatchObject({ asset: null, amount: (10n ** 18n).toString() });
    expect(JSON.stringify(deposit).toLowerCase()).toContain(reference.toLowerCase());
    await expect(stack.call('POST', `/v1/deposits/${deposit?.id}/claim`, {})).rejects.toThrow(/lease_state/);
  });

  it('leaves the lease as it was', async () => {
    expect(await stack.lease(opened.lease.id)).toMatchObject({
      state: 'awaiting',
      lots: [],
      locks: [{ due: opened.quote.pay }],
    });
  });
});

describe('late, at another price', () => {
  it('for an open lease it is a new lot at the rate of its credit', async () => {
    const opened = await stack.open({ payAsset: USDC });
    const half = due(opened) / 2n;
    const first = await once(opened, await stack.payUri(uri(opened), half), 'credited');
    // The market moves while time passes: seen within minutes, it would be a jump, and nothing would be credited.
    stack.chains.exchanges.set('AKT', '0.50');
    await stack.advance(2 * 3_600_000);
    const lease = await once(opened, await stack.payUri(uri(opened), half), 'credited');
    expect(lease.locks[0]).toMatchObject({ state: 'closed', paid: first.locks[0]?.paid });
    expect(lease.lots.map(({ lockId }) => lockId === null)).toEqual([false, true]);
    // 4 % more AKT for the same money, and no premium.
    const late = uakt(lease.lots[1]?.credited.amount ?? '');
    expect(late).toBeGreaterThan((credited(first) * 104n) / 100n);
    expect(late).toBeLessThan((half * 1_000_000n) / 500_000n);
  });
});

it('leaves whole books', () => stack.check());
