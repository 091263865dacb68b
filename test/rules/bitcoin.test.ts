import { randomBytes } from 'node:crypto';
import * as secp256k1 from '@bitcoinerlab/secp256k1';
import { BIP32Factory } from 'bip32';
import { networks, Psbt, Transaction } from 'bitcoinjs-lib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Coin, WatchList } from '../../src/adapters/chain.ts';
import { BitcoinChain } from '../../src/adapters/chains/bitcoin.ts';
import { checkBitcoinAddress, scriptOf } from '../../src/adapters/chains/bitcoin/address.ts';
import { walkBlock } from '../../src/adapters/chains/bitcoin/block.ts';
import { refusalCode } from '../../src/adapters/chains/bitcoin/broadcast.ts';
import { matchBlock, readTransaction } from '../../src/adapters/chains/bitcoin/match.ts';
import type { BitcoinNetwork } from '../../src/adapters/chains/bitcoin/network.ts';
import { BlockIndex } from '../../src/adapters/chains/bitcoin/recent-blocks.ts';
import { dustLimit } from '../../src/adapters/chains/bitcoin/size.ts';
import { WatchedKeys } from '../../src/adapters/watch-list.ts';
import { coinbaseTransaction, segwitScript, serialiseBlock, syntheticTransaction } from '../support/bitcoin-blocks.ts';

const asset = { id: 'BTC', ticker: 'BTC', chain: 'bitcoin', decimals: 8, reference: null, caip19: 'test' };

/** Vectors of https://github.com/bitcoin/bips/blob/master/bip-0084.mediawiki */
const BIP84 = {
  zpub: 'zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKsAYz2oz2AGutZYs',
  zprv: 'zprvAdG4iTXWBoARxkkzNpNh8r6Qag3irQB8PzEMkAFeTRXxHpbF9z4QgEvBRmfvqWvGp42t42nvgGpNgYSJA9iefm1yYNZKEm7z6qUWCroSQnE',
  receive: ['bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu', 'bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g'],
  change: 'bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el',
};

function chainOf(network: BitcoinNetwork, accountXpub: string): BitcoinChain {
  return new BitcoinChain({ id: 'bitcoin', network, rpcUrl: 'http://127.0.0.1:1', accountXpub, finalDepth: 6, asset });
}

const chain = chainOf('mainnet', BIP84.zpub);

describe('addresses', () => {
  test('derive as BIP-84 says', () => {
    expect(BIP84.receive.map((_, index) => chain.depositAddress(index, ''))).toEqual(
      BIP84.receive.map((address, index) => ({ address, path: `0/${index}` })),
    );
    expect(chain.addressAt('1/0')).toBe(BIP84.change);
  });

  test('an account key of another network or depth is refused', () => {
    expect(() => chainOf('regtest', BIP84.zpub)).toThrow();
    const root = BIP32Factory(secp256k1).fromSeed(Buffer.alloc(32, 1)).neutered().toBase58();
    expect(() => chainOf('mainnet', root)).toThrow('BIP-84');
  });

  test.each<[BitcoinNetwork, string]>([
    ['mainnet', '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2'],
    ['mainnet', '3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy'],
    ['mainnet', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'],
    ['mainnet', 'bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3'],
    ['mainnet', 'bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr'],
    ['testnet', 'tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx'],
    ['regtest', '2N3oefVeg6stiTb5Kh3ozCSkaqmx91FDbsm'],
    ['regtest', 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080'],
  ])('%s pays %s', (network, address) => {
    expect(checkBitcoinAddress(address, network)).toEqual({ kind: 'valid', canonical: address });
  });

  test('upper case is the same address', () => {
    const address = BIP84.receive[0] ?? '';
    expect(chain.checkAddress(address.toUpperCase())).toEqual({ kind: 'valid', canonical: address });
    expect(chain.watchKey(address)).toMatch(/^0014[0-9a-f]{40}$/);
  });

  test.each<[BitcoinNetwork, string, RegExp]>([
    ['mainnet', 'tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx', /another network/],
    ['mainnet', 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080', /another network/],
    ['regtest', 'tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx', /another network/],
    ['regtest', '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2', /another network/],
    ['mainnet', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5', /checksum/],
    ['mainnet', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kV8f3t4', /checksum/],
    ['mainnet', 'bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcx', /checksum/],
    ['mainnet', '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3', /checksum/],
    ['mainnet', 'bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs', /witness version/],
    ['mainnet', 'hs1qd42hrldu5yqee58se4uj6xctm7nk28r70e84vx', /mistyped/],
    ['mainnet', '0x00000000219ab540356cBB839Cbe05303d7705Fa', /mistyped/],
    ['mainnet', ' bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', /mistyped/],
    ['mainnet', '', /mistyped/],
  ])('%s does not pay %s', (network, address, reason) => {
    const check = checkBitcoinAddress(address, network);
    expect(check).toMatchObject({ kind: 'invalid', reason: expect.stringMatching(reason) });
  });

  test('a payment URI names address, amount and label (BIP-21)', () => {
    const address = BIP84.receive[0] ?? '';
    expect(chain.paymentUri(address, { asset: 'BTC', units: 123_456n }, 'lease lea_1 & more')).toBe(
      `bitcoin:${address}?amount=0.00123456&label=lease%20lea_1%20%26%20more`,
    );
    expect(chain.paymentUri(address, { asset: 'BTC', units: 100_000_000n }, '')).toBe(
      `bitcoin:${address}?amount=1.00000000`,
    );
  });
});

describe('payments', () => {
  const address = BIP84.receive[0] ?? '';
  const change = { address: BIP84.change, path: '1/0' };
  const coin = (units: bigint): Coin => ({
    txId: randomBytes(32).toString('hex'),
    vout: 1,
    units,
    address,
    path: '0/0',
  });
  const payTo = (to: string, units: bigint) => ({ address: to, asset: 'BTC', units });
  const P2TR = 'bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr';
  const P2PKH = '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2';

  test.each([
    ['P2WPKH', address, 294n],
    ['P2WSH', 'bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3', 330n],
    ['P2TR', P2TR, 330n],
    ['P2SH', '3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy', 540n],
    ['P2PKH', P2PKH, 546n],
  ])('dust of %s', async (_name, to, limit) => {
    expect(dustLimit(scriptOf(to, 'mainnet'))).toBe(limit);
    const anchor = { kind: 'coins', coins: [coin(100_000n)], change } as const;
    await expect(chain.build({ anchor, outputs: [payTo(to, limit)], feeRate: 1n })).resolves.toBeDefined();
    await expect(chain.build({ anchor, outputs: [payTo(to, limit - 1n)], feeRate: 1n })).rejects.toThrow('dust');
  });

  test('the fee is the rate times the size of what is signed, and nothing is lost', async () => {
    const amount = fc.bigInt({ min: 20_000n, max: 10_000_000n });
    const many = fc.record({
      coins: fc.array(amount, { minLength: 1, maxLength: 4 }),
      payees: fc.array(fc.constantFrom(address, P2TR, P2PKH), { minLength: 1, maxLength: 3 }),
      feeRate: fc.bigInt({ min: 1n, max: 12n }),
    });
    await fc.assert(
      fc.asyncProperty(many, async ({ coins, payees, feeRate }) => {
        const anchor = { kind: 'coins', coins: coins.map(coin), change } as const;
        const outputs = payees.map((payee) => payTo(payee, 1000n));
        const unsigned = await chain.build({ anchor, outputs, feeRate });
        const { txId, raw } = await chain.sign(unsigned, BIP84.zprv);
        const tx = Transaction.fromHex(raw);
        const paid = tx.outs.reduce((sum, { value }) => sum + value, 0n);
        expect(coins.reduce((sum, units) => sum + units, 0n)).toBe(paid + unsigned.feeMax.units);
        expect(unsigned.outputs).toEqual(outputs);
        expect(tx.getId()).toBe(txId);
        expect(tx.ins.every(({ sequence }) => sequence < 0xfffffffe)).toBe(true);
        const size = BigInt(tx.virtualSize());
        expect(unsigned.feeMax.units).toBeGreaterThanOrEqual(size * feeRate);
        expect(unsigned.feeMax.units).toBeLessThanOrEqual((size + 1n + BigInt(coins.length)) * feeRate);
        const shape = { inputs: coins.length, outputs: outputs.length + 1, asset: 'BTC' };
        expect(chain.estimateFee(shape, feeRate).units).toBeGreaterThanOrEqual(unsigned.feeMax.units);
      }),
      { numRuns: 20 },
    );
  });

  test('change that would be dust goes to the fee', async () => {
    const build = (units: bigint) =>
      chain.build({
        anchor: { kind: 'coins', coins: [coin(units)], change },
        outputs: [payTo(address, 1000n)],
        feeRate: 1n,
      });
    const outputsOf = async (units: bigint) => Psbt.fromBase64((await build(units)).body).txOutputs.length;
    // One input and two outputs are 141 vB, one output less 110.
    expect(await outputsOf(1000n + 141n + 294n)).toBe(2);
    expect(await outputsOf(1000n + 141n + 293n)).toBe(1);
    expect((await build(1000n + 141n + 293n)).feeMax).toEqual({ asset: 'BTC', units: 434n });
    expect((await build(1000n + 110n)).feeMax.units).toBe(110n);
    await expect(build(1000n + 109n)).rejects.toThrow('1 sat short');
  });

  test('what claims to be change or a coin of ours and is not, is seen', async () => {
    const anchor = { kind: 'coins', coins: [coin(100_000n)], change } as const;
    const { body } = await chain.build({ anchor, outputs: [payTo(P2TR, 10_000n)], feeRate: 1n });
    const stolen = Psbt.fromBase64(body);
    const claim = stolen.data.outputs[1]?.bip32Derivation ?? [];
    const forged = new Psbt();
    forged.addInput({ hash: randomBytes(32), index: 0, ...stolen.data.inputs[0] });
    forged.addOutput({ address: P2PKH, value: 90_000n, bip32Derivation: claim });
    expect(chain.decode(forged.toBase64()).outputs).toEqual([payTo(P2PKH, 90_000n)]);
    const foreign = new Psbt();
    const witnessUtxo = { script: scriptOf(change.address, 'mainnet'), value: 100_000n };
    foreign.addInput({ hash: randomBytes(32), index: 0, ...stolen.data.inputs[0], witnessUtxo });
    foreign.addOutput({ address: P2PKH, value: 90_000n });
    expect(() => chain.decode(foreign.toBase64())).toThrow('not a coin of this account');
    const wrongPath = { ...anchor, change: { address, path: '1/0' } };
    await expect(chain.build({ anchor: wrongPath, outputs: [], feeRate: 1n })).rejects.toThrow("not this account's");
  });

  test("another account's key does not sign", async () => {
    const anchor = { kind: 'coins', coins: [coin(100_000n)], change } as const;
    const unsigned = await chain.build({ anchor, outputs: [payTo(P2TR, 10_000n)], feeRate: 1n });
    const other = BIP32Factory(secp256k1).fromSeed(Buffer.alloc(32, 9), networks.bitcoin).derivePath("m/84'/0'/0'");
    await expect(chain.sign(unsigned, other.toBase58())).rejects.toThrow('not of this account');
    await expect(chain.sign(unsigned, BIP84.zpub)).rejects.toThrow('not of this account');
  });

  test.each([
    [-27, 'Transaction outputs already in utxo set', null],
    [-26, 'txn-already-in-mempool', null],
    [-26, 'txn-same-nonwitness-data-in-mempool', null],
    [-26, 'insufficient fee, rejecting replacement ab; new feerate <= old feerate', 'fee-too-low'],
    [-26, 'mempool min fee not met, 100 < 200', 'fee-too-low'],
    [-25, 'bad-txns-inputs-missingorspent', 'conflict'],
    [-26, 'txn-mempool-conflict', 'conflict'],
    [-26, 'bad-txns-in-belowout, value in (1) < value out (2)', 'funds'],
    [-26, 'mandatory-script-verify-flag-failed (Signature must be zero)', 'invalid'],
    [-26, 'dust', 'invalid'],
    [-22, 'TX decode failed', 'invalid'],
    [-26, 'too-long-mempool-chain', 'other'],
    [-28, 'Loading block index', 'other'],
  ])('a refused broadcast %s %s is %s', (code, message, expected) => {
    expect(refusalCode(code, `sendrawtransaction: ${message} (${code})`)).toBe(expected);
  });
});

describe('blocks', () => {
  const key = (script: Uint8Array) => Buffer.from(script).toString('hex');
  const watching = (scripts: readonly Uint8Array[]): WatchList => {
    const list = new WatchedKeys();
    scripts.forEach((script, place) => {
      list.add(key(script), `address ${place}`);
    });
    return list;
  };

  test('exactly the watched outputs are found, whatever else a block holds', () => {
    const script = fc.oneof(
      fc.uint8Array({ minLength: 20, maxLength: 20 }).map(segwitScript),
      fc.uint8Array({ maxLength: 300 }),
    );
    const transaction = fc.record({
      scripts: fc.array(script, { minLength: 1, maxLength: 5 }),
      inputs: fc.integer({ min: 1, max: 3 }),
      witness: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(transaction, { maxLength: 8 }), fc.nat(), (shapes, seed) => {
        const txs = [
          coinbaseTransaction([segwitScript(Buffer.alloc(20, 1))]),
          ...shapes.map(({ scripts, inputs, witness }) => syntheticTransaction(scripts, inputs, witness)),
        ];
        const outputs = txs.flatMap((tx, place) =>
          tx.outs.map((output, vout) => ({ txId: tx.getId(), vout, units: output.value, ...output, place })),
        );
        const watched = outputs.filter(
          ({ script: paid }, place) => paid.length >= 4 && paid.length <= 42 && (place + seed) % 2 === 0,
        );
        const list = watching(watched.map(({ script: paid }) => paid));
        const expected = outputs.filter(({ script: paid }) => list.has(key(paid)));
        expect(matchBlock(serialiseBlock(txs), list)).toEqual(
          expected.map(({ txId, vout, units, script: paid, place }) => {
            return { txId, vout, units, address: list.address(key(paid)), coinbase: place === 0 };
          }),
        );
      }),
    );
  });

  test('the filter of a watch list turns most strangers away and nobody watched', () => {
    const list = new WatchedKeys();
    const keys = Array.from({ length: 10_000 }, () => randomBytes(22));
    for (const watched of keys) list.add(key(watched), 'ours');
    expect(keys.every((watched) => list.mayHave(watched.readUInt32BE(18)) && list.has(key(watched)))).toBe(true);
    const strangers = Array.from({ length: 10_000 }, () => randomBytes(22));
    expect(strangers.filter((stranger) => list.mayHave(stranger.readUInt32BE(18))).length).toBeLessThan(100);
    expect(strangers.some((stranger) => list.has(key(stranger)))).toBe(false);
  });

  test('a truncated or extended block is refused', () => {
    const raw = serialiseBlock([coinbaseTransaction([segwitScript(Buffer.alloc(20, 1))]), syntheticTransaction([], 2)]);
    walkBlock(raw, {});
    for (const length of [79, 80, 81, 200, raw.length - 1]) {
      expect(() => walkBlock(raw.subarray(0, length), {})).toThrow();
    }
    expect(() => walkBlock(Buffer.concat([raw, Buffer.alloc(1)]), {})).toThrow('after its last');
  });

  test('an index knows every transaction and who spends what', () => {
    const txs = [coinbaseTransaction([]), syntheticTransaction([], 2), syntheticTransaction([], 3, false)];
    const index = new BlockIndex(serialiseBlock(txs), 10);
    for (const tx of txs) expect(index.has(tx.getId())).toBe(true);
    expect(index.has('ab'.repeat(32))).toBe(false);
    for (const tx of txs.slice(1)) {
      for (const input of tx.ins) {
        const spent = Buffer.from(input.hash).reverse().toString('hex');
        expect(index.spender(spent, input.index)).toBe(tx.getId());
        expect(index.spender(spent, input.index + 1)).toBeNull();
      }
    }
  });

  test('weight counts witnesses once', () => {
    for (const tx of [syntheticTransaction([segwitScript(randomBytes(20))], 2), syntheticTransaction([], 1, false)]) {
      expect(readTransaction(Buffer.from(tx.toBuffer())).weight).toBe(tx.weight());
    }
  });
});
