import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../platform/database.ts';
import { Outbox } from '../platform/outbox.ts';
import { Refusal } from '../platform/refusal.ts';

export interface ParkedJob {
  readonly id: string;
  readonly queue: string;
  readonly name: string;
  readonly data: unknown;
  readonly error: string;
  readonly attempts: number;
  readonly parkedAt: Date;
  readonly releasedAt: Date | null;
}

/** Jobs that failed for good: seen and released by an operator. */
@Injectable()
export class ParkedJobsService {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
  ) {}

  /** Jobs not released yet, by id, after an id. */
  async list(after: string, limit: number): Promise<ParkedJob[]> {
    const { rows } = await this.database.pool.query<ParkedJob>(
      `SELECT id, queue, name, data, error, attempts, parked_at AS "parkedAt", released_at AS "releasedAt"
       FROM parked_jobs WHERE released_at IS NULL AND id > $1 ORDER BY id LIMIT $2`,
      [after, limit],
    );
    return rows;
  }

  /**
   * Marks a job released and says so in the outbox, from where it is queued again.
   * @throws Refusal `not_found` for a job that is not parked.
   */
  async release(tx: Tx, id: string): Promise<ParkedJob> {
    const [job] = await tx.$queryRaw<ParkedJob[]>`
      UPDATE parked_jobs SET released_at = lockstep_now() WHERE id = ${id} AND released_at IS NULL
      RETURNING id, queue, name, data, error, attempts, parked_at AS "parkedAt", released_at AS "releasedAt"`;
    if (job === undefined) throw new Refusal('not_found', { field: 'id' });
    await this.outbox.write(tx, [
      {
        type: 'job.released',
        subject: id,
        tenantId: null,
        data: { queue: job.queue, name: job.name, data: job.data },
      },
    ]);
    return job;
  }
}
