import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startBitcoin } from '../../devnet/bitcoin/start.ts';
import type { Coin } from '../../src/adapters/chain.ts';
import {
  FINAL_DEPTH,
  FOREIGN,
  START_MS,
  secret,
  dataDir,
  server,
  chain,
  chainOn,
  watching,
  coin,
} from '../support/bitcoin-rig.ts';

describe('sending', () => {
  const change = () => ({ address: chain.addressAt('1/0'), path: '1/0' });
  const output = (address: string, units: bigint) => ({ address, asset: 'BTC', units });

  test('a payment of two outputs, from building to its final block', async () => {
    const own = [await coin(60_000n), await coin(70_000n)];
    const anchor = { kind: 'coins', coins: own, change: change() } as const;
    const outputs = [output(FOREIGN, 50_000n), output('2N3oefVeg6stiTb5Kh3ozCSkaqmx91FDbsm', 40_000n)];
    const unsigned = await chain.build({ anchor, outputs, feeRate: 5n });
    expect(unsigned).toMatchObject({ chain: 'bitcoin', outputs });
    expect(chain.decode(unsigned.body)).toEqual({ outputs, feeMax: unsigned.feeMax });
    const signed = await chain.sign(unsigned, secret.toBase58());
    expect(await chain.sign(unsigned, secret.toBase58())).toEqual(signed);
    expect(await chain.find(signed.txId, anchor)).toEqual({ kind: 'unknown' });
    expect(await chain.broadcast(signed.raw)).toEqual({ kind: 'pending' });
    expect(await chain.broadcast(signed.raw)).toEqual({ kind: 'pending' });
    expect(await chain.find(signed.txId, anchor)).toEqual({ kind: 'pending' });
    expect(await chain.anchor(anchor)).toEqual({ kind: 'free' });
    await server.devnet.mine(1);
    const { height } = await chain.tip();
    const fee = unsigned.feeMax;
    expect(await chain.find(signed.txId, anchor)).toMatchObject({
      ...{ kind: 'included', success: true, confirmations: 1, final: false, fee, block: { height } },
      change: { txId: signed.txId, vout: 2, units: 130_000n - 90_000n - fee.units, ...change() },
    });
    expect(await chain.find(signed.txId)).toMatchObject({ kind: 'included', fee, change: null });
    expect(await chain.anchor(anchor)).toEqual({ kind: 'used', final: false, txId: signed.txId });
    expect(await chain.broadcast(signed.raw)).toEqual({ kind: 'pending' });
    await server.devnet.mine(FINAL_DEPTH - 1);
    expect(await chain.find(signed.txId, anchor)).toMatchObject({ confirmations: FINAL_DEPTH, final: false });
    expect(await chain.anchor(anchor)).toMatchObject({ final: false });
    await server.devnet.mine(1);
    expect(await chain.find(signed.txId, anchor)).toMatchObject({ confirmations: 1 + FINAL_DEPTH, final: true });
    expect(await chain.anchor(anchor)).toEqual({ kind: 'used', final: true, txId: signed.txId });
  });

  test('a higher fee on the same coins replaces the first attempt', async () => {
    const anchor = { kind: 'coins', coins: [await coin(60_000n)], change: change() } as const;
    const attempt = async (feeRate: bigint) => {
      const unsigned = await chain.build({ anchor, outputs: [output(FOREIGN, 30_000n)], feeRate });
      return chain.sign(unsigned, secret.toBase58());
    };
    const [first, second] = [await attempt(2n), await attempt(chain.replacementRate(2n))];
    expect(await chain.broadcast(first.raw)).toEqual({ kind: 'pending' });
    expect(await chain.broadcast(second.raw)).toEqual({ kind: 'pending' });
    expect(await chain.broadcast(first.raw)).toMatchObject({ kind: 'refused', code: 'fee-too-low' });
    expect(await chain.find(first.txId)).toEqual({ kind: 'unknown' });
    await server.devnet.mine(1);
    expect(await chain.find(second.txId, anchor)).toMatchObject({ kind: 'included' });
    expect(await chain.broadcast(first.raw)).toMatchObject({ kind: 'refused', code: 'conflict' });
    expect(await chain.anchor(anchor)).toMatchObject({ kind: 'used', txId: second.txId });
  });

  test('money that is not there is refused, before and after signing', async () => {
    const real = await coin(20_000n);
    const anchor = (units: bigint) => ({ kind: 'coins', coins: [{ ...real, units }], change: change() }) as const;
    const outputs = [output(FOREIGN, 25_000n)];
    await expect(chain.build({ anchor: anchor(20_000n), outputs, feeRate: 2n })).rejects.toThrow(/sat short/);
    const lie = await chain.sign(
      await chain.build({ anchor: anchor(90_000n), outputs, feeRate: 2n }),
      secret.toBase58(),
    );
    expect(await chain.broadcast(lie.raw)).toMatchObject({ kind: 'refused', code: 'funds' });
    expect(await chain.broadcast(lie.raw.slice(0, -2))).toMatchObject({ kind: 'refused', code: 'invalid' });
    expect(await chain.find(lie.txId)).toEqual({ kind: 'unknown' });
  });

  test('coins are held from the block they arrive in until the block that spends them', async () => {
    const own = [await coin(60_000n)];
    const { height } = await chain.tip();
    const anchor = { kind: 'coins', coins: own, change: change() } as const;
    const unsigned = await chain.build({ anchor, outputs: [output(FOREIGN, 30_000n)], feeRate: 2n });
    const { txId, raw } = await chain.sign(unsigned, secret.toBase58());
    await chain.broadcast(raw);
    const holding = async (at: number | null, coins: readonly Coin[]) =>
      chain.holding({ addresses: [], coins }, 'BTC', at);
    expect(await holding(height, own)).toEqual({ units: 60_000n, height });
    expect(
      await holding(
        height,
        own.map((one) => ({ ...one, units: 99_000n })),
      ),
    ).toEqual({ units: 60_000n, height });
    await server.devnet.mine(1);
    const outcome = await chain.find(txId, anchor);
    const back = outcome.kind === 'included' && outcome.change ? [outcome.change] : [];
    expect(await holding(height - 1, own)).toEqual({ units: 0n, height: height - 1 });
    expect(await holding(height, [...own, ...back])).toEqual({ units: 60_000n, height });
    expect(await holding(height + 1, [...own, ...back])).toEqual({
      units: 30_000n - unsigned.feeMax.units,
      height: height + 1,
    });
    await server.devnet.mine(FINAL_DEPTH - 1);
    expect(await holding(null, own)).toEqual({ units: 60_000n, height });
    await server.devnet.mine(1);
    expect(await holding(null, own)).toEqual({ units: 0n, height: height + 1 });
  });
});

describe('the node', () => {
  test(
    'without a transaction index our sends and their coins are found all the same',
    async () => {
      const plain = await startBitcoin({ dataDir: join(dataDir, 'no-index'), txIndex: false });
      try {
        const own = chainOn(plain.rpcUrl);
        const { address, path } = own.depositAddress(0, '');
        const paid = await plain.devnet.pay(address, 50_000n);
        await plain.devnet.mine(1);
        const coins = [{ txId: paid, vout: 0, units: 50_000n, address, path }];
        const anchor = { kind: 'coins', coins, change: { address: own.addressAt('1/0'), path: '1/0' } } as const;
        const outputs = [{ address: FOREIGN, asset: 'BTC', units: 20_000n }];
        const signed = await own.sign(await own.build({ anchor, outputs, feeRate: 2n }), secret.toBase58());
        await own.broadcast(signed.raw);
        await plain.devnet.mine(3);
        expect(await own.find(signed.txId, anchor)).toMatchObject({ kind: 'included', confirmations: 3 });
        expect(await own.anchor(anchor)).toEqual({ kind: 'used', final: false, txId: signed.txId });
        expect(await own.find('ab'.repeat(32))).toEqual({ kind: 'unknown' });
        await plain.devnet.reorg(3, { dropTxids: [signed.txId] });
        expect(await own.find(signed.txId, anchor)).toEqual({ kind: 'pending' });
        expect(await own.anchor(anchor)).toEqual({ kind: 'free' });
      } finally {
        await plain.kill();
      }
    },
    START_MS,
  );

  test(
    'a SIGKILL loses neither blocks nor the mempool, and the timer mines what was left',
    async () => {
      const directory = join(dataDir, 'killed');
      const first = await startBitcoin({ dataDir: directory });
      await first.devnet.mine(3);
      const txId = await first.devnet.pay(FOREIGN, 10_000n);
      const tip = await chainOn(first.rpcUrl).tip();
      await first.kill();
      const second = await startBitcoin({ dataDir: directory });
      try {
        expect(await chainOn(second.rpcUrl).tip()).toEqual(tip);
        expect(await chainOn(second.rpcUrl).find(txId)).toEqual({ kind: 'pending' });
        await second.devnet.mine(1);
        expect(await chainOn(second.rpcUrl).find(txId)).toMatchObject({ kind: 'included', confirmations: 1 });
      } finally {
        await second.kill();
      }
    },
    START_MS,
  );

  test.each([
    ['HTML', '<html><body>502 Bad Gateway</body></html>'],
    ['nothing', ''],
    ['a truncated answer', '{"result":{"chain":"reg'],
    ['no result', '{"id":1,"error":null}'],
    ['another call', '{"id":99,"result":"regtest","error":null}'],
  ])('an answer that is %s is an error, and a broadcast stays pending', async (_name, body) => {
    const broken = createServer((_request, response) => response.end(body));
    await new Promise<void>((resolve) => broken.listen(0, '127.0.0.1', resolve));
    const own = chainOn(`http://127.0.0.1:${(broken.address() as AddressInfo).port}`);
    await expect(own.tip()).rejects.toThrow();
    expect(await own.broadcast('00')).toEqual({ kind: 'pending' });
    await new Promise((resolve) => broken.close(resolve));
    await expect(own.tip()).rejects.toThrow();
    expect(await own.broadcast('00')).toEqual({ kind: 'pending' });
  });

  test('another block than the one asked for is refused', async () => {
    const { hash, parentHash, height } = await chain.tip();
    const raw = await server.devnet.call<string>('getblock', [parentHash, 0]);
    const lying = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { id, method } = JSON.parse(Buffer.concat(chunks).toString()) as { id: number; method: string };
        response.end(JSON.stringify({ id, error: null, result: method === 'getblockhash' ? hash : raw }));
      });
    });
    await new Promise<void>((resolve) => lying.listen(0, '127.0.0.1', resolve));
    const own = chainOn(`http://127.0.0.1:${(lying.address() as AddressInfo).port}`);
    await expect(own.block(height, watching(FOREIGN))).rejects.toThrow('another block');
    await new Promise((resolve) => lying.close(resolve));
  });

  test('says who it is, and offers the same view as the driver builds on', async () => {
    const { devnet } = server;
    const { height, hash } = await chain.tip();
    expect(await devnet.call('getblockchaininfo')).toMatchObject({ chain: 'regtest', blocks: height, pruned: false });
    expect(await devnet.call('getnetworkinfo')).toMatchObject({ subversion: '/bcoin:1.0.2/lockstep-devnet/' });
    const verbose = await devnet.call<{ tx: { txid: string }[] }>('getblock', [hash, 2]);
    const short = await devnet.call<{ tx: string[] }>('getblock', [hash, 1]);
    expect(verbose.tx.map(({ txid }) => txid)).toEqual(short.tx);
    const { hex } = await devnet.draft(FOREIGN, 1000n);
    expect(await devnet.call('testmempoolaccept', [[hex]])).toMatchObject([{ allowed: true }]);
    const dust = await devnet.draft(FOREIGN, 293n);
    expect(await devnet.call('testmempoolaccept', [[dust.hex]])).toMatchObject([{ 'reject-reason': 'dust' }]);
    await expect(devnet.call('getblockhash', [height + 1])).rejects.toThrow('(-8)');
    await expect(devnet.call('getblock', ['ab'.repeat(32)])).rejects.toThrow('(-5)');
    await expect(devnet.call('nonsense')).rejects.toThrow('(-32601)');
  });
});
