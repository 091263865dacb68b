import { Module } from '@nestjs/common';
import { EscrowModule } from '../escrow/escrow.module.ts';
import { LedgerModule } from '../ledger/ledger.module.ts';
import { MarketsModule } from '../markets/markets.module.ts';
import { PayeesModule } from '../payees/payees.module.ts';
import { Outgoing } from './outgoing.service.ts';
import { PayoutReader } from './payout-reader.service.ts';
import { PayoutsController } from './payouts.controller.ts';
import { Payouts } from './payouts.service.ts';
import { Reconcile } from './reconcile.service.ts';
import { RefundReader } from './refund-reader.service.ts';
import { RefundsController } from './refunds.controller.ts';
import { Refunds } from './refunds.service.ts';
import { StatementsController } from './statements.controller.ts';
import { Statements } from './statements.service.ts';
import { SwapsModule } from '../swaps/swaps.module.ts';
import { WalletsController } from './wallets.controller.ts';

@Module({
  imports: [EscrowModule, LedgerModule, MarketsModule, PayeesModule, SwapsModule],
  controllers: [PayoutsController, RefundsController, StatementsController, WalletsController],
  providers: [Outgoing, PayoutReader, Payouts, Reconcile, RefundReader, Refunds, Statements],
  exports: [Outgoing, Payouts, Refunds, Reconcile],
})
export class PayoutsModule {}
