import { Injectable } from '@nestjs/common';
import { ConfirmDeposits } from '../deposits/confirm.service.ts';
import { Job } from './job.ts';

/** Books deposits that are deep enough, sets unknown tokens aside, releases what is final. */
@Injectable()
export class ConfirmDepositsJob extends Job {
  readonly name = 'confirm-deposits';
  constructor(private readonly deposits: ConfirmDeposits) {
    super();
  }
  async run(chain: string): Promise<void> {
    await this.deposits.setAsideUnknown(chain);
    await this.deposits.confirm(chain);
    await this.deposits.release(chain);
  }
}
