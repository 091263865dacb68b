import type { AssetId } from '../money/asset.ts';
import { maxUnits, minUnits } from '../money/money.ts';
import { divide, type Ratio } from '../money/rate.ts';
import type { Position } from './position.ts';

/** One asset as the desk sees it. Amounts in base units. */
export interface Book extends Position {
  readonly asset: AssetId;
  /** Position the desk steers to, zero or more. */
  readonly target: bigint;
  /** How far it may stray before it trades. */
  readonly band: bigint;
  /** Base units of one whole unit. */
  readonly unit: bigint;
  /** Mid price of one whole unit. An asset without one is left alone. */
  readonly usd: Ratio;
}

/**
 * Why something is traded: `short` buys what the desk owes and has not, `stock` buys toward a target (gas), `surplus`
 * sells what nobody is owed into the hub asset.
 */
export type TradeReason = 'short' | 'stock' | 'surplus';

export interface Trade {
  readonly from: AssetId;
  readonly to: AssetId;
  readonly reason: TradeReason;
  /** Most to sell of `from`. */
  readonly units: bigint;
}

/** Trades worth less wait until there is more. */
const DUST_USD_MICROS = 1_000_000n;
const MICROS = 1_000_000n;

/**
 * How far an asset is above its target, negative when below. The float counts as far as the target goes: beyond it, it is
 * the operator's stock, which the desk neither sells nor has to refill.
 */
export const excess = ({ desk, float, target }: Book): bigint => desk + minUnits(float, target) - target;

/** Whether an asset has to trade. */
export const isOutside = (book: Book): boolean => excess(book) > book.band || -excess(book) > book.band;

/** How much of a purchase for a reason is still missing. The float can only cover what the desk is short. */
export function missing(book: Book, reason: TradeReason): bigint {
  const lack = maxUnits(-excess(book), 0n);
  const short = minUnits(maxUnits(-book.desk, 0n), lack);
  return reason === 'short' ? short : reason === 'stock' ? lack - short : 0n;
}

/**
 * The next thing to trade, or null when there is nothing. Only an asset outside its band starts a trade; it is brought
 * back to its target, so that it does not trade again at once. A shortage is paid with what is above its own target,
 * outside its band or not; what is owed comes before stock, and the larger amount first. Opposite positions in one asset
 * have already cancelled out. `may` says whether a pair can be traded for a reason at all.
 */
export function nextTrade(
  books: readonly Book[],
  hub: AssetId,
  may: (from: AssetId, to: AssetId, reason: TradeReason) => boolean,
): Trade | null {
  const trades = [...purchases(books), ...surpluses(books, hub)];
  return trades.find(({ from, to, reason }) => may(from, to, reason)) ?? null;
}

/** Whether a trade planned from an earlier look still stands: the input is spare and the expected output is missing. */
export function stillWanted(from: Book, to: Book, reason: TradeReason, units: bigint, expected: bigint): boolean {
  if (excess(from) < units) return false;
  return reason === 'surplus' ? isOutside(from) : isOutside(to) && missing(to, reason) >= expected;
}

function* purchases(books: readonly Book[]): Generator<Trade> {
  const spare = (book: Book) => worth(book, excess(book));
  const payers = books.filter((book) => excess(book) > 0n).toSorted((a, b) => larger(spare(a), spare(b)));
  const short = books.filter((book) => excess(book) < 0n && isOutside(book));
  for (const reason of ['short', 'stock'] as const) {
    const value = (book: Book) => worth(book, missing(book, reason));
    for (const wanted of short.toSorted((a, b) => larger(value(a), value(b)))) {
      for (const payer of payers) {
        const cost = divide(missing(wanted, reason) * rate(wanted, payer).num, rate(wanted, payer).den, 'ceil');
        const units = minUnits(cost, excess(payer));
        if (worth(payer, units) >= DUST_USD_MICROS) yield { from: payer.asset, to: wanted.asset, reason, units };
      }
    }
  }
}

function* surpluses(books: readonly Book[], hub: AssetId): Generator<Trade> {
  if (!books.some(({ asset }) => asset === hub)) return;
  for (const book of books) {
    if (book.asset === hub || excess(book) <= book.band || worth(book, excess(book)) < DUST_USD_MICROS) continue;
    yield { from: book.asset, to: hub, reason: 'surplus', units: excess(book) };
  }
}

/** Base units of `to` for a base unit of `from`, at the mid prices. */
export const rate = (from: Book, to: Book): Ratio => ({
  num: from.usd.num * to.usd.den * to.unit,
  den: from.usd.den * to.usd.num * from.unit,
});

const worth = ({ usd, unit }: Book, units: bigint): bigint => (units * usd.num * MICROS) / (usd.den * unit);

const larger = (a: bigint, b: bigint): number => (a === b ? 0 : a > b ? -1 : 1);
