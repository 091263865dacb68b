import { Injectable } from '@nestjs/common';
import { Sweeping } from '../wallets/sweeping.service.ts';
import { Job } from './job.ts';

/** Moves deposits to the hot wallet where that is worth its fee. */
@Injectable()
export class SweepDepositsJob extends Job {
  readonly name = 'sweep-deposits';
  constructor(private readonly sweeping: Sweeping) {
    super();
  }
  async run(): Promise<void> {
    await this.sweeping.sweepDeposits();
  }
}
