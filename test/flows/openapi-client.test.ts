import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { generateSource } from 'oazapfts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startApp, type TestApp } from '../support/app.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

const run = promisify(execFile);

/** What a partner would write: every call typed by the generated client. */
const CONSUMER = `
import * as api from './client.ts';

api.defaults.baseUrl = process.env['URL'] ?? '';
api.defaults.headers = { authorization: 'Bearer ' + process.env['KEY'] };

const ready = await api.ready();
const created = await api.createKey('from a generated client', { name: 'partner', scopes: ['events:read'] });
if (created.status !== 201) throw new Error(created.data.detail);
const listed = await api.listKeys({ limit: 1 });
if (listed.status !== 200) throw new Error(listed.data.detail);
const refused = await api.revokeKey('key_' + 'x'.repeat(22));
const events = await api.listEvents({}, { headers: { authorization: 'Bearer ' + created.data.secret } });
console.log(JSON.stringify({
  ready: ready.data,
  created: created.data.name,
  newest: listed.data.data[0]?.id === created.data.id,
  refused: refused.status === 200 ? null : refused.data.code,
  events: events.status,
}));
`;

let database: TestDatabase;
let service: TestApp;
let folder: string;

beforeAll(async () => {
  database = await createDatabase();
  service = await startApp(database);
  mkdirSync('.data', { recursive: true });
  folder = mkdtempSync(join('.data', 'client-'));
});
afterAll(async () => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  await service?.close();
  await database?.drop();
});

test('a client generated from the document type-checks and works', async () => {
  const { body: document } = await service.send('GET', '/docs/openapi.json');
  expect(document['openapi']).toMatch(/^3\.1/);
  writeFileSync(join(folder, 'openapi.json'), JSON.stringify(document));
  writeFileSync(join(folder, 'client.ts'), await generateSource(join(folder, 'openapi.json')));
  writeFileSync(join(folder, 'consumer.ts'), CONSUMER);
  const flags = '--noEmit --strict --target es2024 --module nodenext --types node --allowImportingTsExtensions';
  const checked = run(join('node_modules', '.bin', 'tsc'), [
    ...flags.split(' '),
    '--skipLibCheck',
    '--ignoreConfig',
    join(folder, 'consumer.ts'),
  ]);
  await checked.catch((error: unknown) => {
    throw new Error(z.object({ stdout: z.string() }).parse(error).stdout);
  });

  const key = await service.tenantKey();
  const { stdout } = await run(process.execPath, [join(folder, 'consumer.ts')], {
    env: { ...process.env, URL: service.url, KEY: key.secret },
  });
  expect(JSON.parse(stdout)).toEqual({
    ready: { status: 'ready', checks: expect.arrayContaining([{ name: 'database', ready: true, reason: null }]) },
    created: 'partner',
    newest: true,
    refused: 'not_found',
    events: 200,
  });
});

test('operation ids are unique, as they name the calls of a client', async () => {
  const { paths } = z
    .object({ paths: z.record(z.string(), z.record(z.string(), z.object({ operationId: z.string() }))) })
    .parse((await service.send('GET', '/docs/openapi.json')).body);
  const ids = Object.values(paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
});

test('the document is shown at /docs', async () => {
  const reply = await service.send('GET', '/docs');
  expect(reply.status).toBe(200);
  expect(reply.text).toContain('swagger-ui');
});
