import { Injectable } from '@nestjs/common';
import { Escrow } from '../escrow/escrow.service.ts';
import { Outgoing } from '../payouts/outgoing.service.ts';
import { Refunds } from '../payouts/refunds.service.ts';
import { Items } from './items.service.ts';
import { Job } from './job.ts';

/** Refunds what is unspent and what did not fit, and marks refunds that confirmed. */
@Injectable()
export class MakeRefundsJob extends Job {
  readonly name = 'make-refunds';
  constructor(
    private readonly escrow: Escrow,
    private readonly refunds: Refunds,
    private readonly outgoing: Outgoing,
    private readonly items: Items,
  ) {
    super();
  }
  async run(): Promise<void> {
    await this.outgoing.settle('refund');
    await this.items.each(this.name, await this.escrow.leasesToRefund(), (id) => this.refunds.refundLease(id));
    await this.items.each(this.name, await this.escrow.returnsDue(), (id) => this.refunds.returnDeposit(id));
    await this.items.each(this.name, await this.refunds.heldRefunds(), (id) => this.refunds.retryHeld(id));
    await this.outgoing.send('refund');
  }
}
