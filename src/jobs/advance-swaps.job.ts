import { Injectable } from '@nestjs/common';
import { Swaps } from '../swaps/swaps.service.ts';
import { Job } from './job.ts';

/** Places the legs of open swaps and follows those that were placed. */
@Injectable()
export class AdvanceSwapsJob extends Job {
  readonly name = 'advance-swaps';
  constructor(private readonly swaps: Swaps) {
    super();
  }
  async run(): Promise<void> {
    await this.swaps.advance();
  }
}
