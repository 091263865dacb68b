import { describe, expect, test } from 'vitest';
import { creditDepth, type DepositEvent, type DepositState, next, usdMicros } from '../../src/deposits/deposit.ts';

const STATES: readonly DepositState[] = [
  'seen',
  'dropped',
  'confirmed',
  'credited',
  'returned',
  'unclaimed',
  'float',
  'reorged',
  'unwound',
];

describe('a deposit', () => {
  test.each<[DepositState, DepositEvent, DepositState]>([
    ['seen', 'deep-enough', 'confirmed'],
    ['seen', 'vanished', 'dropped'],
    ['seen', 'orphaned', 'seen'],
    ['dropped', 'included', 'seen'],
    ['confirmed', 'credit', 'credited'],
    ['confirmed', 'set-aside', 'unclaimed'],
    ['credited', 'orphaned', 'reorged'],
    ['reorged', 'unwind', 'unwound'],
    ['unwound', 'included', 'seen'],
  ])('%s, %s: %s', (state, event, expected) => {
    expect(next(state, event)).toBe(expected);
  });

  test('that is credited can only leave by a reorganisation', () => {
    const events: readonly DepositEvent[] = [
      'credit',
      'return',
      'set-aside',
      'vanished',
      'deep-enough',
      'unwind',
      'included',
    ];
    for (const event of events) expect(() => next('credited', event)).toThrow('cannot take');
  });

  test('is never credited twice without having left', () => {
    for (const state of STATES.filter((one) => one !== 'confirmed')) {
      expect(() => next(state, 'credit')).toThrow('cannot take');
    }
  });
});

describe('depth', () => {
  const rule = {
    creditDepth: 1,
    releaseDepth: 6,
    largeDepositUsdMicros: 10_000_000_000n,
    unreleasedCapUsdMicros: 50_000_000_000n,
  };

  test.each([
    ['small', 5_000_000_000n, 0n, 1],
    ['at the limit', 10_000_000_000n, 0n, 1],
    ['large', 10_000_000_001n, 0n, 6],
    ['small, the cap just reached', 5_000_000_000n, 45_000_000_000n, 1],
    ['small, the cap passed', 5_000_000_001n, 45_000_000_000n, 6],
    ['of unknown value', null, 0n, 6],
  ])('of a deposit that is %s', (_, value, unreleased, expected) => {
    expect(creditDepth(value, unreleased, rule)).toBe(expected);
  });

  test('a value in micro-dollars rounds up', () => {
    expect(usdMicros(1n, 8, { num: 60_000n, den: 1n })).toBe(600n);
    expect(usdMicros(1n, 18, { num: 1n, den: 1n })).toBe(1n);
  });
});
