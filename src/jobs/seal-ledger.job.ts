import { Injectable } from '@nestjs/common';
import { Ledger } from '../ledger/ledger.service.ts';
import { Job } from './job.ts';

/** Seals journals in their order. */
@Injectable()
export class SealLedgerJob extends Job {
  readonly name = 'seal-ledger';
  constructor(private readonly ledger: Ledger) {
    super();
  }
  async run(): Promise<void> {
    await this.ledger.seal();
  }
}
