import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger/ledger.module.ts';
import { MarketsModule } from '../markets/markets.module.ts';
import { Addresses } from './addresses.service.ts';
import { ConfirmDeposits } from './confirm.service.ts';
import { DepositsController } from './deposits.controller.ts';
import { Deposits } from './deposits.service.ts';
import { Observations } from './observations.service.ts';
import { ChainWatch } from './watch.service.ts';

@Module({
  imports: [LedgerModule, MarketsModule],
  controllers: [DepositsController],
  providers: [Addresses, ChainWatch, ConfirmDeposits, Deposits, Observations],
  exports: [Addresses, ChainWatch, ConfirmDeposits, Deposits],
})
export class DepositsModule {}
