import { expect } from 'vitest';
import { evmWallet, type EvmWallet } from '../../devnet/evm/wallet.ts';
import { type PriceBot, priceBot } from '../../devnet/evm/price-bot.ts';
import type { VenueContext } from '../../src/adapters/venue.ts';
import { EvmChain, type EvmSettings } from '../../src/adapters/chains/evm.ts';
import { Venues } from '../../src/adapters/venues/index.ts';
import { checkInvariants } from '../../src/ledger/invariants.ts';
import { Ledger } from '../../src/ledger/ledger.service.ts';
import type { Transfer } from '../../src/ledger/transfer.ts';
import { AssetCatalog } from '../../src/markets/catalog.ts';
import { recordEvidence } from '../../src/markets/evidence.ts';
import { policyOf } from '../../src/markets/policy.ts';
import type { AcceptedPrice } from '../../src/markets/price.ts';
import { parseRatio, parseUnits } from '../../src/money/codec.ts';
import { Clock } from '../../src/platform/clock.ts';
import { Config } from '../../src/platform/config.ts';
import { newId } from '../../src/platform/id.ts';
import { createLogger } from '../../src/platform/logging.ts';
import { Metrics } from '../../src/platform/metrics.ts';
import { Outbox } from '../../src/platform/outbox.ts';
import { DeskBooks } from '../../src/swaps/desk-books.service.ts';
import { Flattening } from '../../src/swaps/flattening.service.ts';
import { FloatAlarm } from '../../src/swaps/float-alarm.service.ts';
import { Following } from '../../src/swaps/following.service.ts';
import { LegChanges } from '../../src/swaps/leg-changes.service.ts';
import { Placing } from '../../src/swaps/placing.service.ts';
import { Routes } from '../../src/swaps/routes.service.ts';
import { SwapRows, type SwapRow } from '../../src/swaps/swap-rows.service.ts';
import { Swaps } from '../../src/swaps/swaps.service.ts';
import { asOwner, createDatabase, type TestDatabase } from './database.ts';
import { type SenderNodes, startNodes } from './sender-nodes.ts';
import { type Sender, startSender, writeKeyFile } from './wallets.ts';

/** Mid prices of these tests, where the local pools open. */
const USD: Readonly<Record<string, string>> = {
  BTC: '60000',
  AKT: '0.5',
  ETH: '3000',
  'USDC.ethereum': '1',
  'USDT.ethereum': '1',
  'DAI.ethereum': '1',
};

/** One process of the service as far as swaps go. */
export interface DeskProcess {
  readonly swaps: Swaps;
  readonly sender: Sender;
  readonly metrics: Metrics;
  close(): Promise<void>;
}

export interface DeskRig {
  readonly database: TestDatabase;
  readonly nodes: SenderNodes;
  readonly wallet: EvmWallet;
  readonly bot: PriceBot;
  readonly desk: DeskProcess;
  /** Another process over the same database and nodes. */
  another(): Promise<DeskProcess>;
  /** Base units of a decimal amount. */
  units(asset: string, amount: string): bigint;
  balance(account: string, asset: string): Promise<bigint>;
  /** Books a journal as another room would. */
  post(...transfers: readonly Transfer[]): Promise<void>;
  /** Puts a token into the hot wallet, as a swept deposit that was credited: the desk has it. */
  earn(asset: string, amount: string): Promise<void>;
  /** A customer is owed it, as after a credit at a lock. */
  owe(asset: string, amount: string): Promise<void>;
  /** The operator's float, at a wallet of its chain. */
  lend(asset: string, amount: string): Promise<void>;
  /** Plans, and works until no swap is open. Returns all swaps, newest first. */
  run(): Promise<SwapRow[]>;
  /** One round of everything but planning; blocks are made so that what was sent becomes final. */
  round(): Promise<void>;
  all(): Promise<SwapRow[]>;
  /** Transactions the hot wallet has in blocks. */
  sent(): Promise<bigint>;
  events(type: string): Promise<Record<string, unknown>[]>;
  /** The ledger's rules hold, and the hot wallet has at the final block exactly what the books say. */
  check(): Promise<void>;
  stop(): Promise<void>;
}

export async function startDesk(
  settings: Readonly<Record<string, string>> = {},
  makeChain: (settings: EvmSettings) => EvmChain = (given) => new EvmChain(given),
): Promise<DeskRig> {
  const [database, nodes] = await Promise.all([createDatabase(), startNodes('evm')]);
  if (nodes.evm === null) throw new Error('no Ethereum node');
  const { node, deployment } = nodes.evm;
  const keys = writeKeyFile(nodes.keys);
  const offline = 'http://127.0.0.1:1';
  const all = {
    ...{ BITCOIN_RPC_URL: offline, BITCOIN_ACCOUNT_XPUB: 'xpub', AKASH_RPC_URL: offline, AKASH_ACCOUNT_XPUB: 'xpub' },
    ...nodes.settings,
    ...settings,
  };
  const open: DeskProcess[] = [];
  const another = async () => {
    const chain = (config: Config) => [makeChain(evmSettings(config))];
    const sender = await startSender({ appUrl: database.appUrl, keyFile: keys.path, chains: chain, settings: all });
    const one = deskProcess(
      sender,
      Config.parse({ NODE_ENV: 'test', DATABASE_URL: database.appUrl, CLOCK: 'database', ...all }),
    );
    open.push(one);
    return one;
  };
  const desk = await another();
  const { sender } = desk;
  const config = Config.parse({ NODE_ENV: 'test', DATABASE_URL: database.appUrl, ...all });
  const catalog = new AssetCatalog(config);
  const ledger = new Ledger(sender.database);
  const wallet = evmWallet(node, deployment);
  const chain = sender.chains.get('ethereum');
  const hot = chain.addressAt('0/0');
  const place = (asset: string) => `external:${catalog.require(asset).chain}-hot`;
  const units = (asset: string, amount: string) => {
    const parsed = parseUnits(amount, catalog.require(asset).decimals);
    if (typeof parsed !== 'bigint') throw new Error(`not an amount of ${asset}: ${amount}`);
    return parsed;
  };
  const balance = (account: string, asset: string) => ledger.balance(sender.database.prisma, account, asset);
  const post = (...transfers: readonly Transfer[]) =>
    sender.database.transaction(async (tx) => {
      const key = newId('request');
      await ledger.post(tx, [{ key, kind: 'test', cause: key, effectiveAt: new Date(), transfers }]);
    });
  const held = async (asset: string) => (await chain.holding({ addresses: [hot], coins: [] }, asset, null)).units;
  // The development node gives the hot wallet ether before the service's first day: a customer's, not the desk's.
  await wallet.mine(3);
  await post({ from: 'external:ethereum-hot', to: 'refund:opening', asset: 'ETH', units: await held('ETH') });
  const round = async () => {
    await desk.swaps.advance();
    await sender.wallets.advance();
    await wallet.mine(3);
  };
  const allSwaps = () => desk.swaps.list(undefined, 100, undefined);
  return {
    database,
    nodes,
    wallet,
    bot: priceBot(node, deployment),
    desk,
    another,
    units,
    balance,
    post,
    async earn(asset, amount) {
      await wallet.mint(asset.split('.')[0] ?? '', hot, units(asset, amount));
      await wallet.mine(3);
      await post({ from: place(asset), to: 'desk:main', asset, units: units(asset, amount) });
    },
    owe: (asset, amount) => post({ from: 'desk:main', to: 'escrow:lin_test', asset, units: units(asset, amount) }),
    lend: (asset, amount) => post({ from: place(asset), to: 'equity:float', asset, units: units(asset, amount) }),
    round,
    async run() {
      await desk.swaps.flatten();
      for (let n = 0; (await allSwaps()).some(({ doneAt }) => doneAt === null); n += 1) {
        if (n === 60) throw new Error('a swap never ends');
        await round();
      }
      return allSwaps();
    },
    all: allSwaps,
    sent: async () => BigInt(String(await node.call('eth_getTransactionCount', [hot, 'latest']))),
    events: (type) =>
      asOwner(database.ownerUrl, async (client) => {
        const { rows } = await client.query('SELECT data FROM outbox WHERE type = $1 ORDER BY created_at, id', [type]);
        return rows.map(({ data }) => data);
      }),
    async check() {
      const faults = await asOwner(database.ownerUrl, (client) =>
        checkInvariants(async (sql, ...values) => (await client.query(sql, values)).rows),
      );
      expect(faults).toEqual([]);
      await wallet.mine(3);
      for (const { id } of chain.assets) expect(-(await balance('external:ethereum-hot', id)), id).toBe(await held(id));
    },
    async stop() {
      for (const one of open) await one.close();
      await nodes.stop();
      await database.drop();
      keys.remove();
    },
  };
}

function evmSettings(config: Config): EvmSettings {
  const { ETHEREUM_RPC_URL, ETHEREUM_CHAIN_ID, ETHEREUM_FACTORY, ETHEREUM_HOT_ADDRESS } = config.settings;
  const assets = new AssetCatalog(config).all().filter(({ chain }) => chain === 'ethereum');
  const feeAsset = assets.find(({ reference }) => reference === null);
  if (!ETHEREUM_RPC_URL || !ETHEREUM_FACTORY || !ETHEREUM_HOT_ADDRESS || !feeAsset) throw new Error('Ethereum is off');
  const contracts = { factory: ETHEREUM_FACTORY, treasury: ETHEREUM_HOT_ADDRESS, batchPayer: null };
  return {
    id: 'ethereum',
    chainId: ETHEREUM_CHAIN_ID,
    rpcUrl: ETHEREUM_RPC_URL,
    assets,
    feeAsset,
    ...contracts,
    finality: 'tag',
  };
}

/** Swaps wired as `swaps.module.ts` does, over a sender, with fixed prices. */
function deskProcess(sender: Sender, config: Config): DeskProcess {
  const { database, chains, wallets } = sender;
  const logger = createLogger('silent', 'test');
  const [catalog, ledger, outbox, clock] = [
    new AssetCatalog(config),
    new Ledger(database),
    new Outbox(),
    new Clock(config, database),
  ];
  const price = (asset: string): AcceptedPrice => {
    const mid = parseRatio(USD[asset] ?? '');
    if (typeof mid === 'string') throw new Error(`no price of ${asset}`);
    const at = new Date();
    const age = { oldestObservedAt: at, at, evidenceId: `evi_${asset}`, inputs: [], used: [], dropped: [] };
    return { asset, mid, bid: mid, ask: mid, uncertaintyBps: 0, ...age };
  };
  const contexts = {
    async now(): Promise<VenueContext> {
      const float = new Map<string, bigint>();
      const floatLow = new Map<string, bigint>();
      for (const { id, decimals } of catalog.all()) {
        float.set(id, await ledger.balance(database.prisma, 'equity:float', id));
        const low = parseUnits(policyOf(config, id).floatLow, decimals);
        floatLow.set(id, typeof low === 'bigint' ? low : 0n);
      }
      return {
        usd: new Map(catalog.all().map(({ id }) => [id, price(id).mid])),
        float,
        floatLow,
        now: await clock.now(),
      };
    },
  };
  const venues = Venues.from(config);
  const [rows, metrics] = [new SwapRows(), new Metrics()];
  const books = new DeskBooks(config, catalog, ledger, rows);
  const alarm = new FloatAlarm(database, catalog, outbox, metrics, logger);
  alarm.onModuleInit();
  const markets = { price, recordEvidence };
  const routes = new Routes(config, venues);
  const flattening = new Flattening(
    config,
    database,
    catalog,
    markets,
    ledger,
    contexts,
    books,
    routes,
    rows,
    alarm,
    outbox,
    logger,
  );
  const changes = new LegChanges(database, clock, catalog, ledger, rows, outbox);
  const placing = new Placing(config, catalog, chains, venues, wallets, ledger, contexts, rows, changes);
  const following = new Following(catalog, clock, venues, wallets, changes);
  const swaps = new Swaps(database, flattening, placing, following, rows, logger);
  return { swaps, sender, metrics, close: () => sender.close() };
}
