import { Injectable } from '@nestjs/common';
import { Credit } from '../escrow/credit.service.ts';
import { Items } from './items.service.ts';
import { Job } from './job.ts';

/** Turns confirmed deposits into escrow. */
@Injectable()
export class CreditDepositsJob extends Job {
  readonly name = 'credit-deposits';
  constructor(
    private readonly escrow: Credit,
    private readonly items: Items,
  ) {
    super();
  }
  async run(): Promise<void> {
    await this.items.each(this.name, await this.escrow.confirmedDeposits(), (id) => this.escrow.credit(id));
  }
}
