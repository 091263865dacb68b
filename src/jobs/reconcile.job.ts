import { Injectable } from '@nestjs/common';
import { Reconcile } from '../payouts/reconcile.service.ts';
import { Job } from './job.ts';

/** Compares every place with its books. */
@Injectable()
export class ReconcileJob extends Job {
  readonly name = 'reconcile';
  constructor(private readonly reconcile: Reconcile) {
    super();
  }
  async run(): Promise<void> {
    await this.reconcile.run();
  }
}
