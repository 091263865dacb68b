import { Module } from '@nestjs/common';
import { MarketsModule } from '../markets/markets.module.ts';
import { PayeesModule } from '../payees/payees.module.ts';
import { RiskModule } from '../risk/risk.module.ts';
import { RoutingModule } from '../routing/routing.module.ts';
import { CurrentRate } from './current-rate.service.ts';
import { Locks } from './locks.service.ts';
import { Pricing } from './pricing.service.ts';
import { QuoteStore } from './quote-store.service.ts';
import { QuotesController } from './quotes.controller.ts';
import { Quotes } from './quotes.service.ts';

@Module({
  imports: [MarketsModule, PayeesModule, RiskModule, RoutingModule],
  controllers: [QuotesController],
  providers: [Pricing, QuoteStore, Quotes, Locks, CurrentRate],
  exports: [Quotes, Locks, CurrentRate],
})
export class QuotesModule {}
