import type { IncomingMessage } from 'node:http';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { newId } from '../platform/id.ts';
import { NestLog } from '../platform/logging.ts';
import { Metrics } from '../platform/metrics.ts';
import { Refusal } from '../platform/refusal.ts';
import { parseJsonBody } from './json-body.ts';
import { serveDocs } from './openapi.ts';
import { ProblemFilter, problemOf, sendProblem } from './problem.filter.ts';
import { checkRoutes, RouteTable } from './routes.ts';
import { SchemaPipe } from './schema.pipe.ts';

const BODY_BYTES_MAX = 64 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const DURATION_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const REQUEST_ID = /^[\w.-]{1,64}$/;

/**
 * The REST service of a module, ready to listen: strict JSON bodies of at most 64 kB, requests read through their
 * schemas, problems for everything refused, request ids, request log, documentation at `/docs`.
 * @throws Error for a route that does not say who may call it or what it answers.
 */
export async function createApp(module: DynamicModule, logger: Logger): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    genReqId: ({ headers }: IncomingMessage) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : newId('request');
    },
    // A malformed URL never reaches a route, nor the filter.
    frameworkErrors: (_error: unknown, request: FastifyRequest, reply: FastifyReply) =>
      sendProblem(reply.header('X-Request-Id', request.id), problemOf(new Refusal('unknown_route'), request.id)),
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    bodyParser: false,
    abortOnError: false,
    logger: new NestLog(logger),
  });
  const routes = new RouteTable();
  prepare(adapter.getInstance(), routes);
  observe(adapter.getInstance(), logger, app.get(Metrics));
  app.useGlobalFilters(new ProblemFilter(logger, routes));
  app.useGlobalPipes(new SchemaPipe());
  checkRoutes(app);
  serveDocs(app);
  await app.init();
  await adapter.getInstance().ready();
  return app;
}

function prepare(fastify: FastifyInstance, routes: RouteTable): void {
  fastify.decorateRequest('caller', null);
  fastify.decorateRequest('tx', null);
  fastify.decorateRequest('once', null);
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, async (_request: unknown, text: string) =>
    parseJsonBody(text),
  );
  fastify.addHook('onRoute', ({ url, method }) => routes.add(url, method));
  fastify.addHook('onRequest', async (request, reply) => {
    reply.header('X-Request-Id', request.id);
  });
  let draining = false;
  fastify.addHook('preClose', async () => {
    draining = true;
  });
  // A connection kept alive after its last reply would hold up the end of the process.
  fastify.addHook('onSend', async (_request, reply) => {
    if (draining) reply.header('Connection', 'close');
  });
  fastify.addHook('preValidation', async (request) => {
    if (request.body === undefined) request.body = {};
  });
}

/** Logs and times every request, by its route's pattern: paths and queries may hold what does not belong in a log. */
function observe(fastify: FastifyInstance, logger: Logger, metrics: Metrics): void {
  const durations = metrics.histogram(
    'lockstep_http_request_duration_seconds',
    'Time from a request to the end of its reply',
    ['method', 'route', 'status'],
    DURATION_BUCKETS_S,
  );
  fastify.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    durations.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    logger.info(
      {
        requestId: request.id,
        method: request.method,
        route,
        status: reply.statusCode,
        durationMs: Math.round(reply.elapsedTime * 100) / 100,
        keyId: request.caller?.keyId ?? null,
      },
      'request',
    );
  });
}
