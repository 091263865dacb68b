import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changeText } from '../../src/payees/change-text.ts';
import { csv } from '../../src/payouts/csv.ts';
import { feeShare, isWorthSending } from '../../src/payouts/fee.ts';
import { entryKind } from '../../src/payouts/lease-statement.ts';
import { withFees } from '../../src/payouts/payout-view.ts';
import type { Asset } from '../../src/money/asset.ts';
import { ScriptedChain } from '../support/scripted-chain.ts';
import { AKT } from '../support/akash.ts';

const USDC: Asset = { ...AKT, id: 'USDC.ethereum', ticker: 'USDC', chain: 'ethereum', decimals: 6 };
const ETH: Asset = { ...AKT, id: 'ETH', ticker: 'ETH', chain: 'ethereum', decimals: 18 };
const noPrice = (id: string): never => {
  throw new Error(`${id} needs no price`);
};

describe("the recipient's share of a network fee", () => {
  const akash = new ScriptedChain(AKT, 'akash');

  test.each([
    [1, 1_000n],
    [3, 334n],
    [1_000, 1n],
    [1_001, 1n],
  ])('of a fee of 1000 among %i outputs is %s, rounded up', (outputs, share) => {
    expect(feeShare(akash, AKT, 10n, outputs, noPrice)).toBe(share);
  });

  test('is turned into the asset that is sent, rounded up', () => {
    const ethereum = new ScriptedChain(ETH, 'evm');
    // 100 gas units at 10^10 wei are 10^12 wei, at 3200 dollars 0.0032 USDC.
    const usd = (id: string) => ({ num: id === 'ETH' ? 3_200n : 1n, den: 1n });
    expect(feeShare(ethereum, USDC, 10_000_000_000n, 1, usd)).toBe(3_200n);
    expect(feeShare(ethereum, USDC, 10_000_000_001n, 1, usd)).toBe(3_201n);
  });
});

test.each([
  [100n, 1n, true],
  [99n, 1n, false],
  [199n, 2n, false],
  [200n, 2n, true],
  [0n, 0n, true],
])('a payout of %s with a fee of %s leaves: %s', (units, fee, leaves) => {
  expect(isWorthSending(units, fee)).toBe(leaves);
});

test('the fee shares of a payout add up to its fee, and none exceeds its line by more than a unit of rounding', () => {
  fc.assert(
    fc.property(
      fc.array(fc.bigInt(1n, 10n ** 24n), { minLength: 1, maxLength: 20 }),
      fc.bigInt(0n, 10n ** 9n),
      (all, fee) => {
        const items = all.map((units, n) => ({ lineId: `lin_${n}`, leaseId: 'lea', tenantId: 'ten', units }));
        const shared = withFees(items, fee);
        expect(shared.reduce((sum, { feeUnits }) => sum + feeUnits, 0n)).toBe(fee);
        const total = all.reduce((sum, units) => sum + units, 0n);
        for (const { units, feeUnits } of shared) {
          const exact = (fee * units) / total;
          expect(feeUnits === exact || feeUnits === exact + 1n).toBe(true);
        }
      },
    ),
  );
});

describe('CSV', () => {
  test.each([
    ['plain', 'plain'],
    [null, ''],
    ['a,b', '"a,b"'],
    ['say "x"', '"say ""x"""'],
    ['two\r\nlines', '"two\r\nlines"'],
    ['=1+1', "'=1+1"],
    ['+cmd|x', "'+cmd|x"],
    ['@sum(A1)', "'@sum(A1)"],
    ['-2+3', "'-2+3"],
    ['=a,b', '"\'=a,b"'],
    ['\tx', "'\tx"],
    ['-1.5', '-1.5'],
    ['0.000001', '0.000001'],
  ])('%j is written %j', (cell, written) => {
    expect(csv(['name'], [[cell]])).toBe(`name\r\n${written}\r\n`);
  });
});

test('the text of a change says every field, in one order', () => {
  const text = changeText('pay_1', { minimum: '1.5', destination: 'akash1x' }, 'n'.repeat(16), '2026-03-01T00:00:00Z');
  expect(text.split('\n')).toEqual([
    'Lockstep payee pay_1',
    'destination: akash1x',
    'intervalMs: -',
    'minimum: 1.5',
    'apiKey: -',
    'cancel: -',
    'nonce: nnnnnnnnnnnnnnnn',
    'expiresAt: 2026-03-01T00:00:00Z',
  ]);
  expect(changeText('pay_1', { cancel: true, apiKey: true }, 'n', 'e')).toContain('apiKey: yes\ncancel: yes\n');
});

test.each([
  ['external:bitcoin-hot', 'suspense:dep_1', 'deposit'],
  ['desk:main', 'revenue:premium', 'cost.premium'],
  ['desk:main', 'recovery:network', 'cost.network'],
  ['refund:ref_1', 'recovery:network', 'refund.network'],
  ['revenue:fee', 'refund:ref_1', 'refund.fee'],
  ['escrow:lin_1', 'payable:lin_1', 'accrual'],
  ['escrow:lin_1', 'desk:main', 'unspent'],
  ['equity:float', 'swap:swp_1', 'other'],
] as const)('%s to %s is %s on a receipt', (from, to, kind) => {
  expect(entryKind(from, to)).toBe(kind);
});
