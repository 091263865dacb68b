import { Injectable } from '@nestjs/common';
import { Accrual } from '../escrow/accrual.service.ts';
import { Job } from './job.ts';

/** Settles leases whose escrow has run dry. */
@Injectable()
export class DepleteLeasesJob extends Job {
  readonly name = 'deplete-leases';
  constructor(private readonly accrual: Accrual) {
    super();
  }
  async run(): Promise<void> {
    await this.accrual.depleteDue();
  }
}
