import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { type PostgresServer, startPostgres } from '../postgres.ts';
import { Api, type Deposit, eventually, type Page } from './api.ts';
import { type LocalChains, startLocalChains } from './chains.ts';
import {
  closeDataFolder,
  openDataFolder,
  readSecrets,
  StackError,
  type StackSecrets,
  type StackState,
  writeJson,
  writeSecrets,
  writeState,
} from './data-folder.ts';
import { FLOAT_ASSETS, sendFloat } from './float.ts';
import { operatorKeys } from './keys.ts';
import { moveMarket } from './market.ts';
import { requireFree } from './port.ts';
import { lastLine, runService, type ServiceProcess, startService } from './processes.ts';
import type { Progress } from './progress.ts';

const DATABASE = 'lockstep';
const BLOCK_TIMES = { bitcoin: 2_000, ethereum: 1_000, akash: 1_000 };
const READY_MS = 180_000;

/** Depths that fit chains which make a block every second or two, and payouts that can be watched. */
const LOCAL_SETTINGS: Readonly<Record<string, string>> = {
  NODE_ENV: 'development',
  HOST: '127.0.0.1',
  TICK_MS: '400',
  PAYOUT_INTERVAL_MS: '5000',
  POLICY: JSON.stringify({
    BTC: { creditDepth: 1, releaseDepth: 2 },
    ETH: { creditDepth: 2 },
    'USDC.ethereum': { creditDepth: 2 },
    'USDT.ethereum': { creditDepth: 2 },
    'DAI.ethereum': { creditDepth: 2 },
  }),
};

/** Everything local, started in order and ended in the opposite one. */
export class Stack {
  readonly #folder: string;
  readonly #port: number;
  readonly #progress: Progress;
  readonly #endings: (() => Promise<void>)[] = [];
  /** What ends after all others. */
  readonly #last: (() => Promise<void>)[] = [];
  #starting: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | undefined;
  /** Rejects when a process of the service ends by itself. */
  #broken: (error: Error) => void = () => undefined;
  readonly broken = new Promise<never>((_, reject) => {
    this.#broken = reject;
  });

  constructor(folder: string, port: number, progress: Progress) {
    this.#folder = folder;
    this.#port = port;
    this.#progress = progress;
    this.broken.catch(() => undefined);
  }

  /** Resolves once the service answers, the float is booked and the keys exist. */
  async start(): Promise<{ readonly state: StackState; readonly secrets: StackSecrets }> {
    await openDataFolder(this.#folder);
    this.#last.push(async () => closeDataFolder(this.#folder));
    await requireFree(this.#port);
    const secrets = readSecrets(this.#folder) ?? { appPassword: randomBytes(24).toString('base64url') };
    writeSecrets(this.#folder, secrets);
    const keyFile = join(this.#folder, 'keys.json');
    writeJson(this.#folder, 'keys.json', operatorKeys().secrets);

    this.#progress.step('starting PostgreSQL, the local chains and exchanges');
    // Both are waited for whatever happens, so that what did start is ended.
    const nodes = Promise.allSettled([this.#database(secrets.appPassword), this.#chains()]);
    this.#starting = nodes;
    const [database, local] = await nodes;
    if (database.status === 'rejected') throw this.#unusable(database.reason);
    if (local.status === 'rejected') throw this.#unusable(local.reason);
    const { postgres, databaseUrl } = database.value;
    const chains = local.value;
    const url = `http://127.0.0.1:${this.#port}`;
    const settings = {
      ...LOCAL_SETTINGS,
      ...chains.settings,
      DATABASE_URL: databaseUrl,
      PORT: String(this.#port),
      PUBLIC_URL: url,
    };
    const keys = await this.#keys(secrets, settings);
    if (this.#stopping !== undefined) throw new StackError('ended while it was starting');
    this.#progress.step('starting the service');
    const services = [
      this.#service('main', settings),
      this.#service('worker', { ...settings, SIGNER_KEY_FILE: keyFile }),
    ];
    this.#endings.push(async () => {
      await Promise.all(services.map((service) => service.stop()));
    });
    const state = this.#record({ url, databaseUrl }, postgres, chains, services);
    await this.#ready(url);
    await this.#float(new Api(url, keys.operatorKey ?? ''), chains, postgres);
    return { state, secrets: keys };
  }

  /** A node that does not start on what it has stored; its first line says why. */
  #unusable(error: unknown): StackError {
    const [why] = (error instanceof Error ? error.message : String(error)).split('\n');
    return new StackError(`${why} (if ${this.#folder} is damaged, remove it to begin anew)`);
  }

  /** Ends everything in order; safe to call at any time and more than once. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<void> {
    await this.#starting;
    let failed: unknown;
    for (const end of [...this.#endings.reverse(), ...this.#last.reverse()]) {
      try {
        await end();
      } catch (error) {
        failed ??= error;
      }
    }
    if (failed !== undefined) throw failed;
  }

  /** PostgreSQL and the application's connection string, on a database of the newest version. */
  async #database(appPassword: string): Promise<{ postgres: PostgresServer; databaseUrl: string }> {
    const postgres = await startPostgres({ dataDir: join(this.#folder, 'postgres') });
    this.#last.push(() => postgres.stop());
    await withClient(postgres.url('postgres'), async (client) => {
      const { rows } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
      if (rows.length === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
    });
    const migrations = { OWNER_DATABASE_URL: postgres.url(DATABASE), APP_DATABASE_PASSWORD: appPassword };
    await runService('migrate', [], migrations);
    const url = new URL(postgres.url(DATABASE));
    url.username = 'lockstep_app';
    url.password = appPassword;
    return { postgres, databaseUrl: url.href };
  }

  async #chains(): Promise<LocalChains> {
    const chains = await startLocalChains({ dataDir: this.#folder, blockTimes: BLOCK_TIMES });
    this.#endings.push(() => chains.stop());
    const market = moveMarket(chains);
    this.#endings.push(() => market.stop());
    return chains;
  }

  async #keys(secrets: StackSecrets, settings: Readonly<Record<string, string>>): Promise<StackSecrets> {
    if (secrets.operatorKey !== undefined && secrets.tenantKey !== undefined) return secrets;
    this.#progress.step('creating an operator and a tenant');
    const create = async (noun: string, name: string) => {
      const made = JSON.parse(await runService('admin', [noun, 'create', '--name', name], settings)) as {
        secret: string;
      };
      return made.secret;
    };
    const operatorKey = await create('operator', 'local operator');
    const keys = { ...secrets, operatorKey, tenantKey: await create('tenant', 'local tenant') };
    writeSecrets(this.#folder, keys);
    return keys;
  }

  #service(name: string, settings: Readonly<Record<string, string>>): ServiceProcess {
    const service = startService(name, this.#folder, settings);
    void service.ended.then((how) => {
      if (this.#stopping === undefined)
        this.#broken(new Error(`${name} ended (${how}): ${lastLine(this.#folder, name)}`));
    });
    return service;
  }

  #record(
    urls: Pick<StackState, 'url' | 'databaseUrl'>,
    postgres: PostgresServer,
    chains: LocalChains,
    services: readonly ServiceProcess[],
  ): StackState {
    const { bitcoin, evm, akash, exchanges } = chains;
    const port = (address: string) => Number(new URL(address).port);
    const state: StackState = {
      pid: process.pid,
      ...urls,
      ports: {
        api: this.#port,
        postgres: postgres.port,
        bitcoin: port(bitcoin.rpcUrl),
        ethereum: port(evm.rpcUrl),
        akash: port(akash.rpcUrl),
        exchanges: port(exchanges.url),
      },
      rpcUrls: { bitcoin: bitcoin.rpcUrl, ethereum: evm.rpcUrl, akash: akash.rpcUrl },
      pids: {
        postgres: postgres.pid,
        bitcoin: bitcoin.pid,
        ethereum: evm.pid,
        akash: akash.pid,
        ...Object.fromEntries(services.map(({ name, pid }) => [name, pid])),
      },
    };
    writeState(this.#folder, state);
    return state;
  }

  /** Waits until the service says that everything it needs works. */
  async #ready(url: string): Promise<void> {
    const answer = eventually(
      'the service to become ready',
      async () => {
        const response = await fetch(`${url}/health/ready`).catch(() => null);
        return response?.ok === true ? true : null;
      },
      READY_MS,
    );
    await Promise.race([answer, this.broken]);
  }

  /** Sends what is missing of the operator's float, and waits until it is booked. */
  async #float(operator: Api, chains: LocalChains, postgres: PostgresServer): Promise<void> {
    const deposits = async () =>
      (await operator.get<Page<Deposit>>('/v1/deposits?limit=100')).data.filter(({ leaseId }) => leaseId === null);
    if (await floatBooked(operator)) return;
    this.#progress.step('sending the operator float to its wallets');
    // The service reads a chain from the first block it sees: what is paid earlier is not seen.
    const watched = async () =>
      withClient(postgres.url(DATABASE), async (client) => {
        const { rows } = await client.query('SELECT 1 FROM chain_cursors');
        return rows.length === 3 ? true : null;
      });
    await Promise.race([eventually('the service to watch the chains', watched, READY_MS), this.broken]);
    const there = (await deposits()).map(({ asset }) => asset);
    await sendFloat(
      chains,
      FLOAT_ASSETS.filter((asset) => !there.includes(asset)),
    );
    const booked = async () => ((await floatBooked(operator)) ? true : null);
    await Promise.race([eventually('the float to be booked', booked, READY_MS), this.broken]);
  }
}

async function floatBooked(operator: Api): Promise<boolean> {
  const { data } = await operator.get<Page<Deposit>>('/v1/deposits?state=float&limit=100');
  const assets = new Set(data.map(({ asset }) => asset));
  return FLOAT_ASSETS.every((asset) => assets.has(asset));
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
