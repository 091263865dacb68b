import { Module } from '@nestjs/common';
import { KeysController } from './keys.controller.ts';
import { KeysService } from './keys.service.ts';
import { TenantsService } from './tenants.service.ts';

@Module({
  controllers: [KeysController],
  providers: [KeysService, TenantsService],
  exports: [KeysService, TenantsService],
})
export class AccessModule {}
