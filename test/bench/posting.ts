import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import pg from 'pg';
import { startPostgres } from '../../devnet/postgres.ts';
import { Ledger } from '../../src/ledger/ledger.service.ts';
import { Config } from '../../src/platform/config.ts';
import { Database } from '../../src/platform/database.ts';
import { APP_ROLE, migrate } from '../../src/platform/migrate.ts';

/** Transfers a second, the medians of the rounds; ratios are medians of the ratio within each round. */
export interface PostingFigures {
  /** TPC-B transactions a second, 8 clients. */
  readonly tpcb: number;
  /** The function once a journal, 8 clients; over `tpcb` at least 0.7 is asked. */
  readonly single: number;
  readonly singleRatio: number;
  /** The function with 100 journals a call, 2 clients; at least 1.5. */
  readonly batch: number;
  readonly batchRatio: number;
  /** As `batch`, every journal crediting one account without shards; over `batch` at least 0.6. */
  readonly hot: number;
  readonly hotRatio: number;
  /** `ledger.post` from Node, 200 journals a transaction, 4 at once; at least 1.0. */
  readonly node: number;
  readonly nodeRatio: number;
  /** Transfers posted in all. */
  readonly transfers: number;
}

const ACCOUNTS = 100_000;
const PASSWORD = 'bench';
const HALF = ACCOUNTS / 2;

/** One journal of one transfer between two of 100,000 accounts. */
const SINGLE = `
\\set a random(1, ${HALF})
\\set b random(1, ${HALF})
\\set u random(1, 1000)
SELECT ledger_post(ARRAY['external', 'escrow'], ARRAY['w' || :a, 'e' || :b], ARRAY['AKT', 'AKT'], ARRAY[0, 0]::smallint[],
  ARRAY[gen_random_uuid()::text], ARRAY['bench'], ARRAY['bench'], ARRAY[NULL::text], ARRAY[NULL::text], ARRAY[NULL::text],
  ARRAY[now()], ARRAY[1], ARRAY[1], ARRAY[2], ARRAY[:u]::numeric[], ARRAY[NULL::bigint], ARRAY[NULL::text]);`;

/** 100 such journals in one call; `target` numbers the account each credits. */
const batchOf = (target: string) => `
\\set r random(0, ${HALF / 100 - 1})
SELECT cardinality(journal_ids) FROM (
  SELECT array_agg('external'::text) AS kind, array_agg('w' || (:r * 100 + i)) AS ref, array_agg('AKT'::text) AS asset,
    array_agg(0::smallint) AS shard, array_agg(gen_random_uuid()::text) AS key, array_agg('bench'::text) AS what,
    array_agg(NULL::text) AS none, array_agg(now()) AS at, array_agg(i) AS n, array_agg(${target}) AS target,
    array_agg(i::numeric) AS units, array_agg(NULL::bigint) AS height
  FROM generate_series(1, 100) AS i) AS batch,
  ledger_post(kind || 'external'::text, ref || 'hot'::text, asset || 'AKT'::text, shard || 0::smallint, key, what, what,
    none, none, none, at, n, n, target, units, height, none);`;

const run = promisify(execFile);

/**
 * Posting against pgbench's TPC-B on the same server: PostgreSQL of the npm package with 1 GB of buffers, 8 GB of WAL
 * and synchronous commits; every client over TCP, on the same cores. Each round runs all cases one after another and
 * starts after a checkpoint.
 */
export async function benchPosting({ rounds = 5, seconds = 6 } = {}): Promise<PostingFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-bench-posting-'));
  const server = await startPostgres({
    dataDir: folder,
    settings: ['shared_buffers=1GB', 'max_wal_size=8GB', 'wal_compression=on', 'synchronous_commit=on', 'fsync=on'],
  });
  const database = await prepare(server.url.bind(server), folder);
  try {
    const bench = pgbench(server.url('bench'), folder, seconds);
    const all: Record<'tpcb' | 'single' | 'batch' | 'hot' | 'node', number[]> = {
      ...{ tpcb: [], single: [], batch: [], hot: [], node: [] },
    };
    for (let round = 0; round < rounds; round += 1) {
      await asOwner(server.url('postgres'), (client) => client.query('CHECKPOINT'));
      all.tpcb.push(await bench('tpcb', 8));
      all.single.push(await bench('single', 8));
      all.batch.push(100 * (await bench('batch', 2)));
      all.hot.push(100 * (await bench('hot', 2)));
      all.node.push(await fromNode(database, seconds));
    }
    const { rows } = await database.pool.query<{ n: number }>('SELECT count(*)::integer AS n FROM transfers');
    const over = (a: readonly number[], b: readonly number[]) => median(a.map((figure, n) => figure / (b[n] ?? 0)));
    return {
      tpcb: median(all.tpcb),
      ...{ single: median(all.single), singleRatio: over(all.single, all.tpcb) },
      ...{ batch: median(all.batch), batchRatio: over(all.batch, all.tpcb) },
      ...{ hot: median(all.hot), hotRatio: over(all.hot, all.batch) },
      ...{ node: median(all.node), nodeRatio: over(all.node, all.tpcb) },
      transfers: rows[0]?.n ?? 0,
    };
  } finally {
    await database.onApplicationShutdown();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

async function prepare(url: (database: string) => string, folder: string): Promise<Database> {
  await asOwner(url('postgres'), (client) => client.query('CREATE DATABASE bench'));
  await migrate(url('bench'), 'prisma/migrations', PASSWORD);
  await asOwner(url('bench'), async (client) => {
    const open = `INSERT INTO accounts (kind, ref, asset) SELECT $1::text, $2::text || i, 'AKT' FROM generate_series(1, $3) i`;
    await client.query(open, ['external', 'w', HALF]);
    await client.query(open, ['escrow', 'e', HALF]);
    await client.query('VACUUM ANALYZE accounts');
  });
  for (const [name, script] of [
    ['single', SINGLE],
    ['batch', batchOf('i % 100 + 1')],
    ['hot', batchOf('101')],
  ] as const) {
    writeFileSync(join(folder, `${name}.sql`), script.replaceAll('\n  ', ' '));
  }
  await run('pgbench', ['--initialize', '--quiet', '--scale=20', address(url('bench'))], { env: secret(url('bench')) });
  const app = new URL(url('bench'));
  app.username = APP_ROLE;
  app.password = PASSWORD;
  return new Database(Config.parse({ NODE_ENV: 'test', DATABASE_URL: app.href }));
}

/** Transactions a second of one case. TPC-B runs as the owner of its tables, the others as the application. */
function pgbench(ownerUrl: string, folder: string, seconds: number) {
  const app = new URL(ownerUrl);
  app.username = APP_ROLE;
  app.password = PASSWORD;
  return async (name: string, clients: number): Promise<number> => {
    const url = name === 'tpcb' ? ownerUrl : app.href;
    const script = name === 'tpcb' ? [] : [`--file=${join(folder, `${name}.sql`)}`];
    const shape = ['--protocol=prepared', '--no-vacuum', `--client=${clients}`, '--jobs=2', `--time=${seconds}`];
    const { stdout } = await run('pgbench', [...shape, ...script, address(url)], { env: secret(url) });
    const rate = /^tps = ([\d.]+)/m.exec(stdout)?.[1];
    if (rate === undefined) throw new Error(`pgbench ${name} gave no rate: ${stdout}`);
    return Number(rate);
  };
}

async function asOwner(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

const address = (url: string): string => url.replace(/:[^:@]*@/, '@');
const secret = (url: string): NodeJS.ProcessEnv => ({ ...process.env, PGPASSWORD: new URL(url).password });

/** Journals a second through `ledger.post` in Prisma's transactions. */
async function fromNode(database: Database, seconds: number): Promise<number> {
  const ledger = new Ledger(database);
  const start = performance.now();
  const until = start + seconds * 1000;
  let posted = 0;
  const account = (prefix: string) => `${prefix}${1 + Math.floor(Math.random() * HALF)}`;
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (performance.now() < until) {
        const batch = Array.from({ length: 200 }, () => ({
          ...{ key: crypto.randomUUID(), kind: 'bench', cause: 'bench', effectiveAt: new Date() },
          transfers: [{ from: account('external:w'), to: account('escrow:e'), asset: 'AKT', units: 5n }],
        }));
        await database.transaction((tx) => ledger.post(tx, batch));
        posted += batch.length;
      }
    }),
  );
  return (posted * 1000) / (performance.now() - start);
}

function median(figures: readonly number[]): number {
  return [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? 0;
}
