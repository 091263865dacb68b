import { Controller, Get, Param, Query } from '@nestjs/common';
import { z } from 'zod';
import { Answers, Needs } from '../access/decorators.ts';
import { idField } from '../access/fields.ts';
import { page, pageOf, pageQuery, timePosition } from '../access/page.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { Refusal } from '../platform/refusal.ts';
import { Swaps } from './swaps.service.ts';
import { swapView, viewSwap } from './view.ts';

const listQuery = z.strictObject({
  ...pageQuery.shape,
  state: swapView.shape.state.optional().meta({ description: 'Only swaps in this state' }),
});

const swapId = idField('swap');

/** What the desk trades. */
@Controller('v1/swaps')
export class SwapsController {
  constructor(
    private readonly swaps: Swaps,
    private readonly catalog: AssetCatalog,
  ) {}

  @Get()
  @Needs('swaps:read')
  @Answers(200, pageOf(swapView), 'Swaps, newest first')
  async listSwaps(@Query({ schema: listQuery }) query: z.output<typeof listQuery>) {
    const rows = await this.swaps.list(query.state, query.limit, query.cursor);
    return page('swaps', rows, query.limit, timePosition, (swap) => viewSwap(swap, this.catalog));
  }

  @Get(':id')
  @Needs('swaps:read')
  @Answers(200, swapView, 'The swap with its legs')
  async getSwap(@Param('id', { schema: swapId }) id: string) {
    const swap = await this.swaps.find(id);
    if (swap === undefined) throw new Refusal('not_found', { field: 'id' });
    return viewSwap(swap, this.catalog);
  }
}
