import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BIP32Factory } from 'bip32';
import * as secp256k1 from '@bitcoinerlab/secp256k1';
import { networks } from 'bitcoinjs-lib';
import { DEFAULT_CHAIN_ID, DEV_MNEMONIC } from '../../devnet/akash/genesis.ts';
import { startAkash } from '../../devnet/akash/start.ts';
import { startBitcoin } from '../../devnet/bitcoin/start.ts';
import { type Exchanges, startExchanges } from '../../devnet/exchanges/index.ts';
import { Ledger } from '../../src/ledger/ledger.service.ts';
import { Markets } from '../../src/markets/markets.service.ts';
import { Database } from '../../src/platform/database.ts';
import { BlockTime } from '../../src/routing/block-time.service.ts';
import { NetworkCosts } from '../../src/routing/network-costs.service.ts';
import { VenueCosts } from '../../src/routing/venue-costs.service.ts';
import { accountKeys } from './akash.ts';
import { startApp, type TestApp, type TestKey } from './app.ts';
import { asOwner, createDatabase, type TestDatabase } from './database.ts';
import { exchangeSettings, TEST_PRICES } from './markets.ts';

export const PROVIDER = 'akash1pyysjzgfpyysjzgfpyysjzgfpyysjzgfsqeghr';
const START = new Date('2026-11-22T12:00:00Z');

/** Four sources for each of BTC and AKT, none of them through another asset. */
export const PAIRS = {
  kucoin: { BTC: { name: 'BTC-USD', quote: 'USD' }, AKT: { name: 'AKT-USD', quote: 'USD' } },
  bitstamp: { AKT: { name: 'aktusd', quote: 'USD' } },
};

export interface Quoting {
  readonly service: TestApp;
  readonly db: TestDatabase;
  readonly exchanges: Exchanges;
  readonly key: TestKey;
  /** Reads prices, depth, fees and block time again, as the background does. */
  refresh(): Promise<void>;
  /** Moves the clock, then refreshes. */
  advance(ms: number): Promise<void>;
  /** Books the operator's float of AKT, in uakt. */
  addFloat(units: bigint): Promise<void>;
  quote(
    body?: Readonly<Record<string, unknown>>,
    headers?: Readonly<Record<string, string>>,
  ): ReturnType<TestApp['send']>;
  rows<Row>(sql: string, values?: unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
}

/** A body that is a good quote: 30 days at 1.5 uakt a block, paid in BTC. */
export const BODY = {
  payAsset: 'BTC',
  fix: 'duration',
  duration: 'P30D',
  lines: [{ payee: { address: PROVIDER }, price: { amount: '150.5', unit: 'uakt', per: 'block' } }],
} as const;

/** Account keys of the test wallets. */
export async function accountSettings(): Promise<Record<string, string>> {
  const bitcoin = BIP32Factory(secp256k1).fromSeed(Buffer.alloc(32, 7), networks.regtest).derivePath("m/84'/1'/0'");
  const { xpub } = await accountKeys(DEV_MNEMONIC);
  return {
    BITCOIN_NETWORK: 'regtest',
    BITCOIN_ACCOUNT_XPUB: bitcoin.neutered().toBase58(),
    AKASH_ACCOUNT_XPUB: xpub,
  };
}

/** The service over a Bitcoin node, an Akash chain and local exchanges, with 50,000 AKT of float. */
export async function startQuoting(settings: Readonly<Record<string, string>> = {}): Promise<Quoting> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-quoting-'));
  const db = await createDatabase();
  await db.setClock(START);
  const clock = () =>
    asOwner(db.ownerUrl, async (client) => (await client.query('SELECT lockstep_now() AS now')).rows[0].now);
  const [bitcoin, akash, exchanges] = await Promise.all([
    startBitcoin({ dataDir: join(folder, 'bitcoin') }),
    startAkash({ dataDir: join(folder, 'akash'), blockTimeMs: 200 }),
    startExchanges({ prices: TEST_PRICES, now: clock }),
  ]);
  const service = await startApp(db, {
    BITCOIN_RPC_URL: bitcoin.rpcUrl,
    AKASH_RPC_URL: akash.rpcUrl,
    AKASH_CHAIN_ID: DEFAULT_CHAIN_ID,
    ...(await accountSettings()),
    PRICE_PAIRS: JSON.stringify(PAIRS),
    ...exchangeSettings(exchanges),
    ...settings,
  });
  const get = <T>(type: abstract new (...given: never[]) => T): T => service.app.get(type, { strict: false });
  const refreshOnce = async () => {
    await get(Markets).refresh();
    await Promise.all([get(BlockTime).refresh(), get(NetworkCosts).refresh(), get(VenueCosts).refresh()]);
  };
  // The first may join one of the background's that has read the old state already.
  const refresh = async () => {
    await refreshOnce();
    await refreshOnce();
  };
  const key = await service.tenantKey();
  const quoting: Quoting = {
    service,
    db,
    exchanges,
    key,
    refresh,
    async advance(ms) {
      await db.advanceClock(ms);
      await refresh();
    },
    async addFloat(units) {
      const transfer = { from: 'external:akash-hot', to: 'equity:float', asset: 'AKT', units };
      const journal = {
        key: `float:${Math.random()}`,
        kind: 'float',
        cause: 'test',
        transfers: [transfer],
        effectiveAt: START,
      };
      await get(Database).transaction((tx) => get(Ledger).post(tx, [journal]));
      await refresh();
    },
    quote: (body = {}, headers = {}) =>
      service.send('POST', '/v1/quotes', { key, body: { ...BODY, ...body }, headers }),
    rows: (sql, values = []) => asOwner(db.ownerUrl, async (client) => (await client.query(sql, values)).rows),
    async stop() {
      await service.close();
      await Promise.all([bitcoin.stop(), akash.stop(), exchanges.stop()]);
      await db.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await quoting.addFloat(50_000_000_000n);
  return quoting;
}
