import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Transaction, Wallet } from 'ethers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEvm } from '../../devnet/evm/start.ts';
import { EvmChain } from '../../src/adapters/chains/evm.ts';
import { type EvmRig, evmRig, newSalt, output, transfersAt, watching } from '../support/evm.ts';

describe('Ethereum driver', () => {
  let rig: EvmRig;
  const deposit = () => rig.chain.depositAddress(0, newSalt()).address;
  const nonceAnchor = (nonce: bigint) => ({ kind: 'nonce', signer: rig.hot.address, nonce }) as const;
  /** Runs something and gives what the driver then finds at the addresses. */
  const seenAfter = async (addresses: string[], work: () => Promise<unknown>) => {
    const from = (await rig.height()) + 1;
    await work();
    return transfersAt(rig, addresses, from, await rig.height());
  };
  const pay = async (token: string | null, to: string, units: bigint) => {
    const txId = await rig.wallet.pay({ token, to, units });
    await rig.dev.node.mined(txId);
    return txId;
  };
  /** Mines by hand while something runs. */
  const withoutMining = async (work: () => Promise<void>) => {
    await rig.dev.node.call('evm_setAutomine', [false]);
    try {
      await work();
    } finally {
      await rig.dev.node.call('evm_setAutomine', [true]);
    }
  };

  beforeAll(async () => {
    rig = await evmRig();
    for (const symbol of ['USDC', 'USDT', 'DAI']) await rig.wallet.mint(symbol, rig.hot.address, 10n ** 24n);
  });
  afterAll(() => rig?.close());

  describe('deposits', () => {
    it('are Transfer events of pinned tokens, placed by their index in their own receipt', async () => {
      for (const symbol of ['USDC', 'USDT', 'DAI']) {
        const address = deposit();
        let txId = '';
        const seen = await seenAfter([address], async () => {
          txId = await pay(rig.token(symbol), address, 12_345n);
        });
        const reference = rig.token(symbol);
        const asset = `${symbol}.ethereum`;
        const rest = { feeRate: null, spendable: true, memo: null };
        expect(seen).toEqual([{ txId, place: 'log:0', address, asset, reference, units: 12_345n, ...rest }]);
      }
    });

    it('keep their place when other transactions come first in the block', async () => {
      const address = deposit();
      const other = deposit();
      await pay(rig.token('DAI'), deposit(), 1n);
      const from = (await rig.height()) + 1;
      const first = await rig.sign({ outputs: [output(other, rig.asset('USDC'), 1n)], feeRate: 10n ** 11n });
      let second = '';
      await withoutMining(async () => {
        await rig.chain.broadcast(first.raw);
        second = await rig.wallet.pay({ token: rig.token('DAI'), to: address, units: 1n });
        await rig.wallet.mine();
      });
      const seen = await transfersAt(rig, [address, other], from, await rig.height());
      expect(seen.map(({ txId, place }) => ({ txId, place }))).toEqual([
        { txId: first.txId, place: 'log:0' },
        { txId: second, place: 'log:0' },
      ]);
    });

    it('of unknown tokens are listed without an asset, look-alikes too, but not from an address to itself', async () => {
      const address = deposit();
      const spoof = await rig.deploy('SpoofToken');
      const seen = await seenAfter([address], async () => {
        for (const from of [rig.hot.address, address])
          await rig.transact(spoof.address, spoof.contract, 'emitTransfer', [from, address, 10n ** 12n]);
      });
      expect(seen).toMatchObject([{ asset: null, reference: spoof.address, units: 10n ** 12n }]);
    });

    it('of nothing, and events of transactions that failed, are not seen', async () => {
      const address = deposit();
      const seen = await seenAfter([address], async () => {
        await pay(rig.token('USDC'), address, 0n);
        const token = await rig.deploy('TestToken', 'POOR', 6);
        const data = token.contract.encodeFunctionData('transfer', [address, 1n]);
        const from = rig.dev.deployment.accounts.payer.address;
        const txId = await rig.dev.node.send({ from, to: token.address, data, gas: 200_000n });
        await expect(rig.dev.node.mined(txId)).rejects.toThrow(/failed/);
        expect(await rig.chain.find(txId)).toMatchObject({ kind: 'included', success: false });
      });
      expect(seen).toEqual([]);
    });

    it('are what arrived when a pinned token keeps a fee, whatever its event says', async () => {
      const token = await rig.deploy('FeeToken');
      const reference = token.address;
      const fee = { ...rig.asset('USDC'), id: 'FEE.ethereum', ticker: 'FEE', reference };
      const chain = new EvmChain({ ...rig.settings, assets: [...rig.assets, fee] });
      await chain.verify();
      await rig.transact(token.address, token.contract, 'mint', [rig.dev.deployment.accounts.payer.address, 10_000n]);
      for (const lying of [false, true]) {
        await rig.transact(token.address, token.contract, 'setLying', [lying]);
        const address = deposit();
        await rig.transact(token.address, token.contract, 'transfer', [address, 1_000n]);
        const block = await chain.block(await rig.height(), watching(chain, [address]));
        expect(block?.transfers).toMatchObject([{ asset: 'FEE.ethereum', units: 990n }]);
      }
    });

    it('of ether by plain payment are seen, and are unclaimed where ether is not taken', async () => {
      const address = deposit();
      const seen = await seenAfter([address], () => pay(null, address, 7n));
      expect(seen).toMatchObject([{ asset: 'ETH', place: 'value', reference: null, units: 7n, address }]);
      const tokensOnly = new EvmChain({ ...rig.settings, assets: rig.assets.filter(({ reference }) => reference) });
      const block = await tokensOnly.block(await rig.height(), watching(tokensOnly, [address]));
      expect(block?.transfers).toMatchObject([{ asset: null, units: 7n }]);
    });

    it('of ether whose transaction failed are not seen', async () => {
      const salt = newSalt();
      const { address } = rig.chain.depositAddress(0, salt);
      await rig.send({ call: rig.chain.sweepCall('ETH', [salt]) });
      const seen = await seenAfter([address], async () => {
        const from = rig.dev.deployment.accounts.payer.address;
        const payment = { from, to: address, value: 5n, data: '0xdeadbeef', gas: 200_000n };
        await expect(rig.dev.node.mined(await rig.dev.node.send(payment))).rejects.toThrow(/failed/);
      });
      expect(seen).toEqual([]);
    });

    it('keep their identity when a reorg moves them to another block and log index', async () => {
      const address = deposit();
      const signed = await rig.sign({ outputs: [output(address, rig.asset('USDC'), 5n)] });
      const height = (await rig.height()) + 1;
      await rig.chain.broadcast(signed.raw);
      await rig.dev.node.mined(signed.txId);
      await rig.wallet.mine();
      const before = await rig.chain.block(height, watching(rig.chain, [address]));
      await rig.wallet.reorg(2, [[signed.raw, 1]]);
      const gone = await rig.chain.block(height, watching(rig.chain, [address]));
      const after = await rig.chain.block(height + 1, watching(rig.chain, [address]));
      expect(before?.transfers).toHaveLength(1);
      expect(gone?.hash).not.toBe(before?.hash);
      expect(gone?.transfers).toEqual([]);
      expect(after?.parentHash).toBe(gone?.hash);
      expect(after?.transfers).toEqual(before?.transfers);
    });

    it('vanish in a reorg that drops them: the transaction is then unknown', async () => {
      const address = deposit();
      const signed = await rig.send({ outputs: [output(address, rig.asset('USDC'), 5n)] });
      const height = await rig.height();
      await rig.wallet.reorg(1);
      expect((await rig.chain.block(height, watching(rig.chain, [address])))?.transfers).toEqual([]);
      expect(await rig.chain.find(signed.txId)).toEqual({ kind: 'unknown' });
    });

    it('beyond the tip do not exist yet', async () => {
      const height = (await rig.height()) + 10;
      expect(await rig.chain.block(height, watching(rig.chain, []))).toBeNull();
      expect(await rig.chain.blockRef(height)).toBeNull();
    });
  });

  describe('sends', () => {
    it('decode to what was asked for and confirm with their fee', async () => {
      const to = rig.dev.deployment.accounts.payer.address;
      for (const symbol of ['ETH', 'USDC', 'USDT']) {
        const outputs = [output(to, rig.asset(symbol), 77n)];
        const anchor = nonceAnchor(await rig.chain.nextSlot(rig.hot.address));
        const unsigned = await rig.chain.build({ anchor, outputs, feeRate: await rig.chain.feeRate(3) });
        expect(rig.chain.decode(unsigned.body)).toEqual({ outputs, feeMax: unsigned.feeMax });
        const signed = await rig.chain.sign(unsigned, rig.hot.secret);
        expect(await rig.chain.sign(unsigned, rig.hot.secret)).toEqual(signed);
        expect(await rig.chain.broadcast(signed.raw)).toEqual({ kind: 'pending' });
        await rig.dev.node.mined(signed.txId);
        const found = await rig.chain.find(signed.txId);
        expect(found).toMatchObject({ kind: 'included', success: true, confirmations: 1, final: false, change: null });
        if (found.kind !== 'included') throw new Error('not included');
        expect(found.fee.units).toBeGreaterThan(0n);
        expect(found.fee.units).toBeLessThanOrEqual(unsigned.feeMax.units);
        await rig.wallet.mine(3);
        expect(await rig.chain.find(signed.txId)).toMatchObject({ confirmations: 4, final: true });
        expect(await rig.chain.broadcast(signed.raw)).toMatchObject({ kind: 'refused', code: 'sequence' });
      }
    });

    it('that are contract calls decode as calls, never as payments', async () => {
      const call = rig.chain.sweepCall(rig.asset('USDC').id, [newSalt()]);
      const anchor = nonceAnchor(await rig.chain.nextSlot(rig.hot.address));
      const unsigned = await rig.chain.build({ anchor, outputs: [], call, feeRate: 10n ** 10n });
      expect(unsigned).toMatchObject({ outputs: [], call });
    });

    it('need the key of the account they were built for', async () => {
      const anchor = nonceAnchor(await rig.chain.nextSlot(rig.hot.address));
      const outputs = [output(rig.dev.deployment.accounts.payer.address, rig.asset('ETH'), 1n)];
      const unsigned = await rig.chain.build({ anchor, outputs, feeRate: 10n ** 10n });
      const { secret } = rig.dev.deployment.accounts.bot;
      await expect(async () => rig.chain.sign(unsigned, secret)).rejects.toThrow(/the key is not/);
    });

    it('to zero, token or own contracts are not built', async () => {
      const anchor = nonceAnchor(await rig.chain.nextSlot(rig.hot.address));
      const bad = [`0x${'0'.repeat(40)}`, rig.token('USDC'), rig.settings.factory, rig.settings.batchPayer ?? ''];
      for (const address of bad) {
        expect(rig.chain.checkAddress(address)).toMatchObject({ kind: 'invalid' });
        const outputs = [output(address, rig.asset('USDC'), 1n)];
        await expect(rig.chain.build({ anchor, outputs, feeRate: 10n ** 10n })).rejects.toThrow();
      }
    });

    it('replace each other at the same nonce at the replacement rate, not below', async () => {
      const outputs = [output(rig.dev.deployment.accounts.payer.address, rig.asset('USDC'), 3n)];
      const nonce = await rig.chain.nextSlot(rig.hot.address);
      const feeRate = await rig.chain.feeRate(3);
      const first = await rig.sign({ outputs, feeRate }, nonce);
      const second = await rig.sign({ outputs, feeRate: rig.chain.replacementRate(feeRate) }, nonce);
      await withoutMining(async () => {
        expect(await rig.chain.broadcast(first.raw)).toEqual({ kind: 'pending' });
        expect(await rig.chain.broadcast(first.raw)).toEqual({ kind: 'pending' });
        expect(await rig.chain.find(first.txId)).toEqual({ kind: 'pending' });
        expect(await rig.chain.nextSlot(rig.hot.address)).toBe(nonce);
        const tooLittle = await rig.sign({ outputs, feeRate: feeRate - feeRate / 20n }, nonce);
        expect(await rig.chain.broadcast(tooLittle.raw)).toMatchObject({ kind: 'refused', code: 'fee-too-low' });
        expect(await rig.chain.broadcast(second.raw)).toEqual({ kind: 'pending' });
        expect(await rig.chain.anchor(nonceAnchor(nonce))).toEqual({ kind: 'free' });
        await rig.wallet.mine();
      });
      expect(await rig.chain.find(first.txId)).toEqual({ kind: 'unknown' });
      expect(await rig.chain.find(second.txId)).toMatchObject({ kind: 'included', success: true });
      expect(await rig.chain.anchor(nonceAnchor(nonce))).toEqual({ kind: 'used', final: false, txId: second.txId });
    });

    it('find their nonce used, and by what, when another transaction of the account took it', async () => {
      const nonce = await rig.chain.nextSlot(rig.hot.address);
      const to = rig.dev.deployment.accounts.payer.address;
      const ours = await rig.sign({ outputs: [output(to, rig.asset('USDC'), 9n)] }, nonce);
      const foreign = await rig.dev.node.send({ from: rig.hot.address, to, value: 1n });
      await rig.dev.node.mined(foreign);
      expect(await rig.chain.broadcast(ours.raw)).toMatchObject({ kind: 'refused', code: 'sequence' });
      expect(await rig.chain.find(ours.txId)).toEqual({ kind: 'unknown' });
      expect(await rig.chain.anchor(nonceAnchor(nonce))).toEqual({ kind: 'used', final: false, txId: foreign });
      await rig.wallet.mine(20);
      expect(await rig.chain.anchor(nonceAnchor(nonce))).toEqual({ kind: 'used', final: true, txId: foreign });
      expect(await rig.chain.anchor(nonceAnchor(nonce + 1n))).toEqual({ kind: 'free' });
    });

    it('of one account in one block are told apart by their nonces', async () => {
      const nonce = await rig.chain.nextSlot(rig.hot.address);
      const outputs = [output(rig.dev.deployment.accounts.payer.address, rig.asset('USDC'), 1n)];
      const sends = [await rig.sign({ outputs }, nonce), await rig.sign({ outputs }, nonce + 1n)];
      await withoutMining(async () => {
        for (const { raw } of sends) await rig.chain.broadcast(raw);
        await rig.wallet.mine();
      });
      for (const [n, { txId }] of sends.entries())
        expect(await rig.chain.anchor(nonceAnchor(nonce + BigInt(n)))).toMatchObject({ kind: 'used', txId });
    });

    it('offer a rate that survives the base fee doubling, a tenth of it as tip', async () => {
      const { baseFeePerGas } = (await rig.dev.node.call('eth_feeHistory', ['0x1', 'latest', []])) as {
        baseFeePerGas: string[];
      };
      const nextBase = BigInt(baseFeePerGas.at(-1) ?? '');
      const rate = await rig.chain.feeRate(3);
      expect(rate - rate / 10n).toBeGreaterThanOrEqual(2n * nextBase);
      const { raw } = await rig.sign({ outputs: [output(rig.hot.address, rig.asset('ETH'), 0n)], feeRate: 10n ** 9n });
      expect(Transaction.from(raw)).toMatchObject({ maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 10n ** 8n });
    });

    it('that cannot be paid for are refused for lack of funds', async () => {
      const poor = Wallet.createRandom();
      const anchor = { kind: 'nonce', signer: poor.address, nonce: 0n } as const;
      const outputs = [output(rig.hot.address, rig.asset('ETH'), 0n)];
      const unsigned = await rig.chain.build({ anchor, outputs, feeRate: 10n ** 10n });
      const signed = await rig.chain.sign(unsigned, poor.privateKey);
      expect(await rig.chain.broadcast(signed.raw)).toMatchObject({ kind: 'refused', code: 'funds' });
    });
  });

  it('final height follows the tag, lags the tip and never goes back', async () => {
    await rig.wallet.mine(5);
    const tip = await rig.height();
    expect(await rig.chain.finalHeight()).toBe(tip - 2);
    const byDepth = new EvmChain({ ...rig.settings, finality: 4 });
    expect(await byDepth.finalHeight()).toBe(tip - 4);
    await rig.wallet.reorg(2);
    await rig.dev.node.call('anvil_rollback', [3]);
    expect(await rig.height()).toBe(tip - 3);
    expect(await rig.chain.finalHeight()).toBe(tip - 2);
    expect(await byDepth.finalHeight()).toBe(tip - 4);
    await rig.wallet.mine(3);
  });

  it('holdings are as of a height', async () => {
    const addresses = [deposit(), deposit()];
    const asset = rig.asset('DAI').id;
    const before = await rig.height();
    for (const address of addresses) await pay(rig.token('DAI'), address, 10n);
    const now = await rig.height();
    const holding = (height: number | null) => rig.chain.holding({ addresses, coins: [] }, asset, height);
    expect(await holding(before)).toEqual({ units: 0n, height: before });
    expect(await holding(now)).toEqual({ units: 20n, height: now });
    await rig.wallet.mine(2);
    expect(await holding(null)).toEqual({ units: 20n, height: now });
  });

  it('refuses a node of another chain, a token of other decimals, a place without contract', async () => {
    const usdc = rig.asset('USDC');
    const cases = [
      [{ chainId: 1 }, /chain id 31337, not 1/],
      [{ assets: [{ ...usdc, decimals: 18 }] }, /6 decimals, not 18/],
      [{ assets: [{ ...usdc, reference: rig.hot.address }] }, /no contract with decimals/],
      [{ factory: rig.hot.address }, /no contract with treasury/],
      [{ treasury: rig.token('DAI') }, /sweeps to/],
      [{ batchPayer: rig.hot.address }, /no batch payer/],
    ] as const;
    for (const [changed, message] of cases)
      await expect(new EvmChain({ ...rig.settings, ...changed }).verify()).rejects.toThrow(message);
    expect(() => new EvmChain(rig.settings).depositAddress(0, newSalt())).toThrow(/verify/);
  });

  describe('with a broken node', () => {
    let server: Server;
    let answer: (id: number) => string = () => '';
    let broken: EvmChain;

    beforeAll(async () => {
      server = createServer((request, response) => {
        let body = '';
        request.on('data', (chunk: Buffer) => {
          body += chunk.toString();
        });
        request.on('end', () => {
          const text = answer((JSON.parse(body) as { id: number }).id);
          if (text === 'reset') request.socket.destroy();
          else if (text !== 'silence') response.end(text);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      broken = new EvmChain({ ...rig.settings, rpcUrl: `http://127.0.0.1:${port}`, timeoutMs: 300 });
    });
    afterAll(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });

    const result = (value: unknown) => (id: number) => JSON.stringify({ jsonrpc: '2.0', id, result: value });
    it.each([
      ['HTML', () => '<html>502 Bad Gateway</html>', /eth_chainId: the answer is not JSON: "<html>/],
      ['truncated JSON', () => '{"jsonrpc":"2.0","id":1,"resu', /not JSON/],
      ['nothing', () => '', /not JSON/],
      ['an array', () => '[]', /not a JSON-RPC object/],
      ['another id', () => '{"jsonrpc":"2.0","id":99999,"result":"0x1"}', /wrong id/],
      ['no result', (id: number) => JSON.stringify({ id }), /neither result nor error/],
      ['null', result(null), /not acceptable/],
      ['a number', result(31337), /not acceptable/],
      ['words', result('0xzz'), /not acceptable/],
      ['a closed connection', () => 'reset', /no answer/],
      ['silence', () => 'silence', /no answer: .*timeout/i],
      ['an error', (id: number) => JSON.stringify({ id, error: { code: -32005, message: 'slow down' } }), /slow down/],
    ])('%s is one clear error', async (_what, text, message) => {
      answer = text;
      await expect(broken.verify()).rejects.toThrow(message);
    });

    it('a broadcast without an answer is pending, not refused', async () => {
      const signed = await rig.sign({ outputs: [output(rig.hot.address, rig.asset('ETH'), 1n)] });
      for (const text of ['reset', 'silence', '<html>']) {
        answer = () => text;
        expect(await broken.broadcast(signed.raw)).toEqual({ kind: 'pending' });
      }
    });
  });

  it('after a restart of a node that forgot old state, reads on: events stand, holdings are of the final block', async () => {
    const address = deposit();
    const nonce = await rig.chain.nextSlot(rig.hot.address);
    await rig.send({ outputs: [output(address, rig.asset('USDC'), 8n)] });
    const height = await rig.height();
    await rig.dev.stop();
    const dev = await startEvm({ dataDir: rig.dataDir });
    try {
      const chain = new EvmChain({ ...rig.settings, rpcUrl: dev.rpcUrl });
      await chain.verify();
      expect((await chain.block(height, watching(chain, [address])))?.transfers).toMatchObject([{ units: 8n }]);
      const held = await chain.holding({ addresses: [address], coins: [] }, rig.asset('USDC').id, null);
      expect(held.units).toBe(8n);
      expect(await chain.anchor(nonceAnchor(nonce))).toEqual({ kind: 'used', final: true, txId: null });
    } finally {
      await dev.stop();
    }
  });
});
