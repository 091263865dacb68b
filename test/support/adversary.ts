import pg from 'pg';
import { vi } from 'vitest';
import { configuredAssets } from '../../src/adapters/assets.ts';
import { Chains } from '../../src/adapters/chains/index.ts';
import { PriceSource } from '../../src/adapters/price-source.ts';
import { PriceSources } from '../../src/adapters/prices/index.ts';
import { Addresses } from '../../src/deposits/addresses.service.ts';
import { ConfirmDeposits } from '../../src/deposits/confirm.service.ts';
import { ChainWatch } from '../../src/deposits/watch.service.ts';
import { Accrual } from '../../src/escrow/accrual.service.ts';
import { Credit } from '../../src/escrow/credit.service.ts';
import { Escrow } from '../../src/escrow/escrow.service.ts';
import { Leases } from '../../src/escrow/leases.service.ts';
import { checkInvariants, type Fault } from '../../src/ledger/invariants.ts';
import { Markets } from '../../src/markets/markets.service.ts';
import type { AssetId } from '../../src/money/asset.ts';
import { PayeeChanges } from '../../src/payees/payee-changes.service.ts';
import { Outgoing } from '../../src/payouts/outgoing.service.ts';
import { Payouts } from '../../src/payouts/payouts.service.ts';
import { Refunds } from '../../src/payouts/refunds.service.ts';
import { Clock } from '../../src/platform/clock.ts';
import { Config } from '../../src/platform/config.ts';
import { Database } from '../../src/platform/database.ts';
import { createLogger } from '../../src/platform/logging.ts';
import { Refusal } from '../../src/platform/refusal.ts';
import { Locks } from '../../src/quotes/locks.service.ts';
import { BlockTime } from '../../src/routing/block-time.service.ts';
import { NetworkCosts } from '../../src/routing/network-costs.service.ts';
import { VenueCosts } from '../../src/routing/venue-costs.service.ts';
import { FileSigner } from '../../src/wallets/file-signer.service.ts';
import { Signer } from '../../src/wallets/signer.ts';
import { Wallets } from '../../src/wallets/wallets.service.ts';
import { OpenChain } from './adversary-chain.ts';
import { startApp, type TestApp } from './app.ts';
import { createDatabase } from './database.ts';
import { writeKeyFile } from './wallets.ts';

/** Micro-dollars for one whole unit. */
export type Prices = Readonly<Record<AssetId, bigint>>;
/** A step of the script: what time passes before it, in how many blocks of every chain, and the prices then. */
export interface Step {
  readonly ms: number;
  readonly blocks: number;
  readonly prices: Prices;
}
/** Base units by asset; negative where more was paid than came back. */
export type Position = Readonly<Record<AssetId, bigint>>;

export const DECIMALS: Readonly<Record<AssetId, bigint>> = { BTC: 8n, AKT: 6n, 'USDC.ethereum': 6n, ETH: 18n };
export const START_PRICES: Prices = {
  BTC: 60_000_000_000n,
  AKT: 500_000n,
  'USDC.ethereum': 1_000_000n,
  ETH: 3_000_000_000n,
};
const MICROS = 1_000_000n;
const START = new Date('2026-11-22T12:00:00Z');

/** Exact value in 10^-24 dollars: units × micro-dollars, brought to 18 decimals. */
export const worth = (asset: AssetId, units: bigint, prices: Prices): bigint =>
  units * (prices[asset] ?? 0n) * 10n ** (18n - (DECIMALS[asset] ?? 0n));

export const totalWorth = (position: Position, prices: Prices): bigint =>
  Object.entries(position).reduce((sum, [asset, units]) => sum + worth(asset, units, prices), 0n);

const SETTINGS = {
  BITCOIN_RPC_URL: 'http://127.0.0.1:1',
  BITCOIN_NETWORK: 'regtest',
  BITCOIN_ACCOUNT_XPUB: 'scripted',
  ETHEREUM_RPC_URL: 'http://127.0.0.1:1',
  ETHEREUM_CHAIN_ID: '31337',
  ETHEREUM_TOKENS: JSON.stringify({ 'USDC.ethereum': '0x1111111111111111111111111111111111111111' }),
  ETHEREUM_FACTORY: '0x2222222222222222222222222222222222222222',
  ETHEREUM_HOT_ADDRESS: '0x3333333333333333333333333333333333333333',
  AKASH_RPC_URL: 'http://127.0.0.1:1',
  AKASH_ACCOUNT_XPUB: 'scripted',
  TICK_MS: '3600000',
  PAYOUT_INTERVAL_MS: '600000',
  PAYEE_CHANGE_DELAY_MS: '3600000',
  POLICY: JSON.stringify({
    BTC: { releaseDepth: 3 },
    'USDC.ethereum': { creditDepth: 1, releaseDepth: 2 },
    ETH: { creditDepth: 1, releaseDepth: 2 },
  }),
};

/** The whole service in one process over scripted chains and prices, with a clock that only the script moves. */
export interface World {
  readonly service: TestApp;
  readonly chains: ReadonlyMap<string, OpenChain>;
  now(): Date;
  prices(): Prices;
  /** Moves the clock to a step and its prices, and mines its blocks in the time between. */
  advance(step: Step, n: number): Promise<void>;
  /** Every job of the worker, until nothing moves. */
  work(): Promise<void>;
  /** All that the actor got less what he paid, and what he is still owed. */
  position(): Promise<Position>;
  /** The part of it that is on chain. */
  received(): Position;
  rows<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]>;
  get<T>(type: abstract new (...given: never[]) => T): T;
  /** What is wrong with the books, and places that hold something else than they say. */
  faults(): Promise<readonly Fault[]>;
  stop(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const db = await createDatabase();
  const keys = writeKeyFile({ 'bitcoin-hot': 'a', 'ethereum-hot': 'b', 'akash-hot': 'c' });
  const settings = { ...SETTINGS, SIGNER_KEY_FILE: keys.path };
  const config = Config.parse({ NODE_ENV: 'test', CLOCK: 'database', DATABASE_URL: db.appUrl, ...settings });
  const chains = openChains(config);
  const market = { now: START, prices: START_PRICES };
  await db.setClock(START);
  vi.spyOn(Chains, 'from').mockReturnValue(new Chains([...chains.values()]));
  const sources = ['one', 'two', 'three', 'four'].map((name) => new ScriptedSource(name, market));
  vi.spyOn(PriceSources, 'from').mockReturnValue(new PriceSources(sources));
  const service = await startApp(db, settings);
  vi.restoreAllMocks();
  const client = new pg.Client({ connectionString: db.ownerUrl });
  await client.connect();
  const get = <T>(type: abstract new (...given: never[]) => T): T => service.app.get(type, { strict: false });
  // The signer a worker has, with its caps and destinations.
  const signer = new FileSigner(config, get(Database), get(Chains), createLogger('silent', 'test'));
  get(Signer).sign = (...request) => signer.sign(...request);
  const rows = async <Row extends object>(sql: string, values: unknown[] = []) =>
    (await client.query<Row>(sql, values)).rows;
  const setClock = async (now: Date) => {
    market.now = now;
    await client.query('UPDATE clock SET frozen_at = $1', [now]);
  };
  const refresh = async () => {
    await get(Markets).refresh();
    await Promise.all([get(BlockTime).refresh(), get(NetworkCosts).refresh(), get(VenueCosts).refresh()]);
  };
  const received = (): Position =>
    Object.fromEntries([...chains.values()].flatMap((c) => c.assets.map(({ id }) => [id, c.flow(id)] as const)));
  const world: World = {
    service,
    chains,
    now: () => market.now,
    prices: () => market.prices,
    async advance({ ms, blocks, prices }, n) {
      for (let block = 1; block <= blocks; block += 1) {
        const time = new Date(market.now.getTime() + Math.floor((block * ms) / blocks));
        for (const chain of chains.values()) chain.mine(time, n);
      }
      await setClock(new Date(market.now.getTime() + ms));
      market.prices = prices;
      await refresh();
    },
    work: () => work(get, chains, market),
    async position() {
      const owed = await rows<{ asset: string; units: string }>(OWED);
      const sums: Record<string, bigint> = { ...received() };
      for (const { asset, units } of owed) sums[asset] = (sums[asset] ?? 0n) + BigInt(units);
      return sums;
    },
    received,
    rows,
    get,
    async faults() {
      const read = async (sql: string, ...values: string[]) => rows<Record<string, string | null>>(sql, values);
      return [...(await checkInvariants(read)), ...(await placeFaults(rows, chains))];
    },
    async stop() {
      await client.end();
      await service.close();
      await db.drop();
      keys.remove();
    },
  };
  await refresh();
  await endow(world);
  return world;
}

/** What the service owes: customer accounts, what is in blocks and not booked, and the fee it gives back at a close now. */
const OWED = `
  SELECT asset, sum(units)::text AS units FROM (
    SELECT asset, balance AS units FROM accounts WHERE kind IN ('suspense', 'escrow', 'payable', 'payout', 'refund')
    UNION ALL
    SELECT asset, units FROM deposits WHERE state = 'seen' AND height IS NOT NULL AND asset IS NOT NULL AND lease_id IS NOT NULL
    UNION ALL
    SELECT paid_asset, div(fee_units * (credited_units - consumed_units - withdrawn_units), credited_units) FROM lots
  ) AS owed GROUP BY asset`;

class ScriptedSource extends PriceSource {
  readonly assets = Object.keys(START_PRICES);
  constructor(
    readonly name: string,
    private readonly market: { readonly now: Date; readonly prices: Prices },
  ) {
    super();
  }

  override async read(assets: readonly AssetId[]) {
    return assets.map((asset) => {
      const price = { num: this.market.prices[asset] ?? 1n, den: MICROS };
      const quote = 'USD' as const;
      const observedAt = this.market.now;
      return {
        kind: 'read' as const,
        reading: { source: this.name, asset, quote, bid: price, ask: price, observedAt },
      };
    });
  }
}

function openChains(config: Config): ReadonlyMap<string, OpenChain> {
  const assets = configuredAssets(config);
  const of = (id: string, family: 'bitcoin' | 'evm' | 'akash', fee: AssetId, feeRate: bigint, finalDepth: number) => {
    const feeAsset = assets.find((asset) => asset.id === fee);
    if (feeAsset === undefined) throw new Error(`no asset ${fee}`);
    const own = assets.filter(({ chain }) => chain === id);
    return [id, new OpenChain({ id, family, assets: own, feeAsset, feeRate, finalDepth, start: START })] as const;
  };
  return new Map([
    of('bitcoin', 'bitcoin', 'BTC', 2n, 2),
    of('ethereum', 'evm', 'ETH', 1_000_000_000n, 1),
    of('akash', 'akash', 'AKT', 10n, 0),
  ]);
}

/** The operator's float, through the front door. */
async function endow(world: World): Promise<void> {
  await world.get(Addresses).openFloat();
  await world.work();
  const float = { BTC: 50n, AKT: 3_000_000n, 'USDC.ethereum': 2_000_000n, ETH: 100n };
  for (const [asset, whole] of Object.entries(float)) {
    for (const chain of world.chains.values()) {
      if (!chain.assets.some(({ id }) => id === asset)) continue;
      const address = world.get(Wallets).hotAddress(chain.id);
      const coins = 10n;
      for (let n = 0n; n < coins; n += 1n)
        chain.pay({ address, asset, units: (whole * 10n ** (DECIMALS[asset] ?? 0n)) / coins });
    }
  }
  await world.advance({ ms: 3_600_000, blocks: 4, prices: START_PRICES }, 0);
  await world.work();
  await world.advance({ ms: 600_000, blocks: 1, prices: START_PRICES }, 0);
}

type Get = World['get'];

/** The worker's jobs in one order; what waits for something is left for the next step, what fails ends the test. */
async function work(get: Get, chains: ReadonlyMap<string, OpenChain>, market: { readonly now: Date }): Promise<void> {
  for (const id of chains.keys()) {
    await get(ChainWatch).run(id);
    await get(ConfirmDeposits).setAsideUnknown(id);
    await get(ConfirmDeposits).confirm(id);
    await get(ConfirmDeposits).release(id);
  }
  for (const id of await get(Credit).confirmedDeposits()) await unlessRefused(() => get(Credit).credit(id));
  await get(Credit).releaseLots();
  await get(Accrual).depleteDue();
  await get(Locks).closeDue(await get(Clock).now());
  for (const id of await get(Leases).unfunded()) await get(Leases).expireOne(id);
  await get(PayeeChanges).applyDue();
  for (const id of await get(Payouts).duePayees()) await unlessRefused(() => get(Payouts).planFor(id));
  for (const id of await get(Escrow).leasesToRefund()) await unlessRefused(() => get(Refunds).refundLease(id));
  for (const id of await get(Escrow).returnsDue()) await unlessRefused(() => get(Refunds).returnDeposit(id));
  for (const kind of ['payout', 'refund'] as const) await get(Outgoing).send(kind);
  // What we broadcast is mined at once, so that nothing is both on its way and arrived when positions are read.
  for (let round = 0; (await get(Wallets).advance()) > 0; round += 1) {
    if (round > 50) throw new Error('sends never settle');
    for (const chain of chains.values()) if (chain.waitsForUs()) chain.mine(market.now, null);
  }
  for (const kind of ['payout', 'refund'] as const) await get(Outgoing).settle(kind);
}

async function unlessRefused(job: () => Promise<void>): Promise<void> {
  try {
    await job();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
}

/** Wallets that hold something else than the books say. */
async function placeFaults(rows: World['rows'], chains: ReadonlyMap<string, OpenChain>): Promise<Fault[]> {
  const faults: Fault[] = [];
  const wallets = await rows<{ id: string; chain: string; addresses: string[] }>(
    `SELECT w.id, w.chain, array_agg(a.address) AS addresses FROM wallets w JOIN wallet_addresses a ON a.wallet_id = w.id
     GROUP BY w.id, w.chain`,
  );
  const booked = await rows<{ ref: string; asset: string; units: string }>(
    `SELECT ref, asset, (-sum(balance))::text AS units FROM accounts WHERE kind = 'external' GROUP BY ref, asset`,
  );
  for (const { id, chain, addresses } of wallets) {
    for (const asset of chains.get(chain)?.assets ?? []) {
      const books = BigInt(booked.find((row) => row.ref === id && row.asset === asset.id)?.units ?? 0);
      const held = chains.get(chain)?.held(addresses, asset.id) ?? 0n;
      if (books !== held)
        faults.push({ rule: 'places hold what the books say', what: `${id} ${asset.id}: ${held}, books ${books}` });
    }
  }
  return faults;
}
