import { randomUUID } from 'node:crypto';
import { InjectQueue } from '@nestjs/bullmq';
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { Chains } from '../adapters/chains/index.ts';
import { Config } from '../platform/config.ts';
import { crashpoint } from '../platform/crashpoint.ts';
import { Database } from '../platform/database.ts';
import { EVERY_JOB, JOBS, type JobName, wokenBy } from './flow.ts';
import { QUEUE } from './queue.module.ts';

const EVERY_MS = { minute: 60_000, hour: 3_600_000 } as const;
/** Events dispatched by one tick. */
const BATCH = 500;

/** Wakes jobs: at their pace, and for what the outbox says has happened. The queue only ticks; PostgreSQL decides. */
@Injectable()
export class Ticker implements OnApplicationBootstrap {
  private readonly wokenAt = new Map<JobName, number>();

  constructor(
    @InjectQueue(QUEUE) private readonly queue: Queue,
    private readonly config: Config,
    private readonly database: Database,
    private readonly chains: Chains,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.queue.upsertJobScheduler(
      'tick',
      { every: this.config.settings.TICK_MS },
      { name: 'tick', data: {}, opts: { removeOnComplete: true, removeOnFail: true } },
    );
  }

  /** One tick: what events ask for, then what is due by itself. */
  async tick(): Promise<void> {
    const woken = await this.dispatch();
    const now = performance.now();
    for (const name of EVERY_JOB) {
      if (!woken.has(name) && !this.isDue(name, now)) continue;
      this.wokenAt.set(name, now);
      await this.wake(name);
    }
  }

  private isDue(name: JobName, now: number): boolean {
    const { every } = JOBS[name];
    const last = this.wokenAt.get(name);
    return every === 'tick' || last === undefined || now - last >= EVERY_MS[every];
  }

  /** The jobs that events not dispatched yet ask for; they are marked once the jobs are in the queue. */
  private async dispatch(): Promise<Set<JobName>> {
    const rows = await this.database.prisma.$queryRaw<{ id: string; type: string }[]>`
      SELECT id, type FROM outbox WHERE dispatched_at IS NULL ORDER BY created_at LIMIT ${BATCH}`;
    const names = new Set(rows.flatMap(({ type }) => wokenBy(type)));
    for (const name of names) await this.wake(name);
    crashpoint('outbox.woken');
    if (rows.length > 0) {
      await this.database.prisma.$executeRaw`
        UPDATE outbox SET dispatched_at = lockstep_now() WHERE id = ANY(${rows.map(({ id }) => id)}) AND dispatched_at IS NULL`;
    }
    return names;
  }

  private async wake(name: JobName): Promise<void> {
    const keys = JOBS[name].per === 'chain' ? this.chains.all().map(({ id }) => id) : [''];
    for (const key of keys) {
      const id = key === '' ? name : `${name}-${key}`;
      // One at a time, and once more if it was woken while it ran.
      const deduplication = { id, keepLastIfActive: true };
      // An id of our own: for one that it numbers itself, the queue would make a sequence, which this role may not.
      const options = { jobId: randomUUID(), deduplication, removeOnComplete: true, removeOnFail: true };
      await this.queue.add(name, { key }, options);
    }
  }
}
