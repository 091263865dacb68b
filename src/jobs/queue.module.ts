import { BullModule } from '@nestjs/bullmq';
import type { DynamicModule } from '@nestjs/common';
import { createPostgresBackend, runMigrations, setDefaultBackendFactory } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Config } from '../platform/config.ts';
import { APP_ROLE } from '../platform/migrate.ts';

/** Name of the one queue. */
export const QUEUE = 'lockstep';

/** Schema of the queue's own tables where it runs on PostgreSQL; made by `npm run migrate`. */
export const QUEUE_SCHEMA = 'bullmq';

/** The queue's connection: Redis where one is named, else the application's PostgreSQL. */
export function queueModule({ settings }: Config): DynamicModule[] {
  const queue = BullModule.registerQueue({ name: QUEUE });
  if (settings.REDIS_URL !== undefined) {
    // A blocking worker must wait through a restart of Redis instead of giving up.
    const connection = new Redis(settings.REDIS_URL, { maxRetriesPerRequest: null });
    return [BullModule.forRoot({ connection, prefix: settings.QUEUE_PREFIX }), queue];
  }
  setDefaultBackendFactory(createPostgresBackend);
  const connection = { connectionString: settings.DATABASE_URL, schema: QUEUE_SCHEMA, migrate: false, max: 4 };
  return [BullModule.forRoot({ connection }), queue];
}

/** Makes the queue's own tables, as the owner of the database, and lets the application's role use them. */
export async function migrateQueue(ownerUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await runMigrations(client, QUEUE_SCHEMA);
    await client.query(`
      GRANT USAGE ON SCHEMA ${QUEUE_SCHEMA} TO ${APP_ROLE};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${QUEUE_SCHEMA} TO ${APP_ROLE};
      GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${QUEUE_SCHEMA} TO ${APP_ROLE};
      GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${QUEUE_SCHEMA} TO ${APP_ROLE}`);
  } finally {
    await client.end();
  }
}
