import { once } from 'node:events';
import { get } from 'node:http';
import { Controller, Get, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Answers, Needs, Public } from '../../src/access/decorators.ts';
import { ProblemFilter } from '../../src/access/problem.filter.ts';
import { RouteTable } from '../../src/access/routes.ts';
import { createApp } from '../../src/access/shell.ts';
import { appModule } from '../../src/app.module.ts';
import { Database } from '../../src/platform/database.ts';
import { Health } from '../../src/platform/health.ts';
import { createLogger } from '../../src/platform/logging.ts';
import { Outbox } from '../../src/platform/outbox.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { asOwner, createDatabase, type TestDatabase, until } from '../support/database.ts';

let database: TestDatabase;
let service: TestApp;

beforeAll(async () => {
  database = await createDatabase();
  service = await startApp(database);
});
afterAll(async () => {
  await service?.close();
  await database?.drop();
});

describe('health', () => {
  test('live says that the process runs', async () => {
    expect(await service.send('GET', '/health/live')).toMatchObject({ status: 200, body: { status: 'live' } });
  });

  test('ready names the dependency that does not work, and gives nothing else away', async () => {
    expect(await service.send('GET', '/health/ready')).toMatchObject({ status: 200, body: { status: 'ready' } });
    const health = service.app.get(Health);
    health.add('chain.down', async () => {
      throw new Error('connect ECONNREFUSED secret-host:8332');
    });
    health.add('chain.behind', async () => 'three hours behind');
    try {
      const reply = await service.send('GET', '/health/ready');
      expect(reply).toMatchObject({ status: 503, body: { status: 'notReady' } });
      expect(reply.body['checks']).toEqual(
        expect.arrayContaining([
          { name: 'database', ready: true, reason: null },
          { name: 'chain.down', ready: false, reason: 'failed' },
          { name: 'chain.behind', ready: false, reason: 'three hours behind' },
        ]),
      );
      expect(reply.text).not.toContain('secret-host');
    } finally {
      health.checks.delete('chain.down');
      health.checks.delete('chain.behind');
    }
  });

  test('a dependency is added once', () => {
    expect(() => service.app.get(Health).add('database', async () => null)).toThrow('database');
  });
});

test('metrics count requests by route and show the backlog', async () => {
  await service.send('GET', '/health/live');
  await service.send('DELETE', '/v1/keys/not-a-pattern');
  const write = (tx: Parameters<Parameters<Database['transaction']>[0]>[0]) =>
    service.app.get(Outbox).write(tx, [{ type: 'test.happened', subject: 'x', tenantId: null, data: {} }]);
  await service.app.get(Database).transaction(write);
  const { text, headers } = await service.send('GET', '/metrics');
  expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(text).toMatch(
    /lockstep_http_request_duration_seconds_count\{method="GET",route="\/health\/live",status="200"} \d/,
  );
  expect(text).toMatch(/lockstep_outbox_undispatched_events 1\n/);
  expect(text).toMatch(/lockstep_parked_jobs 0\n/);
  expect(text).not.toContain('not-a-pattern');
});

describe('parked jobs', () => {
  test('are listed and released once, with an event that queues them again', async () => {
    await asOwner(database.ownerUrl, (client) =>
      client.query(
        `INSERT INTO parked_jobs (id, queue, name, data, error, attempts, parked_at)
         VALUES ('poison-1', 'lockstep', 'settle-payouts', '{"payee":"p"}', 'no such thing', 5, lockstep_now())`,
      ),
    );
    const key = await service.operatorKey();
    const listed = await service.send('GET', '/v1/jobs/parked', { key });
    expect(listed.body).toMatchObject({ data: [{ id: 'poison-1', error: 'no such thing', releasedAt: null }] });

    const released = await service.send('POST', '/v1/jobs/parked/poison-1/release', { key });
    expect(released).toMatchObject({ status: 200, body: { id: 'poison-1', name: 'settle-payouts' } });
    expect((await service.send('GET', '/v1/jobs/parked', { key })).body['data']).toEqual([]);
    const again = await service.send('POST', '/v1/jobs/parked/poison-1/release', { key });
    expect(again).toMatchObject({ status: 404, body: { code: 'not_found', field: 'id' } });
    const events = await asOwner(database.ownerUrl, (client) =>
      client.query("SELECT data FROM outbox WHERE type = 'job.released'"),
    );
    expect(events.rows).toEqual([{ data: { queue: 'lockstep', name: 'settle-payouts', data: { payee: 'p' } } }]);
  });
});

describe('a route that is unsafe by omission stops the start', () => {
  @Controller('v1/open')
  class Unguarded {
    @Get()
    @Answers(200, z.string())
    read() {
      return 'for everybody';
    }
  }
  @Controller('v1/open')
  class PublicPost {
    @Post()
    @Public()
    @Answers(200, z.string())
    write() {
      return 'once or twice';
    }
  }
  @Controller('v1/open')
  class Undeclared {
    @Get()
    @Needs('keys:read')
    read() {
      return 'whatever';
    }
  }

  test.each([
    [Unguarded, 'Unguarded.read has neither @Public nor @Needs'],
    [PublicPost, 'PublicPost.write is a public POST'],
    [Undeclared, 'Undeclared.read has no @Answers'],
  ])('%o', async (controller, fault) => {
    @Module({ controllers: [controller] })
    class Extra {}
    const logger = createLogger('silent', 'test');
    const module = appModule(service.config, logger);
    const start = createApp({ ...module, imports: [...(module.imports ?? []), Extra] }, logger);
    await expect(start).rejects.toThrow(fault);
  });

  test('and is closed to every key all the same', async () => {
    @Module({ controllers: [Unguarded] })
    class Extra {}
    const logger = createLogger('silent', 'test');
    const module = appModule(service.config, logger);
    const app = await NestFactory.create<NestFastifyApplication>(
      { ...module, imports: [...(module.imports ?? []), Extra] },
      new FastifyAdapter(),
      { logger: false },
    );
    app.useGlobalFilters(new ProblemFilter(logger, new RouteTable()));
    try {
      await app.init();
      const { secret } = await service.operatorKey();
      const reply = await app.inject({ url: '/v1/open', headers: { authorization: `Bearer ${secret}` } });
      expect([reply.statusCode, reply.json()['code']]).toEqual([403, 'forbidden']);
    } finally {
      await app.close();
    }
  });
});

describe('shutdown', () => {
  test('finishes what is in flight and closes its connections', async () => {
    const draining = await startApp(database);
    const key = await draining.tenantKey();
    const blocked = await asOwner(database.ownerUrl, async (client) => {
      await client.query('BEGIN');
      await client.query('LOCK TABLE api_keys IN EXCLUSIVE MODE');
      const post = draining.send('POST', '/v1/keys', { key, body: { name: 'in flight', scopes: ['keys:read'] } });
      await until('the request to wait', async () => {
        const sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        return (await client.query(sql)).rows.length > 0;
      });
      const closed = draining.close();
      await until('no new connection', async () => {
        const probe = get(`${draining.url}/health/live`, { agent: false });
        return once(probe, 'response').then(
          ([response]) => response.statusCode === 503,
          () => true,
        );
      });
      await client.query('COMMIT');
      return Promise.all([post, closed]);
    });
    expect(blocked[0].status).toBe(201);
  });
});
