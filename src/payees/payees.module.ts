import { Module } from '@nestjs/common';
import { MarketsModule } from '../markets/markets.module.ts';
import { Payees } from './payees.service.ts';

@Module({ imports: [MarketsModule], providers: [Payees], exports: [Payees] })
export class PayeesModule {}
