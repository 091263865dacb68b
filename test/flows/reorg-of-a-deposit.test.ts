import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LeaseView } from '../../src/escrow/lease-views.ts';
import { type OpenedLease, Stack, uakt } from '../support/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await Stack.start();
});

afterAll(() => stack?.stop());

const depositOf = async ({ lease }: OpenedLease) => (await stack.lease(lease.id)).deposits[0];

/** Blocks and turns until the lease's deposit is in a state. */
const once = (opened: OpenedLease, state: string): Promise<LeaseView> =>
  stack.leaseOnce(`the deposit to be ${state}`, opened.lease.id, ({ deposits }) => deposits[0]?.state === state);

/** Blocks and turns until what accrues may leave: before that a payout's turn would pass with nothing to pay. */
const released = ({ lease }: OpenedLease): Promise<LeaseView> =>
  stack.leaseOnce('the release', lease.id, ({ lots }) => lots[0]?.releasedAt != null);

describe('a block that falls out of the chain', () => {
  it('before the credit: the deposit waits for its new block, and is credited once', async () => {
    const opened = await stack.open({ payAsset: 'BTC' });
    const txId = await stack.payUri(opened.lease.locks[0]?.paymentUri);
    await stack.mine();
    await stack.turn();
    expect(await depositOf(opened)).toMatchObject({ state: 'seen', confirmations: 1 });
    const { returned } = await stack.chains.bitcoin.devnet.reorg(1, { dropTxids: [txId] });
    expect(returned).toContain(txId);
    await stack.turn();
    expect(await depositOf(opened)).toMatchObject({ state: 'seen', height: null });
    const lease = await once(opened, 'credited');
    expect(lease.deposits).toHaveLength(1);
    expect(lease.lines[0]?.unspent).toEqual(lease.lines[0]?.credited);
    expect(lease.locks[0]).toMatchObject({ paid: opened.quote.pay });
  });

  it('after the credit: books and payouts wait, and go on when the same transaction is mined again', async () => {
    const opened = await stack.open({ payAsset: 'BTC' });
    const txId = await stack.payUri(opened.lease.locks[0]?.paymentUri);
    const before = await once(opened, 'credited');
    const wallet = await stack.balance('external:bitcoin-hot', 'BTC');
    await stack.chains.bitcoin.devnet.reorg(2, { dropTxids: [txId] });
    await stack.turn();
    expect(await stack.lease(opened.lease.id)).toMatchObject({
      state: 'active',
      payoutsFrozen: true,
      deposits: [{ state: 'reorged', height: null }],
    });
    const units = await stack.balance(`reorg:${before.deposits[0]?.id}`, 'BTC');
    expect(units).toBeLessThan(0n);
    // The wallet's books give up the coin while it is out of the chain.
    expect(await stack.balance('external:bitcoin-hot', 'BTC')).toBe(wallet - units);
    const after = await once(opened, 'credited');
    expect(after).toMatchObject({ payoutsFrozen: false, deposits: [{ txId, state: 'credited' }] });
    expect(after.lines[0]?.credited).toEqual(before.lines[0]?.credited);
    expect(after.lots).toHaveLength(1);
    expect(await stack.balance(`reorg:${before.deposits[0]?.id}`, 'BTC')).toBe(0n);
    await released(opened);
    await stack.mine(120);
    const paid = await stack.settle('a payout', () => stack.paidTo('akash', opened.provider));
    expect(paid).toMatch(/^1 × /);
  });

  it('after the credit, with a conflicting transaction in its place: escrow gives back what it holds', async () => {
    const opened = await stack.open({ payAsset: 'BTC' });
    const txId = await stack.payUri(opened.lease.locks[0]?.paymentUri);
    await once(opened, 'credited');
    await replaceInChain(txId, 2);
    await stack.turn();
    expect(await stack.lease(opened.lease.id)).toMatchObject({ payoutsFrozen: true, deposits: [{ state: 'reorged' }] });
    const lease = await once(opened, 'unwound');
    const [line, deposit] = [lease.lines[0], lease.deposits[0]];
    expect(await stack.balance(`escrow:${line?.id}`, 'AKT')).toBe(0n);
    expect(await stack.balance(`reorg:${deposit?.id}`, 'BTC')).toBe(0n);
    // What accrued meanwhile stays the provider's, and is the loss; it was never released.
    expect(await stack.balance(`payable:${line?.id}`, 'AKT')).toBe(uakt(line?.accrued.amount ?? ''));
    expect(await stack.balance('loss:reorg', 'BTC')).toBeLessThan(0n);
    expect(await stack.paidTo('akash', opened.provider)).toBeUndefined();
    expect(lease.locks[0]).toMatchObject({ paid: { amount: '0.00000000' } });
  });

  it('after a part was paid out: the provider keeps it, the rest is taken back, the loss is booked', async () => {
    const opened = await stack.open({ payAsset: 'BTC' });
    const txId = await stack.payUri(opened.lease.locks[0]?.paymentUri);
    await once(opened, 'credited');
    await released(opened);
    await stack.mine(120);
    const paid = await stack.settle('a payout', () => stack.paidTo('akash', opened.provider));
    const lost = await stack.balance('loss:reorg', 'BTC');
    await replaceInChain(txId, (await depositOf(opened))?.confirmations ?? 0);
    const lease = await once(opened, 'unwound');
    expect(await stack.balance(`escrow:${lease.lines[0]?.id}`, 'AKT')).toBe(0n);
    expect(await stack.balance('loss:reorg', 'BTC')).toBeLessThan(lost);
    expect((await stack.paidTo('akash', opened.provider))?.startsWith('1 × ')).toBe(paid?.startsWith('1 × '));
  });
});

it('leaves whole books', () => stack.check());

/** Puts a payment of the payer to itself in the place of a transaction, in a longer branch. */
async function replaceInChain(txId: string, depth: number): Promise<void> {
  const { devnet } = stack.chains.bitcoin;
  const own = await devnet.call<string>('devnet.address');
  const rival = await devnet.draft(own, 10_000n, { conflictWith: txId });
  const { lost } = await devnet.reorg(depth, { replaceWith: [rival.hex] });
  expect(lost).toContain(txId);
}
