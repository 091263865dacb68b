import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.ts';
import { Locks } from '../quotes/locks.service.ts';
import { Job } from './job.ts';

/** Closes locks whose time is over: their size becomes what was credited. */
@Injectable()
export class CloseLocksJob extends Job {
  readonly name = 'close-locks';
  constructor(
    private readonly locks: Locks,
    private readonly clock: Clock,
  ) {
    super();
  }
  async run(): Promise<void> {
    await this.locks.closeDue(await this.clock.now());
  }
}
