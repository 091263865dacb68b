import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { Answers, CurrentTx, Needs } from '../access/decorators.ts';
import { emptyBody, timestamp, viewTime, viewTimeOrNull } from '../access/fields.ts';
import { type PageQuery, page, pageOf, pageQuery, readCursor } from '../access/page.ts';
import type { Tx } from '../platform/database.ts';
import { type ParkedJob, ParkedJobsService } from './parked-jobs.service.ts';

const LIST = 'parked-jobs';
const ID = /^[\w:.-]{1,200}$/;
const jobId = z.string().regex(ID, 'id of a parked job').meta({ description: 'Id of a parked job' });

const parkedJobView = z
  .strictObject({
    id: z.string(),
    queue: z.string(),
    name: z.string(),
    data: z.unknown(),
    error: z.string(),
    attempts: z.int(),
    parkedAt: timestamp,
    releasedAt: timestamp.nullable(),
  })
  .meta({ id: 'ParkedJob' });

/** What failed for good and waits for an operator. */
@Controller('v1/jobs/parked')
export class ParkedJobsController {
  constructor(private readonly jobs: ParkedJobsService) {}

  @Get()
  @Needs('jobs:read')
  @Answers(200, pageOf(parkedJobView), 'Jobs that are parked now')
  async listParkedJobs(@Query({ schema: pageQuery }) query: PageQuery) {
    const rows = await this.jobs.list(readCursor(LIST, query.cursor, ID) ?? '', query.limit + 1);
    return page(LIST, rows, query.limit, ({ id }) => id, viewJob);
  }

  @Post(':id/release')
  @Needs('jobs:write')
  @Answers(200, parkedJobView, 'The job, on its way into the queue again')
  async releaseParkedJob(
    @CurrentTx() tx: Tx,
    @Param('id', { schema: jobId }) id: string,
    @Body({ schema: emptyBody }) _body: z.output<typeof emptyBody>,
  ) {
    return viewJob(await this.jobs.release(tx, id));
  }
}

const viewJob = (job: ParkedJob): z.output<typeof parkedJobView> => ({
  ...job,
  parkedAt: viewTime(job.parkedAt),
  releasedAt: viewTimeOrNull(job.releasedAt),
});
