import { randomUUID } from 'node:crypto';
import { InjectQueue } from '@nestjs/bullmq';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Queue } from 'bullmq';
import type { Logger } from 'pino';
import { Chains } from '../adapters/chains/index.ts';
import { Config } from '../platform/config.ts';
import { crashpoint } from '../platform/crashpoint.ts';
import { Database } from '../platform/database.ts';
import { LOGGER } from '../platform/platform.module.ts';
import { EVERY_JOB, JOBS, type JobName, wokenBy } from './flow.ts';
import { QUEUE } from './queue.module.ts';

const EVERY_MS = { minute: 60_000, hour: 3_600_000 } as const;
/** Events dispatched by one tick. */
const BATCH = 500;
/** How often a worker sees to it that the queue still has its tick. */
const RENEWED_EVERY_TICKS = 10;

/** Wakes jobs: at their pace, and for what the outbox says has happened. The queue only ticks; PostgreSQL decides. */
@Injectable()
export class Ticker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly wokenAt = new Map<JobName, number>();
  private renewal: NodeJS.Timeout | undefined;

  constructor(
    @InjectQueue(QUEUE) private readonly queue: Queue,
    private readonly config: Config,
    private readonly database: Database,
    private readonly chains: Chains,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** The tick is written again and again: a queue that lost what it held, as Redis may, must not stop the service. */
  async onApplicationBootstrap(): Promise<void> {
    await this.schedule();
    const renew = () =>
      this.schedule()
        .catch((error: unknown) => this.logger.error({ err: error }, 'the queue did not take its tick'))
        .finally(() => this.renewal?.refresh());
    this.renewal = setTimeout(() => void renew(), RENEWED_EVERY_TICKS * this.config.settings.TICK_MS);
  }

  onModuleDestroy(): void {
    clearTimeout(this.renewal);
    this.renewal = undefined;
  }

  private async schedule(): Promise<void> {
    await this.queue.upsertJobScheduler(
      'tick',
      { every: this.config.settings.TICK_MS },
      { name: 'tick', data: {}, opts: { removeOnComplete: true, removeOnFail: true } },
    );
  }

  /** One tick: what events ask for, then what is due by itself. Events are marked once their jobs are in the queue. */
  async tick(): Promise<void> {
    const events = await this.database.prisma.$queryRaw<{ id: string; type: string }[]>`
      SELECT id, type FROM outbox WHERE dispatched_at IS NULL ORDER BY created_at LIMIT ${BATCH}`;
    const woken = new Set(events.flatMap(({ type }) => wokenBy(type)));
    const now = performance.now();
    const names = EVERY_JOB.filter((name) => woken.has(name) || this.isDue(name, now));
    for (const name of names) this.wokenAt.set(name, now);
    await this.wake(names);
    crashpoint('outbox.woken');
    if (events.length === 0) return;
    const ids = events.map(({ id }) => id);
    await this.database.prisma.$executeRaw`
      UPDATE outbox SET dispatched_at = lockstep_now() WHERE id = ANY(${ids}) AND dispatched_at IS NULL`;
  }

  private isDue(name: JobName, now: number): boolean {
    const { every } = JOBS[name];
    const last = this.wokenAt.get(name);
    return every === 'tick' || last === undefined || now - last >= EVERY_MS[every];
  }

  private async wake(names: readonly JobName[]): Promise<void> {
    const wakes = names.flatMap((name) => {
      const keys = JOBS[name].per === 'chain' ? this.chains.all().map(({ id }) => id) : [''];
      return keys.map((key) => ({ name, key }));
    });
    await this.queue.addBulk(
      wakes.map(({ name, key }) => {
        // One at a time, and once more if it was woken while it ran.
        const deduplication = { id: key === '' ? name : `${name}-${key}`, keepLastIfActive: true };
        // An id of our own: for one that it numbers itself, the queue would make a sequence, which this role may not.
        const opts = { jobId: randomUUID(), deduplication, removeOnComplete: true, removeOnFail: true };
        return { name, data: { key }, opts };
      }),
    );
  }
}
