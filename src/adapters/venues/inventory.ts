import type { Asset, AssetId } from '../../money/asset.ts';
import { type Money, money } from '../../money/money.ts';
import { divide } from '../../money/rate.ts';
import { type LegOrder, type LegQuote, type LegResult, type QuoteOutcome, Venue, type VenueContext } from '../venue.ts';

export interface InventorySettings {
  readonly assets: readonly Asset[];
  /** The asset whose short positions the float is kept for; every pair has it on one side. */
  readonly floatAsset: AssetId;
  /** Spread against the mid, basis points. */
  readonly spreadBps: number;
  readonly quoteTtlMs: number;
}

const BPS = 10_000n;

/**
 * The operator's own float: a fill is an entry in the books at the mid less a spread, nothing moves on any chain. It gives
 * no more than the float holds above its low-water mark.
 */
export class InventoryVenue extends Venue {
  readonly name = 'inventory';
  private readonly assets: ReadonlyMap<AssetId, Asset>;

  constructor(private readonly settings: InventorySettings) {
    super();
    this.assets = new Map(settings.assets.map((asset) => [asset.id, asset]));
  }

  pairs(): Promise<readonly (readonly [AssetId, AssetId])[]> {
    const { floatAsset } = this.settings;
    if (!this.assets.has(floatAsset)) return Promise.resolve([]);
    const others = [...this.assets.keys()].filter((id) => id !== floatAsset);
    return Promise.resolve(others.flatMap((id) => [[id, floatAsset] as const, [floatAsset, id] as const]));
  }

  quote(input: Money, to: AssetId, context: VenueContext): Promise<QuoteOutcome> {
    return Promise.resolve(this.answer(input, to, context));
  }

  /** @throws Error if the quote is below the minimum: the float never fills worse than it quoted. */
  order(quote: LegQuote, minimumUnits: bigint, _deadline: Date): Promise<LegOrder> {
    if (minimumUnits <= 0n || quote.output.units < minimumUnits) {
      throw new Error(`a fill of ${quote.output.units} is not at least ${minimumUnits}`);
    }
    return Promise.resolve({ kind: 'book', output: quote.output });
  }

  result(): Promise<LegResult> {
    throw new Error('a fill from own float is a journal and has no result to ask for');
  }

  private answer(input: Money, to: AssetId, context: VenueContext): QuoteOutcome {
    const { floatAsset, spreadBps, quoteTtlMs } = this.settings;
    const [from, target] = [this.assets.get(input.asset), this.assets.get(to)];
    const [fromUsd, toUsd] = [context.usd.get(input.asset), context.usd.get(to)];
    if (from === undefined || target === undefined || from === target)
      return refused(`no pair ${input.asset} to ${to}`);
    if (from.id !== floatAsset && target.id !== floatAsset) return refused(`no float for ${input.asset} to ${to}`);
    if (fromUsd === undefined || toUsd === undefined) return refused('no price');
    const num = fromUsd.num * toUsd.den * 10n ** BigInt(target.decimals);
    const den = fromUsd.den * toUsd.num * 10n ** BigInt(from.decimals);
    const fair = divide(input.units * num, den, 'floor');
    const output = divide(fair * (BPS - BigInt(spreadBps)), BPS, 'floor');
    if (input.units <= 0n || output === 0n) return refused('the amount is too small');
    if (output > (context.float.get(to) ?? 0n) - (context.floatLow.get(to) ?? 0n)) {
      return { kind: 'refused', reason: `the float of ${to} is low`, float: true };
    }
    const quote: LegQuote = {
      venue: this.name,
      input,
      output: money(to, output),
      fees: [{ kind: 'spread', amount: money(to, fair - output) }],
      impactBps: 0,
      expiresAt: new Date(context.now.getTime() + quoteTtlMs),
      settleMs: 0,
      detail: null,
    };
    return { kind: 'quoted', quote };
  }
}

const refused = (reason: string): QuoteOutcome => ({ kind: 'refused', reason });
