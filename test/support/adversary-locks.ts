import { parseUnits } from '../../src/money/codec.ts';
import type { AssetId } from '../../src/money/asset.ts';
import { maxUnits } from '../../src/money/money.ts';
import { divide } from '../../src/money/rate.ts';
import type { LeaseView } from '../../src/escrow/lease-views.ts';
import type { QuoteView } from '../../src/quotes/view.ts';
import { DECIMALS, type Prices, worth } from './adversary.ts';

export const unitsOf = (asset: AssetId, amount: string): bigint => {
  const units = parseUnits(amount, Number(DECIMALS[asset] ?? 0n));
  if (typeof units !== 'bigint') throw new Error(`${amount} ${asset} is not an amount`);
  return units;
};

interface Window {
  readonly units: bigint;
  readonly fundBy: Date;
  readonly confirmBy: Date;
  used: bigint;
}

/** A payment of the actor as the chain saw it. */
export interface Payment {
  readonly seenAt: Date;
  readonly minedAt: Date;
}

/** A rate lock as the payer was told of it: by what the quote and the lease said, not by what the service does. */
export class LockTerms {
  readonly leaseId: string;
  readonly asset: AssetId;
  readonly address: string;
  readonly window: Window;
  readonly right: Window | null;

  constructor(
    readonly quote: QuoteView,
    lease: LeaseView,
    readonly lockedAt: Date,
  ) {
    const of = (kind: 'window' | 'right') => lease.locks.find((l) => l.quoteId === quote.id && l.kind === kind);
    const [window, right] = [of('window'), of('right')];
    if (window === undefined) throw new Error(`lease ${lease.id} shows no lock of quote ${quote.id}`);
    this.leaseId = lease.id;
    this.asset = quote.pay.asset;
    this.address = window.address;
    this.window = { units: unitsOf(this.asset, quote.pay.amount), ...times(window), used: 0n };
    this.right =
      right === undefined || quote.topUpRight === null
        ? null
        : { units: unitsOf(this.asset, quote.topUpRight.pay.amount), ...times(right), used: 0n };
  }

  /** Whether money seen then belongs to this lock. */
  takes({ seenAt }: Payment): boolean {
    const until = this.right === null ? this.window.fundBy : this.right.fundBy;
    return seenAt >= this.lockedAt && (seenAt <= this.window.fundBy || seenAt <= until);
  }

  /**
   * The most that crediting a payment of `units` may gain at these prices: what its in-time part is worth at the locked
   * rate after the premium, less what it is worth itself, where that is positive. A right has paid its price before.
   */
  optionValue(payment: Payment, units: bigint, prices: Prices): bigint {
    const { window, right } = this;
    const inTime = take(window, payment, units, window.units - window.used);
    const room = right === null ? 0n : (right.units * window.used) / window.units - right.used;
    const onRight = right === null ? 0n : take(right, payment, units - inTime, room);
    const shared = this.quote.lines.reduce((sum, { cost }) => sum + unitsOf(this.asset, cost.amount), 0n);
    const fee = unitsOf(this.asset, this.quote.costs.find(({ kind }) => kind === 'fee')?.amount ?? '0');
    const net = divide((shared + fee) * inTime, window.units, 'ceil');
    return this.gain(inTime, net, prices) + this.gain(onRight, onRight, prices);
  }

  /** What paying `units` at the locked rate would gain at these prices; negative for a loss. */
  moneyness(prices: Prices): bigint {
    const units = this.window.units;
    const shared = this.quote.lines.reduce((sum, { cost }) => sum + unitsOf(this.asset, cost.amount), 0n);
    return this.best(shared, prices) - worth(this.asset, units, prices);
  }

  private gain(paid: bigint, net: bigint, prices: Prices): bigint {
    const gain = this.best(net, prices) - worth(this.asset, paid, prices);
    return gain > 0n ? gain : 0n;
  }

  /** Value of pay units at the locked rate of the best line; of themselves where that is more, as fees stay in kind. */
  private best(net: bigint, prices: Prices): bigint {
    const values = this.quote.lines.map(({ escrow, rate }) =>
      worth(escrow.asset, divide(net * BigInt(rate.num), BigInt(rate.den), 'ceil'), prices),
    );
    return values.reduce(maxUnits, worth(this.asset, net, prices));
  }
}

function take(window: Window, { seenAt, minedAt }: Payment, units: bigint, room: bigint): bigint {
  if (seenAt > window.fundBy || minedAt > window.confirmBy || room <= 0n) return 0n;
  const taken = units < room ? units : room;
  window.used += taken;
  return taken;
}

const times = ({ fundBy, confirmBy }: { readonly fundBy: string; readonly confirmBy: string }) => ({
  fundBy: new Date(fundBy),
  confirmBy: new Date(confirmBy),
});
