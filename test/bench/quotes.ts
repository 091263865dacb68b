import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DEFAULT_CHAIN_ID } from '../../devnet/akash/genesis.ts';
import { startAkash } from '../../devnet/akash/start.ts';
import { startBitcoin } from '../../devnet/bitcoin/start.ts';
import { startExchanges } from '../../devnet/exchanges/index.ts';
import { startPostgres } from '../../devnet/postgres.ts';
import { KeysService } from '../../src/access/keys.service.ts';
import { scopesOf } from '../../src/access/scopes.ts';
import { TenantsService } from '../../src/access/tenants.service.ts';
import { Ledger } from '../../src/ledger/ledger.service.ts';
import { Clock } from '../../src/platform/clock.ts';
import { Config } from '../../src/platform/config.ts';
import { Database } from '../../src/platform/database.ts';
import { APP_ROLE, migrate } from '../../src/platform/migrate.ts';
import { exchangeSettings, TEST_PRICES } from '../support/markets.ts';
import { accountSettings, BODY, PAIRS } from '../support/quoting.ts';
import type { Load, Seen } from './quotes-client.ts';

/** Medians of the rounds. */
export interface QuoteFigures {
  /** Requests a second of a bare Fastify POST with a schema. */
  readonly bare: number;
  /** Durable quotes a second: authenticated, validated, priced, stored; at least 0.35 of `bare`. */
  readonly quotes: number;
  readonly ratio: number;
  /** At 70 % of `quotes`, milliseconds; p99 below 20. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Requests that were not answered 201. */
  readonly bad: number;
}

const CONNECTIONS = 64;
const SERVER_CORE = '0';
const CLIENT_CORE = '1';
const PASSWORD = 'bench';
const run = promisify(execFile);
const here = (name: string) => join(import.meta.dirname, name);

/**
 * The service's POST /v1/quotes against a bare Fastify POST: each server one process on one core, the client another on
 * the other core; PostgreSQL, a Bitcoin node, an Akash chain and the exchanges beside them. Rounds are interleaved.
 */
export async function benchQuotes({ rounds = 5, seconds = 8 } = {}): Promise<QuoteFigures> {
  const world = await startWorld();
  const bare = await startServer([here('bare-server.ts')], {});
  const service = await startServer(['dist/src/main.js'], world.settings);
  try {
    const load = (server: { url: string }, rate: number | null, time = seconds) =>
      client({
        url: server.url,
        key: world.key,
        body: JSON.stringify(BODY),
        seconds: time,
        connections: CONNECTIONS,
        rate,
      });
    await ready(() => load(service, 10, 1));
    for (const server of [bare, service]) await load(server, null, 3);
    const [bares, quotes, paced]: [Seen[], Seen[], Seen[]] = [[], [], []];
    for (let round = 0; round < rounds; round += 1) {
      bares.push(await load(bare, null));
      quotes.push(await load(service, null));
    }
    const peak = median(quotes.map(({ perSecond }) => perSecond));
    for (let round = 0; round < rounds; round += 1) paced.push(await load(service, Math.floor(peak * 0.7)));
    return {
      bare: median(bares.map(({ perSecond }) => perSecond)),
      quotes: peak,
      ratio: median(quotes.map(({ perSecond }, n) => perSecond / (bares[n]?.perSecond ?? 0))),
      p50Ms: median(paced.map(({ p50Ms }) => p50Ms)),
      p99Ms: median(paced.map(({ p99Ms }) => p99Ms)),
      bad: [...quotes, ...paced].reduce((sum, { bad }) => sum + bad, 0),
    };
  } finally {
    await bare.end();
    await service.end();
    await world.stop();
  }
}

/** Everything the service needs, in processes of their own, and the settings that point at it. */
async function startWorld() {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-bench-quotes-'));
  const [postgres, bitcoin, akash, exchanges] = await Promise.all([
    startPostgres({
      dataDir: join(folder, 'postgres'),
      settings: ['shared_buffers=1GB', 'max_wal_size=8GB', 'wal_compression=on', 'synchronous_commit=on', 'fsync=on'],
    }),
    startBitcoin({ dataDir: join(folder, 'bitcoin') }),
    startAkash({ dataDir: join(folder, 'akash') }),
    startExchanges({ prices: TEST_PRICES }),
  ]);
  await migrate(postgres.url('postgres'), 'prisma/migrations', PASSWORD);
  const app = new URL(postgres.url('postgres'));
  app.username = APP_ROLE;
  app.password = PASSWORD;
  const settings = {
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    DATABASE_URL: app.href,
    HOST: '127.0.0.1',
    RATE_LIMIT_PER_S: '1000000',
    BITCOIN_RPC_URL: bitcoin.rpcUrl,
    AKASH_RPC_URL: akash.rpcUrl,
    AKASH_CHAIN_ID: DEFAULT_CHAIN_ID,
    PRICE_PAIRS: JSON.stringify(PAIRS),
    ...(await accountSettings()),
    ...exchangeSettings(exchanges),
  };
  return {
    settings,
    key: await prepare(settings),
    async stop() {
      await Promise.all([bitcoin.stop(), akash.stop(), exchanges.stop()]);
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A tenant's key, and a float to quote from. */
async function prepare(settings: Readonly<Record<string, string>>): Promise<string> {
  const config = Config.parse(settings);
  const database = new Database(config);
  const clock = new Clock(config, database);
  try {
    return await database.transaction(async (tx) => {
      const transfer = { from: 'external:akash-hot', to: 'equity:float', asset: 'AKT', units: 50_000_000_000n };
      const journal = { key: 'float:bench', kind: 'float', cause: 'bench', transfers: [transfer] };
      await new Ledger(database).post(tx, [{ ...journal, effectiveAt: await clock.now(tx) }]);
      const tenantId = await new TenantsService(clock).createTenant(tx, 'bench');
      const grant = { name: 'bench', scopes: scopesOf('tenant'), expiresAt: null };
      const { secret } = await new KeysService(database, clock).issue(tx, { role: 'tenant', tenantId }, grant);
      return secret;
    });
  } finally {
    await database.onApplicationShutdown();
  }
}

async function startServer(entry: readonly string[], settings: Readonly<Record<string, string>>) {
  const port = await freePort();
  const child = spawn('taskset', ['-c', SERVER_CORE, process.execPath, ...entry], {
    env: { PATH: process.env['PATH'] ?? '', ...settings, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  const end = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  return { url: `http://127.0.0.1:${port}`, end };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function client(load: Load): Promise<Seen> {
  const args = ['-c', CLIENT_CORE, process.execPath, here('quotes-client.ts'), JSON.stringify(load)];
  const { stdout } = await run('taskset', args);
  return JSON.parse(stdout) as Seen;
}

/** Waits until quotes are made: prices, depth and fees have been read. */
async function ready(probe: () => Promise<Seen>): Promise<void> {
  for (let attempt = 0; attempt < 60; attempt += 1) {
    const { good, bad } = await probe();
    if (good > 0 && bad === 0) return;
  }
  throw new Error('the service made no quote within a minute');
}

const median = (figures: readonly number[]): number => {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
};
