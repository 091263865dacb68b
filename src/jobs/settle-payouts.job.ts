import { Injectable } from '@nestjs/common';
import { PayeeChanges } from '../payees/payee-changes.service.ts';
import { Outgoing } from '../payouts/outgoing.service.ts';
import { Payouts } from '../payouts/payouts.service.ts';
import { Items } from './items.service.ts';
import { Job } from './job.ts';

/** Puts payees' changes into effect, plans payouts that are due, sends them in batches, and marks those that confirmed. */
@Injectable()
export class SettlePayoutsJob extends Job {
  readonly name = 'settle-payouts';
  constructor(
    private readonly changes: PayeeChanges,
    private readonly payouts: Payouts,
    private readonly outgoing: Outgoing,
    private readonly items: Items,
  ) {
    super();
  }
  async run(): Promise<void> {
    await this.changes.applyDue();
    await this.outgoing.settle('payout');
    await this.items.each(this.name, await this.payouts.duePayees(), (id) => this.payouts.planFor(id));
    await this.outgoing.send('payout');
  }
}
