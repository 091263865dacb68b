import { Module } from '@nestjs/common';
import { Books } from './books.service.ts';
import { LedgerController } from './ledger.controller.ts';
import { Ledger } from './ledger.service.ts';

@Module({
  controllers: [LedgerController],
  providers: [Books, Ledger],
  exports: [Books, Ledger],
})
export class LedgerModule {}
