import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { accruedUnits, depletionTick, dueUnits, type Run, takeFromLots } from '../../src/escrow/accrual.ts';
import { PRICE_SCALE } from '../../src/quotes/quote.ts';

const run = (over: Partial<Run>): Run => ({
  priceNumerator: PRICE_SCALE,
  startedTick: 0n,
  settledUnits: 0n,
  balanceUnits: 0n,
  ...over,
});

const price = fc.bigInt({ min: 1n, max: 10n ** 26n });
const funds = fc.bigInt({ min: 0n, max: 10n ** 24n });

describe('accrual', () => {
  test.each([
    // price × 10^18, tick, owed
    [PRICE_SCALE, 10n, 10n],
    [(3n * PRICE_SCALE) / 2n, 1n, 1n],
    [(3n * PRICE_SCALE) / 2n, 2n, 3n],
    [1n, PRICE_SCALE - 1n, 0n],
    [1n, PRICE_SCALE, 1n],
  ])('a price of %s accrues over %s ticks to %s', (priceNumerator, tick, expected) => {
    expect(accruedUnits(run({ priceNumerator }), tick)).toBe(expected);
  });

  test('nothing accrues at or before the first tick', () => {
    const at = run({ startedTick: 5n, balanceUnits: 100n });
    expect([3n, 5n, 6n].map((tick) => dueUnits(at, tick))).toEqual([0n, 0n, 1n]);
  });

  test('the total does not depend on when or how often it is settled', () => {
    const steps = fc.array(fc.bigInt({ min: 0n, max: 10_000n }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(price, funds, steps, (priceNumerator, balanceUnits, gaps) => {
        let state = run({ priceNumerator, balanceUnits });
        let tick = 0n;
        for (const gap of gaps) {
          tick += gap;
          const due = dueUnits(state, tick);
          state = { ...state, settledUnits: state.settledUnits + due, balanceUnits: state.balanceUnits - due };
        }
        expect(state.settledUnits).toBe(dueUnits(run({ priceNumerator, balanceUnits }), tick));
      }),
    );
  });

  test('an escrow covers exactly the ticks up to its depletion', () => {
    fc.assert(
      fc.property(price, funds, fc.bigInt({ min: 0n, max: 10n ** 9n }), (priceNumerator, balanceUnits, startedTick) => {
        const state = run({ priceNumerator, balanceUnits, startedTick });
        const last = depletionTick(state);
        expect(accruedUnits(state, last) <= balanceUnits).toBe(true);
        expect(accruedUnits(state, last + 1n) > balanceUnits).toBe(true);
      }),
    );
  });

  test('settling does not move the depletion', () => {
    fc.assert(
      fc.property(price, funds, fc.bigInt({ min: 0n, max: 10_000n }), (priceNumerator, balanceUnits, tick) => {
        const before = run({ priceNumerator, balanceUnits });
        const due = dueUnits(before, tick);
        fc.pre(tick <= depletionTick(before));
        const after = { ...before, settledUnits: due, balanceUnits: balanceUnits - due };
        expect(depletionTick(after)).toBe(depletionTick(before));
      }),
    );
  });
});

describe('lots', () => {
  test('are consumed first in, first out', () => {
    const lots = [
      { id: 'a', leftUnits: 5n },
      { id: 'b', leftUnits: 0n },
      { id: 'c', leftUnits: 7n },
    ];
    expect(takeFromLots(lots, 6n)).toEqual([
      { lotId: 'a', units: 5n },
      { lotId: 'c', units: 1n },
    ]);
    expect(takeFromLots(lots, 0n)).toEqual([]);
  });

  test('never give more than they hold', () => {
    expect(() => takeFromLots([{ id: 'a', leftUnits: 5n }], 6n)).toThrow('1 units less');
  });
});
