import { Module } from '@nestjs/common';
import { EscrowModule } from '../escrow/escrow.module.ts';
import { LedgerModule } from '../ledger/ledger.module.ts';
import { MarketsModule } from '../markets/markets.module.ts';
import { Outgoing } from './outgoing.service.ts';
import { Payouts } from './payouts.service.ts';
import { Reconcile } from './reconcile.service.ts';
import { Refunds } from './refunds.service.ts';

@Module({
  imports: [EscrowModule, LedgerModule, MarketsModule],
  providers: [Outgoing, Payouts, Refunds, Reconcile],
  exports: [Outgoing, Payouts, Refunds, Reconcile],
})
export class PayoutsModule {}
