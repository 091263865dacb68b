import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database } from '../platform/database.ts';
import { Metrics } from '../platform/metrics.ts';

/** How far behind the service is, as metrics. */
@Injectable()
export class BacklogService implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.count(
      'lockstep_outbox_undispatched_events',
      'Events that have not started their next step yet',
      'SELECT count(*)::int AS value FROM outbox WHERE dispatched_at IS NULL',
    );
    this.count(
      'lockstep_outbox_oldest_undispatched_seconds',
      'Age of the oldest event that has not started its next step',
      `SELECT coalesce(extract(epoch FROM lockstep_now() - min(created_at)), 0)::float8 AS value
       FROM outbox WHERE dispatched_at IS NULL`,
    );
    this.count(
      'lockstep_parked_jobs',
      'Jobs that failed for good and wait for an operator',
      'SELECT count(*)::int AS value FROM parked_jobs WHERE released_at IS NULL',
    );
  }

  private count(name: string, help: string, sql: string): void {
    this.metrics.gauge(name, help, [], async () => {
      const { rows } = await this.database.pool.query<{ value: number }>(sql);
      return rows.map(({ value }) => ({ labels: {}, value }));
    });
  }
}
