import { Injectable } from '@nestjs/common';
import { AssetCatalog } from '../markets/catalog.ts';
import { Markets } from '../markets/markets.service.ts';
import type { AssetId } from '../money/asset.ts';
import { minUnits } from '../money/money.ts';
import { allocate, divide } from '../money/rate.ts';
import { Config } from '../platform/config.ts';
import type { Costs, LineClock } from './lock.ts';
import { offeredRate, PRICE_SCALE } from './quote.ts';

/** A line of a lease that money without a lock is shared among. */
export interface FundedLine {
  readonly id: string;
  readonly asset: AssetId;
  readonly clock: LineClock;
  /** Base units per tick × 10^18; for `once`, the whole price. */
  readonly priceNumerator: bigint;
  /** Credited to it so far, over all its lots. */
  readonly creditedUnits: bigint;
}

const BPS = 10_000n;

/** Money that comes too late for its lock: the rate of its credit, with no premium, as no time is bought. */
@Injectable()
export class CurrentRate {
  constructor(
    private readonly config: Config,
    private readonly catalog: AssetCatalog,
    private readonly markets: Markets,
  ) {}

  /**
   * What a payment credits at today's price: the service fee off the top, `once` lines first, then equal runway.
   * `perLine` is in the lines' order. @throws Refusal `no_price`
   */
  creditFor(pay: AssetId, units: bigint, lines: readonly FundedLine[]): { costs: Costs; perLine: bigint[] } {
    const fee = divide(units * BigInt(this.config.settings.SERVICE_FEE_BPS), BPS, 'ceil');
    const rates = new Map(lines.map((line) => [line.id, this.rateTo(pay, line.asset)]));
    const rateOf = (line: FundedLine) => rates.get(line.id) ?? { num: 1n, den: 1n };
    const credited = new Map<string, bigint>();
    let net = units - fee;
    for (const line of lines.filter(({ clock }) => clock === 'once')) {
      const { num, den } = rateOf(line);
      const missing = divide(line.priceNumerator, PRICE_SCALE, 'ceil') - line.creditedUnits;
      if (missing <= 0n) continue;
      const share = minUnits(divide(missing * den, num, 'ceil'), net);
      credited.set(line.id, minUnits(divide(share * num, den, 'floor'), missing));
      net -= share;
    }
    const streaming = lines.filter(({ clock }) => clock !== 'once');
    const weights = streaming.map((line) => {
      const { num, den } = rateOf(line);
      return { id: line.id, weight: (line.priceNumerator * den * PRICE_SCALE) / num + 1n };
    });
    for (const [id, share] of net > 0n && weights.length > 0 ? allocate(net, weights) : []) {
      const { num, den } = rates.get(id) ?? { num: 1n, den: 1n };
      credited.set(id, divide(share * num, den, 'floor'));
    }
    return {
      costs: { premium: 0n, fee, swap: 0n, network: 0n, right: 0n },
      perLine: lines.map(({ id }) => credited.get(id) ?? 0n),
    };
  }

  private rateTo(pay: AssetId, to: AssetId): { num: bigint; den: bigint } {
    if (pay === to) return { num: 1n, den: 1n };
    const [from, into] = [this.markets.price(pay), this.markets.price(to)];
    const spread = BigInt(this.config.settings.SPREAD_BPS);
    return offeredRate(this.catalog.require(pay), this.catalog.require(to), from, into, spread).offered;
  }
}
