import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Costs, creditOf, inTime, type LockLine, sumOf } from '../../src/quotes/lock.ts';
import { rightOf } from '../../src/quotes/quote-detail.ts';

const bigs = (max: bigint) => fc.bigInt(0n, max);
/** A lock as quotes make them: the shares and the costs sum to its size. */
const locks = fc
  .record({
    decimals: fc.constantFrom(6n, 8n, 18n),
    costs: fc.record({
      premium: bigs(5_000n),
      fee: bigs(5_000n),
      swap: bigs(5_000n),
      network: bigs(5_000n),
      right: bigs(5_000n),
    }),
    lines: fc.array(
      fc.record({
        clock: fc.constantFrom('akash-height' as const, 'utc' as const, 'once' as const),
        share: fc.bigInt(1n, 10n ** 6n),
        rateNum: fc.bigInt(1n, 10n ** 20n),
        rateDen: fc.bigInt(1n, 10n ** 14n),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  })
  .map(({ decimals, costs, lines }) => {
    const scale = 10n ** (decimals - 6n);
    const scaled: Costs = {
      premium: costs.premium * scale,
      fee: costs.fee * scale,
      swap: costs.swap * scale,
      network: costs.network * scale,
      right: costs.right * scale,
    };
    const made = lines.map(({ clock, share, rateNum, rateDen }, n): LockLine => {
      const shareUnits = share * scale;
      const units = (shareUnits * rateNum) / rateDen;
      return {
        n,
        lineId: `lin_${n}`,
        asset: 'AKT',
        clock,
        priceNumerator: 10n ** 18n,
        ticks: units,
        units,
        shareUnits,
        rateNum,
        rateDen,
      };
    });
    const quotedUnits = made.reduce((sum, { shareUnits }) => sum + shareUnits, sumOf(scaled));
    return { quotedUnits, capacityUnits: quotedUnits, costs: scaled, lines: made };
  });

const parts = fc.array(fc.double({ min: 0.000_001, max: 1, noNaN: true }), { minLength: 1, maxLength: 12 });

/** Splits units as the weights say; the last part takes the rest. */
function split(units: bigint, weights: readonly number[]): bigint[] {
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const made = weights.slice(1).map((weight) => (units * BigInt(Math.floor((weight / whole) * 1e9))) / 10n ** 9n);
  return [...made, made.reduce((rest, part) => rest - part, units)];
}

/** Credits payments one after the other. */
function pay(lock: Parameters<typeof creditOf>[0], payments: readonly bigint[]) {
  let paid = 0n;
  let excess = 0n;
  let costs = 0n;
  let credited = lock.lines.map(() => 0n);
  for (const payment of payments) {
    const credit = creditOf(lock, paid, payment, credited);
    credited = credited.map((units, n) => units + (credit.perLine[n] ?? 0n));
    costs += sumOf(credit.costs);
    excess += credit.excess;
    paid += payment - credit.excess;
  }
  return { paid, excess, costs, credited };
}

describe('what a payment credits', () => {
  test('in full: every line what it was quoted, all costs, nothing over', () => {
    fc.assert(
      fc.property(locks, (lock) => {
        const paid = pay(lock, [lock.quotedUnits]);
        expect(paid).toEqual({
          paid: lock.quotedUnits,
          excess: 0n,
          costs: sumOf(lock.costs),
          credited: lock.lines.map(({ units }) => units),
        });
      }),
    );
  });

  test('however it is split, in whatever parts, the totals are the same', () => {
    fc.assert(
      fc.property(locks, parts, fc.bigInt(0n, 15_000n), (lock, weights, permyriad) => {
        const units = (lock.quotedUnits * permyriad) / 10_000n;
        expect(pay(lock, split(units, weights))).toEqual(pay(lock, [units]));
      }),
    );
  });

  test('makes no unit: what lines and costs got is never worth more than what was paid', () => {
    fc.assert(
      fc.property(locks, fc.bigInt(0n, 20_000n), (lock, permyriad) => {
        const units = (lock.quotedUnits * permyriad) / 10_000n;
        const { paid, excess, costs, credited } = pay(lock, [units]);
        expect(paid + excess).toBe(units);
        expect(paid <= lock.quotedUnits).toBe(true);
        // Σ credited / rate ≤ paid − costs, compared exactly by a common denominator of all rates.
        const common = lock.lines.reduce((product, { rateNum }) => product * rateNum, 1n);
        const worth = lock.lines.reduce(
          (sum, { rateNum, rateDen }, n) => sum + (credited[n] ?? 0n) * rateDen * (common / rateNum),
          0n,
        );
        expect(worth <= (paid - costs) * common).toBe(true);
      }),
    );
  });

  test('too little: one-time lines first, then every streaming line lasts equally long', () => {
    const line = (n: number, clock: LockLine['clock'], shareUnits: bigint): LockLine => ({
      n,
      lineId: `lin_${n}`,
      asset: 'AKT',
      clock,
      priceNumerator: 10n ** 18n,
      ticks: shareUnits,
      units: shareUnits * 4n,
      shareUnits,
      rateNum: 4n,
      rateDen: 1n,
    });
    const none = { premium: 0n, fee: 0n, swap: 0n, network: 0n, right: 0n };
    const lock = {
      quotedUnits: 1_100n,
      capacityUnits: 1_100n,
      costs: { ...none, fee: 100n },
      lines: [line(0, 'akash-height', 600n), line(1, 'once', 100n), line(2, 'utc', 300n)],
    };
    // Half paid: 550 less 50 of costs; 100 to the one-time line; 400 of 900 to the others, 2 : 1.
    const half = creditOf(lock, 0n, 550n, [0n, 0n, 0n]);
    expect(half).toEqual({ costs: { ...none, fee: 50n }, perLine: [266n * 4n, 400n, 133n * 4n], excess: 0n });
    const little = creditOf(lock, 0n, 88n, [0n, 0n, 0n]);
    expect(little.perLine).toEqual([0n, 80n * 4n, 0n]);
    const over = creditOf(lock, 1_000n, 300n, [0n, 0n, 0n]);
    expect(over.excess).toBe(200n);
  });

  test('a line that holds more than its due, after an earlier payment was taken back, gets nothing until it is even', () => {
    const line: LockLine = {
      n: 0,
      lineId: 'lin_0',
      asset: 'AKT',
      clock: 'utc',
      priceNumerator: 10n ** 18n,
      ticks: 100n,
      units: 10n,
      shareUnits: 30n,
      rateNum: 1n,
      rateDen: 3n,
    };
    const none = { premium: 0n, fee: 0n, swap: 0n, network: 0n, right: 0n };
    const lock = { quotedUnits: 30n, capacityUnits: 30n, costs: none, lines: [line] };
    expect(creditOf(lock, 20n, 0n, [7n]).perLine).toEqual([0n]);
    expect(creditOf(lock, 20n, 10n, [7n]).perLine).toEqual([3n]);
  });

  test('of a right: the same rates, no premium, nothing to one-time lines, its parts sum to its size', () => {
    fc.assert(
      fc.property(locks, fc.bigInt(1n, 10n ** 24n), (lock, rightUnits) => {
        const costs = Object.fromEntries(Object.entries(lock.costs).map(([kind, units]) => [kind, units.toString()]));
        const right = rightOf(
          { costs: costs as Record<keyof Costs, string> },
          lock.quotedUnits,
          rightUnits,
          lock.lines,
        );
        fc.pre(right !== null);
        if (right === null) return;
        expect(right.lines.reduce((sum, { shareUnits }) => sum + shareUnits, sumOf(right.costs))).toBe(rightUnits);
        expect([right.costs.premium, right.costs.right]).toEqual([0n, 0n]);
        const full = pay({ quotedUnits: rightUnits, capacityUnits: rightUnits, ...right }, [rightUnits]);
        expect(full.credited).toEqual(right.lines.map(({ units }) => units));
        for (const { clock, units } of right.lines) if (clock === 'once') expect(units).toBe(0n);
      }),
    );
  });
});

describe('in time', () => {
  const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute));
  const lock = { lockedAt: at(0), fundBy: at(60), confirmBy: at(180) };
  const fast = { feeRate: 12n, feeRateNeeded: 12n };
  const slow = { feeRate: 11n, feeRateNeeded: 12n };
  test.each([
    ['seen and mined in time', { seenAt: at(60), blockAt: at(180), ...fast }, true],
    ['not in a block yet', { seenAt: at(10), blockAt: null, ...fast }, false],
    ['seen after fundBy', { seenAt: at(61), blockAt: at(62), ...fast }, false],
    ['in a block after confirmBy', { seenAt: at(10), blockAt: at(181), ...fast }, false],
    ['seen before the lock', { seenAt: at(-1), blockAt: at(10), ...fast }, false],
    ['at a low fee and mined before fundBy', { seenAt: at(10), blockAt: at(59), ...slow }, true],
    ['at a low fee and mined after fundBy', { seenAt: at(10), blockAt: at(61), ...slow }, false],
    ['on a chain without fee rates', { seenAt: at(10), blockAt: at(70), feeRate: null, feeRateNeeded: null }, true],
  ])('%s', (_, sighting, expected) => {
    expect(inTime(lock, sighting)).toBe(expected);
  });
});
