import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mayGoNegative, parseAccount } from '../../src/ledger/account.ts';
import { postingParameters } from '../../src/ledger/posting.ts';
import { canonicalText, GENESIS, type SealedJournal, sealHash } from '../../src/ledger/seal.ts';
import { checkJournal, type Journal, type Transfer } from '../../src/ledger/transfer.ts';

const move: Transfer = { from: 'desk:main', to: 'escrow:lin_1', asset: 'AKT', units: 5n };
const journal: Journal = {
  key: 'k',
  kind: 'deposit.credited',
  cause: 'dep_1',
  effectiveAt: new Date(0),
  transfers: [move],
};

describe('accounts', () => {
  test.each([
    ['desk:main', { kind: 'desk', ref: 'main' }],
    ['external:escrow:akash1x/7', { kind: 'external', ref: 'escrow:akash1x/7' }],
  ])('%s', (name, parts) => expect(parseAccount(name)).toEqual(parts));

  test.each(['', 'desk', 'desk:', ':main', 'bank:main', 'desk:a b', 'toString:x'])('%j is none', (name) =>
    expect(() => parseAccount(name)).toThrow('is not an account'),
  );

  test.each([
    ...['desk:main', 'external:w', 'revenue:fee', 'recovery:swap', 'expense:network', 'loss:reorg', 'reorg:d'].map(
      (name) => [name, true] as const,
    ),
    ...['suspense:d', 'escrow:l', 'payable:l', 'payout:p', 'refund:r', 'swap:s', 'rounding:main'].map(
      (name) => [name, false] as const,
    ),
    ['equity:capital', true] as const,
    ['equity:float', false] as const,
  ])('%s may go below zero: %s', (name, may) => expect(mayGoNegative(name)).toBe(may));
});

describe('a journal that is wrong in itself is refused', () => {
  test.each<[string, Partial<Journal>]>([
    ['no key', { key: '' }],
    ['no time', { effectiveAt: new Date('never') }],
    ['no transfers', { transfers: [] }],
    ['zero units', { transfers: [{ ...move, units: 0n }] }],
    ['negative units', { transfers: [{ ...move, units: -1n }] }],
    ['79 digits', { transfers: [{ ...move, units: 10n ** 78n }] }],
    ['to itself', { transfers: [{ ...move, to: move.from }] }],
    ['unknown account', { transfers: [{ ...move, to: 'nobody:x' }] }],
    ['no asset', { transfers: [{ ...move, asset: '' }] }],
    ['half a block', { transfers: [{ ...move, place: { height: 1.5, txId: 'x' } }] }],
    ['no transaction', { transfers: [{ ...move, place: { height: 1, txId: '' } }] }],
  ])('%s', (_, wrong) => expect(() => checkJournal({ ...journal, ...wrong })).toThrow(/^journal |is not an account$/));

  test('and the sound one is not', () => expect(() => checkJournal(journal)).not.toThrow());
});

test('a batch names each account once and busy accounts by shard', () => {
  const back = { ...journal, key: 'a "b" \\', transfers: [{ ...move, from: move.to, to: move.from }, move] };
  const [kinds, refs, assets, shards, keys] = postingParameters([journal, back], 11);
  expect([kinds, refs, assets, shards]).toEqual(['{"desk","escrow"}', '{"main","lin_1"}', '{"AKT","AKT"}', '{3,0}']);
  expect(keys).toBe('{"k","a \\"b\\" \\\\"}');
  expect(postingParameters([journal, back], 11).slice(11, 15)).toEqual(['{1,2,2}', '{1,2,1}', '{2,1,2}', '{5,5,5}']);
});

describe('the canonical text', () => {
  const sealed: SealedJournal = {
    ...{ id: '1', keyHash: 'ab', kind: 'deposit', cause: 'dép', priceEvidenceId: null, ruleVersion: '' },
    ...{ effectiveAt: '5', postedAt: '6' },
    transfers: [],
  };

  test('counts bytes and tells missing from empty', () => {
    expect(canonicalText(sealed)).toBe('1:1,2:ab,7:deposit,4:dép,-,0:,1:5,1:6,');
  });

  test('differs for different journals', () => {
    const text = fc.string({ maxLength: 4, unit: fc.constantFrom('1', ':', ',', '-', 'é') });
    const part = fc.record({ kind: text, cause: text, priceEvidenceId: fc.option(text), ruleVersion: fc.option(text) });
    fc.assert(
      fc.property(part, part, (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b);
        expect(canonicalText({ ...sealed, ...a }) === canonicalText({ ...sealed, ...b })).toBe(same);
      }),
      { numRuns: 2000 },
    );
  });

  test('its hash depends on the seal before', () => {
    const first = sealHash(GENESIS, sealed);
    expect(first.equals(sealHash(first, sealed))).toBe(false);
  });
});
