import { Module } from '@nestjs/common';
import { DepositsModule } from '../deposits/deposits.module.ts';
import { LedgerModule } from '../ledger/ledger.module.ts';
import { MarketsModule } from '../markets/markets.module.ts';
import { PayeesModule } from '../payees/payees.module.ts';
import { QuotesModule } from '../quotes/quotes.module.ts';
import { Accrual } from './accrual.service.ts';
import { Credit } from './credit.service.ts';
import { LeaseReader } from './lease-reader.service.ts';
import { LeasesController } from './leases.controller.ts';
import { Escrow } from './escrow.service.ts';
import { Leases } from './leases.service.ts';
import { EscrowReorg } from './reorg.service.ts';

@Module({
  imports: [DepositsModule, LedgerModule, MarketsModule, PayeesModule, QuotesModule],
  controllers: [LeasesController],
  providers: [Accrual, Credit, Escrow, EscrowReorg, LeaseReader, Leases],
  exports: [Accrual, Credit, Escrow, EscrowReorg, LeaseReader, Leases],
})
export class EscrowModule {}
