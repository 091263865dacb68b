import { createHash } from 'node:crypto';
import { pointFromScalar, sign } from '@bitcoinerlab/secp256k1';
import { serializeSignDoc } from '@cosmjs/amino';
import { fromBech32, toBech32 } from '@cosmjs/encoding';
import { TxBody } from 'cosmjs-types/cosmos/tx/v1beta1/tx.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adr36Document, verifyAdr36 } from '../../src/adapters/chains/adr36.ts';
import { checkAddress, derivedAddress, moduleAddress, privateKey } from '../../src/adapters/chains/akash/address.ts';
import { broadcastError, broadcastRefusal } from '../../src/adapters/chains/akash/broadcast.ts';
import { parseCoins } from '../../src/adapters/chains/akash/incoming.ts';
import { paymentMessage, paymentsOf, signDraft } from '../../src/adapters/chains/akash/transaction.ts';
import { AkashChain } from '../../src/adapters/chains/akash.ts';
import { money } from '../../src/money/money.ts';
import { RpcError, RpcUnavailable } from '../../src/platform/json-rpc.ts';
import { signAdr36 } from '../support/adr36.ts';
import { AKT, accountKeys } from '../support/akash.ts';

const ABANDON = `${'abandon '.repeat(11)}about`;
const ADDRESS = 'akash19rl4cm2hmr8afy4kldpxz3fka4jguq0a3mq6x0';

const keys = await accountKeys(ABANDON);
const chain = new AkashChain({
  rpcUrl: 'http://127.0.0.1:1',
  chainId: 'akashnet-2',
  accountXpub: keys.xpub,
  assets: [AKT],
});

describe('addresses', () => {
  it.each([
    ['an account', ADDRESS],
    ['an account in capitals', ADDRESS.toUpperCase()],
  ])('accepts %s in its canonical form', (_, text) => {
    expect(checkAddress(text)).toEqual({ kind: 'valid', canonical: ADDRESS });
  });

  it('accepts a contract, which has 32 bytes', () => {
    const contract = 'akash1nc5tatafv6eyq7llkr2gv50ff9e22mnf70qgjlv737ktmt4eswrqyagled';
    expect(checkAddress(contract)).toEqual({ kind: 'valid', canonical: contract });
  });

  it.each([
    ['nothing', '', /./],
    ['another chain', toBech32('cosmos', fromBech32(ADDRESS).data), /must start with akash1/],
    ['an operator key', toBech32('akashvaloper', fromBech32(ADDRESS).data), /must start with akash1/],
    ['a wrong checksum', `${ADDRESS.slice(0, -1)}q`, /checksum/i],
    ['mixed case', ADDRESS.replace('a3mq6x0', 'A3MQ6X0'), /case/i],
    ['a short payload', toBech32('akash', new Uint8Array(19)), /length/],
    ['the governance module', 'akash10d07y265gmmuvt4z0w9aw880jnsr700jhe7z0f', /gov module/],
    ['the fee collector', 'akash17xpfvakm2amg962yls6f84z3kell8c5lazw8j8', /fee_collector module/],
    ['the escrow module', moduleAddress('escrow'), /escrow module/],
    ['white space around it', ` ${ADDRESS}`, /./],
  ])('refuses %s', (_, text, reason) => {
    expect(checkAddress(text)).toEqual({ kind: 'invalid', reason: expect.stringMatching(reason) });
  });

  it('derives the address that every Cosmos wallet shows for a mnemonic', () => {
    // The first account of this BIP-39 test mnemonic is known as cosmos19rl4cm2hmr8afy4kldpxz3fka4jguq0auqdal4.
    expect(derivedAddress(keys.xpub, '0/0')).toBe(ADDRESS);
    expect(toBech32('cosmos', fromBech32(ADDRESS).data)).toBe('cosmos19rl4cm2hmr8afy4kldpxz3fka4jguq0auqdal4');
  });

  it('gives each deposit an address of its own, apart from the hot wallet', () => {
    const addresses = [0, 1, 2].map((index) => chain.depositAddress(index).address);
    expect(new Set([...addresses, chain.addressAt('0/0')]).size).toBe(4);
    expect(chain.depositAddress(7)).toEqual({ address: derivedAddress(keys.xpub, '1/7'), path: '1/7' });
  });
});

describe('ownership proofs (ADR-36)', () => {
  // Made by the Keplr wallet; published at https://github.com/chainapsis/keplr-wallet.
  const keplr = {
    address: 'cosmos1m9l358xunhhwds0568za49mzhvuxx9uxre5tud',
    data: 'cosmos1m9l358xunhhwds0568za49mzhvuxx9uxre5tud',
    pubkey: 'A/MdHVpitzHNSdD1Zw3kY+L5PEIPyd9l6sD5i4aIfXp9',
    signature: 'vb78/y129cOiWyQkeFF8wCKZsOyzjpILnpEVZ72o5YUhEOmQZzVPcbUqWPLR7aZQ20j6vnYhIuCQN0HEG3igFg==',
  };

  it('takes what a wallet signed', () => {
    expect(verifyAdr36(keplr)).toBe(true);
  });

  it('takes only addresses of the chain it is asked for', () => {
    expect(chain.verifyOwnership(keplr)).toBe(false);
  });

  it('takes any text, however it is to be escaped', async () => {
    for (const data of ['', '<a href="x">&</a>', 'ünïcödé \u2028 \u0000', '{"nonce":"1"}']) {
      expect(chain.verifyOwnership(await signAdr36(ABANDON, data))).toBe(true);
    }
  });

  it('refuses what the key of another address signed in its name', () => {
    const key = privateKey(keys.xprv, '1/0');
    const digest = createHash('sha256')
      .update(serializeSignDoc(adr36Document(ADDRESS, 'mine')))
      .digest();
    const [pubkey, signature] = [pointFromScalar(key, true), sign(digest, key)].map((part) =>
      Buffer.from(part ?? []).toString('base64'),
    );
    const proof = { pubkey: pubkey ?? '', signature: signature ?? '', data: 'mine' };
    expect(verifyAdr36({ ...proof, address: ADDRESS })).toBe(false);
  });

  it.each([
    ['other text', { data: 'cosmos1' }],
    ['another address', { address: 'cosmos19rl4cm2hmr8afy4kldpxz3fka4jguq0auqdal4' }],
    ['another key', { pubkey: 'AiOqZ51tU0TiAeDfnwKrFahHJu7g37TpU8Rqniy1I0nc' }],
    ['a flipped bit', { signature: keplr.signature.replace('vb78', 'vb79') }],
    ['a short signature', { signature: 'vb78' }],
    ['a signature that is not base64', { signature: '!' }],
    ['a key that is no point', { pubkey: Buffer.alloc(33, 2).fill(255, 1).toString('base64') }],
    ['an address that is not bech32', { address: 'cosmos' }],
  ])('refuses %s', (_, change) => {
    expect(verifyAdr36({ ...keplr, ...change })).toBe(false);
  });
});

describe('payments', () => {
  const output = fc.record({
    address: fc.uint8Array({ minLength: 20, maxLength: 20 }).map((data) => toBech32('akash', data)),
    denom: fc.constantFrom('uakt', 'uact'),
    units: fc.bigInt({ min: 1n, max: 10n ** 18n }),
  });

  function draftOf(outputs: Parameters<typeof paymentMessage>[1]) {
    const body = TxBody.fromPartial({ messages: [paymentMessage(ADDRESS, outputs)], memo: 'm', timeoutHeight: 5n });
    const txBody = Buffer.from(TxBody.encode(body).finish()).toString('base64');
    const numbers = { accountNumber: '3', sequence: '4', gasLimit: '100000', feeUnits: '2500' };
    return { chainId: 'akashnet-2', signer: ADDRESS, path: '0/0', txBody, ...numbers };
  }

  it('decode to exactly what was asked for', () => {
    fc.assert(
      fc.property(fc.array(output, { minLength: 1, maxLength: 30 }), (outputs) => {
        expect(paymentsOf(draftOf(outputs))).toEqual(outputs);
      }),
    );
  });

  it('are not decoded for another signer', () => {
    const draft = draftOf([{ address: ADDRESS, denom: 'uakt', units: 1n }]);
    expect(() => paymentsOf({ ...draft, signer: chain.addressAt('1/0') })).toThrow(/not from/);
  });

  it('sign to the same bytes every time, from an account key or the key itself', () => {
    const draft = draftOf([{ address: ADDRESS, denom: 'uakt', units: 1n }]);
    const key = Buffer.from(privateKey(keys.xprv, '0/0')).toString('hex');
    expect(signDraft(draft, keys.xprv)).toEqual(signDraft(draft, keys.xprv));
    expect(signDraft(draft, key)).toEqual(signDraft(draft, keys.xprv));
  });

  it('are not signed with a key of another address', () => {
    const draft = draftOf([{ address: ADDRESS, denom: 'uakt', units: 1n }]);
    expect(() => signDraft({ ...draft, path: '1/0' }, keys.xprv)).toThrow(/not that of/);
    expect(() => signDraft(draft, keys.xpub)).toThrow(/public key/);
  });

  it('have a URI with the amount in base units of the denom it names', () => {
    const uri = chain.paymentUri(ADDRESS, money('AKT', 1_500_000n), 'lease 7 & more');
    expect(uri).toBe(`akash:${ADDRESS}?amount=1500000&denom=uakt&label=lease%207%20%26%20more`);
  });

  it('are estimated to cost more the more they pay', () => {
    const rate = 25n * 10n ** 15n;
    expect(chain.estimateFee({ outputs: 1 }, rate)).toEqual(money('AKT', 3000n));
    expect(chain.estimateFee({ outputs: 10 }, rate)).toEqual(money('AKT', 9750n));
  });
});

describe('what a node answers', () => {
  it.each([
    ['1uakt', [{ denom: 'uakt', amount: '1' }]],
    [
      '1uakt,22ibc/170C6776',
      [
        { denom: 'uakt', amount: '1' },
        { denom: 'ibc/170C6776', amount: '22' },
      ],
    ],
    ['', []],
  ])('coins of %s', (text, coins) => {
    expect(parseCoins(text)).toEqual(coins);
  });

  it.each([
    [32, 'sequence'],
    [13, 'fee-too-low'],
    [5, 'funds'],
    [12, 'invalid'],
    [77, 'other'],
  ])('code %i is refused as %s', (code, kind) => {
    expect(broadcastRefusal(code, 'log')).toEqual({ kind: 'refused', code: kind, reason: `code ${code}: log` });
  });

  it.each([
    ['no answer', new RpcUnavailable('broadcast_tx_sync', 'timed out')],
    ['an answer of another form', new Error('Unexpected token')],
    ['a duplicate', new RpcError('broadcast_tx_sync', -32603, 'Internal error', 'tx already exists in cache')],
  ])('%s leaves a broadcast pending', (_, error) => {
    expect(broadcastError(error)).toEqual({ kind: 'pending' });
  });

  it('an error of the node itself is a refusal', () => {
    const error = new RpcError('broadcast_tx_sync', -32603, 'Internal error', 'mempool is full: 5000 txs');
    expect(broadcastError(error)).toEqual({ kind: 'refused', code: 'other', reason: 'mempool is full: 5000 txs' });
  });
});
