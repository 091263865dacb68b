import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { createDatabase, type TestDatabase, until } from '../support/database.ts';
import { startProcess } from '../support/process.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(async () => {
  await database?.drop();
});

const lines = (text: string) => text.split('\n').filter((line) => line !== '');

test.each([
  ['nothing set', {}, 'DATABASE_URL'],
  ['a port that is none', { DATABASE_URL: 'postgres://x', PORT: 'eighty' }, 'PORT'],
  ['a test clock in production', { DATABASE_URL: 'postgres://x', CLOCK: 'database' }, 'CLOCK'],
  ['too few price sources', { DATABASE_URL: 'postgres://x', PRICE_SOURCES: 'kraken' }, 'PRICE_SOURCES'],
])('%s gives one line that names the setting', async (_, env, setting) => {
  const main = startProcess('main', env);
  expect(await main.ended).toBe(1);
  expect(lines(main.err())).toEqual([expect.stringMatching(new RegExp(`^lockstep: settings: .*${setting}`))]);
  expect(main.out()).toBe('');
});

test('a port in use gives one line', async () => {
  const squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  try {
    const { port } = z.object({ port: z.number() }).parse(squatter.address());
    const main = startProcess('main', { DATABASE_URL: database.appUrl, HOST: '127.0.0.1', PORT: String(port) });
    expect(await main.ended).toBe(1);
    expect(lines(main.err())).toEqual([`lockstep: port ${port} is in use`]);
  } finally {
    squatter.close();
  }
});

test('serves, logs requests without secrets, and drains on SIGTERM', async () => {
  const main = startProcess('main', { DATABASE_URL: database.appUrl, HOST: '127.0.0.1', PORT: '0' });
  try {
    const url = await until('the address it listens on', async () => /"url":"(http[^"]+)"/.exec(main.out())?.[1]);
    const secret = `lsk_key_${'A'.repeat(22)}_${'B'.repeat(43)}`;
    const headers = { authorization: `Bearer ${secret}`, 'x-request-id': 'trace-me' };
    expect((await fetch(`${url}/v1/keys?cursor=not-for-the-log`, { headers })).status).toBe(401);
    const line = await until('its log line', async () => lines(main.out()).find((text) => text.includes('trace-me')));
    expect(JSON.parse(line)).toMatchObject({ requestId: 'trace-me', route: '/v1/keys', status: 401, process: 'main' });
    expect(main.out()).not.toContain('B'.repeat(43));
    expect(main.out()).not.toContain('not-for-the-log');
  } finally {
    main.kill('SIGTERM');
  }
  expect(await main.ended).toBe(0);
  expect(main.err()).toBe('');
});
