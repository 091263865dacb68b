import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database } from '../../src/platform/database.ts';
import { Outbox } from '../../src/platform/outbox.ts';
import { EventsService } from '../../src/webhooks/events.service.ts';
import { startApp, type TestApp, type TestKey } from '../support/app.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let service: TestApp;
let tenant: TestKey;

beforeAll(async () => {
  database = await createDatabase();
  service = await startApp(database);
  tenant = await service.tenantKey();
});
afterAll(async () => {
  await service?.close();
  await database?.drop();
});

const orderEvents = () => service.app.get(EventsService, { strict: false }).orderEvents();
const write = (subject: string, tenantId: string | null = tenant.ownerId, type = 'test.happened') =>
  service.app
    .get(Database)
    .transaction((tx) => service.app.get(Outbox).write(tx, [{ type, subject, tenantId, data: { subject } }]));

/** Reads on from a cursor as a client does: page by page until a page is empty. */
async function readOn(key: TestKey, cursor?: string, query = ''): Promise<{ subjects: unknown[]; cursor: string }> {
  const subjects: unknown[] = [];
  let at = cursor;
  for (;;) {
    const path = `/v1/events?limit=3${query}${at === undefined ? '' : `&cursor=${at}`}`;
    const { body } = await service.send('GET', path, { key });
    const data = body['data'] as { subject: string }[];
    at = String(body['nextCursor']);
    if (data.length === 0) return { subjects, cursor: at };
    subjects.push(...data.map(({ subject }) => subject));
  }
}

test('no event is skipped while commits overlap', async () => {
  await write('before');
  await orderEvents();
  const start = await readOn(tenant);
  expect(start.subjects).toEqual(['before']);

  const slow = new pg.Client({ connectionString: database.ownerUrl });
  await slow.connect();
  try {
    await slow.query('BEGIN');
    await slow.query(
      `INSERT INTO outbox (id, type, subject, tenant_id, data, created_at)
       VALUES ('evt_slow', 'test.happened', 'slow', $1, '{}', lockstep_now())`,
      [tenant.ownerId],
    );
    for (const subject of ['fast 1', 'fast 2', 'fast 3', 'fast 4']) await write(subject);
    expect(await orderEvents()).toBe(0);
    const during = await readOn(tenant, start.cursor);
    expect(during.subjects).toEqual([]);

    await slow.query('COMMIT');
    expect(await orderEvents()).toBe(5);
    const afterwards = await readOn(tenant, during.cursor);
    expect(afterwards.subjects).toEqual(['slow', 'fast 1', 'fast 2', 'fast 3', 'fast 4']);
    expect(await orderEvents()).toBe(0);
  } finally {
    await slow.end();
  }
});

test('writers and a reader at once: every event is read once', async () => {
  const busy = await service.tenantKey();
  const { cursor } = await readOn(busy);
  const written = Array.from({ length: 60 }, (_, index) => `event ${index}`);
  const seen: unknown[] = [];
  let at = cursor;
  let writing = true;
  const readers = (async () => {
    for (let last = false; !last; ) {
      last = !writing;
      await orderEvents();
      const part = await readOn(busy, at);
      seen.push(...part.subjects);
      at = part.cursor;
    }
  })();
  await Promise.all(written.map((subject) => write(subject, busy.ownerId)));
  writing = false;
  await readers;
  expect(seen).toHaveLength(written.length);
  expect(new Set(seen)).toEqual(new Set(written));
});

test('a tenant reads its own events alone, an operator all, by type if asked', async () => {
  const other = await service.tenantKey();
  const operator = await service.operatorKey();
  await write('of the other', other.ownerId, 'test.other');
  await write('of the house', null, 'test.house');
  await orderEvents();
  expect((await readOn(other)).subjects).toEqual(['of the other']);
  expect((await readOn(operator)).subjects).toEqual(expect.arrayContaining(['before', 'of the other', 'of the house']));
  expect((await readOn(operator, undefined, '&type=test.house')).subjects).toEqual(['of the house']);
  expect((await readOn(tenant, undefined, '&type=test.house')).subjects).toEqual([]);
});

test('a cursor of another list is refused', async () => {
  const foreign = Buffer.from('keys 1').toString('base64url');
  const reply = await service.send('GET', `/v1/events?cursor=${foreign}`, { key: tenant });
  expect(reply).toMatchObject({ status: 400, body: { code: 'invalid_cursor', field: 'cursor' } });
});
