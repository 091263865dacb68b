import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Asset } from '../../src/money/asset.ts';
import { type Ratio, ratio } from '../../src/money/rate.ts';
import { sumOf } from '../../src/quotes/lock.ts';
import {
  offeredRate,
  PRICE_SCALE,
  type PricedQuote,
  priceMoved,
  type QuoteRequest,
  quoteForPayment,
  quoteForTerm,
} from '../../src/quotes/quote.ts';

const asset = (id: string, decimals: number): Asset => ({
  id,
  ticker: id,
  chain: id.toLowerCase(),
  decimals,
  reference: null,
  caip19: id,
});
const AKT = asset('AKT', 6);
const usd = (mid: Ratio, bps = 20n) => ({
  mid,
  bid: ratio(mid.num * (10_000n - bps), mid.den * 10_000n),
  ask: ratio(mid.num * (10_000n + bps), mid.den * 10_000n),
});

const decimals = fc.constantFrom(6, 8, 18);
const price = fc.record({ num: fc.bigInt(1n, 10n ** 9n), den: fc.bigInt(1n, 10n ** 4n) });
const bps = fc.bigInt(0n, 500n);

/** Requests as they come: any price, one to four lines of any clock, costs that grow with the size. */
const requests = fc
  .record({
    pay: decimals.map((places) => asset('PAY', places)),
    payUsd: price,
    aktUsd: price,
    spreadBps: bps,
    premiumBps: bps,
    feeBps: bps,
    swapBps: bps,
    networkUnits: fc.bigInt(0n, 10n ** 6n),
    rightUnits: fc.bigInt(0n, 10n ** 6n),
    blockTimeUs: fc.bigInt(500_000n, 10_000_000n),
    lines: fc.array(
      fc.record({
        clock: fc.constantFrom('akash-height' as const, 'utc' as const, 'once' as const),
        priceNumerator: fc.bigInt(10n ** 17n, 10n ** 24n),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  })
  .map(({ pay, payUsd, aktUsd, spreadBps, swapBps, lines, ...rest }): QuoteRequest => {
    const rate = offeredRate(pay, AKT, usd(payUsd), usd(aktUsd), spreadBps);
    return {
      ...rest,
      lines: lines.map((line) => ({ ...line, asset: 'AKT', rate })),
      swapCost: (units) => (units * swapBps + 9_999n) / 10_000n,
    };
  });

const seconds = fc.bigInt(60n, 40_000_000n);
const total = (quote: PricedQuote) =>
  quote.lines.reduce((sum, { shareUnits }) => sum + shareUnits, 0n) + sumOf(quote.costs);

describe('a quote', () => {
  test('for a term: its parts sum to what is paid, every line gets its whole price, nothing is negative', () => {
    fc.assert(
      fc.property(requests, seconds, (request, term) => {
        const quote = quoteForTerm(request, { seconds: term });
        expect(total(quote)).toBe(quote.payUnits);
        for (const units of Object.values(quote.costs)) expect(units >= 0n).toBe(true);
        for (const [n, line] of quote.lines.entries()) {
          const wanted = request.lines[n];
          if (wanted === undefined) throw new Error('a line is missing');
          expect(line.units * PRICE_SCALE >= wanted.priceNumerator * line.ticks).toBe(true);
          expect(line.spotUnits <= line.shareUnits).toBe(true);
          // What its share buys at the offered rate is what it was promised, or a little more; never less.
          expect((line.shareUnits * wanted.rate.offered.num) / wanted.rate.offered.den >= line.units).toBe(true);
        }
      }),
    );
  });

  test('for a payment: its parts sum to the payment, no unit is made, no line gets more than its share buys', () => {
    fc.assert(
      fc.property(requests, fc.bigInt(1n, 10n ** 20n), (request, pay) => {
        const quote = quoteForPayment(request, pay);
        if (typeof quote === 'string') return;
        expect(total(quote)).toBe(pay);
        for (const [n, line] of quote.lines.entries()) {
          const { offered } = request.lines[n]?.rate ?? { offered: ratio(1n, 1n) };
          expect(line.units * offered.den <= line.shareUnits * offered.num).toBe(true);
        }
        expect(
          quote.costs.swap >=
            quote.lines.reduce((sum, { shareUnits }) => sum + request.swapCost(shareUnits, 'AKT'), 0n) - 4n,
        ).toBe(true);
      }),
    );
  });

  test('for a term and for what that term costs agree within one tick, or what one pay unit buys', () => {
    fc.assert(
      fc.property(requests, seconds, (request, term) => {
        const forTerm = quoteForTerm(request, { seconds: term });
        // A share of a few units says nothing about ticks: one unit more or less is a large part of it.
        fc.pre(forTerm.lines.every(({ shareUnits }) => shareUnits >= 100n));
        const forPay = quoteForPayment(request, forTerm.payUnits);
        if (forPay === 'no_runway') return;
        const apart = forTerm.lines.map((_, n) => {
          const { priceNumerator, rate } = request.lines[n] ?? { priceNumerator: 1n, rate: { offered: ratio(1n, 1n) } };
          // Shares differ by the rounding of each line and of the costs: a few units in all.
          const unitsOfOnePay = rate.offered.num / rate.offered.den + 1n;
          const slack = 1n + ((6n + BigInt(forTerm.lines.length)) * unitsOfOnePay * PRICE_SCALE) / priceNumerator;
          return forTerm.lines.length === 1 ? slack : slack + 1n + request.blockTimeUs / 1_000_000n;
        });
        // A line that gets no tick is refused; that is the same agreement only for one that had hardly any.
        const hardlyAny = forTerm.lines.some(({ ticks }, n) => ticks <= (apart[n] ?? 0n));
        if (forPay === 'less_than_a_tick' && hardlyAny) return;
        if (typeof forPay === 'string') throw new Error(`the price of a quote buys nothing: ${forPay}`);
        for (const [n, line] of forTerm.lines.entries()) {
          const tickApart = apart[n] ?? 0n;
          const difference = (forPay.lines[n]?.ticks ?? 0n) - line.ticks;
          expect(difference <= tickApart && difference >= -tickApart).toBe(true);
        }
      }),
    );
  });

  test('at 1 AKT = 2.5 USD, 1 BTC = 100,000 USD and 100 uakt a block: the figures by hand', () => {
    const btc = asset('BTC', 8);
    const [flatBtc, flatAkt] = [usd(ratio(100_000n, 1n), 0n), usd(ratio(5n, 2n), 0n)];
    const rate = offeredRate(btc, AKT, flatBtc, flatAkt, 0n);
    // 1 sat is 0.001 USD, which is 400 uakt.
    expect(rate.offered).toEqual({ num: 400n, den: 1n });
    const line = { asset: 'AKT', clock: 'akash-height' as const, priceNumerator: 100n * PRICE_SCALE, rate };
    const quote = quoteForTerm(
      {
        lines: [line],
        blockTimeUs: 6_000_000n,
        premiumBps: 150n,
        feeBps: 50n,
        networkUnits: 300n,
        rightUnits: 0n,
        swapCost: () => 100n,
      },
      { blocks: 400_000n },
    );
    // 40,000,000 uakt are 100,000 sat; (100,000 + 100 + 300) / 0.98 = 102,448.97…
    expect(quote.lines[0]).toEqual({ ticks: 400_000n, units: 40_000_000n, shareUnits: 100_000n, spotUnits: 100_000n });
    expect(quote.payUnits).toBe(102_449n);
    expect(quote.costs).toEqual({ premium: 1_536n, fee: 513n, swap: 100n, network: 300n, right: 0n });
  });

  test('its rate is never better than bid against ask less the spread, and loses at most one part in 10^17', () => {
    fc.assert(
      fc.property(price, price, bps, decimals, (payUsd, toUsd, spread, places) => {
        const [pay, to] = [usd(payUsd), usd(toUsd)];
        const { mid, offered } = offeredRate(asset('PAY', places), AKT, pay, to, spread);
        const [num, den] = [
          pay.bid.num * to.ask.den * 10n ** 6n * (10_000n - spread),
          pay.bid.den * to.ask.num * 10n ** BigInt(places) * (10_000n + spread),
        ];
        expect(offered.num * den <= num * offered.den).toBe(true);
        expect(offered.num * den * 10n ** 17n >= num * offered.den * (10n ** 17n - 1n)).toBe(true);
        expect(offered.num * mid.den <= mid.num * offered.den).toBe(true);
      }),
    );
  });

  test('is refused at the lock only when the pay asset lost more than the stated uncertainty', () => {
    const quoted = ratio(400n, 1n);
    expect(priceMoved(quoted, ratio(401n, 1n), 20n)).toBe(false);
    expect(priceMoved(quoted, ratio(3_992n, 10n), 20n)).toBe(false);
    expect(priceMoved(quoted, ratio(39_919n, 100n), 20n)).toBe(true);
  });

  test('buys nothing where costs take it all, a line gets no tick, or no line lasts', () => {
    const rate = { mid: ratio(1n, 1n), offered: ratio(1n, 1n) };
    const base = {
      blockTimeUs: 6_000_000n,
      premiumBps: 0n,
      feeBps: 0n,
      networkUnits: 50n,
      rightUnits: 0n,
      swapCost: () => 0n,
    };
    const line = { asset: 'AKT', priceNumerator: 10n * PRICE_SCALE, rate };
    expect(quoteForPayment({ ...base, lines: [{ ...line, clock: 'utc' }] }, 50n)).toBe('nothing_left');
    expect(quoteForPayment({ ...base, lines: [{ ...line, clock: 'utc' }] }, 59n)).toBe('less_than_a_tick');
    expect(quoteForPayment({ ...base, lines: [{ ...line, clock: 'once' }] }, 500n)).toBe('no_runway');
  });
});
