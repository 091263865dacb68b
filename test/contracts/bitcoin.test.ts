import * as secp256k1 from '@bitcoinerlab/secp256k1';
import { BIP32Factory } from 'bip32';
import { describe, expect, test } from 'vitest';
import {
  FINAL_DEPTH,
  FOREIGN,
  START_MS,
  server,
  chain,
  chainOn,
  watching,
  deposit,
  seen,
  inBlocks,
} from '../support/bitcoin-rig.ts';

describe('reading', () => {
  test('refuses a node of another network', async () => {
    await chain.verify();
    const accountXpub = BIP32Factory(secp256k1).fromSeed(Buffer.alloc(32, 7)).derivePath("m/84'/0'/0'").neutered();
    const mainnet = chainOn(server.rpcUrl, { network: 'mainnet', accountXpub: accountXpub.toBase58() });
    await expect(mainnet.verify()).rejects.toThrow('is on regtest, not on main');
  });

  test('a deposit is seen in the mempool with its fee rate, then in its block', async () => {
    const { address } = deposit();
    const txId = await server.devnet.pay(address, 123_456n, { feeRate: 7 });
    const expected = {
      ...{ txId, place: 'vout:0', address, asset: 'BTC', reference: null },
      ...{ units: 123_456n, feeRate: 7n, spendable: true, memo: null },
    };
    expect(await chain.mempool(watching(address))).toEqual([expected]);
    await server.devnet.mine(1);
    expect(await chain.mempool(watching(address))).toEqual([]);
    const tip = await chain.tip();
    const block = await chain.block(tip.height, watching(address));
    expect(block).toEqual({ ...tip, transfers: [expected] });
    expect(await chain.blockRef(tip.height)).toEqual(tip);
    expect((await chain.blockRef(tip.height - 1))?.hash).toBe(tip.parentHash);
    expect(await chain.block(tip.height + 1, watching(address))).toBeNull();
    expect(await chain.finalHeight()).toBe(tip.height - FINAL_DEPTH);
  });

  test('an address that is watched only after its payment was read is still found', async () => {
    const { address } = deposit();
    const txId = await server.devnet.pay(address, 40_000n);
    expect(await chain.mempool(watching(FOREIGN))).not.toContainEqual(expect.objectContaining({ txId }));
    expect(seen(await chain.mempool(watching(address)))).toEqual([{ txId, place: 'vout:0', units: 40_000n }]);
  });

  test('several outputs of one transaction to us are several transfers', async () => {
    const [first, second] = [deposit().address, deposit().address];
    const txId = await server.devnet.payMany([
      { address: first, sats: 1000n },
      { address: FOREIGN, sats: 2000n },
      { address: second, sats: 3000n },
      { address: first, sats: 4000n },
    ]);
    await server.devnet.mine(1);
    const { height } = await chain.tip();
    const block = await chain.block(height, watching(first, second));
    expect(block?.transfers.map(({ place, address, units }) => [place, address, units])).toEqual([
      ['vout:0', first, 1000n],
      ['vout:2', second, 3000n],
      ['vout:3', first, 4000n],
    ]);
    expect(new Set(block?.transfers.map((transfer) => transfer.txId))).toEqual(new Set([txId]));
  });

  test('mined money is not spendable yet', async () => {
    const { address } = deposit();
    await server.devnet.mine(1, address);
    expect(await inBlocks(address, 1)).toMatchObject([{ spendable: false, feeRate: null, asset: 'BTC' }]);
  });

  test('the fee rate is the estimate of the node, never below the floor', async () => {
    expect(await chain.feeRate(6)).toBe(1n);
    await server.devnet.setFeeRate(37);
    expect(await chain.feeRate(6)).toBe(37n);
    expect(await chainOn(server.rpcUrl, { feeRateFloor: 50n }).feeRate(6)).toBe(50n);
    await server.devnet.setFeeRate(null);
  });

  test('block time follows the clock that was set', async () => {
    const time = new Date((await chain.tip()).time.getTime() + 3_600_000);
    await server.devnet.setTime(time);
    await server.devnet.mine(1);
    const mined = (await chain.tip()).time.getTime();
    expect(mined).toBeGreaterThanOrEqual(time.getTime() - 1000);
    expect(mined).toBeLessThan(time.getTime() + START_MS);
  });
});

describe('replacement', () => {
  test('a smaller amount takes the place of the first payment', async () => {
    const { address } = deposit();
    const first = await server.devnet.pay(address, 90_000n);
    const second = await server.devnet.pay(address, 10_000n, { conflictWith: first });
    expect(seen(await chain.mempool(watching(address)))).toEqual([{ txId: second, place: 'vout:0', units: 10_000n }]);
    await server.devnet.mine(1);
    expect(seen(await inBlocks(address, 1))).toEqual([{ txId: second, place: 'vout:0', units: 10_000n }]);
    expect(await chain.find(first)).toEqual({ kind: 'unknown' });
  });

  test('a replacement to a foreign address leaves nothing for us', async () => {
    const { address } = deposit();
    const first = await server.devnet.pay(address, 90_000n);
    await server.devnet.pay(FOREIGN, 90_000n, { conflictWith: first });
    expect(await chain.mempool(watching(address))).toEqual([]);
    await server.devnet.mine(1);
    expect(await inBlocks(address, 1)).toEqual([]);
  });

  test('replaced twice, then the first payment is mined after all', async () => {
    const { address } = deposit();
    const first = await server.devnet.draft(address, 90_000n);
    await server.devnet.call('sendrawtransaction', [first.hex]);
    const second = await server.devnet.pay(address, 80_000n, { conflictWith: first.txid });
    const third = await server.devnet.pay(FOREIGN, 70_000n, { conflictWith: second });
    expect(await server.devnet.call('getrawmempool')).toEqual([third]);
    const { lost } = await server.devnet.reorg(1, { replaceWith: [first.hex] });
    expect(lost).not.toContain(first.txid);
    expect(seen(await inBlocks(address, 2))).toEqual([{ txId: first.txid, place: 'vout:0', units: 90_000n }]);
    expect(await server.devnet.call('getrawmempool')).not.toContain(third);
  });

  test('a replacement that does not pay more is refused and changes nothing', async () => {
    const { address } = deposit();
    const first = await server.devnet.pay(address, 90_000n, { feeRate: 10 });
    const { hex } = await server.devnet.draft(address, 50_000n, { conflictWith: first, feeRate: 10 });
    expect(await chain.broadcast(hex)).toMatchObject({ kind: 'refused', code: 'fee-too-low' });
    expect(await chain.mempool(watching(address))).toMatchObject([{ txId: first }]);
  });
});

describe('reorganisation', () => {
  test('the same transaction is mined again in another block', async () => {
    const { address } = deposit();
    const txId = await server.devnet.pay(address, 55_000n);
    await server.devnet.mine(2);
    const before = await chain.tip();
    const [old] = await inBlocks(address, 2);
    const { hashes } = await server.devnet.reorg(2);
    expect(hashes).toHaveLength(3);
    expect(await inBlocks(address, 3)).toMatchObject([{ txId, place: 'vout:0', height: old?.height }]);
    expect((await chain.blockRef(before.height))?.hash).not.toBe(before.hash);
  });

  test('a payment left out returns to the mempool and can be mined later', async () => {
    const { address } = deposit();
    const txId = await server.devnet.pay(address, 55_000n);
    await server.devnet.mine(1);
    expect(await chain.find(txId)).toMatchObject({ kind: 'included', confirmations: 1, final: false });
    const { returned } = await server.devnet.reorg(1, { dropTxids: [txId] });
    expect(returned).toContain(txId);
    expect(await inBlocks(address, 2)).toEqual([]);
    expect(seen(await chain.mempool(watching(address)))).toEqual([{ txId, place: 'vout:0', units: 55_000n }]);
    expect(await chain.find(txId)).toEqual({ kind: 'pending' });
    await server.devnet.mine(1);
    expect(await inBlocks(address, 1)).toMatchObject([{ txId }]);
  });

  test('a conflicting payment is mined instead', async () => {
    const { address } = deposit();
    const txId = await server.devnet.pay(address, 55_000n);
    await server.devnet.mine(1);
    const rival = await server.devnet.draft(FOREIGN, 55_000n, { conflictWith: txId });
    const { lost } = await server.devnet.reorg(1, { replaceWith: [rival.hex] });
    expect(lost).toContain(txId);
    expect(await inBlocks(address, 2)).toEqual([]);
    expect(await chain.find(txId)).toEqual({ kind: 'unknown' });
    expect(await chain.find(rival.txid)).toMatchObject({ kind: 'included' });
  });
});
