import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import pg from 'pg';
import { Accrual } from '../../src/escrow/accrual.service.ts';
import { Ledger } from '../../src/ledger/ledger.service.ts';
import { Clock } from '../../src/platform/clock.ts';
import { Config } from '../../src/platform/config.ts';
import { Database } from '../../src/platform/database.ts';
import { Outbox } from '../../src/platform/outbox.ts';

export interface AccrualFigures {
  /** Milliseconds of one tick that finds nothing due, medians, by number of open leases. */
  readonly smallMs: number;
  readonly largeMs: number;
  readonly small: number;
  readonly large: number;
  /** `largeMs` over `smallMs`; at most 1.2 is asked. */
  readonly ratio: number;
}

const TICKS_PER_ROUND = 100;

interface BenchDatabase {
  readonly ownerUrl: string;
  readonly appUrl: string;
  drop(): Promise<void>;
}

/** One tick of accrual over open leases that need nothing, few against many, in rounds that alternate between them. */
export async function benchAccrual(
  createDatabase: () => Promise<BenchDatabase>,
  { small = 10_000, large = 1_000_000, rounds = 5 } = {},
): Promise<AccrualFigures> {
  const sides = await Promise.all([small, large].map((leases) => prepare(createDatabase, leases)));
  try {
    const times = sides.map(() => [] as number[]);
    for (let round = -1; round < rounds; round += 1) {
      for (const [index, { accrual }] of sides.entries()) {
        const ms = await ticks(accrual);
        // The first round only warms the caches.
        if (round >= 0) times[index]?.push(ms);
      }
    }
    const [smallMs = 0, largeMs = 0] = times.map(median);
    return { small, large, smallMs, largeMs, ratio: largeMs / smallMs };
  } finally {
    for (const { connection, database } of sides) {
      await connection.onApplicationShutdown();
      await database.drop();
    }
  }
}

async function prepare(createDatabase: () => Promise<BenchDatabase>, leases: number) {
  const database = await createDatabase();
  const client = new pg.Client({ connectionString: database.ownerUrl });
  await client.connect();
  const tenant = `ten_${randomBytes(16).toString('base64url')}`;
  await client.query('INSERT INTO tenants (id, name, created_at) VALUES ($1, $1, now())', [tenant]);
  await client.query(
    `INSERT INTO payees (id, kind, chain, asset, address, destination, interval_ms, minimum_units, created_at, next_payout_at)
     VALUES ('pay_bench', 'provider', 'akash', 'AKT', 'akash1bench', 'akash1bench', 86400000, 0, now(), now())`,
  );
  await client.query(
    `INSERT INTO leases (id, tenant_id, reference, state, refund_mode, after_depletion, refund_addresses, created_at)
     SELECT 'lea_' || i, $1, i::text, 'active', 'market', 'resume', '{}', now() FROM generate_series(1, $2::int) i`,
    [tenant, leases],
  );
  await client.query(
    `INSERT INTO lines (id, lease_id, n, payee_id, destination, asset, clock, price_numerator, state, started_tick,
       balance_units, depletes_tick)
     SELECT 'lin_' || i, 'lea_' || i, 0, 'pay_bench', 'akash1bench', 'AKT', 'akash-height', 1000000000000000000, 'running', 1, 1000000,
            1000000 + i FROM generate_series(1, $1::int) i`,
    [leases],
  );
  await client.query(
    `INSERT INTO chain_cursors (chain, height, hash, block_time, tip_height, final_height, read_at)
     VALUES ('akash', 1000, 'bench', to_timestamp(1000), 1000, 1000, now())`,
  );
  await client.query('ANALYZE lines');
  await client.end();
  const config = Config.parse({ NODE_ENV: 'test', DATABASE_URL: database.appUrl });
  const connection = new Database(config);
  const accrual = new Accrual(connection, new Clock(config, connection), new Ledger(connection), new Outbox());
  return { accrual, connection, database };
}

async function ticks(accrual: Accrual): Promise<number> {
  const started = performance.now();
  for (let tick = 0; tick < TICKS_PER_ROUND; tick += 1) {
    if ((await accrual.depleteDue()) !== 0) throw new Error('a lease that needs nothing was found due');
  }
  return (performance.now() - started) / TICKS_PER_ROUND;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
