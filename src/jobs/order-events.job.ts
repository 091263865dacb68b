import { Injectable } from '@nestjs/common';
import { EventsService } from '../webhooks/events.service.ts';
import { Job } from './job.ts';

/** Gives events their place in the order readers see. */
@Injectable()
export class OrderEventsJob extends Job {
  readonly name = 'order-events';
  constructor(private readonly events: EventsService) {
    super();
  }
  async run(): Promise<void> {
    await this.events.orderEvents();
  }
}
