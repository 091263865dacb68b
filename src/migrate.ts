import { join } from 'node:path';
import { migrateQueue } from './jobs/queue.module.ts';
import { migrate } from './platform/migrate.ts';

/**
 * `npm run migrate`: brings the database to the newest version, as its owner. Reads OWNER_DATABASE_URL and the password
 * of the application's role from APP_DATABASE_PASSWORD.
 */
async function main(): Promise<void> {
  const { OWNER_DATABASE_URL: url, APP_DATABASE_PASSWORD: password } = process.env;
  if (!url || !password) throw new Error('OWNER_DATABASE_URL and APP_DATABASE_PASSWORD are needed');
  const applied = await migrate(url, join(process.cwd(), 'prisma', 'migrations'), password);
  await migrateQueue(url);
  process.stdout.write(applied.length === 0 ? 'up to date\n' : applied.map((name) => `applied ${name}\n`).join(''));
}

main().catch((error: unknown) => {
  process.stderr.write(`migrate: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
