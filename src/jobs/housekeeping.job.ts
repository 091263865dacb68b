import { Injectable } from '@nestjs/common';
import { Ledger } from '../ledger/ledger.service.ts';
import { Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { Job } from './job.ts';

/** How long an Idempotency-Key is remembered. */
const KEY_AGE_MS = 40 * 86_400_000;

/** Makes the ledger's coming partitions and forgets old Idempotency-Keys. */
@Injectable()
export class HousekeepingJob extends Job {
  readonly name = 'housekeeping';
  constructor(
    private readonly ledger: Ledger,
    private readonly database: Database,
    private readonly clock: Clock,
  ) {
    super();
  }
  async run(): Promise<void> {
    await this.ledger.createPartitions();
    const before = new Date((await this.clock.now()).getTime() - KEY_AGE_MS);
    await this.database.prisma.$executeRaw`DELETE FROM idempotency_keys WHERE created_at < ${before}`;
  }
}
