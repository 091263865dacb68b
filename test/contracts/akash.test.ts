import { Secp256k1HdWallet } from '@cosmjs/amino';
import { DirectSecp256k1HdWallet, type EncodeObject } from '@cosmjs/proto-signing';
import { GasPrice, SigningStargateClient, type StdFee } from '@cosmjs/stargate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { moduleAddress } from '../../src/adapters/chains/akash/address.ts';
import type { GasRule } from '../../src/adapters/chains/akash/gas.ts';
import { AkashChain } from '../../src/adapters/chains/akash.ts';
import {
  AKT,
  type AkashUnderTest,
  accountKeys,
  akashUnderTest,
  eventually,
  included,
  nextAnchor,
  signPayment,
  watch,
} from '../support/akash.ts';

let node: AkashUnderTest;
let chain: AkashChain;
let wallet: string;
let secret: string;
let xpub: string;
/** An unused address: on a node that lives on, those of earlier runs hold money. */
let fresh: () => string;
const paths = new Map<string, string>();
const pathOf = (address: string): string => paths.get(address) ?? '';

const akt = (address: string, units: bigint) => ({ address, asset: 'AKT', units });

function driver(gas?: GasRule): AkashChain {
  return new AkashChain({
    rpcUrl: node.rpcUrl,
    chainId: node.chainId,
    accountXpub: xpub,
    assets: [AKT],
    ...(gas ? { gas } : {}),
  });
}

beforeAll(async () => {
  node = await akashUnderTest();
  const keys = await accountKeys(node.mnemonic);
  secret = keys.xprv;
  xpub = keys.xpub;
  chain = driver();
  wallet = chain.addressAt('0/0');
  let index = Math.floor(Date.now() / 1000) % 1_000_000_000;
  fresh = () => {
    const { address, path } = chain.depositAddress(index++);
    paths.set(address, path);
    return address;
  };
});

afterAll(() => node.end());

const send = (to: string, amount: string, denom = 'uakt'): EncodeObject => ({
  typeUrl: '/cosmos.bank.v1beta1.MsgSend',
  value: { fromAddress: wallet, toAddress: to, amount: [{ denom, amount }] },
});

const FEE: StdFee = { amount: [{ denom: 'uakt', amount: '5000' }], gas: '200000' };

async function cosmjs(kind: typeof DirectSecp256k1HdWallet | typeof Secp256k1HdWallet = DirectSecp256k1HdWallet) {
  const signer = await kind.fromMnemonic(node.mnemonic, { prefix: 'akash' });
  return SigningStargateClient.connectWithSigner(node.rpcUrl, signer, {
    gasPrice: GasPrice.fromString('0.025uakt'),
    broadcastPollIntervalMs: 200,
  });
}

describe('the node', () => {
  it('is believed only on the chain it was configured for', async () => {
    await expect(chain.verify()).resolves.toBeUndefined();
    const wrong = new AkashChain({ rpcUrl: node.rpcUrl, chainId: 'akashnet-1', accountXpub: xpub, assets: [AKT] });
    await expect(wrong.verify()).rejects.toThrow(/not on akashnet-1/);
  });

  it('names its blocks, each by its parent', async () => {
    await eventually('a second block', async () => ((await chain.finalHeight()) >= 2 ? true : null));
    const tip = await chain.tip();
    const parent = await chain.blockRef(tip.height - 1);
    expect(parent?.hash).toBe(tip.parentHash);
    expect(parent?.time.getTime()).toBeLessThan(tip.time.getTime());
    expect(await chain.blockRef(tip.height + 1_000_000)).toBeNull();
    expect(await chain.block(tip.height + 1_000_000, watch())).toBeNull();
  });

  it('has sequence 0 for an address that it has not seen', async () => {
    expect(await chain.nextSlot(fresh())).toBe(0n);
  });
});

describe('a payment', () => {
  it('arrives, costs its fee, uses its sequence and is seen with its memo', async () => {
    const to = fresh();
    const before = await chain.holding({ addresses: [wallet], coins: [] }, 'AKT', null);
    const outputs = [akt(to, 1234n)];
    const signed = await signPayment(chain, { from: wallet, secret, outputs, memo: 'lease 7' });
    expect(chain.decode(signed.unsigned.body)).toEqual({ outputs, feeMax: signed.unsigned.feeMax });
    expect(await chain.anchor(signed.anchor)).toEqual({ kind: 'free' });
    expect(await chain.broadcast(signed.raw)).toEqual({ kind: 'pending' });

    const outcome = await included(chain, signed.txId);
    expect(outcome).toMatchObject({ success: true, final: true, fee: signed.unsigned.feeMax, reason: null });
    expect(await chain.blockRef(outcome.block.height)).toMatchObject(outcome.block);
    expect(await chain.anchor(signed.anchor)).toEqual({ kind: 'used', final: true, txId: signed.txId });
    const block = await chain.block(outcome.block.height, watch(to));
    expect(block?.transfers).toEqual([
      {
        txId: signed.txId,
        place: 'msg:0',
        address: to,
        asset: 'AKT',
        reference: 'uakt',
        units: 1234n,
        feeRate: null,
        spendable: true,
        memo: 'lease 7',
      },
    ]);
    const after = await chain.holding({ addresses: [wallet], coins: [] }, 'AKT', outcome.block.height);
    expect(before.units - after.units).toBe(1234n + outcome.fee.units);
    expect(await chain.holding({ addresses: [to], coins: [] }, 'AKT', outcome.block.height - 1)).toEqual({
      units: 0n,
      height: outcome.block.height - 1,
    });
  });

  it('to many is one transaction, each output with a place of its own', async () => {
    const outputs = Array.from({ length: 20 }, (_, n) => akt(fresh(), BigInt(n + 1)));
    const signed = await signPayment(chain, { from: wallet, secret, outputs });
    await chain.broadcast(signed.raw);
    const { block, success } = await included(chain, signed.txId);
    expect(success).toBe(true);
    const addresses = outputs.map(({ address }) => address);
    const seen = (await chain.block(block.height, watch(...addresses)))?.transfers ?? [];
    expect(seen.map(({ address, units, place }) => ({ address, units, place }))).toEqual(
      outputs.map(({ address, units }, n) => ({ address, units, place: `msg:0/out:${n}` })),
    );
    expect((await chain.holding({ addresses, coins: [] }, 'AKT', block.height)).units).toBe(210n);
  });

  it('is spent again from the deposit address it went to', async () => {
    const to = fresh();
    const first = await signPayment(chain, { from: wallet, secret, outputs: [akt(to, 20_000n)] });
    await chain.broadcast(first.raw);
    await included(chain, first.txId);
    const second = await signPayment(chain, { from: to, secret, path: pathOf(to), outputs: [akt(wallet, 10_000n)] });
    await chain.broadcast(second.raw);
    expect(await included(chain, second.txId)).toMatchObject({ success: true });
  });

  it('signed twice is the same transaction, and sent twice is included once', async () => {
    const to = fresh();
    const signed = await signPayment(chain, { from: wallet, secret, outputs: [akt(to, 5n)] });
    expect(await chain.sign(signed.unsigned, secret)).toEqual({ txId: signed.txId, raw: signed.raw });
    expect(await chain.broadcast(signed.raw)).toEqual({ kind: 'pending' });
    expect((await chain.broadcast(signed.raw)).kind).toBe('pending');
    const { block } = await included(chain, signed.txId);
    await chain.broadcast(signed.raw);
    await eventually('the next block', async () => ((await chain.finalHeight()) > block.height + 1 ? true : null));
    expect((await chain.holding({ addresses: [to], coins: [] }, 'AKT', null)).units).toBe(5n);
  });
});

describe('a broadcast is refused', () => {
  it('at a sequence that was used, or is not next', async () => {
    const { sequence } = await nextAnchor(chain, wallet);
    for (const wrong of [sequence - 1n, sequence + 5n]) {
      const signed = await signPayment(chain, { from: wallet, secret, outputs: [akt(fresh(), 1n)], sequence: wrong });
      expect(await chain.broadcast(signed.raw)).toMatchObject({ kind: 'refused', code: 'sequence' });
    }
  });

  it('below the least gas price', async () => {
    const anchor = await nextAnchor(chain, wallet);
    const unsigned = await chain.build({ anchor, outputs: [akt(fresh(), 1n)], feeRate: 10n ** 12n });
    const { raw } = await chain.sign(unsigned, secret);
    expect(await chain.broadcast(raw)).toMatchObject({ kind: 'refused', code: 'fee-too-low' });
  });

  it('where the fee cannot be paid', async () => {
    const to = fresh();
    const first = await signPayment(chain, { from: wallet, secret, outputs: [akt(to, 100n)] });
    await chain.broadcast(first.raw);
    await included(chain, first.txId);
    const second = await signPayment(chain, { from: to, secret, path: pathOf(to), outputs: [akt(wallet, 99n)] });
    expect(await chain.broadcast(second.raw)).toMatchObject({ kind: 'refused', code: 'funds' });
  });

  it('after its timeout height', async () => {
    const outputs = [akt(fresh(), 1n)];
    const timeoutHeight = (await chain.finalHeight()) + 1;
    const signed = await signPayment(chain, { from: wallet, secret, outputs, timeoutHeight });
    await eventually('its timeout', async () => ((await chain.finalHeight()) > timeoutHeight ? true : null));
    expect(await chain.broadcast(signed.raw)).toMatchObject({ kind: 'refused', code: 'invalid' });
    expect(await chain.find(signed.txId)).toEqual({ kind: 'unknown' });
    expect(await chain.anchor(signed.anchor)).toEqual({ kind: 'free' });
  });

  it('with a signature for another chain', async () => {
    const unsigned = await chain.build({
      anchor: await nextAnchor(chain, wallet),
      outputs: [akt(fresh(), 1n)],
      feeRate: await chain.feeRate(),
    });
    const body = JSON.stringify({ ...JSON.parse(unsigned.body), chainId: 'akashnet-1' });
    const { raw } = await chain.sign({ ...unsigned, body }, secret);
    expect(await chain.broadcast(raw)).toMatchObject({ kind: 'refused', code: 'invalid' });
  });

  it('with a memo of more than 256 bytes, which is not even built', async () => {
    const memo = 'ü'.repeat(129);
    const payment = { from: wallet, secret, outputs: [akt(fresh(), 1n)], memo };
    await expect(signPayment(chain, payment)).rejects.toMatchObject({ code: 'invalid_field' });
    const client = await cosmjs();
    const broadcast = client.signAndBroadcast(wallet, [send(fresh(), '1')], FEE, memo);
    await expect(broadcast).rejects.toMatchObject({ code: 12, codespace: 'sdk' });
  });

  it('with a fee in anything but uakt', async () => {
    const client = await cosmjs();
    const fee = { amount: [{ denom: 'uact', amount: '5000' }], gas: '200000' };
    await expect(client.signAndBroadcast(wallet, [send(fresh(), '1')], fee)).rejects.toMatchObject({ code: 13 });
  });
});

describe('a payment that would fail is not built', () => {
  it('for want of money', async () => {
    const { units } = await chain.holding({ addresses: [wallet], coins: [] }, 'AKT', null);
    const payment = { from: wallet, secret, outputs: [akt(fresh(), units + 1n)] };
    await expect(signPayment(chain, payment)).rejects.toThrow(/insufficient funds/);
  });

  it('to a module account', async () => {
    const escrow = moduleAddress('escrow');
    expect(chain.checkAddress(escrow).kind).toBe('invalid');
    const payment = { from: wallet, secret, outputs: [akt(escrow, 1n)] };
    await expect(signPayment(chain, payment)).rejects.toThrow(/not allowed to receive funds/);
  });
});

describe('a transaction in a block can have failed', () => {
  it('out of gas: fee and sequence are gone, nobody was paid', async () => {
    const short = driver({ marginBps: 6_000n, base: 0n, perOutput: 0n });
    const outputs = Array.from({ length: 15 }, () => akt(fresh(), 7n));
    const signed = await signPayment(short, { from: wallet, secret, outputs });
    const before = await chain.holding({ addresses: [wallet], coins: [] }, 'AKT', null);
    expect(await chain.broadcast(signed.raw)).toEqual({ kind: 'pending' });

    const outcome = await included(chain, signed.txId);
    expect(outcome).toMatchObject({ success: false, fee: signed.unsigned.feeMax });
    expect(outcome.reason).toMatch(/^code 11: .*out of gas/s);
    expect(await chain.anchor(signed.anchor)).toEqual({ kind: 'used', final: true, txId: signed.txId });
    expect(await chain.nextSlot(wallet)).toBe(signed.anchor.sequence + 1n);
    const addresses = outputs.map(({ address }) => address);
    expect((await chain.block(outcome.block.height, watch(...addresses)))?.transfers).toEqual([]);
    const after = await chain.holding({ addresses: [wallet, ...addresses], coins: [] }, 'AKT', outcome.block.height);
    expect(before.units - after.units).toBe(outcome.fee.units);
  });

  it.each([
    ['uact cannot be sent', () => send(fresh(), '1', 'uact'), 5],
    ['a module account cannot be paid', () => send(moduleAddress('gov'), '1'), 4],
  ])('%s', async (_, message, code) => {
    const client = await cosmjs();
    const result = await client.signAndBroadcast(wallet, [message()], FEE);
    expect(result.code).toBe(code);
    const outcome = await included(chain, result.transactionHash);
    expect(outcome).toMatchObject({ success: false, fee: { units: 5000n } });
  });
});

describe('other wallets', () => {
  it('are found by recipient, and their deposits seen', async () => {
    const client = await cosmjs();
    const to = fresh();
    const first = await client.sendTokens(wallet, to, [{ denom: 'uakt', amount: '11' }], 'auto', 'from CosmJS');
    const second = await client.signAndBroadcast(wallet, [send(fresh(), '1'), send(to, '12')], FEE);
    await included(chain, second.transactionHash);
    const found = await client.searchTx(`transfer.recipient='${to}'`);
    expect(found.map(({ hash }) => hash)).toEqual([first.transactionHash, second.transactionHash]);
    const transfers = (await chain.block(second.height, watch(to)))?.transfers ?? [];
    expect(transfers).toMatchObject([{ txId: second.transactionHash, place: 'msg:1', units: 12n, memo: null }]);
    expect(await client.getBalance(to, 'uakt')).toEqual({ denom: 'uakt', amount: '23' });
  });

  it('may sign in amino-JSON mode', async () => {
    const client = await cosmjs(Secp256k1HdWallet);
    const result = await client.signAndBroadcast(wallet, [send(fresh(), '3')], FEE, 'amino & <co>');
    expect(result.code).toBe(0);
  });

  it('may write the address in capitals', async () => {
    const client = await cosmjs();
    const to = fresh();
    const result = await client.signAndBroadcast(wallet, [send(to.toUpperCase(), '9')], FEE);
    expect(result.code).toBe(0);
    const transfers = (await chain.block(result.height, watch(to)))?.transfers ?? [];
    expect(transfers).toMatchObject([{ address: to, units: 9n }]);
    expect((await chain.holding({ addresses: [to], coins: [] }, 'AKT', result.height)).units).toBe(9n);
  });
});
