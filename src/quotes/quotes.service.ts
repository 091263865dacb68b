import { Injectable, Optional } from '@nestjs/common';
import { AssetCatalog } from '../markets/catalog.ts';
import { Markets } from '../markets/markets.service.ts';
import type { AcceptedPrice } from '../markets/price.ts';
import { formatUnits } from '../money/codec.ts';
import { Payees } from '../payees/payees.service.ts';
import { Clock } from '../platform/clock.ts';
import { Config } from '../platform/config.ts';
import { Database, type Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import type { OnceKey } from '../platform/once.ts';
import { Refusal } from '../platform/refusal.ts';
import { type LeaseLine, LeaseLines } from './lease-lines.ts';
import { clockOf, numeratorIn, numeratorOf } from './line-price.ts';
import { Pricing, type StatedLine } from './pricing.service.ts';
import { PRICE_SCALE } from './quote.ts';
import { detailSchema } from './quote-detail.ts';
import { QuoteStore, type StoredQuote } from './quote-store.service.ts';
import type { LineBody, QuoteBody } from './request.ts';

interface QuoteRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly lease_id: string | null;
  readonly state: 'open' | 'taken';
  readonly pay_units: string;
  readonly detail: unknown;
  readonly created_at: Date;
  readonly expires_at: Date;
}

/** A quote with what has become of it. */
export interface QuoteRecord extends StoredQuote {
  readonly state: 'open' | 'taken';
}

/** A quote with the prices it was made of. */
export interface ShownQuote extends QuoteRecord {
  readonly prices: readonly AcceptedPrice[];
}

/** A quote and whether it is what the same request was answered before. */
export interface CreatedQuote {
  readonly quote: ShownQuote;
  readonly replayed: boolean;
}

/** Addresses found payable, kept so that a payee quoted often is not looked up each time. */
const PAYABLE_MAX = 10_000;
const PAYABLE_AGE_MS = 30_000;

/** Firm offers: priced from memory, stored with their key and event, taken by `Locks`. */
@Injectable()
export class Quotes {
  private readonly evidenced = new WeakMap<AcceptedPrice, Promise<unknown>>();
  private readonly payable = new Map<string, { readonly canonical: string; readonly atMs: number }>();

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly database: Database,
    private readonly catalog: AssetCatalog,
    private readonly markets: Markets,
    private readonly payees: Payees,
    private readonly pricing: Pricing,
    private readonly store: QuoteStore,
    @Optional() private readonly leaseLines?: LeaseLines,
  ) {}

  /**
   * Prices and stores a quote. What was answered before to the same request is answered again, whatever prices do now.
   * @throws Refusal of `Pricing.price`, of payees' addresses, of a repeated Idempotency-Key
   */
  async create(tenantId: string, body: QuoteBody, key: OnceKey): Promise<CreatedQuote> {
    let priced: Omit<ShownQuote, 'state'>;
    try {
      priced = await this.priced(tenantId, body);
    } catch (error) {
      const earlier = error instanceof Refusal ? await this.store.earlier(key) : undefined;
      if (earlier === undefined) throw error;
      return { quote: await this.show(tenantId, earlier), replayed: true };
    }
    const outcome = await this.store.store(priced, key);
    if (outcome.kind === 'stored') return { quote: { ...priced, state: 'open' }, replayed: false };
    return { quote: await this.show(tenantId, outcome.quoteId), replayed: true };
  }

  /** A quote with its prices, for a reply. @throws Refusal not_found */
  async show(tenantId: string | undefined, id: string): Promise<ShownQuote> {
    const quote = await this.require(this.database.prisma, tenantId, id);
    return { ...quote, prices: await this.markets.evidence(this.database.prisma, quote.detail.evidence) };
  }

  /** A quote of the tenant's, or of anyone for undefined. @throws Refusal not_found */
  async require(tx: Tx, tenantId: string | undefined, id: string): Promise<QuoteRecord> {
    const [row] = await tx.$queryRaw<QuoteRow[]>`
      SELECT id, tenant_id, lease_id, state, pay_units::text AS pay_units, detail, created_at, expires_at
      FROM quotes WHERE id = ${id} AND (${tenantId ?? null}::text IS NULL OR tenant_id = ${tenantId ?? null})`;
    if (row === undefined) throw new Refusal('not_found', { field: 'quoteId' });
    return {
      id: row.id,
      tenantId: row.tenant_id,
      leaseId: row.lease_id,
      state: row.state,
      payUnits: BigInt(row.pay_units),
      createdAt: row.created_at,
      expiresAt: row.expires_at,
      detail: detailSchema.parse(row.detail),
    };
  }

  private async priced(tenantId: string, body: QuoteBody): Promise<Omit<ShownQuote, 'state'>> {
    const now = await this.clock.now();
    const lines = await this.lines(tenantId, body, now);
    const { payUnits, detail, prices } = this.pricing.price(body, lines, now);
    await this.evidence(prices);
    return {
      id: newId('quote'),
      tenantId,
      leaseId: body.leaseId ?? null,
      payUnits,
      createdAt: now,
      expiresAt: new Date(now.getTime() + this.config.settings.QUOTE_TTL_MS),
      detail,
      prices,
    };
  }

  /** Stores the evidence of prices once, however many quotes wait for it. */
  private async evidence(prices: readonly AcceptedPrice[]): Promise<void> {
    for (const price of prices) {
      let storing = this.evidenced.get(price);
      if (storing === undefined) {
        storing = this.markets.storeEvidence([price]);
        this.evidenced.set(price, storing);
        storing.catch(() => this.evidenced.delete(price));
      }
      await storing;
    }
  }

  private async lines(tenantId: string, body: QuoteBody, now: Date): Promise<StatedLine[]> {
    if (body.leaseId === undefined) {
      return Promise.all((body.lines ?? []).map((line, n) => this.stated(line, `lines[${n}]`, now)));
    }
    if (this.leaseLines === undefined) throw new Refusal('not_found', { field: 'leaseId' });
    return (await this.leaseLines.linesOf(tenantId, body.leaseId)).map((line) => this.ofLease(line));
  }

  private async stated({ payee, asset: id, price }: LineBody, field: string, now: Date): Promise<StatedLine> {
    const asset = this.catalog.require(id, `${field}.asset`);
    const unit = this.catalog.require(price.unit === 'uakt' ? 'AKT' : price.unit, `${field}.price.unit`);
    const numerator = numeratorOf(price, unit);
    if (numerator === null) {
      const expected = 'at most 18 decimals of a base unit, and not less than the last of them';
      throw new Refusal('invalid_amount', { field: `${field}.price.amount`, expected });
    }
    const usd = (id: string) => this.markets.price(id, now).mid;
    const priceNumerator =
      unit.id === asset.id ? numerator : numeratorIn(numerator, unit, usd(unit.id), asset, usd(asset.id));
    if (priceNumerator === 0n)
      throw new Refusal('invalid_amount', { field: `${field}.price.amount`, expected: 'a larger price' });
    const address = await this.payableAddress(asset.id, payee.address, `${field}.payee.address`);
    return {
      payee: { chain: asset.chain, address },
      asset: asset.id,
      clock: clockOf(price.per),
      priceNumerator,
      price,
    };
  }

  private ofLease(line: LeaseLine): StatedLine {
    const { decimals } = this.catalog.require(line.asset);
    const per = line.clock === 'once' ? 'once' : line.clock === 'utc' ? 'second' : 'block';
    const places = decimals + (PRICE_SCALE.toString().length - 1);
    return { ...line, price: { amount: formatUnits(line.priceNumerator, places), unit: line.asset, per } };
  }

  private async payableAddress(asset: string, address: string, field: string): Promise<string> {
    const name = `${asset} ${address}`;
    const known = this.payable.get(name);
    if (known !== undefined && performance.now() - known.atMs < PAYABLE_AGE_MS) return known.canonical;
    const canonical = await this.payees.checkDestination(asset, address, field);
    if (this.payable.size >= PAYABLE_MAX) this.payable.clear();
    this.payable.set(name, { canonical, atMs: performance.now() });
    return canonical;
  }
}
