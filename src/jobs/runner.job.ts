import { Processor, WorkerHost } from '@nestjs/bullmq';
import { type BeforeApplicationShutdown, Inject, type OnModuleInit } from '@nestjs/common';
import type { Job as QueueJob } from 'bullmq';
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';
import { Metrics } from '../platform/metrics.ts';
import { LOGGER } from '../platform/platform.module.ts';
import { EVERY_JOB } from './flow.ts';
import { Job, JOB_LIST } from './job.ts';
import { QUEUE } from './queue.module.ts';
import { Ticker } from './ticker.service.ts';

/** Takes wake-ups from the queue and runs what they name. */
@Processor(QUEUE, { concurrency: 6, lockDuration: 10_000, stalledInterval: 5_000 })
export class JobRunner extends WorkerHost implements OnModuleInit, BeforeApplicationShutdown {
  private readonly jobs: ReadonlyMap<string, Job>;
  private readonly failures: Counter<'job'>;

  constructor(
    @Inject(JOB_LIST) jobs: readonly Job[],
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly ticker: Ticker,
    metrics: Metrics,
  ) {
    super();
    this.jobs = new Map(jobs.map((job) => [job.name, job]));
    this.failures = metrics.counter('lockstep_job_failures_total', 'Runs of jobs that failed', ['job']);
  }

  /** @throws Error unless every name of the flow has exactly its job. */
  onModuleInit(): void {
    const missing = EVERY_JOB.filter((name) => !this.jobs.has(name));
    const extra = [...this.jobs.keys()].filter((name) => !EVERY_JOB.some((known) => known === name));
    if (missing.length > 0) throw new Error(`jobs without an implementation: ${missing.join(', ')}`);
    if (extra.length > 0) throw new Error(`jobs that the flow does not know: ${extra.join(', ')}`);
  }

  /** Takes nothing new and waits for what runs, before the queue and the database are closed under it. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.pause();
  }

  /** A failed run is logged and counted; the job's next tick is its retry. */
  override async process(wake: QueueJob<{ key?: string }>): Promise<void> {
    const { name } = wake;
    const job = this.jobs.get(name);
    try {
      if (name === 'tick') return await this.ticker.tick();
      if (job === undefined) throw new Error(`no job is named ${name}`);
      await job.run(wake.data.key ?? '');
    } catch (error) {
      this.logger.error({ err: error, job: name, key: wake.data.key }, 'a job failed');
      this.failures.inc({ job: name });
      throw error;
    }
  }
}
