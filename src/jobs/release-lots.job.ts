import { Injectable } from '@nestjs/common';
import { Credit } from '../escrow/credit.service.ts';
import { Job } from './job.ts';

/** Frees the lots of released deposits: what accrued from them may be paid. */
@Injectable()
export class ReleaseLotsJob extends Job {
  readonly name = 'release-lots';
  constructor(private readonly escrow: Credit) {
    super();
  }
  async run(): Promise<void> {
    await this.escrow.releaseLots();
  }
}
