import { Module } from '@nestjs/common';
import { BacklogService } from './backlog.service.ts';
import { ChainsStatus } from './chains.service.ts';
import { HealthController } from './health.controller.ts';
import { ParkedJobsController } from './parked-jobs.controller.ts';
import { ParkedJobsService } from './parked-jobs.service.ts';

@Module({
  controllers: [HealthController, ParkedJobsController],
  providers: [BacklogService, ChainsStatus, ParkedJobsService],
})
export class OperationsModule {}
