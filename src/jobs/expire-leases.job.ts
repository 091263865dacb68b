import { Injectable } from '@nestjs/common';
import { Leases } from '../escrow/leases.service.ts';
import { Items } from './items.service.ts';
import { Job } from './job.ts';

/** Expires leases that nothing was paid for in time. */
@Injectable()
export class ExpireLeasesJob extends Job {
  readonly name = 'expire-leases';
  constructor(
    private readonly leases: Leases,
    private readonly items: Items,
  ) {
    super();
  }
  async run(): Promise<void> {
    await this.items.each(this.name, await this.leases.unfunded(), (id) => this.leases.expireOne(id));
  }
}
