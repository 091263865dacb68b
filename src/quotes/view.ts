import { z } from 'zod';
import { moneyView, timestamp, viewMoney, viewTime } from '../access/fields.ts';
import type { AssetCatalog } from '../markets/catalog.ts';
import type { Asset } from '../money/asset.ts';
import { formatRatio } from '../money/codec.ts';
import { formatDuration } from './duration.ts';
import { shownPrices, usedPriceView } from './price-view.ts';
import { PER, type QuoteDetail, type QuoteLine } from './quote-detail.ts';
import type { ShownQuote } from './quotes.service.ts';
import { type Rule, rulesOf, termsSchema } from './terms.ts';

const RATE_PLACES = 18;
const digits = (description: string) => z.string().regex(/^\d+$/).meta({ description });

const COST_LINES = ['spot', 'spread', 'swap', 'network', 'premium', 'fee', 'right'] as const;

const COST_WORDS: Readonly<Record<(typeof COST_LINES)[number], string>> = {
  spot: 'What the lines are worth at the mid price',
  spread: 'Difference between the mid and the locked rate, its uncertainty included',
  swap: 'Expected cost of turning the asset paid into what is owed',
  network: 'Cost of spending the deposit on its chain',
  premium: 'Price of holding the rate until the money is in',
  fee: 'Service fee',
  right: 'Price of the right to top up at this rate',
};

const rateView = z
  .strictObject({
    num: digits('Base units of the asset paid × num / den = base units of the line'),
    den: digits('See num'),
    decimal: z.string().meta({ description: 'Whole units of the line for one whole unit paid, cut after 18 decimals' }),
    uncertaintyBps: z
      .int()
      .meta({ description: 'By how much the price may move before the quote is refused at the lock' }),
  })
  .meta({ description: 'The locked rate, after costs' });

const quoteLineView = z.strictObject({
  payee: z.strictObject({ chain: z.string(), address: z.string() }),
  price: z.strictObject({ amount: z.string(), unit: z.string(), per: z.enum(PER) }),
  clock: z.enum(['akash-height', 'utc', 'once']),
  priceNumerator: digits('Base units of the asset for each tick of the clock × 10^18'),
  ticks: digits('Ticks of the clock that are paid: Akash blocks, or seconds'),
  escrow: moneyView.meta({ description: 'What the line gets at full payment' }),
  cost: moneyView.meta({ description: 'What of the payment buys it' }),
  rate: rateView,
});

export const quoteView = z
  .strictObject({
    id: z.string(),
    state: z.enum(['open', 'taken']),
    leaseId: z.string().nullable(),
    fix: z.enum(['duration', 'pay']),
    pay: moneyView.meta({ description: 'Exactly what the tenant pays; the sum of all costs' }),
    costs: z.array(
      z.strictObject({ kind: z.enum(COST_LINES), asset: z.string(), amount: z.string(), words: z.string() }),
    ),
    lasts: z.strictObject({
      duration: z.string().meta({ description: 'ISO 8601, the shortest of the lines' }),
      blockTimeMicros: digits('Measured time of one Akash block that was used, microseconds'),
    }),
    lines: z.array(quoteLineView),
    prices: z.array(usedPriceView),
    topUpRight: z.strictObject({ pay: moneyView, duration: z.string() }).nullable(),
    lock: z
      .strictObject({ fundWithin: z.string(), confirmWithin: z.string() })
      .meta({ description: 'Counted from the lock: when money must be seen, and in a block' }),
    terms: termsSchema,
    rules: z.array(z.strictObject({ when: z.string(), rule: z.string(), words: z.string() })),
    createdAt: timestamp,
    expiresAt: timestamp,
  })
  .meta({ id: 'Quote', description: 'A firm offer until it expires' });

export type QuoteView = z.output<typeof quoteView>;

/** A quote as its reply shows it; a function of what is stored, so that a replay gives the same. */
export function viewQuote(quote: ShownQuote, catalog: AssetCatalog): QuoteView {
  return {
    ...ownView(quote, catalog),
    prices: shownPrices(quote.prices, quote.createdAt),
    rules: rulesFor(quote.detail),
  };
}

/** The same as JSON text. Rules and prices are long and the same in many quotes: their text is made once. */
export function textOf(quote: ShownQuote, catalog: AssetCatalog): string {
  const own = JSON.stringify(ownView(quote, catalog));
  return `${own.slice(0, -1)},"prices":${pricesText(quote)},"rules":${rulesText(quote.detail)}}`;
}

/** What is the quote's own: all but the prices it was made of and its rules. */
function ownView(quote: ShownQuote, catalog: AssetCatalog): Omit<QuoteView, 'prices' | 'rules'> {
  const { detail } = quote;
  const pay = catalog.require(detail.payAsset);
  return {
    id: quote.id,
    state: quote.state,
    leaseId: quote.leaseId,
    fix: detail.fix,
    pay: viewMoney(pay, quote.payUnits),
    costs: costLines(detail, pay),
    lasts: { duration: formatDuration(BigInt(detail.seconds)), blockTimeMicros: detail.blockTimeUs },
    lines: detail.lines.map((line) => viewLine(line, pay, catalog.require(line.asset))),
    topUpRight: detail.right && {
      pay: viewMoney(pay, BigInt(detail.right.units)),
      duration: formatDuration(BigInt(detail.right.seconds)),
    },
    lock: {
      fundWithin: formatDuration(BigInt(detail.fundByMs) / 1000n),
      confirmWithin: formatDuration(BigInt(detail.fundByMs + detail.confirmAfterMs) / 1000n),
    },
    terms: detail.terms,
    createdAt: viewTime(quote.createdAt),
    expiresAt: viewTime(quote.expiresAt),
  };
}

let lastPrices = { key: '', text: '' };

/** Quotes of the same millisecond and prices show the same ages. */
function pricesText({ prices, createdAt }: ShownQuote): string {
  const key = `${createdAt.getTime()} ${prices.map(({ evidenceId }) => evidenceId).join(' ')}`;
  if (lastPrices.key !== key) lastPrices = { key, text: JSON.stringify(shownPrices(prices, createdAt)) };
  return lastPrices.text;
}

const RULE_TEXTS_MAX = 1000;
const ruleTexts = new Map<string, string>();

function rulesText(detail: QuoteDetail): string {
  const key = `${detail.payAsset} ${detail.depositMinimum} ${Object.values(detail.terms).join(' ')}`;
  const known = ruleTexts.get(key) ?? JSON.stringify(rulesFor(detail));
  if (ruleTexts.size >= RULE_TEXTS_MAX) ruleTexts.clear();
  ruleTexts.set(key, known);
  return known;
}

const rulesFor = (detail: QuoteDetail): Rule[] => [
  ...rulesOf(detail.terms, { payAsset: detail.payAsset, depositMinimum: detail.depositMinimum }),
];

function costLines(detail: QuoteDetail, pay: Asset): QuoteView['costs'] {
  const total = (of: (line: QuoteLine) => string) => detail.lines.reduce((sum, line) => sum + BigInt(of(line)), 0n);
  const spot = total(({ spot }) => spot);
  const units = { ...detail.costs, spot, spread: total(({ share }) => share) - spot };
  return COST_LINES.map((kind) => ({ kind, ...viewMoney(pay, BigInt(units[kind])), words: COST_WORDS[kind] }));
}

function viewLine(line: QuoteLine, pay: Asset, asset: Asset): QuoteView['lines'][number] {
  const num = BigInt(line.num) * 10n ** BigInt(pay.decimals);
  const den = BigInt(line.den) * 10n ** BigInt(asset.decimals);
  return {
    payee: line.payee,
    price: line.price,
    clock: line.clock,
    priceNumerator: line.priceNumerator,
    ticks: line.ticks,
    escrow: viewMoney(asset, BigInt(line.units)),
    cost: viewMoney(pay, BigInt(line.share)),
    rate: {
      num: line.num,
      den: line.den,
      decimal: formatRatio({ num, den }, RATE_PLACES),
      uncertaintyBps: line.uncertaintyBps,
    },
  };
}
