import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatRatio, formatUnits, parseRatio, parseUnits } from '../../src/money/codec.ts';
import { add, compare, money, subtract } from '../../src/money/money.ts';
import { allocate, convert, creditCumulative, divide, invert, rate } from '../../src/money/rate.ts';

const decimals = fc.constantFrom(6, 8, 18);
const units = fc.bigInt({ min: 0n, max: 10n ** 40n });
const positive = fc.bigInt({ min: 1n, max: 10n ** 30n });

describe('amounts', () => {
  test.each([
    ['0', 6, 0n],
    ['1', 6, 1_000_000n],
    ['1.5', 8, 150_000_000n],
    ['0.000000000000000001', 18, 1n],
    ['1.', 6, 'grammar'],
    ['.5', 6, 'grammar'],
    ['01', 6, 'grammar'],
    ['+1', 6, 'grammar'],
    ['-1', 6, 'grammar'],
    ['1e3', 6, 'grammar'],
    ['1e400', 6, 'grammar'],
    ['NaN', 6, 'grammar'],
    ['1_000', 6, 'grammar'],
    ['１', 6, 'grammar'],
    [' 1', 6, 'grammar'],
    ['', 6, 'grammar'],
    ['0x10', 6, 'grammar'],
    ['1.0000001', 6, 'decimals'],
    ['9'.repeat(79), 0, 'digits'],
    ['9'.repeat(78), 0, 10n ** 78n - 1n],
  ])('%s with %i decimals is %s', (text, places, expected) => {
    expect(parseUnits(text, places)).toBe(expected);
  });

  test('text and units are one to one', () => {
    fc.assert(
      fc.property(units, decimals, (value, places) => parseUnits(formatUnits(value, places), places) === value),
    );
  });

  test('a ratio is exact', () => {
    expect(parseRatio('0.25')).toEqual({ num: 1n, den: 4n });
    expect(parseRatio('0.00')).toBe('zero');
    expect(formatRatio({ num: 2n, den: 3n }, 4)).toBe('0.6666');
  });

  test('amounts of different assets do not mix', () => {
    expect(() => add(money('BTC', 1n), money('AKT', 1n))).toThrow('do not mix');
    expect(() => convert(money('BTC', 1n), rate('AKT', 'BTC', 1n, 1n), 'floor')).toThrow('cannot convert');
    expect(subtract(money('BTC', 1n), money('BTC', 3n)).units).toBe(-2n);
    expect(compare(money('BTC', 1n), money('BTC', 3n))).toBe(-1);
  });
});

describe('conversions', () => {
  test('splitting a payment never changes the total credited', () => {
    fc.assert(
      fc.property(fc.array(positive, { minLength: 1, maxLength: 20 }), positive, positive, (parts, num, den) => {
        const by = rate('BTC', 'AKT', num, den);
        let [paid, credited] = [0n, 0n];
        for (const part of parts) {
          credited += creditCumulative(by, paid, part, credited);
          paid += part;
        }
        expect(credited).toBe(convert(money('BTC', paid), by, 'floor').units);
      }),
    );
  });

  test('no sequence of conversions creates a unit', () => {
    const step = fc.record({ num: positive, den: positive });
    fc.assert(
      fc.property(positive, fc.array(step, { minLength: 1, maxLength: 8 }), (start, steps) => {
        let amount = money('A0', start);
        const rates = steps.map(({ num, den }, index) => rate(`A${index}`, `A${index + 1}`, num, den));
        for (const by of rates) amount = convert(amount, by, 'floor');
        for (const by of rates.toReversed()) amount = convert(amount, invert(by), 'floor');
        expect(amount.asset).toBe('A0');
        expect(amount.units <= start).toBe(true);
      }),
    );
  });

  test('what is owed rounds up, what is got rounds down, at most one unit apart', () => {
    fc.assert(
      fc.property(units, positive, (num, den) => {
        const spread = divide(num, den, 'ceil') - divide(num, den, 'floor');
        expect(spread).toBe(num % den === 0n ? 0n : 1n);
      }),
    );
  });

  test('an allocation sums to the whole and each part is within one unit of its share', () => {
    const weights = fc.array(fc.bigInt({ min: 0n, max: 10n ** 20n }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(
        units,
        weights.filter((all) => all.some((weight) => weight > 0n)),
        (whole, all) => {
          const total = all.reduce((sum, weight) => sum + weight, 0n);
          const parts = allocate(
            whole,
            all.map((weight, index) => ({ id: String(index), weight })),
          );
          expect([...parts.values()].reduce((sum, part) => sum + part, 0n)).toBe(whole);
          for (const [index, weight] of all.entries()) {
            const rest = (parts.get(String(index)) ?? -1n) - (whole * weight) / total;
            expect(rest === 0n || rest === 1n).toBe(true);
          }
        },
      ),
    );
  });
});
