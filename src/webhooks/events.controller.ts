import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { type Caller, visibleTenant } from '../access/caller.ts';
import { Answers, CurrentCaller, Needs } from '../access/decorators.ts';
import { timestamp, viewTime } from '../access/fields.ts';
import { cursorOf, pageQuery, readCursor } from '../access/page.ts';
import { type EventRecord, EventsService } from './events.service.ts';

const LIST = 'events';

const eventView = z
  .strictObject({
    id: z.string(),
    type: z.string().meta({ examples: ['deposit.confirmed'] }),
    subject: z.string().meta({ description: 'Id of the object it happened to' }),
    data: z.record(z.string(), z.unknown()),
    createdAt: timestamp,
  })
  .meta({ id: 'Event' });

const eventsView = z.strictObject({
  data: z.array(eventView),
  nextCursor: z.string().meta({ description: 'Always given: at the end it is where later events will follow' }),
});

const eventsQuery = pageQuery.extend({
  type: z
    .string()
    .regex(/^[a-z][a-zA-Z-]{0,31}\.[a-z][a-zA-Z-]{0,31}$/, 'an event type such as deposit.confirmed')
    .optional(),
});

/** What happened, in an order that never changes and never gains an event before one that was read. */
@Controller('v1/events')
export class EventsController {
  constructor(private readonly events: EventsService) {}

  @Get()
  @Needs('events:read')
  @Answers(200, eventsView, 'Events, oldest first')
  async listEvents(
    @CurrentCaller() caller: Caller,
    @Query({ schema: eventsQuery }) query: z.output<typeof eventsQuery>,
  ): Promise<z.output<typeof eventsView>> {
    const after = readCursor(LIST, query.cursor, /^\d{1,18}$/) ?? '0';
    const rows = await this.events.read({
      tenantId: visibleTenant(caller),
      type: query.type,
      after,
      limit: query.limit,
    });
    return { data: rows.map(viewEvent), nextCursor: cursorOf(LIST, rows.at(-1)?.seq ?? after) };
  }
}

const viewEvent = ({ id, type, subject, data, createdAt }: EventRecord): z.output<typeof eventView> => ({
  id,
  type,
  subject,
  data: z.record(z.string(), z.unknown()).parse(data),
  createdAt: viewTime(createdAt),
});
