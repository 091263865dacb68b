import { Config } from '../../src/platform/config.ts';
import { newId } from '../../src/platform/id.ts';
import { Outbox } from '../../src/platform/outbox.ts';
import { AssetCatalog } from '../../src/markets/catalog.ts';
import { Locks } from '../../src/quotes/locks.service.ts';
import { offeredRate, PRICE_SCALE, quoteForTerm } from '../../src/quotes/quote.ts';
import type { QuoteDetail } from '../../src/quotes/quote-detail.ts';
import { QuoteStore } from '../../src/quotes/quote-store.service.ts';
import { Exposure } from '../../src/risk/exposure.service.ts';
import { isAccepted } from '../../src/markets/markets.service.ts';
import { asOwner, until } from './database.ts';
import { ALL_CHAINS, startMarkets, type TestMarkets } from './markets.ts';

export interface LockRig extends TestMarkets {
  readonly locks: Locks;
  readonly store: QuoteStore;
  /** Reads prices until there are some. */
  refresh(): Promise<void>;
  /** Stores a quote of BTC for AKT: `usd` dollars of stress a lock, with a right of the same size where asked. */
  quote(tenantId: string, options?: { stressUsd?: bigint; right?: boolean; leaseId?: string }): Promise<string>;
  /** Takes a quote in a transaction of its own. */
  take(tenantId: string, quoteId: string, leaseId?: string): ReturnType<Locks['take']>;
  rows<Row>(sql: string, values?: unknown[]): Promise<Row[]>;
}

/** A thousand wait in line for ten connections. */
const PATIENCE_MS = 300_000;

export const CAPS = {
  EXPOSURE_CAP_USD: '1000',
  EXPOSURE_TENANT_CAP_USD: '300',
  POLICY: '{"BTC":{"exposureCapUsd":"800"}}',
};

/** Locks on a real database with real prices; quotes are written as the service writes them, without its HTTP. */
export async function startLocks(): Promise<LockRig> {
  const rig = await startMarkets();
  // On a busy machine an exchange may answer too late for one refresh.
  const refresh = () =>
    until('prices of BTC and AKT', async () => {
      await rig.markets.refresh();
      const now = await rig.clock.now();
      return ['BTC', 'AKT'].every((asset) => isAccepted(rig.markets.rate(asset, now)));
    });
  await refresh();
  const config = Config.parse({
    NODE_ENV: 'test',
    CLOCK: 'database',
    DATABASE_URL: rig.db.appUrl,
    DATABASE_POOL_SIZE: '20',
    ...ALL_CHAINS,
    ...CAPS,
  });
  const catalog = new AssetCatalog(config);
  const { database, clock, markets } = rig;
  const locks = new Locks(database, clock, new Outbox(), catalog, markets, new Exposure(config));
  const store = new QuoteStore(database);
  const detail = async (stressUsd: bigint, withRight: boolean): Promise<{ payUnits: bigint; detail: QuoteDetail }> => {
    const now = await clock.now();
    const [btc, akt] = [catalog.require('BTC'), catalog.require('AKT')];
    const [from, to] = [markets.price('BTC', now), markets.price('AKT', now)];
    const rate = offeredRate(btc, akt, from, to, 20n);
    const priceNumerator = 100n * PRICE_SCALE;
    const request = { premiumBps: 150n, feeBps: 50n, networkUnits: 200n, rightUnits: withRight ? 3_000n : 0n };
    const priced = quoteForTerm(
      {
        ...request,
        lines: [{ asset: 'AKT', clock: 'utc', priceNumerator, rate }],
        blockTimeUs: 6_000_000n,
        swapCost: () => 10n,
      },
      { seconds: 86_400n },
    );
    const [line] = priced.lines;
    if (line === undefined) throw new Error('no line');
    return {
      payUnits: priced.payUnits,
      detail: {
        fix: 'duration',
        payAsset: 'BTC',
        blockTimeUs: '6000000',
        seconds: '86400',
        lines: [
          {
            n: 0,
            payee: { chain: 'akash', address: 'akash15yk64u7zc9g9k2yr2wmzeva5qgwxps6ytfzgqy' },
            asset: 'AKT',
            price: { amount: '100', unit: 'uakt', per: 'second' },
            clock: 'utc',
            priceNumerator: priceNumerator.toString(),
            ticks: line.ticks.toString(),
            units: line.units.toString(),
            share: line.shareUnits.toString(),
            spot: line.spotUnits.toString(),
            num: rate.offered.num.toString(),
            den: rate.offered.den.toString(),
            midNum: rate.mid.num.toString(),
            midDen: rate.mid.den.toString(),
            uncertaintyBps: from.uncertaintyBps + to.uncertaintyBps,
          },
        ],
        costs: {
          premium: priced.costs.premium.toString(),
          fee: priced.costs.fee.toString(),
          swap: priced.costs.swap.toString(),
          network: priced.costs.network.toString(),
          right: priced.costs.right.toString(),
        },
        right: withRight ? { units: '100000', seconds: '86400' } : null,
        evidence: [],
        terms: { short: 'proportion', over: 'return', late: 'currentRate', afterDepletion: 'resume', refund: 'market' },
        depositMinimum: '0.0002',
        fundByMs: 3_600_000,
        confirmAfterMs: 7_200_000,
        notionalUsdMicros: (stressUsd * 10_000_000n).toString(),
        stressUsdMicros: (stressUsd * 1_000_000n).toString(),
        rightNotionalUsdMicros: '50000000',
        rightStressUsdMicros: '5000000',
      },
    };
  };
  return {
    ...rig,
    async refresh() {
      await refresh();
    },
    locks,
    store,
    async quote(tenantId, { stressUsd = 1n, right = false, leaseId } = {}) {
      const made = await detail(stressUsd, right);
      const createdAt = await clock.now();
      const id = newId('quote');
      const expiresAt = new Date(createdAt.getTime() + 60_000);
      const quote = { id, tenantId, leaseId: leaseId ?? null, createdAt, expiresAt, ...made };
      await store.store(quote, { owner: tenantId, route: 'POST /v1/quotes', key: id, body: { id } });
      return id;
    },
    take: (tenantId, quoteId, leaseId = newId('lease')) =>
      database.transaction((tx) => locks.take(tx, { quoteId, tenantId, leaseId, lineIds: ['lin_0'] }), PATIENCE_MS),
    rows: (sql, values = []) => asOwner(rig.db.ownerUrl, async (client) => (await client.query(sql, values)).rows),
  };
}
