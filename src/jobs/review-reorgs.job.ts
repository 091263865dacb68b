import { Injectable } from '@nestjs/common';
import { EscrowReorg } from '../escrow/reorg.service.ts';
import { Items } from './items.service.ts';
import { Job } from './job.ts';

/** Holds and frees payouts of leases whose deposits left the chain, and unwinds those that never come back. */
@Injectable()
export class ReviewReorgsJob extends Job {
  readonly name = 'review-reorgs';
  constructor(
    private readonly reorgs: EscrowReorg,
    private readonly items: Items,
  ) {
    super();
  }
  async run(): Promise<void> {
    await this.items.each(this.name, await this.reorgs.lost(), (id) => this.reorgs.unwind(id));
    await this.items.each(this.name, await this.reorgs.leasesToReview(), (id) => this.reorgs.review(id));
  }
}
