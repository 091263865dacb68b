import type { AssetId } from '../../money/asset.ts';
import { parseRatio } from '../../money/codec.ts';
import type { Ratio } from '../../money/rate.ts';
import { type PriceOutcome, PriceSource } from '../price-source.ts';
import { fetchText } from './fetch-text.ts';

/** One market of a vendor: its own name of the pair, and what the price is stated in. */
export interface Pair {
  readonly name: string;
  readonly quote: AssetId | 'USD';
}

/** A vendor's best bid and ask, as the decimal text it sent, and the time it gives, if it gives one. */
export interface VendorTicker {
  readonly bid: string;
  readonly ask: string;
  readonly observedAt: Date | null;
}

/** How one vendor spells its public ticker: the request, and the schema of the answer. */
export interface VendorApi {
  readonly name: string;
  /** Path and query of the request for one pair, below the base URL. */
  path(pair: string): string;
  /** Reads an answer to `path(pair)`. @throws on anything but the published schema. */
  ticker(pair: string, body: unknown): VendorTicker;
}

export interface ExchangeSettings {
  /** With or without a path of its own; the vendor's paths are appended. */
  readonly baseUrl: string;
  readonly pairs: Readonly<Record<AssetId, Pair>>;
  /** Limit for one request, connection and body together. */
  readonly timeoutMs: number;
}

/** Longest answer read; a ticker has less than 1 kB. */
const BODY_BYTES_MAX = 65_536;

/** The public ticker of one exchange: best bid and ask, taken from the vendor's decimal strings. */
export class ExchangeSource extends PriceSource {
  readonly name: string;
  readonly assets: readonly AssetId[];

  constructor(
    private readonly api: VendorApi,
    private readonly settings: ExchangeSettings,
  ) {
    super();
    this.name = api.name;
    this.assets = Object.keys(settings.pairs);
  }

  async read(assets: readonly AssetId[]): Promise<readonly PriceOutcome[]> {
    const asked = assets.flatMap((asset) => {
      const pair = this.settings.pairs[asset];
      return pair === undefined ? [] : [{ asset, pair }];
    });
    return Promise.all(asked.map(({ asset, pair }) => this.readPair(asset, pair)));
  }

  private async readPair(asset: AssetId, { name, quote }: Pair): Promise<PriceOutcome> {
    try {
      const url = this.settings.baseUrl.replace(/\/$/, '') + this.api.path(encodeURIComponent(name));
      const { text, sentAt } = await fetchText(url, { timeoutMs: this.settings.timeoutMs, bytesMax: BODY_BYTES_MAX });
      const ticker = this.api.ticker(name, JSON.parse(text));
      const observedAt = ticker.observedAt ?? sentAt;
      if (observedAt === null) throw new Error('the answer carries no time');
      const [bid, ask] = [positive('bid', ticker.bid), positive('ask', ticker.ask)];
      return { kind: 'read', reading: { source: this.name, asset, quote, bid, ask, observedAt } };
    } catch (error) {
      return { kind: 'unavailable', source: this.name, asset, reason: reasonOf(error) };
    }
  }
}

function positive(field: string, text: string): Ratio {
  const ratio = parseRatio(text);
  if (typeof ratio === 'string') throw new Error(`${field} is not a positive decimal: ${text.slice(0, 40)}`);
  return ratio;
}

/** One short line: an undici failure hides its cause one level down, a schema failure lists every issue. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure';
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return `${error.message}${cause}`.replaceAll(/\s+/g, ' ').slice(0, 200);
}
