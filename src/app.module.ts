import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import type { Logger } from 'pino';
import { AccessGuard } from './access/access.guard.ts';
import { AccessModule } from './access/access.module.ts';
import { OnceInterceptor } from './access/once.interceptor.ts';
import { DepositsModule } from './deposits/deposits.module.ts';
import { EscrowModule } from './escrow/escrow.module.ts';
import { LeaseLinesModule } from './escrow/lease-lines.module.ts';
import { jobsModule } from './jobs/jobs.module.ts';
import { LedgerModule } from './ledger/ledger.module.ts';
import { MarketsModule } from './markets/markets.module.ts';
import { OperationsModule } from './operations/operations.module.ts';
import { PayeesModule } from './payees/payees.module.ts';
import { PayoutsModule } from './payouts/payouts.module.ts';
import type { Config } from './platform/config.ts';
import { platformModule } from './platform/platform.module.ts';
import { QuotesModule } from './quotes/quotes.module.ts';
import { RiskModule } from './risk/risk.module.ts';
import { RoutingModule } from './routing/routing.module.ts';
import { SwapsModule } from './swaps/swaps.module.ts';
import { FileSigner } from './wallets/file-signer.service.ts';
import { NoSigner } from './wallets/signer.ts';
import { walletsModule } from './wallets/wallets.module.ts';
import { WebhooksModule } from './webhooks/webhooks.module.ts';

/** The rooms, in the order of the arrows: each imports only from those before it. */
export const ROOMS = [
  AccessModule,
  LedgerModule,
  MarketsModule,
  PayeesModule,
  RiskModule,
  RoutingModule,
  QuotesModule,
  DepositsModule,
  EscrowModule,
  LeaseLinesModule,
  SwapsModule,
  PayoutsModule,
  WebhooksModule,
  OperationsModule,
];

@Module({})
class AppModule {}

/** The REST service: every room, behind one guard. Holds no signing key. */
export const appModule = (config: Config, logger: Logger): DynamicModule => ({
  module: AppModule,
  imports: [platformModule(config, logger), walletsModule(NoSigner), ...ROOMS],
  providers: [
    { provide: APP_GUARD, useClass: AccessGuard },
    { provide: APP_INTERCEPTOR, useClass: OnceInterceptor },
  ],
});

@Module({})
class WorkerModule {}

/** The worker: every room, the queue with its jobs, and the signer with its keys. */
export const workerModule = (config: Config, logger: Logger): DynamicModule => ({
  module: WorkerModule,
  imports: [platformModule(config, logger), walletsModule(FileSigner), ...ROOMS, jobsModule(config)],
});
