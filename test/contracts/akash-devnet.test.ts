import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { DirectSecp256k1HdWallet } from '@cosmjs/proto-signing';
import { SigningStargateClient } from '@cosmjs/stargate';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_CHAIN_ID, DEV_MNEMONIC } from '../../devnet/akash/genesis.ts';
import { type RunningAkash, startAkash } from '../../devnet/akash/start.ts';
import { AkashChain } from '../../src/adapters/chains/akash.ts';
import { AKT, accountKeys, signPayment, temporaryFolder, watch } from '../support/akash.ts';

/** What only the development chain can be made to do: kills, halts, lost answers, faulty proposers and indexes. */

const { xprv: secret, xpub } = await accountKeys(DEV_MNEMONIC);
let folder: ReturnType<typeof temporaryFolder>;
let node: RunningAkash;
let chain: AkashChain;
let wallet: string;
let payee: string;

async function start(): Promise<void> {
  node = await startAkash({ dataDir: folder.path, onDemand: true });
  chain = new AkashChain({ rpcUrl: node.rpcUrl, chainId: DEFAULT_CHAIN_ID, accountXpub: xpub, assets: [AKT] });
}

beforeAll(async () => {
  folder = temporaryFolder();
  await start();
  wallet = chain.addressAt('0/0');
});

afterAll(async () => {
  await node.stop();
  folder.remove();
});

let payees = 0;

beforeEach(() => {
  payee = unpaid();
});

const unpaid = (): string => chain.depositAddress(payees++).address;

const pay = (units: bigint, sequence?: bigint) =>
  signPayment(chain, {
    from: wallet,
    secret,
    outputs: [{ address: payee, asset: 'AKT', units }],
    ...(sequence === undefined ? {} : { sequence }),
  });

const received = async (): Promise<bigint> =>
  (await chain.holding({ addresses: [payee], coins: [] }, 'AKT', null)).units;

const bytes = (raw: string): Uint8Array => Buffer.from(raw, 'base64');

describe('a kill', () => {
  it('leaves every block, and forgets what was waiting', async () => {
    await node.client.pay(payee, 7n);
    await node.client.mine(3);
    const waiting = await pay(5n);
    expect(await chain.broadcast(waiting.raw)).toEqual({ kind: 'pending' });
    expect(await chain.find(waiting.txId)).toEqual({ kind: 'pending' });
    const tip = await chain.tip();

    await node.kill();
    appendFileSync(join(folder.path, 'blocks.jsonl'), '{"time":"2026-');
    await start();

    expect(await chain.tip()).toEqual(tip);
    expect(await received()).toBe(7n);
    expect(await chain.find(waiting.txId)).toEqual({ kind: 'unknown' });
    expect(await chain.broadcast(waiting.raw)).toEqual({ kind: 'pending' });
    await node.client.mine();
    expect(await chain.find(waiting.txId)).toMatchObject({ kind: 'included', success: true });
    expect(await received()).toBe(12n);

    await node.kill();
    await start();
    expect(await received()).toBe(12n);
  });

  it('does not let another chain take over the folder', async () => {
    await node.stop();
    const other = startAkash({ dataDir: folder.path, onDemand: true, chainId: 'lockstep-dev-2' });
    await expect(other).rejects.toThrow(/holds chain lockstep-dev-1/);
    await start();
  });

  it('does not hide a block that was tampered with', async () => {
    const other = temporaryFolder();
    const first = await startAkash({ dataDir: other.path, onDemand: true });
    await first.stop();
    appendFileSync(join(other.path, 'blocks.jsonl'), '{"time":"2030-01-01T00:00:00.000Z","txs":[],"hash":"00"}\n');
    await expect(startAkash({ dataDir: other.path, onDemand: true })).rejects.toThrow(/damaged at height 2/);
    other.remove();
  });
});

describe('a payment stays pending', () => {
  it('while the chain is halted', async () => {
    await node.client.halt(true);
    const payment = await pay(5n);
    await chain.broadcast(payment.raw);
    await expect(node.client.mine()).rejects.toThrow(/halted/);
    expect(await chain.find(payment.txId)).toEqual({ kind: 'pending' });
    expect(await chain.anchor(payment.anchor)).toEqual({ kind: 'free' });
    await node.client.halt(false);
    await node.client.mine();
    expect(await chain.find(payment.txId)).toMatchObject({ kind: 'included', success: true });
  });

  it('while the node keeps it to itself, until the same bytes are sent after a restart', async () => {
    await node.client.withhold(true);
    const payment = await pay(5n);
    expect(await chain.broadcast(payment.raw)).toEqual({ kind: 'pending' });
    await node.client.withhold(false);
    await node.client.mine(5);
    expect(await chain.broadcast(payment.raw)).toEqual({ kind: 'pending' });
    expect(await chain.find(payment.txId)).toEqual({ kind: 'pending' });
    await node.kill();
    await start();
    await chain.broadcast(payment.raw);
    await node.client.mine();
    expect(await chain.find(payment.txId)).toMatchObject({ kind: 'included', success: true });
    expect(await received()).toBe(5n);
  });

  it('when the answer to its broadcast was lost', async () => {
    const payment = await pay(5n);
    await node.client.loseNextAnswer();
    expect(await chain.broadcast(payment.raw)).toEqual({ kind: 'pending' });
    await node.client.mine();
    expect(await chain.find(payment.txId)).toMatchObject({ kind: 'included', success: true });
  });

  it('when the node is down', async () => {
    const payment = await pay(5n);
    await node.stop();
    expect(await chain.broadcast(payment.raw)).toEqual({ kind: 'pending' });
    await start();
  });
});

describe('what is known of a transaction', () => {
  it('is nothing while the index lags, though its sequence is used', async () => {
    await node.client.lagIndex(2);
    const payment = await pay(5n);
    await chain.broadcast(payment.raw);
    await node.client.mine();
    expect(await chain.find(payment.txId)).toEqual({ kind: 'unknown' });
    expect(await chain.anchor(payment.anchor)).toEqual({ kind: 'used', final: true, txId: null });
    await node.client.mine(2);
    expect(await chain.find(payment.txId)).toMatchObject({ kind: 'included', success: true });
    expect(await chain.anchor(payment.anchor)).toMatchObject({ txId: payment.txId });
    await node.client.lagIndex(0);
  });

  it('is its success, when the same bytes fail in a later block', async () => {
    const payment = await pay(5n);
    await chain.broadcast(payment.raw);
    const { height } = await node.client.mine();
    await node.client.mine(10);
    await node.client.forceInclude(bytes(payment.raw));
    const { height: again } = await node.client.mine();
    expect(await chain.find(payment.txId)).toMatchObject({ kind: 'included', success: true, block: { height } });
    expect((await chain.block(again, watch(payee)))?.transfers).toEqual([]);
    expect(await received()).toBe(5n);
  });

  it('is nothing, when a block took it before its turn: it can still be included', async () => {
    const { sequence } = (await pay(1n)).anchor;
    const later = await pay(5n, sequence + 1n);
    await node.client.forceInclude(bytes(later.raw));
    await node.client.mine();
    expect(await chain.find(later.txId)).toEqual({ kind: 'unknown' });
    expect(await chain.anchor(later.anchor)).toEqual({ kind: 'free' });
    await node.client.pay(unpaid(), 1n);
    await chain.broadcast(later.raw);
    await node.client.mine();
    expect(await chain.find(later.txId)).toMatchObject({ kind: 'included', success: true });
  });

  it('names the other transaction that used its sequence', async () => {
    const ours = await pay(5n);
    const other = await node.client.pay(unpaid(), 1n);
    expect(await chain.broadcast(ours.raw)).toMatchObject({ kind: 'refused', code: 'sequence' });
    expect(await chain.anchor(ours.anchor)).toEqual({ kind: 'used', final: true, txId: other.txId });
    expect(await chain.find(ours.txId)).toEqual({ kind: 'unknown' });
  });
});

describe('the sequence of a signer', () => {
  it('drops a payment from the mempool once another one has used it', async () => {
    const [ours, other] = [await pay(5n), await pay(1n)];
    await node.client.withhold(true);
    await chain.broadcast(ours.raw);
    await node.client.withhold(false);
    await node.client.forceInclude(bytes(other.raw));
    await node.client.mine();
    expect(await chain.find(ours.txId)).toEqual({ kind: 'unknown' });
    expect(await chain.broadcast(ours.raw)).toMatchObject({ kind: 'refused', code: 'sequence' });
  });

  it('lets several payments wait in order, the later ones built before the first is in a block', async () => {
    const first = await pay(1n);
    await chain.broadcast(first.raw);
    const second = await pay(2n, first.anchor.sequence + 1n);
    const third = await pay(4n, first.anchor.sequence + 2n);
    expect(await chain.broadcast(third.raw)).toMatchObject({ kind: 'refused', code: 'sequence' });
    expect(await chain.broadcast(second.raw)).toEqual({ kind: 'pending' });
    expect(await chain.broadcast(third.raw)).toEqual({ kind: 'pending' });
    expect(await chain.nextSlot(wallet)).toBe(first.anchor.sequence);
    const { height } = await node.client.mine();
    const transfers = (await chain.block(height, watch(payee)))?.transfers ?? [];
    expect(transfers.map(({ units }) => units)).toEqual([1n, 2n, 4n]);
  });

  it('admits one of two payments', async () => {
    const [one, two] = [await pay(1n), await pay(2n)];
    expect(await chain.broadcast(one.raw)).toEqual({ kind: 'pending' });
    expect(await chain.broadcast(two.raw)).toMatchObject({ kind: 'refused', code: 'sequence' });
    await node.client.mine();
    expect(await received()).toBe(1n);
  });
});

describe('deposits', () => {
  it('of an unknown denom are listed without an asset, coin by coin', async () => {
    const signer = await DirectSecp256k1HdWallet.fromMnemonic(DEV_MNEMONIC, { prefix: 'akash' });
    const client = await SigningStargateClient.connectWithSigner(node.rpcUrl, signer);
    const ibc = 'ibc/170C677610AC31DF0904FFE09CD3B5C657492170E7E52372E48756B71E56F2F1';
    const amount = [
      { denom: ibc, amount: '3' },
      { denom: 'uakt', amount: '4' },
    ];
    const message = {
      typeUrl: '/cosmos.bank.v1beta1.MsgSend',
      value: { fromAddress: wallet, toAddress: payee, amount },
    };
    const fee = { amount: [{ denom: 'uakt', amount: '5000' }], gas: '200000' };
    await client.signAndBroadcastSync(wallet, [message], fee);
    const { height } = await node.client.mine();
    expect((await chain.block(height, watch(payee)))?.transfers).toMatchObject([
      { place: 'msg:0/coin:0', asset: null, reference: ibc, units: 3n },
      { place: 'msg:0/coin:1', asset: 'AKT', reference: 'uakt', units: 4n },
    ]);
  });

  it('are paid by the development wallet, several at once', async () => {
    await Promise.all([1n, 2n, 4n].map((units) => node.client.pay(payee, units, 'rent')));
    expect(await received()).toBe(7n);
  });
});

describe('block time', () => {
  it('follows the clock that was set, and the spacing that was asked for', async () => {
    const time = new Date((await chain.tip()).time.getTime() + 86_400_000);
    await node.client.setTime(time);
    const first = await node.client.mine();
    expect(first.time.getTime()).toBeGreaterThanOrEqual(time.getTime());
    const last = await node.client.mine(600, 6000);
    expect(last.height - first.height).toBe(600);
    expect(last.time.getTime() - first.time.getTime()).toBe(3_600_000);
    expect((await chain.tip()).time).toEqual(last.time);
    await expect(node.client.setTime(time)).rejects.toThrow(/go back/);
  });

  it('goes on where it was after a restart', async () => {
    await node.client.setTime(new Date((await chain.tip()).time.getTime() + 86_400_000));
    const before = await node.client.mine();
    await node.kill();
    await start();
    const after = await node.client.mine();
    expect(after.time.getTime()).toBeGreaterThan(before.time.getTime());
  });
});
