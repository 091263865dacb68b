import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import pg from 'pg';
import { type PostgresServer, startPostgres } from '../../devnet/postgres.ts';
import { migrateQueue } from '../../src/jobs/queue.module.ts';
import { migrate } from '../../src/platform/migrate.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Owner's connection string of the `postgres` database of the run's server. */
    postgresUrl: string;
  }
}

export const APP_PASSWORD = 'app-password-of-the-tests';
export const TEMPLATE = 'lockstep_template';

/** One PostgreSQL server for the whole run, with a migrated template that each test file copies. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'lockstep-test-postgres-'));
  const server = await startPostgres({
    dataDir,
    settings: ['max_connections=300', 'synchronous_commit=on', 'shared_buffers=256MB', 'max_wal_size=2GB'],
  });
  await createTemplate(server);
  project.provide('postgresUrl', server.url('postgres'));
  return async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
}

/** Makes the migrated template that `createDatabase` copies. */
export async function createTemplate(server: PostgresServer): Promise<void> {
  const client = new pg.Client({ connectionString: server.url('postgres') });
  await client.connect();
  await client.query(`CREATE DATABASE ${TEMPLATE}`);
  await client.end();
  await migrate(server.url(TEMPLATE), 'prisma/migrations', APP_PASSWORD);
  await migrateQueue(server.url(TEMPLATE));
}
