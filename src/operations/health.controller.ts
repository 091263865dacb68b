import { Controller, Get, Header, Inject, type OnModuleInit, Res } from '@nestjs/common';
import { ApiProduces, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import { z } from 'zod';
import { Answers, Public } from '../access/decorators.ts';
import { Database } from '../platform/database.ts';
import { Health, type ReadinessCheck } from '../platform/health.ts';
import { Metrics } from '../platform/metrics.ts';
import { LOGGER } from '../platform/platform.module.ts';

const CHECK_TIMEOUT_MS = 3_000;

const liveView = z.strictObject({ status: z.literal('live') }).meta({ id: 'Live' });

const readyView = z
  .strictObject({
    status: z.enum(['ready', 'notReady']),
    checks: z.array(z.strictObject({ name: z.string(), ready: z.boolean(), reason: z.string().nullable() })),
  })
  .meta({ id: 'Readiness' });

/** For orchestrators and Prometheus: open to everybody who can reach the port, and telling nothing about customers. */
@Controller()
export class HealthController implements OnModuleInit {
  constructor(
    private readonly health: Health,
    private readonly metrics: Metrics,
    private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.health.add('database', async () => {
      await this.database.pool.query('SELECT 1');
      return null;
    });
  }

  @Get('health/live')
  @Public()
  @Answers(200, liveView, 'The process runs')
  live(): z.output<typeof liveView> {
    return { status: 'live' };
  }

  @Get('health/ready')
  @Public()
  @Answers(200, readyView, 'Every dependency works')
  @ApiResponse({ status: 503, description: 'A dependency does not work', standardSchema: readyView })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<z.output<typeof readyView>> {
    const checks = await Promise.all([...this.health.checks].map(([name, check]) => this.ask(name, check)));
    const ready = checks.every((check) => check.ready);
    if (!ready) void reply.status(503);
    return { status: ready ? 'ready' : 'notReady', checks };
  }

  @Get('metrics')
  @Public()
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  @ApiProduces('text/plain')
  @Answers(200, z.string(), 'Prometheus text format')
  async readMetrics(): Promise<string> {
    return this.metrics.registry.metrics();
  }

  private async ask(name: string, check: ReadinessCheck) {
    const reason = await Promise.race([
      check().catch((error: unknown) => {
        this.logger.warn({ err: error, dependency: name }, 'a dependency failed its readiness check');
        return 'failed';
      }),
      after(CHECK_TIMEOUT_MS, `no answer within ${CHECK_TIMEOUT_MS} ms`),
    ]);
    return { name, ready: reason === null, reason };
  }
}

const after = <T>(ms: number, value: T): Promise<T> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(value), ms).unref();
  });
