import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger/ledger.module.ts';
import { MarketsModule } from '../markets/markets.module.ts';
import { RoutingModule } from '../routing/routing.module.ts';
import { DeskBooks } from './desk-books.service.ts';
import { Flattening } from './flattening.service.ts';
import { FloatAlarm } from './float-alarm.service.ts';
import { Following } from './following.service.ts';
import { LegChanges } from './leg-changes.service.ts';
import { Placing } from './placing.service.ts';
import { Routes } from './routes.service.ts';
import { SwapRows } from './swap-rows.service.ts';
import { SwapsController } from './swaps.controller.ts';
import { Swaps } from './swaps.service.ts';

@Module({
  imports: [LedgerModule, MarketsModule, RoutingModule],
  controllers: [SwapsController],
  providers: [SwapRows, DeskBooks, FloatAlarm, Routes, Flattening, LegChanges, Placing, Following, Swaps],
  exports: [Swaps],
})
export class SwapsModule {}
