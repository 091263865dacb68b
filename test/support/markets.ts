import * as secp256k1 from '@bitcoinerlab/secp256k1';
import { BIP32Factory } from 'bip32';
import { type Exchanges, LOCAL_PAIRS, startExchanges } from '../../devnet/exchanges/index.ts';
import { PriceSources } from '../../src/adapters/prices/index.ts';
import { AssetStates } from '../../src/markets/asset-states.service.ts';
import { AssetCatalog } from '../../src/markets/catalog.ts';
import { Markets } from '../../src/markets/markets.service.ts';
import { Clock } from '../../src/platform/clock.ts';
import { Config } from '../../src/platform/config.ts';
import { Database } from '../../src/platform/database.ts';
import { Outbox } from '../../src/platform/outbox.ts';
import { createDatabase, type TestDatabase } from './database.ts';

export const TEST_PRICES = { BTC: '64000', ETH: '3200', AKT: '0.5', USDC: '1', USDT: '0.9995', DAI: '1.0001' };

/** An account key of nobody, at depth 3 as chains ask for. */
const xpub = BIP32Factory(secp256k1).fromSeed(Buffer.alloc(32, 7)).derivePath("m/84'/0'/0'").neutered().toBase58();

/** Settings that switch every chain on without any node. */
export const ALL_CHAINS = {
  BITCOIN_RPC_URL: 'http://127.0.0.1:1',
  BITCOIN_ACCOUNT_XPUB: xpub,
  ETHEREUM_RPC_URL: 'http://127.0.0.1:1',
  ETHEREUM_FACTORY: `0x${'11'.repeat(20)}`,
  ETHEREUM_HOT_ADDRESS: `0x${'22'.repeat(20)}`,
  AKASH_RPC_URL: 'http://127.0.0.1:1',
  AKASH_ACCOUNT_XPUB: xpub,
};

/** Settings that point every price source at local exchanges. */
export const exchangeSettings = ({ urls }: Exchanges): Record<string, string> =>
  Object.fromEntries(Object.entries(urls).map(([name, url]) => [`${name.toUpperCase()}_URL`, url]));

export interface TestMarkets {
  readonly markets: Markets;
  readonly states: AssetStates;
  readonly exchanges: Exchanges;
  readonly database: Database;
  readonly db: TestDatabase;
  readonly clock: Clock;
  /** Another process over the same database and exchanges. */
  another(env?: Record<string, string>): Markets;
  stop(): Promise<void>;
}

/** The markets room on a real database, reading local exchanges whose times follow the database's clock. */
export async function startMarkets(): Promise<TestMarkets> {
  const db = await createDatabase();
  await db.setClock(new Date('2026-11-22T12:00:00Z'));
  const env = { NODE_ENV: 'test', CLOCK: 'database', DATABASE_URL: db.appUrl, ...ALL_CHAINS };
  const database = new Database(Config.parse(env));
  const clock = new Clock(Config.parse(env), database);
  const exchanges = await startExchanges({ prices: TEST_PRICES, now: () => clock.now() });
  const states = new AssetStates(database, new Outbox());
  const make = (more: Record<string, string> = {}, own = states) => {
    const config = Config.parse({ ...env, ...exchangeSettings(exchanges), ...more });
    const sources = PriceSources.from(config, LOCAL_PAIRS);
    return new Markets(config, database, clock, new AssetCatalog(config), sources, own);
  };
  const markets = make();
  await markets.onModuleInit();
  return {
    markets,
    states,
    exchanges,
    database,
    db,
    clock,
    another: (more) => make(more, new AssetStates(database, new Outbox())),
    async stop() {
      await exchanges.stop();
      await database.onApplicationShutdown();
      await db.drop();
    },
  };
}
