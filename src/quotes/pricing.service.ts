import { Injectable } from '@nestjs/common';
import { AssetCatalog } from '../markets/catalog.ts';
import { Markets } from '../markets/markets.service.ts';
import { type AssetPolicy, policyOf } from '../markets/policy.ts';
import type { AcceptedPrice } from '../markets/price.ts';
import type { Asset, AssetId } from '../money/asset.ts';
import { parseUnits } from '../money/codec.ts';
import { minUnits } from '../money/money.ts';
import { divide } from '../money/rate.ts';
import { Config } from '../platform/config.ts';
import { Refusal } from '../platform/refusal.ts';
import { PremiumModel, RIGHT_MAX_MS } from '../risk/premium.ts';
import { BlockTime } from '../routing/block-time.service.ts';
import { NetworkCosts } from '../routing/network-costs.service.ts';
import { VenueCosts } from '../routing/venue-costs.service.ts';
import { parseDuration } from './duration.ts';
import type { LeaseLine } from './lease-lines.ts';
import {
  type LineRequest,
  type OfferedRate,
  offeredRate,
  type PricedQuote,
  quoteForPayment,
  quoteForTerm,
  type QuoteRequest,
  secondsOf,
  type Term,
} from './quote.ts';
import { type QuoteDetail, rightOf, windowLines } from './quote-detail.ts';
import type { QuoteBody } from './request.ts';
import { termsOf } from './terms.ts';

/** A line with its price as it was stated, ready to be priced. */
export interface StatedLine extends LeaseLine {
  readonly price: QuoteDetail['lines'][number]['price'];
}

export interface Priced {
  readonly payUnits: bigint;
  readonly detail: QuoteDetail;
  /** Prices it was made of. */
  readonly prices: readonly AcceptedPrice[];
}

interface Limits {
  readonly policy: AssetPolicy;
  /** Least and most of a payment, base units. */
  readonly least: bigint;
  readonly most: bigint;
}

interface KnownRate {
  readonly from: AcceptedPrice;
  readonly to: AcceptedPrice;
  readonly rate: OfferedRate;
}

const MYRIAD = 10_000n;
const MICROS = 1_000_000n;

/** Prices quotes from what is known in memory: prices, depth curves, network fees, block time. Never waits. */
@Injectable()
export class Pricing {
  private readonly rates = new Map<string, KnownRate>();
  private readonly limits = new Map<AssetId, Limits>();

  constructor(
    private readonly config: Config,
    private readonly catalog: AssetCatalog,
    private readonly markets: Markets,
    private readonly premium: PremiumModel,
    private readonly venueCosts: VenueCosts,
    private readonly networkCosts: NetworkCosts,
    private readonly blockTime: BlockTime,
  ) {}

  /**
   * @throws Refusal asset_not_available, no_price, no_route, float_low: nothing is quoted on what is not known;
   * size_limit, invalid_amount, invalid_field naming the field
   */
  price(body: QuoteBody, lines: readonly StatedLine[], now: Date): Priced {
    this.markets.requireQuotable(body.payAsset, 'payAsset');
    const pay = this.catalog.require(body.payAsset, 'payAsset');
    const requests = lines.map((line) => this.lineRequest(pay, line, now));
    const rightUnits =
      body.topUpRight === undefined ? 0n : this.units(pay, body.topUpRight.amount, 'topUpRight.amount');
    const sizeField = body.fix === 'pay' ? 'payAmount' : 'lines';
    const request = this.request(pay, requests, rightUnits, sizeField, now);
    const priced = this.solve(body, pay, request);
    this.checkSize(pay, priced.payUnits, sizeField);
    if (rightUnits > 0n) this.checkSize(pay, rightUnits, 'topUpRight.amount');
    const prices = [...new Set([pay.id, ...lines.map(({ asset }) => asset)])].map((id) => this.markets.price(id, now));
    const detail = this.detail(body, pay, lines, requests, priced, prices);
    return { payUnits: priced.payUnits, prices, detail: this.withRight(body, rightUnits, priced.payUnits, detail) };
  }

  /** An asset's policy, read once: it is fixed for the life of a process. */
  private limitsOf(asset: Asset): Limits {
    const known = this.limits.get(asset.id);
    if (known !== undefined) return known;
    const policy = policyOf(this.config, asset.id);
    const [least, most] = [policy.depositMinimum, policy.lockMaximum].map((text) => parseUnits(text, asset.decimals));
    if (typeof least !== 'bigint' || typeof most !== 'bigint') {
      throw new Error(`settings: POLICY ${asset.id} depositMinimum or lockMaximum has too many decimals`);
    }
    const limits = { policy, least, most };
    this.limits.set(asset.id, limits);
    return limits;
  }

  private lineRequest(pay: Asset, { asset, clock, priceNumerator }: StatedLine, now: Date): LineRequest {
    this.markets.requireQuotable(asset, 'lines');
    return { asset, clock, priceNumerator, rate: this.rate(pay, this.catalog.require(asset), now) };
  }

  /** The rate of a pair, worked out once for each pair of accepted prices. */
  private rate(pay: Asset, to: Asset, now: Date): OfferedRate {
    const [from, into] = [this.markets.price(pay.id, now), this.markets.price(to.id, now)];
    const key = `${pay.id} ${to.id}`;
    const known = this.rates.get(key);
    if (known?.from === from && known.to === into) return known.rate;
    const rate = offeredRate(pay, to, from, into, BigInt(this.config.settings.SPREAD_BPS));
    this.rates.set(key, { from, to: into, rate });
    return rate;
  }

  private request(
    pay: Asset,
    lines: readonly LineRequest[],
    rightUnits: bigint,
    sizeField: string,
    now: Date,
  ): QuoteRequest {
    const { policy, most } = this.limitsOf(pay);
    const converts = lines.some(({ asset }) => asset !== pay.id);
    const premiumBps = converts ? this.premium.premiumBps(pay.id, policy.fundByMs + policy.confirmAfterMs) : 0;
    return {
      lines,
      blockTimeUs: this.blockTime.us,
      premiumBps: BigInt(premiumBps),
      feeBps: BigInt(this.config.settings.SERVICE_FEE_BPS),
      networkUnits: this.networkCosts.costOf(pay.id, now),
      rightUnits: divide(rightUnits * BigInt(this.premium.rightBps(pay.id)), MYRIAD, 'ceil'),
      swapCost: (units, asset) => {
        // What is too large for a lock is refused as that, before a venue finds it too large for itself.
        if (units > most) this.checkSize(pay, units, sizeField);
        return this.venueCosts.costOf(pay.id, asset, units, now).costUnits;
      },
    };
  }

  private solve(body: QuoteBody, pay: Asset, request: QuoteRequest): PricedQuote {
    if (body.fix === 'duration') return quoteForTerm(request, termOf(body));
    const priced = quoteForPayment(request, this.units(pay, body.payAmount ?? '', 'payAmount'));
    switch (priced) {
      case 'no_runway':
        throw new Refusal('invalid_field', { field: 'fix', expected: '`duration` where every line is paid once' });
      case 'nothing_left':
        throw new Refusal('size_limit', { field: 'payAmount', expected: 'more than the costs and the one-time lines' });
      case 'less_than_a_tick':
        throw new Refusal('size_limit', {
          field: 'payAmount',
          expected: 'enough for each line to last a block or second',
        });
      default:
        return priced;
    }
  }

  private units(asset: Asset, amount: string, field: string): bigint {
    const units = parseUnits(amount, asset.decimals);
    if (typeof units === 'bigint' && units > 0n) return units;
    throw new Refusal('invalid_amount', {
      field,
      expected: `a positive amount with at most ${asset.decimals} decimals`,
    });
  }

  private checkSize(pay: Asset, units: bigint, field: string): void {
    const { policy, least, most } = this.limitsOf(pay);
    if (units >= least && units <= most) return;
    const { depositMinimum, lockMaximum } = policy;
    throw new Refusal('size_limit', { field, expected: `a payment of ${depositMinimum} to ${lockMaximum} ${pay.id}` });
  }

  private detail(
    body: QuoteBody,
    pay: Asset,
    stated: readonly StatedLine[],
    requests: readonly LineRequest[],
    { payUnits, lines, costs }: PricedQuote,
    prices: readonly AcceptedPrice[],
  ): QuoteDetail {
    const { policy } = this.limitsOf(pay);
    const usd = this.usdMicros(pay, payUnits, prices);
    const risky = requests.some(({ asset }) => asset !== pay.id);
    const seconds = lines.flatMap(({ ticks }, n) => {
      const clock = requests[n]?.clock ?? 'once';
      return clock === 'once' ? [] : [secondsOf(clock, ticks, this.blockTime.us)];
    });
    return {
      fix: body.fix,
      payAsset: pay.id,
      blockTimeUs: this.blockTime.us.toString(),
      seconds: seconds.reduce(minUnits, seconds[0] ?? 0n).toString(),
      lines: stated.map((line, n) =>
        lineDetail(n, line, requests[n], lines[n], uncertaintyOf(pay.id, line.asset, prices)),
      ),
      costs: Object.fromEntries(
        Object.entries(costs).map(([kind, units]) => [kind, units.toString()]),
      ) as QuoteDetail['costs'],
      right: null,
      evidence: prices.map(({ evidenceId }) => evidenceId),
      terms: termsOf(body),
      depositMinimum: policy.depositMinimum,
      fundByMs: policy.fundByMs,
      confirmAfterMs: policy.confirmAfterMs,
      notionalUsdMicros: (risky ? usd : 0n).toString(),
      stressUsdMicros: (risky ? this.stress(pay.id, usd, 'window') : 0n).toString(),
      rightNotionalUsdMicros: '0',
      rightStressUsdMicros: '0',
    };
  }

  private withRight(body: QuoteBody, rightUnits: bigint, payUnits: bigint, detail: QuoteDetail): QuoteDetail {
    if (body.topUpRight === undefined) return detail;
    const seconds = parseDuration(body.topUpRight.duration) ?? 0n;
    if (seconds * 1000n > BigInt(RIGHT_MAX_MS)) {
      throw new Refusal('invalid_field', { field: 'topUpRight.duration', expected: 'at most 24 hours' });
    }
    const window = windowLines(
      detail,
      detail.lines.map(({ n }) => String(n)),
    );
    if (rightOf(detail, payUnits, rightUnits, window) === null) {
      throw new Refusal('size_limit', {
        field: 'topUpRight.amount',
        expected: 'more than its costs, for a line that lasts',
      });
    }
    const usd = (BigInt(detail.notionalUsdMicros) * rightUnits) / payUnits;
    return {
      ...detail,
      right: { units: rightUnits.toString(), seconds: seconds.toString() },
      rightNotionalUsdMicros: usd.toString(),
      rightStressUsdMicros: this.stress(detail.payAsset, usd, 'right').toString(),
    };
  }

  private stress(asset: AssetId, usdMicros: bigint, kind: 'window' | 'right'): bigint {
    return divide(usdMicros * BigInt(this.premium.stressBps(asset, kind)), MYRIAD, 'ceil');
  }

  private usdMicros(pay: Asset, units: bigint, prices: readonly AcceptedPrice[]): bigint {
    const price = prices.find(({ asset }) => asset === pay.id);
    if (price === undefined) throw new Error(`no price of ${pay.id} in the quote`);
    return divide(units * price.mid.num * MICROS, price.mid.den * 10n ** BigInt(pay.decimals), 'ceil');
  }
}

function termOf({ blocks, duration }: QuoteBody): Term {
  if (blocks !== undefined) return { blocks: BigInt(blocks) };
  return { seconds: parseDuration(duration ?? '') ?? 0n };
}

function lineDetail(
  n: number,
  { payee, asset, price, clock, priceNumerator }: StatedLine,
  request: LineRequest | undefined,
  priced: PricedQuote['lines'][number] | undefined,
  uncertaintyBps: number,
): QuoteDetail['lines'][number] {
  if (request === undefined || priced === undefined) throw new Error(`line ${n} was not priced`);
  const { mid, offered } = request.rate;
  return {
    n,
    payee,
    asset,
    price,
    clock,
    priceNumerator: priceNumerator.toString(),
    ticks: priced.ticks.toString(),
    units: priced.units.toString(),
    share: priced.shareUnits.toString(),
    spot: priced.spotUnits.toString(),
    num: offered.num.toString(),
    den: offered.den.toString(),
    midNum: mid.num.toString(),
    midDen: mid.den.toString(),
    uncertaintyBps,
  };
}

/** Stated uncertainty of a pair: of both prices together. */
const uncertaintyOf = (pay: AssetId, to: AssetId, prices: readonly AcceptedPrice[]): number =>
  pay === to
    ? 0
    : prices.filter(({ asset }) => asset === pay || asset === to).reduce((sum, price) => sum + price.uncertaintyBps, 0);
