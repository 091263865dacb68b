import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LegQuote } from '../../src/adapters/venue.ts';
import { money } from '../../src/money/money.ts';
import {
  type Book,
  excess,
  isOutside,
  missing,
  nextTrade,
  rate,
  stillWanted,
  type Trade,
} from '../../src/swaps/flatten.ts';
import { positionsOf, POSITION_KINDS } from '../../src/swaps/position.ts';
import { HUB, minimumOf, nameOf, outcomeOf, routesBetween } from '../../src/swaps/route.ts';
import { holdings, type LegEvent, type LegState, nextLeg, swapStateOf } from '../../src/swaps/swap.ts';

const DAI = 'DAI.ethereum';
const usd: Readonly<Record<string, bigint>> = { [HUB]: 1n, [DAI]: 1n, AKT: 2n, ETH: 3000n, BTC: 60_000n };
const decimals: Readonly<Record<string, bigint>> = { [HUB]: 6n, [DAI]: 18n, AKT: 6n, ETH: 18n, BTC: 8n };

/** A book in whole units. */
function book(asset: string, desk: bigint, more: { float?: bigint; target?: bigint; band?: bigint } = {}): Book {
  const unit = 10n ** (decimals[asset] ?? 0n);
  const { float = 0n, target = 0n, band = 10n } = more;
  const amounts = { desk: desk * unit, float: float * unit, target: target * unit, band: band * unit };
  return { asset, ...amounts, unit, usd: { num: usd[asset] ?? 1n, den: 1n } };
}

const always = () => true;
const show = (trade: Trade | null) => trade && `${trade.reason} ${trade.from} > ${trade.to} ${trade.units}`;
const next = (books: Book[], may: Parameters<typeof nextTrade>[2] = always) => show(nextTrade(books, HUB, may));

describe('positions', () => {
  test('the desk is every account of our own but the float and what swaps hold', () => {
    expect(POSITION_KINDS.toSorted()).toEqual(
      ['desk', 'equity', 'expense', 'loss', 'recovery', 'reorg', 'revenue', 'rounding'].sort(),
    );
    const balances = [
      { account: 'desk:main', asset: 'AKT', units: -100n },
      { account: 'revenue:fee', asset: 'AKT', units: 7n },
      { account: 'expense:network', asset: 'AKT', units: -2n },
      { account: 'equity:float', asset: 'AKT', units: 5000n },
    ];
    expect(positionsOf(balances, [money('AKT', 60n), money(DAI, 5n)])).toEqual(
      new Map([
        ['AKT', { desk: -35n, float: 5000n }],
        [DAI, { desk: 5n, float: 0n }],
      ]),
    );
  });

  test.each([
    ['the float beyond the target is not the desk’s to sell', book('AKT', 0n, { float: 5000n }), 0n],
    ['the float below the target counts', book('ETH', 0n, { float: 3n, target: 10n }), -7n],
    ['nor is it there to cover a debt', book('AKT', -100n, { float: 5000n }), -100n],
    ['gas that was used is bought again', book('ETH', -2n, { float: 30n, target: 10n }), -2n],
  ])('%s', (_rule, one, expected) => expect(excess(one)).toBe(expected * one.unit));
});

describe('what to trade', () => {
  test.each<[string, Book[], string | null]>([
    ['nothing while all is flat', [book(HUB, 0n), book('AKT', 0n)], null],
    ['nothing inside the bands', [book(HUB, 10n), book('AKT', -10n), book(DAI, 10n)], null],
    ['a debt is bought with what is spare', [book(HUB, 500n), book('AKT', -100n)], `short ${HUB} > AKT 200000000`],
    ['with something spare inside its band', [book(HUB, 9n), book('AKT', -100n)], `short ${HUB} > AKT 9000000`],
    [
      'with no more than is spare',
      [book('BTC', 0n), book(DAI, 60n), book('AKT', -100n)],
      `short ${DAI} > AKT 60${'0'.repeat(18)}`,
    ],
    ['nothing is bought with nothing', [book(HUB, 0n), book('AKT', -100n)], null],
    ['a surplus goes into the hub', [book(HUB, 0n), book(DAI, 60n)], `surplus ${DAI} > ${HUB} 60${'0'.repeat(18)}`],
    ['the hub itself is kept', [book(HUB, 1000n)], null],
    [
      'a debt before a surplus, the larger payer first',
      [book(HUB, 50n), book(DAI, 60n), book('AKT', -11n)],
      `short ${DAI} > AKT 22${'0'.repeat(18)}`,
    ],
    ['gas toward its target', [book(HUB, 90_000n), book('ETH', 0n, { target: 20n })], `stock ${HUB} > ETH 60000000000`],
    [
      'what is owed before gas',
      [book(HUB, 90_000n), book('ETH', 0n, { target: 20n }), book('AKT', -20n)],
      `short ${HUB} > AKT 40000000`,
    ],
    [
      'a target is not taken from the float',
      [book(HUB, 900n), book('AKT', 0n, { target: 500n, float: 400n })],
      `stock ${HUB} > AKT 200000000`,
    ],
  ])('%s', (_rule, books, expected) => expect(next(books)).toBe(expected));

  test('opposite positions in one asset cancel out before anything is looked at', () => {
    const owed = { account: 'desk:main', asset: HUB, units: -5_000_000_000n };
    const paid = { account: 'revenue:fee', asset: HUB, units: 5_000_000_000n };
    const { desk } = positionsOf([owed, paid], []).get(HUB) ?? { desk: 1n };
    expect(desk).toBe(0n);
  });

  test('a pair that cannot be traded gives way to the next', () => {
    const books = [book('BTC', 1n), book(HUB, 50n), book('AKT', -100n)];
    expect(next(books)).toBe('short BTC > AKT 333334');
    expect(next(books, (from) => from !== 'BTC')).toBe(`short ${HUB} > AKT 50000000`);
  });

  test('an earlier plan stands only while its input is spare and its output missing', () => {
    const [payer, wanted] = [book(HUB, 300n), book('AKT', -100n)];
    expect(stillWanted(payer, wanted, 'short', 200_000_000n, 99_000_000n)).toBe(true);
    expect(stillWanted(book(HUB, 199n), wanted, 'short', 200_000_000n, 99_000_000n)).toBe(false);
    expect(stillWanted(payer, book('AKT', -90n), 'short', 200_000_000n, 99_000_000n)).toBe(false);
    expect(stillWanted(book(DAI, 60n), payer, 'surplus', 60n, 60n)).toBe(true);
    expect(stillWanted(book(DAI, 9n), payer, 'surplus', 60n, 60n)).toBe(false);
  });

  const ids = Object.keys(usd);
  const amount = fc.bigInt({ min: -10_000n, max: 10_000n });
  const positive = fc.bigInt({ min: 0n, max: 5_000n });
  const anyBooks = fc
    .tuple(...ids.map(() => fc.record({ desk: amount, float: positive, target: positive, band: positive })))
    .map((rows) => ids.map((id, n) => book(id, rows[n]?.desk ?? 0n, rows[n])));
  const value = ({ desk, float, usd: price, unit }: Book) => ((desk + float) * price.num * 10n ** 18n) / unit;

  test('no sequence of trades creates a unit, passes a target, or goes on for ever', () => {
    fc.assert(
      fc.property(anyBooks, fc.bigInt({ min: 0n, max: 100n }), fc.boolean(), (start, lossBps, fromFloat) => {
        let books = start;
        for (let n = 0; ; n += 1) {
          const trade = nextTrade(books, HUB, always);
          if (trade === null) break;
          if (n > 200) throw new Error('never ends');
          const [payer, wanted] = [trade.from, trade.to].map((id) => books.find(({ asset }) => asset === id));
          if (payer === undefined || wanted === undefined) throw new Error('no such book');
          expect(isOutside(trade.reason === 'surplus' ? payer : wanted)).toBe(true);
          expect(trade.units).toBeLessThanOrEqual(excess(payer));
          const fair = (trade.units * rate(payer, wanted).num) / rate(payer, wanted).den;
          if (trade.reason !== 'surplus')
            expect(fair).toBeLessThanOrEqual(
              missing(wanted, trade.reason) + 1n + rate(payer, wanted).num / rate(payer, wanted).den,
            );
          const output = (fair * (10_000n - lossBps)) / 10_000n;
          const lent = fromFloat && trade.reason === 'short' && wanted.float >= output;
          const before = books.reduce((sum, one) => sum + value(one), 0n);
          books = books.map((one) => {
            const change = one.asset === trade.from ? -trade.units : one.asset === trade.to ? output : 0n;
            return { ...one, desk: one.desk + change, float: lent ? one.float - change : one.float };
          });
          expect(books.reduce((sum, one) => sum + value(one), 0n)).toBeLessThanOrEqual(before + 10n);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('routes', () => {
  const market = (from: string, to: string) => ({ venue: 'uniswap', from, to });
  const float = (from: string, to: string) => ({ venue: 'inventory', from, to });
  const offered = [
    ...[market(DAI, HUB), market(HUB, DAI), market(HUB, 'ETH'), market('ETH', HUB), market(DAI, 'ETH')],
    ...[DAI, HUB, 'ETH', 'BTC'].flatMap((asset) => [float(asset, 'AKT'), float('AKT', asset)]),
  ];
  test.each([
    [DAI, HUB, 'surplus', [`${DAI} > uniswap ${HUB}`]],
    [DAI, 'ETH', 'stock', [`${DAI} > uniswap ETH`, `${DAI} > uniswap ${HUB} > uniswap ETH`]],
    [HUB, 'AKT', 'short', [`${HUB} > inventory AKT`]],
    [HUB, 'AKT', 'stock', []],
    ['BTC', 'AKT', 'short', ['BTC > inventory AKT']],
    ['BTC', HUB, 'surplus', []],
    [DAI, 'AKT', 'short', [`${DAI} > uniswap ${HUB} > inventory AKT`]],
    ['AKT', DAI, 'short', [`AKT > inventory ${HUB} > uniswap ${DAI}`]],
    ['AKT', 'BTC', 'short', ['AKT > inventory BTC']],
  ] as const)('%s to %s, %s', (from, to, reason, expected) => {
    expect(routesBetween(offered, from, to, reason).map(nameOf).sort()).toEqual([...expected].sort());
  });

  const quote = (from: string, input: bigint, to: string, output: bigint, gas = 0n): LegQuote => ({
    venue: 'uniswap',
    input: money(from, input),
    output: money(to, output),
    fees: gas === 0n ? [] : [{ kind: 'network', amount: money('ETH', gas) }],
    impactBps: 0,
    expiresAt: new Date(0),
    settleMs: 0,
    detail: null,
  });
  const books = new Map(Object.keys(usd).map((id) => [id, book(id, 0n)]));
  test.each([
    ['nothing lost', [quote(HUB, 2_000_000n, 'AKT', 1_000_000n)], 0n, 1_000_000n],
    ['1 % lost', [quote(HUB, 2_000_000n, 'AKT', 990_000n)], 100n, 990_000n],
    ['rounded up', [quote(HUB, 2_000_000n, 'AKT', 989_999n)], 101n, 989_999n],
    ['gained', [quote(HUB, 2_000_000n, 'AKT', 1_010_000n)], -100n, 1_010_000n],
    ['gas counts', [quote(HUB, 300_000_000n, DAI, 300n * 10n ** 18n, 10n ** 15n)], 100n, 297n * 10n ** 18n],
  ] as const)('%s', (_what, quotes, lossBps, netUnits) => {
    expect(outcomeOf(quotes, books)).toEqual({ lossBps, netUnits });
  });

  test('a minimum is never zero', () => {
    expect(minimumOf(10_000n, 100)).toBe(9_900n);
    expect(minimumOf(1n, 1000)).toBe(1n);
    expect(minimumOf(0n, 1)).toBe(1n);
  });
});

describe('machines', () => {
  const states: LegState[] = ['ready', 'intent', 'sent', 'seen', 'doubt', 'done', 'partial', 'returned'];
  const events: LegEvent[] = [
    'allowed',
    'placed',
    'filled',
    'included',
    'lost',
    'doubted',
    'settled',
    'settledInPart',
    'refuted',
  ];

  test('what was handed over is never ordered again', () => {
    const sent: LegState[] = ['sent', 'seen', 'doubt'];
    for (const state of sent)
      for (const event of ['allowed', 'placed', 'filled'] as const) expect(nextLeg(state, event)).toBeUndefined();
    const reached = new Set(sent);
    for (const state of reached)
      for (const event of events) {
        const after = nextLeg(state, event);
        if (after !== undefined) reached.add(after);
      }
    expect(reached).not.toContain('ready');
    expect(reached).not.toContain('intent');
  });

  test('an ended leg stays as it is', () => {
    for (const state of ['done', 'partial', 'returned'] as const)
      for (const event of events) expect(nextLeg(state, event)).toBeUndefined();
  });

  test.each<[LegState[], string]>([
    [['ready', 'ready'], 'planned'],
    [['sent', 'ready'], 'running'],
    [['done', 'ready'], 'running'],
    [['doubt', 'ready'], 'held'],
    [['done', 'partial'], 'done'],
    [['done', 'returned'], 'failed'],
  ])('%j is %s', (legs, state) => expect(swapStateOf(legs)).toBe(state));

  test('every state can end', () => {
    for (const state of states) {
      const reached = new Set([state]);
      for (const at of reached) for (const event of events) reached.add(nextLeg(at, event) ?? at);
      expect([...reached].some((at) => ['done', 'partial', 'returned'].includes(at))).toBe(true);
    }
  });

  const leg = (
    state: LegState,
    fromAsset: string,
    toAsset: string,
    spentUnits: bigint | null,
    outputUnits: bigint | null,
  ) => ({
    state,
    fromAsset,
    toAsset,
    inputUnits: 100n,
    spentUnits,
    outputUnits,
  });
  test('what a swap holds is what its legs left it', () => {
    expect(holdings(DAI, 100n, [leg('ready', DAI, HUB, null, null)])).toEqual(new Map([[DAI, 100n]]));
    expect(holdings(DAI, 100n, [leg('done', DAI, HUB, 100n, 99n), leg('returned', HUB, 'AKT', null, null)])).toEqual(
      new Map([[HUB, 99n]]),
    );
    expect(holdings(DAI, 100n, [leg('partial', DAI, HUB, 60n, 59n), leg('done', HUB, 'AKT', 59n, 30n)])).toEqual(
      new Map([
        [DAI, 40n],
        ['AKT', 30n],
      ]),
    );
  });
});
