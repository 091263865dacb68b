import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { APP_ROLE } from '../../src/platform/migrate.ts';
import { APP_PASSWORD, TEMPLATE } from './global-setup.ts';

export interface TestDatabase {
  readonly name: string;
  /** As the owner of the schema. */
  readonly ownerUrl: string;
  /** As the application runs. */
  readonly appUrl: string;
  /** Sets and freezes the one clock all processes read. */
  setClock(now: Date): Promise<void>;
  /** Moves the frozen clock; freezes it at the present time first if it runs. */
  advanceClock(ms: number): Promise<Date>;
  drop(): Promise<void>;
}

/** A fresh migrated database on the run's server, or on one of its own. Drop it in `afterAll`. */
export async function createDatabase(postgresUrl: string = inject('postgresUrl')): Promise<TestDatabase> {
  const serverUrl = new URL(postgresUrl);
  const name = `test_${randomBytes(8).toString('hex')}`;
  await asOwner(serverUrl.href, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`));
  const ownerUrl = new URL(serverUrl);
  ownerUrl.pathname = name;
  const appUrl = new URL(ownerUrl);
  appUrl.username = APP_ROLE;
  appUrl.password = APP_PASSWORD;
  const freeze = (sql: string, values: unknown[]) =>
    asOwner(ownerUrl.href, async (client) => {
      const { rows } = await client.query<{ now: Date }>(
        `INSERT INTO clock (id, frozen_at) VALUES (1, ${sql})
         ON CONFLICT (id) DO UPDATE SET frozen_at = excluded.frozen_at RETURNING frozen_at AS now`,
        values,
      );
      const [row] = rows;
      if (row === undefined) throw new Error('the clock was not set');
      return row.now;
    });
  return {
    name,
    ownerUrl: ownerUrl.href,
    appUrl: appUrl.href,
    async setClock(now) {
      await freeze('$1', [now]);
    },
    advanceClock: (ms) => freeze(`lockstep_now() + $1 * interval '1 millisecond'`, [ms]),
    async drop() {
      await asOwner(serverUrl.href, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

/** Runs something on a connection of its own, as the owner. */
export async function asOwner<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Waits until `read` gives something other than undefined or false; fails after `withinMs` naming what was awaited. */
export async function until<T>(
  what: string,
  read: () => Promise<T | undefined | false>,
  withinMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await read();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`waited ${withinMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
