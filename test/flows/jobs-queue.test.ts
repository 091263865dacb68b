import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrateQueue } from '../../src/jobs/queue.module.ts';
import { asOwner, createDatabase, type TestDatabase, until } from '../support/database.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';

/** CI runs this file twice: the queue is on PostgreSQL, and on Redis where REDIS_URL names one. */
const REDIS_URL = process.env['REDIS_URL'];
const PREFIX = `test-${randomBytes(4).toString('hex')}`;

let database: TestDatabase;
let folder: string;
let workers: RunningProcess[];

beforeAll(async () => {
  database = await createDatabase();
  await migrateQueue(database.ownerUrl);
  folder = mkdtempSync(join(tmpdir(), 'lockstep-queue-'));
  writeFileSync(join(folder, 'keys.json'), '{}');
  const env = {
    NODE_ENV: 'test',
    DATABASE_URL: database.appUrl,
    SIGNER_KEY_FILE: join(folder, 'keys.json'),
    TICK_MS: '200',
    QUEUE_PREFIX: PREFIX,
    ...(REDIS_URL === undefined ? {} : { REDIS_URL }),
  };
  workers = [startProcess('worker', env), startProcess('worker', env)];
});
afterAll(async () => {
  for (const worker of workers ?? []) worker.kill('SIGKILL');
  await Promise.all((workers ?? []).map(({ ended }) => ended));
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** Writes events the way every room does; they are done once a worker has taken them up and a job has given them their order. */
async function eventsGetThrough(count: number): Promise<void> {
  const ids = Array.from({ length: count }, () => `evt_${randomBytes(8).toString('hex')}`);
  await asOwner(database.ownerUrl, async (client) => {
    await client.query(
      `INSERT INTO outbox (id, type, subject, data, created_at)
       SELECT id, 'lease.depleted', 'none', '{}', lockstep_now() FROM unnest($1::text[]) AS id`,
      [ids],
    );
    await until(`${count} events to be taken up and ordered`, async () => {
      const { rows } = await client.query<{ done: string }>(
        `SELECT count(*) AS done FROM outbox JOIN event_order ON event = id
         WHERE id = ANY($1) AND dispatched_at IS NOT NULL`,
        [ids],
      );
      return rows[0]?.done === String(count);
    });
  });
}

test('two workers take up what the outbox says, through the queue that is set', async () => {
  for (const worker of workers) await until('a worker to start', async () => worker.out().includes('"working"'));
  await eventsGetThrough(1_200);
  if (REDIS_URL === undefined) return;
  const redis = new Redis(REDIS_URL);
  expect(await redis.keys(`${PREFIX}:*`)).not.toEqual([]);
  await redis.quit();
});

// On PostgreSQL the queue lives and dies with what it serves.
if (REDIS_URL !== undefined) {
  test('a queue that forgets everything loses nothing', async () => {
    const redis = new Redis(REDIS_URL);
    await redis.flushall();
    await redis.quit();
    await eventsGetThrough(10);
  });
}

test('the worker that is left goes on alone, and drains on SIGTERM', async () => {
  workers[0]?.kill('SIGKILL');
  await workers[0]?.ended;
  await eventsGetThrough(10);
  workers[1]?.kill('SIGTERM');
  expect(await workers[1]?.ended).toBe(0);
});
