import type { AssetId } from '../money/asset.ts';
import type { Money } from '../money/money.ts';
import type { Ratio } from '../money/rate.ts';
import type { ContractCall } from './chain.ts';

/** What a venue is told: prices and what may be spent. It never sees the ledger, never signs, never sends. */
export interface VenueContext {
  /** USD mid price of one whole unit, by asset, as accepted by the price rule. */
  readonly usd: ReadonlyMap<AssetId, Ratio>;
  /** Own float by asset, for venues that fill from it. */
  readonly float: ReadonlyMap<AssetId, bigint>;
  /** Own float that must remain, by asset: its low-water mark. */
  readonly floatLow: ReadonlyMap<AssetId, bigint>;
  readonly now: Date;
}

/** A fee a fill will cost, in the asset it is taken in. */
export interface VenueFee {
  readonly kind: 'venue' | 'network' | 'spread';
  readonly amount: Money;
}

/** A firm or indicative answer for one leg at one size. */
export interface LegQuote {
  readonly venue: string;
  readonly input: Money;
  /** Expected output after every fee taken from it. */
  readonly output: Money;
  readonly fees: readonly VenueFee[];
  /** Basis points lost against an infinitesimal trade at the same moment. */
  readonly impactBps: number;
  readonly expiresAt: Date;
  /** p95 time until the output is ours. */
  readonly settleMs: number;
  /** Driver's own data, needed to execute this quote (route, fee tier); JSON. */
  readonly detail: unknown;
}

/** A refusal with `float` true would be a quote if the own float were not at its low-water mark. */
export type QuoteOutcome =
  | { readonly kind: 'quoted'; readonly quote: LegQuote }
  | { readonly kind: 'refused'; readonly reason: string; readonly float?: boolean };

/**
 * How a leg is executed. `call`: one contract call for `wallets/` to send from the hot wallet, after an allowance where
 * named. `book`: no wire at all, the fill is a journal (own float).
 */
export type LegOrder =
  | {
      readonly kind: 'call';
      readonly call: ContractCall;
      /** ERC-20 allowance the call needs from the sending wallet. */
      readonly allowance: { readonly token: string; readonly spender: string; readonly units: bigint } | null;
      /** Least output the order accepts; enforced by the venue itself. */
      readonly minimumOutput: Money;
      readonly deadline: Date;
    }
  | { readonly kind: 'book'; readonly output: Money };

/** What happened to an executed leg, read from evidence (a receipt's logs, a venue's order). */
export type LegResult =
  | { readonly kind: 'pending' }
  | { readonly kind: 'done'; readonly input: Money; readonly output: Money; readonly fees: readonly VenueFee[] }
  /** The input never left, or came back whole. Only with evidence that the order can no longer execute. */
  | { readonly kind: 'failed'; readonly reason: string };

/** A place where legs execute. One driver file each under `venues/`. */
export abstract class Venue {
  abstract readonly name: string;
  /** Pairs it would quote now, as `[from, to]`. */
  abstract pairs(): Promise<readonly (readonly [AssetId, AssetId])[]>;
  abstract quote(input: Money, to: AssetId, context: VenueContext): Promise<QuoteOutcome>;
  /** The order for a quote, with a minimum output of `minimumUnits` (never zero) and a deadline. */
  abstract order(quote: LegQuote, minimumUnits: bigint, deadline: Date): Promise<LegOrder>;
  /** The result of an order sent as `txId`; `book` orders have none and are never asked. */
  abstract result(order: LegOrder, quote: LegQuote, txId: string): Promise<LegResult>;
  /** Whether a call is an order of this venue whose output can reach nobody but our wallet. The signer asks. */
  isOwnOrder(_call: ContractCall): boolean {
    return false;
  }
}
