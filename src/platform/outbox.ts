import { Injectable } from '@nestjs/common';
import { newId } from './id.ts';
import type { Tx } from './database.ts';

/** Something that happened, written in the transaction that made it happen. */
export interface OutboxEvent {
  /** `room.fact` in the past tense: `deposit.confirmed`. `jobs/flow.ts` says what follows. */
  readonly type: string;
  /** Id of the object it happened to. */
  readonly subject: string;
  /** The tenant that sees it at `GET /v1/events`; null for events of the house. */
  readonly tenantId: string | null;
  /** What a reader is told: JSON, amounts as decimal strings. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** The outbox: the only way one room starts a step of another. Rows are never changed but for their dispatch time. */
@Injectable()
export class Outbox {
  async write(tx: Tx, events: readonly OutboxEvent[]): Promise<void> {
    if (events.length === 0) return;
    const rows = events.map(({ type, subject, tenantId, data }) => ({
      id: newId('event'),
      type,
      subject,
      tenant: tenantId,
      data,
    }));
    await tx.$executeRaw`
      INSERT INTO outbox (id, type, subject, tenant_id, data, created_at)
      SELECT e.id, e.type, e.subject, e.tenant, e.data, lockstep_now()
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        AS e(id text, type text, subject text, tenant text, data jsonb)`;
  }
}
