import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database.ts';

/** Events numbered by one call of the sequencer. */
const BATCH = 1_000;

/** An event in its final order. */
export interface EventRecord {
  readonly seq: string;
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly data: unknown;
  readonly createdAt: Date;
}

export interface EventFilter {
  /** Only this tenant's; undefined for all, those of the house included. */
  readonly tenantId: string | undefined;
  readonly type: string | undefined;
  /** `seq` to continue after. */
  readonly after: string;
  readonly limit: number;
}

/** The outbox in the order in which its events became visible for good. */
@Injectable()
export class EventsService {
  constructor(private readonly database: Database) {}

  /**
   * Numbers every event that no running transaction can still precede. Cheap when there is nothing to do; of several
   * callers at once one works. Returns how many it numbered.
   */
  async orderEvents(): Promise<number> {
    let ordered = 0;
    for (;;) {
      const { rows } = await this.database.pool.query<{ ordered: number }>('SELECT order_events($1) AS ordered', [
        BATCH,
      ]);
      const batch = rows[0]?.ordered ?? 0;
      ordered += batch;
      if (batch < BATCH) return ordered;
    }
  }

  /** Events after a number, oldest first. */
  async read({ tenantId, type, after, limit }: EventFilter): Promise<EventRecord[]> {
    const { rows } = await this.database.pool.query<EventRecord>(
      `SELECT e.seq::text AS seq, o.id, o.type, o.subject, o.data, o.created_at AS "createdAt"
       FROM event_order e JOIN outbox o ON o.id = e.event
       WHERE e.seq > $1 AND ($2::text IS NULL OR o.tenant_id = $2) AND ($3::text IS NULL OR o.type = $3)
       ORDER BY e.seq LIMIT $4`,
      [after, tenantId ?? null, type ?? null, limit],
    );
    return rows;
  }
}
