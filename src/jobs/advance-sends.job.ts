import { Injectable } from '@nestjs/common';
import { Wallets } from '../wallets/wallets.service.ts';
import { Job } from './job.ts';

/** Signs, broadcasts and follows everything that leaves our wallets. */
@Injectable()
export class AdvanceSendsJob extends Job {
  readonly name = 'advance-sends';
  constructor(private readonly wallets: Wallets) {
    super();
  }
  async run(): Promise<void> {
    await this.wallets.advance();
  }
}
