import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { DepositsModule } from '../deposits/deposits.module.ts';
import { EscrowModule } from '../escrow/escrow.module.ts';
import { LedgerModule } from '../ledger/ledger.module.ts';
import { PayeesModule } from '../payees/payees.module.ts';
import { PayoutsModule } from '../payouts/payouts.module.ts';
import type { Config } from '../platform/config.ts';
import { QuotesModule } from '../quotes/quotes.module.ts';
import { SwapsModule } from '../swaps/swaps.module.ts';
import { WebhooksModule } from '../webhooks/webhooks.module.ts';
import { AdvanceSendsJob } from './advance-sends.job.ts';
import { AdvanceSwapsJob } from './advance-swaps.job.ts';
import { CloseLocksJob } from './close-locks.job.ts';
import { ConfirmDepositsJob } from './confirm-deposits.job.ts';
import { CreditDepositsJob } from './credit-deposits.job.ts';
import { DepleteLeasesJob } from './deplete-leases.job.ts';
import { ExpireLeasesJob } from './expire-leases.job.ts';
import { FlattenDeskJob } from './flatten-desk.job.ts';
import { HousekeepingJob } from './housekeeping.job.ts';
import { Items } from './items.service.ts';
import { type Job, JOB_LIST } from './job.ts';
import { MakeRefundsJob } from './make-refunds.job.ts';
import { OrderEventsJob } from './order-events.job.ts';
import { queueModule } from './queue.module.ts';
import { ReconcileJob } from './reconcile.job.ts';
import { ReleaseLotsJob } from './release-lots.job.ts';
import { ReviewReorgsJob } from './review-reorgs.job.ts';
import { JobRunner } from './runner.job.ts';
import { SealLedgerJob } from './seal-ledger.job.ts';
import { SettlePayoutsJob } from './settle-payouts.job.ts';
import { SweepDepositsJob } from './sweep-deposits.job.ts';
import { Ticker } from './ticker.service.ts';
import { WatchChainJob } from './watch-chain.job.ts';

/** Every job, one class a name of the flow. */
const ALL: readonly Type<Job>[] = [
  WatchChainJob,
  ConfirmDepositsJob,
  CreditDepositsJob,
  ReleaseLotsJob,
  ReviewReorgsJob,
  DepleteLeasesJob,
  CloseLocksJob,
  ExpireLeasesJob,
  FlattenDeskJob,
  AdvanceSwapsJob,
  SettlePayoutsJob,
  MakeRefundsJob,
  AdvanceSendsJob,
  SweepDepositsJob,
  OrderEventsJob,
  SealLedgerJob,
  ReconcileJob,
  HousekeepingJob,
];

@Module({})
class JobsModule {}

/** The queue and everything it runs; for workers alone. */
export const jobsModule = (config: Config): DynamicModule => ({
  module: JobsModule,
  imports: [
    ...queueModule(config),
    LedgerModule,
    PayeesModule,
    QuotesModule,
    DepositsModule,
    EscrowModule,
    SwapsModule,
    PayoutsModule,
    WebhooksModule,
  ],
  providers: [
    ...ALL,
    { provide: JOB_LIST, useFactory: (...jobs: Job[]) => jobs, inject: [...ALL] },
    Items,
    Ticker,
    JobRunner,
  ],
});
