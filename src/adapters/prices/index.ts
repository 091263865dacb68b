import type { Config } from '../../platform/config.ts';
import type { PriceSource } from '../price-source.ts';
import { bitstamp } from './bitstamp.ts';
import { coinbase } from './coinbase.ts';
import { ExchangeSource, type VendorApi } from './exchange.ts';
import { kraken } from './kraken.ts';
import { kucoin } from './kucoin.ts';
import { MARKET_PAIRS, type PairTable } from './pairs.ts';

export type { PairTable } from './pairs.ts';

/** Every vendor there is a driver for. */
const VENDORS: readonly VendorApi[] = [kraken, coinbase, kucoin, bitstamp];

/** Longest wait for one answer; shorter than the time between two refreshes. */
const TIMEOUT_MS = 3_000;

export interface PriceSourceSettings {
  /** Vendors in use. */
  readonly names: readonly string[];
  readonly urls: Readonly<Record<string, string>>;
  /** Markets by vendor; a vendor that is not named here is asked for none. */
  readonly pairs: Readonly<Record<string, PairTable>>;
  readonly timeoutMs?: number;
}

/** The price sources in use. */
export class PriceSources {
  constructor(private readonly sources: readonly PriceSource[]) {}

  /** The sources a configuration names. `pairs` adds to or replaces single markets of `MARKET_PAIRS`. */
  static from({ settings }: Config, pairs: Readonly<Record<string, PairTable>> = {}): PriceSources {
    const urls = {
      kraken: settings.KRAKEN_URL,
      coinbase: settings.COINBASE_URL,
      kucoin: settings.KUCOIN_URL,
      bitstamp: settings.BITSTAMP_URL,
    };
    const merged = Object.fromEntries(
      settings.PRICE_SOURCES.map((name) => [name, { ...MARKET_PAIRS[name], ...pairs[name] }]),
    );
    return new PriceSources(createPriceSources({ names: settings.PRICE_SOURCES, urls, pairs: merged }));
  }

  all(): readonly PriceSource[] {
    return this.sources;
  }
}

/** One driver a vendor named. @throws Error for a vendor without a driver or a base URL. */
export function createPriceSources(settings: PriceSourceSettings): PriceSource[] {
  return settings.names.map((name) => {
    const api = VENDORS.find((vendor) => vendor.name === name);
    const baseUrl = settings.urls[name];
    if (api === undefined || baseUrl === undefined)
      throw new Error(`price source ${name} has no driver or no base URL`);
    const pairs = settings.pairs[name] ?? {};
    return new ExchangeSource(api, { baseUrl, pairs, timeoutMs: settings.timeoutMs ?? TIMEOUT_MS });
  });
}
