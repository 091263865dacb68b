import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { expect } from 'vitest';
import { type EvmWallet, evmWallet } from '../../devnet/evm/wallet.ts';
import { type LocalChains, startLocalChains } from '../../devnet/stack/chains.ts';
import { FLOAT_ASSETS, sendFloat } from '../../devnet/stack/float.ts';
import { operatorKeys } from '../../devnet/stack/keys.ts';
import { aktBalance, aktPayments, freshAddress } from '../../devnet/stack/on-chain.ts';
import { readPaymentUri } from '../../devnet/stack/payment.ts';
import { Chains } from '../../src/adapters/chains/index.ts';
import { workerModule } from '../../src/app.module.ts';
import { Addresses } from '../../src/deposits/addresses.service.ts';
import type { LeaseView } from '../../src/escrow/lease-views.ts';
import { EVERY_JOB, type JobName, JOBS } from '../../src/jobs/flow.ts';
import { type Job, JOB_LIST } from '../../src/jobs/job.ts';
import { checkInvariants } from '../../src/ledger/invariants.ts';
import { Ledger } from '../../src/ledger/ledger.service.ts';
import { AssetCatalog } from '../../src/markets/catalog.ts';
import { PriceRefresher } from '../../src/markets/price-refresher.service.ts';
import { Markets } from '../../src/markets/markets.service.ts';
import { parseUnits } from '../../src/money/codec.ts';
import { Reconcile } from '../../src/payouts/reconcile.service.ts';
import { Config } from '../../src/platform/config.ts';
import { Database } from '../../src/platform/database.ts';
import { createLogger } from '../../src/platform/logging.ts';
import type { QuoteView } from '../../src/quotes/view.ts';
import { BlockTime } from '../../src/routing/block-time.service.ts';
import { NetworkCosts } from '../../src/routing/network-costs.service.ts';
import { RoutingRefresher } from '../../src/routing/routing-refresher.service.ts';
import { VenueCosts } from '../../src/routing/venue-costs.service.ts';
import { startApp, type TestApp, type TestKey } from './app.ts';
import { asOwner, createDatabase, type TestDatabase } from './database.ts';
import { type RunningProcess, startProcess } from './process.ts';
import { paidOnChain } from './sender-nodes.ts';

/** Milliseconds of chain time from one Akash block to the next. */
export const BLOCK_MS = 6_000;
/** Clock time after which prices are read again; far below their greatest age. */
const PRICES_MS = 240_000;
const PATIENCE_MS = 100_000;

/** Jobs that look at what the others did; `check` runs what of them a story needs. */
const REPORTING: readonly JobName[] = ['order-events', 'seal-ledger', 'reconcile', 'housekeeping'];

/** Depths that a few blocks reach, and payouts every ten minutes. */
const SETTINGS: Readonly<Record<string, string>> = {
  LOG_LEVEL: 'error',
  TICK_MS: '60000',
  PRICE_AGE_MAX_MS: '600000',
  PAYOUT_INTERVAL_MS: '600000',
  POLICY: JSON.stringify({
    BTC: { creditDepth: 2, releaseDepth: 4 },
    ETH: { creditDepth: 2, releaseDepth: 4 },
    'USDC.ethereum': { creditDepth: 2, releaseDepth: 4 },
    'USDT.ethereum': { creditDepth: 2, releaseDepth: 4 },
    'DAI.ethereum': { creditDepth: 2, releaseDepth: 4 },
  }),
};

/** A quote to ask for; the payee is an Akash provider nobody paid before. */
export interface Wish {
  readonly payAsset: string;
  readonly provider: string;
  /** Price of one block in uakt. */
  readonly price: string;
  readonly blocks: number;
  readonly more?: Readonly<Record<string, unknown>>;
}

export interface OpenedLease {
  readonly quote: QuoteView;
  readonly lease: LeaseView;
  readonly provider: string;
  readonly refundAddress: string;
}

/**
 * The whole service on real nodes that make blocks on demand. `main` runs in this process and is spoken to over HTTP. The
 * worker's jobs run here too, one turn after the other; or `startWorker` makes processes of them. The clock of all stands
 * still but for `mine` and `advance`.
 */
export class Stack {
  private pricesAt = 0;
  /** Height of each chain when the stack was ready. */
  private readonly since = new Map<string, number>();

  private constructor(
    readonly db: TestDatabase,
    readonly chains: LocalChains,
    readonly settings: Readonly<Record<string, string>>,
    readonly service: TestApp,
    readonly worker: INestApplicationContext,
    readonly key: TestKey,
    private readonly folder: string,
  ) {}

  /** Starts everything, with the operator's float booked. */
  static async start(overrides: Readonly<Record<string, string>> = {}, database?: TestDatabase): Promise<Stack> {
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-stack-'));
    const db = database ?? (await createDatabase());
    const now = async () => (await nowOf(db)) ?? new Date();
    const chains = await startLocalChains({ dataDir: folder, now });
    const keyFile = join(folder, 'keys.json');
    writeFileSync(keyFile, JSON.stringify(operatorKeys().secrets), { mode: 0o600 });
    await db.setClock((await chains.akash.client.mine(30, BLOCK_MS)).time);
    const settings = { ...SETTINGS, ...chains.settings, SIGNER_KEY_FILE: keyFile, ...overrides };
    const service = await startApp(db, settings);
    await service.app.get(Chains).verify();
    const worker = await startJobs(db, settings);
    const stack = new Stack(db, chains, settings, service, worker, await service.tenantKey(), folder);
    await stack.begin();
    return stack;
  }

  private async begin(): Promise<void> {
    // What they read in the background is read on demand: by the time of a clock that stands still, and for less work.
    for (const app of [this.service.app, this.worker]) {
      await app.get(PriceRefresher, { strict: false }).beforeApplicationShutdown();
      await app.get(RoutingRefresher, { strict: false }).onApplicationShutdown();
    }
    await this.refresh();
    // A chain is read from the first block after its first reading.
    await this.run('watch-chain');
    await sendFloat(this.chains, FLOAT_ASSETS);
    await this.settle('the float to be booked', async () => {
      const rows = await this.rows<{ asset: string }>(`SELECT DISTINCT asset FROM deposits WHERE state = 'float'`);
      return FLOAT_ASSETS.every((asset) => rows.some((row) => row.asset === asset));
    });
    for (const chain of this.get(Chains).all()) this.since.set(chain.id, (await chain.tip()).height);
  }

  get<T>(type: abstract new (...given: never[]) => T): T {
    return this.worker.get(type, { strict: false });
  }

  get ethereum(): EvmWallet {
    return evmWallet(this.chains.evm.node, this.chains.evm.deployment);
  }

  // ---- time and work

  /** Runs every job that has money to move once, in the order of the flow. */
  async turn(): Promise<void> {
    for (const name of EVERY_JOB) if (!REPORTING.includes(name)) await this.run(name);
  }

  /** Runs one job, for every chain if it runs per chain. */
  async run(name: JobName): Promise<void> {
    const job = this.worker.get<readonly Job[]>(JOB_LIST, { strict: false }).find((one) => one.name === name);
    if (job === undefined) throw new Error(`no job ${name}`);
    const keys =
      JOBS[name].per === 'chain'
        ? this.get(Chains)
            .all()
            .map(({ id }) => id)
        : [''];
    for (const key of keys) await job.run(key);
  }

  /** Makes Akash blocks, moves the clock to the last one's time, and makes a block on the other chains. */
  async mine(akashBlocks = 1): Promise<void> {
    await this.mineAt((await this.chains.akash.client.mine(akashBlocks, BLOCK_MS)).time);
  }

  /** Moves the clock and the chains' own, and makes one block of that time on each. */
  async advance(ms: number): Promise<void> {
    const to = new Date((await this.now()).getTime() + ms);
    await this.chains.akash.client.setTime(to);
    await this.mineAt((await this.chains.akash.client.mine()).time);
  }

  private async mineAt(time: Date): Promise<void> {
    await this.db.setClock(time);
    await this.chains.bitcoin.devnet.setTime(time);
    await this.ethereum.setTime(time);
    if (time.getTime() - this.pricesAt >= PRICES_MS) await this.readPrices();
    await this.chains.bitcoin.devnet.mine(1);
    await this.ethereum.mine(1);
  }

  /** Clock time of now. */
  async now(): Promise<Date> {
    const now = await nowOf(this.db);
    if (now === undefined) throw new Error('the clock is not set');
    return now;
  }

  /** Reads prices, depth, fees and block time, as both processes do in the background. */
  async refresh(): Promise<void> {
    await this.readPrices();
    const get = <T>(type: abstract new (...given: never[]) => T): T => this.service.app.get(type, { strict: false });
    await Promise.all([get(BlockTime).refresh(), get(NetworkCosts).refresh(), get(VenueCosts).refresh()]);
  }

  private async readPrices(): Promise<void> {
    for (const app of [this.service.app, this.worker]) await app.get(Markets, { strict: false }).refresh();
    this.pricesAt = (await this.now()).getTime();
  }

  /** Runs turns, with a block on every chain after each, until `read` gives something. */
  async settle<T>(what: string, read: () => Promise<T | undefined | false>): Promise<T> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      await this.turn();
      const found = await read();
      if (found !== undefined && found !== false) return found;
      if (Date.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms for: ${what}`);
      await this.mine();
    }
  }

  /** A worker as a process of its own, e.g. with `LOCKSTEP_CRASHPOINT`; needs what `tsc -p tsconfig.build.json` makes. */
  startWorker(env: Readonly<Record<string, string>> = {}): RunningProcess {
    return startProcess('worker', { ...environment(this.db, this.settings), TICK_MS: '200', ...env });
  }

  // ---- the API

  /** @throws Error with the problem if it is not answered with a 2xx. */
  async call<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
    const reply = await this.service.send(method, path, { key: this.key, ...(body && { body }) });
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`);
    return reply.body as T;
  }

  async quote({ payAsset, provider, price, blocks, more }: Wish): Promise<QuoteView> {
    await this.refresh();
    const line = { payee: { address: provider }, price: { amount: price, unit: 'uakt', per: 'block' } };
    return this.call('POST', '/v1/quotes', { payAsset, fix: 'duration', blocks, lines: [line], ...more });
  }

  /** Asks for a quote and opens a lease with it. */
  async open(wish: Partial<Wish> & Pick<Wish, 'payAsset'>): Promise<OpenedLease> {
    const provider = wish.provider ?? freshAddress.akash();
    const quote = await this.quote({ provider, price: '50000', blocks: 2_000, ...wish });
    const { chain } = this.get(AssetCatalog).require(wish.payAsset);
    const refundAddress = freshAddress[chain as keyof typeof freshAddress]();
    const lease = await this.call<LeaseView>('POST', '/v1/leases', {
      quoteId: quote.id,
      lease: { reference: `ref ${quote.id}` },
      refundAddress,
    });
    return { quote, lease, provider, refundAddress };
  }

  lease(id: string): Promise<LeaseView> {
    return this.call('GET', `/v1/leases/${id}`);
  }

  /** Turns and blocks until the lease is as asked. */
  leaseOnce(what: string, id: string, holds: (lease: LeaseView) => boolean): Promise<LeaseView> {
    return this.settle(what, async () => {
      const lease = await this.lease(id);
      return holds(lease) && lease;
    });
  }

  // ---- payments

  /** Pays a payment URI from the development wallet; `units` instead of what it asks for. */
  async payUri(uri: string | null | undefined, units?: bigint): Promise<string> {
    if (uri == null) throw new Error('nothing is asked to be paid');
    const request = readPaymentUri(uri);
    const amount = units ?? request.units;
    switch (request.chain) {
      case 'bitcoin':
        return this.chains.bitcoin.devnet.pay(request.address, amount);
      case 'ethereum':
        return this.ethereum.pay({ token: request.token, to: request.address, units: amount });
      case 'akash':
        return (await this.chains.akash.client.pay(request.address, amount)).txId;
    }
  }

  /** Contract of a token on the local Ethereum. */
  token(symbol: string): string {
    const token = this.chains.evm.deployment.tokens[symbol];
    if (token === undefined) throw new Error(`no token ${symbol}`);
    return token.address;
  }

  /** Payments of a chain to a fresh address, counted there: `how often × how much in all`; undefined if none. */
  async paidTo(chain: 'bitcoin' | 'ethereum' | 'akash', address: string): Promise<string | undefined> {
    if (chain !== 'akash') {
      return (await paidOnChain(this.get(Chains).get(chain), [address], this.since.get(chain) ?? 0))[address];
    }
    // Its blocks are many: asked of the node's index instead.
    const { rpcUrl } = this.chains.akash;
    const payments = await aktPayments(rpcUrl, address);
    return payments.length === 0 ? undefined : `${payments.length} × ${await aktBalance(rpcUrl, address)}`;
  }

  // ---- the books

  balance(account: string, asset: string): Promise<bigint> {
    return this.get(Ledger).balance(this.get(Database).prisma, account, asset);
  }

  rows<Row>(sql: string, ...values: unknown[]): Promise<Row[]> {
    return asOwner(this.db.ownerUrl, async (client) => (await client.query(sql, values)).rows);
  }

  /** Fails unless the ledger is whole, nothing is parked, and every wallet holds on its chain what the books say. */
  async check(): Promise<void> {
    const places = this.get(Reconcile);
    const found = await this.settle('every place to stand still', async () => {
      const compared = await places.run();
      return FLOAT_ASSETS.every((asset) => compared.some((one) => one.asset === asset)) && compared;
    });
    expect(found.filter(({ chainUnits, bookUnits }) => chainUnits !== bookUnits)).toEqual([]);
    const faults = await checkInvariants((sql, ...values) => this.rows(sql, ...values));
    expect(faults).toEqual([]);
    expect(await this.rows('SELECT id, error FROM parked_jobs WHERE released_at IS NULL')).toEqual([]);
  }

  async stop(): Promise<void> {
    await this.worker.close();
    await this.service.close();
    await this.chains.stop();
    await this.db.drop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Base units of a decimal text. */
export function units(text: string, decimals: number): bigint {
  const parsed = parseUnits(text, decimals);
  if (typeof parsed !== 'bigint') throw new Error(`not an amount: ${text}`);
  return parsed;
}

export const uakt = (text: string): bigint => units(text, 6);

const environment = (db: TestDatabase, settings: Readonly<Record<string, string>>): Record<string, string> => ({
  NODE_ENV: 'test',
  DATABASE_URL: db.appUrl,
  CLOCK: 'database',
  ...settings,
});

/** Every room with the signer and the jobs; the queue has nothing to do. */
async function startJobs(
  db: TestDatabase,
  settings: Readonly<Record<string, string>>,
): Promise<INestApplicationContext> {
  const config = Config.parse(environment(db, settings));
  const module = workerModule(config, createLogger(config.settings.LOG_LEVEL, 'worker'));
  const app = await NestFactory.createApplicationContext(module, { abortOnError: false, logger: false });
  await app.get(Chains).verify();
  await app.get(Addresses, { strict: false }).openFloat();
  return app;
}

function nowOf(db: TestDatabase): Promise<Date | undefined> {
  return asOwner(db.ownerUrl, async (client) => {
    const { rows } = await client.query<{ now: Date }>('SELECT lockstep_now() AS now');
    return rows[0]?.now;
  });
}
