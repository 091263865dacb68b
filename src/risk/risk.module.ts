import { Module } from '@nestjs/common';
import { Exposure } from './exposure.service.ts';
import { PolicyPremium, PremiumModel } from './premium.ts';

@Module({
  providers: [Exposure, { provide: PremiumModel, useClass: PolicyPremium }],
  exports: [Exposure, PremiumModel],
})
export class RiskModule {}
