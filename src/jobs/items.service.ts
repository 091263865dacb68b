import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { Clock } from '../platform/clock.ts';
import { Database, databaseErrorCode } from '../platform/database.ts';
import { LOGGER } from '../platform/platform.module.ts';
import { Refusal } from '../platform/refusal.ts';
import type { JobName } from './flow.ts';
import { QUEUE } from './queue.module.ts';

/** Failures after which an item is parked. */
const FAILURES_MAX = 5;

/** Work on many objects in which one that fails for good must not stop the others. */
@Injectable()
export class Items {
  private readonly failures = new Map<string, number>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Runs `work` for each id that is not parked. One that keeps failing is parked under `job:id`, listed for the operator,
   * and left alone until released. An outage or a refusal is no fault of the item: it is tried again.
   */
  async each(job: JobName, ids: readonly string[], work: (id: string) => Promise<void>): Promise<void> {
    const parked = await this.parked(job, ids);
    for (const id of ids) {
      if (parked.has(`${job}:${id}`)) continue;
      try {
        await work(id);
        this.failures.delete(`${job}:${id}`);
      } catch (error) {
        await this.failed(job, id, error);
      }
    }
  }

  private async failed(job: JobName, id: string, error: unknown): Promise<void> {
    if (error instanceof Refusal) {
      this.logger.info({ job, id, code: error.code }, 'an item waits');
      return;
    }
    this.logger.error({ err: error, job, id }, 'an item failed');
    if (isOutage(error)) throw error;
    const key = `${job}:${id}`;
    const count = (this.failures.get(key) ?? 0) + 1;
    this.failures.set(key, count);
    if (count >= FAILURES_MAX) await this.park(key, job, id, error, count);
  }

  private async park(key: string, job: JobName, id: string, error: unknown, attempts: number): Promise<void> {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    await this.database.prisma.$executeRaw`
      INSERT INTO parked_jobs (id, queue, name, data, error, attempts, parked_at)
      VALUES (${key}, ${QUEUE}, ${job}, ${JSON.stringify({ id })}::jsonb, ${text}, ${attempts}, ${await this.clock.now()})
      ON CONFLICT (id) DO UPDATE SET error = excluded.error, attempts = excluded.attempts, parked_at = excluded.parked_at,
        released_at = NULL`;
    this.failures.delete(key);
    this.logger.fatal({ job, id }, 'an item is parked');
  }

  private async parked(job: JobName, ids: readonly string[]): Promise<Set<string>> {
    const keys = ids.map((id) => `${job}:${id}`);
    const rows = await this.database.prisma.$queryRaw<{ id: string }[]>`
      SELECT id FROM parked_jobs WHERE id = ANY(${keys}) AND released_at IS NULL`;
    return new Set(rows.map(({ id }) => id));
  }
}

/** PostgreSQL or the network is away: SQLSTATE classes 08, 53 and 57, Prisma's P1xxx, and the system's network errors. */
function isOutage(error: unknown): boolean {
  const code = databaseErrorCode(error) ?? (error instanceof Error && 'code' in error ? String(error.code) : '');
  return /^(08|53|57)\w{3}$|^P1\d{3}$|^E[A-Z]+$/.test(code);
}
