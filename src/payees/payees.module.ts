import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.ts';
import { MarketsModule } from '../markets/markets.module.ts';
import { PayeeChanges } from './payee-changes.service.ts';
import { PayeeReader } from './payee-reader.service.ts';
import { PayeesController } from './payees.controller.ts';
import { Payees } from './payees.service.ts';

@Module({
  imports: [AccessModule, MarketsModule],
  controllers: [PayeesController],
  providers: [PayeeChanges, PayeeReader, Payees],
  exports: [PayeeChanges, PayeeReader, Payees],
})
export class PayeesModule {}
