import { Injectable } from '@nestjs/common';
import { Swaps } from '../swaps/swaps.service.ts';
import { Job } from './job.ts';

/** Plans swaps for positions outside their bands. */
@Injectable()
export class FlattenDeskJob extends Job {
  readonly name = 'flatten-desk';
  constructor(private readonly swaps: Swaps) {
    super();
  }
  async run(): Promise<void> {
    await this.swaps.flatten();
  }
}
