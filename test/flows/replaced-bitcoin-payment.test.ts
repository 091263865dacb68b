import { afterAll, beforeAll, expect, it } from 'vitest';
import { readPaymentUri } from '../../devnet/stack/payment.ts';
import { type OpenedLease, Stack, units } from '../support/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await Stack.start();
});

afterAll(() => stack?.stop());

/** A lease whose payment waits in the mempool and was seen there. */
async function paidButNotMined(): Promise<OpenedLease & { readonly txId: string; readonly address: string }> {
  const opened = await stack.open({ payAsset: 'BTC' });
  const uri = opened.lease.locks[0]?.paymentUri ?? '';
  const txId = await stack.payUri(uri);
  await stack.turn();
  expect((await stack.lease(opened.lease.id)).deposits).toMatchObject([{ txId, state: 'seen', height: null }]);
  return { ...opened, txId, address: readPaymentUri(uri).address };
}

it('credits the smaller payment that replaced the one it saw, in proportion', async () => {
  const { quote, lease, txId, address } = await paidButNotMined();
  const half = units(quote.pay.amount, 8) / 2n;
  const smaller = await stack.chains.bitcoin.devnet.pay(address, half, { conflictWith: txId, feeRate: 20 });
  const after = await stack.leaseOnce('the credit', lease.id, ({ state }) => state === 'active');
  const states = Object.fromEntries(after.deposits.map((deposit) => [deposit.txId, deposit.state]));
  expect(states).toEqual({ [txId]: 'dropped', [smaller]: 'credited' });
  const credited = units(after.lines[0]?.credited.amount ?? '', 6);
  const quoted = units(quote.lines[0]?.escrow.amount ?? '', 6);
  expect(credited).toBeLessThanOrEqual(quoted / 2n);
  expect(credited).toBeGreaterThan((quoted * 499n) / 1000n);
  expect(units(after.locks[0]?.paid.amount ?? '', 8)).toBe(half);
});

it('credits nothing of a payment that was replaced by one to somebody else', async () => {
  const { lease, txId } = await paidButNotMined();
  const own = await stack.chains.bitcoin.devnet.call<string>('devnet.address');
  await stack.chains.bitcoin.devnet.pay(own, 10_000n, { conflictWith: txId, feeRate: 20 });
  await stack.leaseOnce('the payment to be gone', lease.id, ({ deposits }) => deposits[0]?.state === 'dropped');
  await stack.mine();
  await stack.turn();
  expect(await stack.lease(lease.id)).toMatchObject({ state: 'awaiting', deposits: [{ txId, state: 'dropped' }] });
});

it('leaves whole books', () => stack.check());
