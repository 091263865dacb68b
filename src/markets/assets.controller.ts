import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import { type Caller, ownerId } from '../access/caller.ts';
import { Answers, CurrentCaller, CurrentTx, Needs } from '../access/decorators.ts';
import { assetField, textField } from '../access/fields.ts';
import { Config } from '../platform/config.ts';
import type { Tx } from '../platform/database.ts';
import { ASSET_STATES, AssetStates } from './asset-states.service.ts';
import { AssetCatalog } from './catalog.ts';
import { policyOf } from './policy.ts';
import { assetView, viewAsset } from './view.ts';

const stateBody = z.strictObject({
  state: z.enum(ASSET_STATES),
  reason: textField(200).meta({ description: 'Shown with the asset and in its event' }),
});

const stateView = z
  .strictObject({ asset: z.string(), state: z.enum(ASSET_STATES), reason: z.string() })
  .meta({ id: 'AssetState' });

/** The assets that can be paid with or owed, and what each may be used for now. */
@Controller('v1/assets')
export class AssetsController {
  constructor(
    private readonly catalog: AssetCatalog,
    private readonly states: AssetStates,
    private readonly config: Config,
  ) {}

  @Get()
  @Needs('assets:read')
  @Answers(200, z.strictObject({ data: z.array(assetView) }), 'Every asset, with its state, finality and limits')
  listAssets() {
    const view = this.catalog
      .all()
      .map((asset) =>
        viewAsset(asset, this.states.state(asset.id), this.states.record(asset.id), policyOf(this.config, asset.id)),
      );
    return { data: view };
  }

  @Post(':id/state')
  @Needs('markets:write')
  @Answers(200, stateView, 'The state as set; every process follows within its next price refresh')
  async setAssetState(
    @CurrentTx() tx: Tx,
    @CurrentCaller() caller: Caller,
    @Param('id', { schema: assetField }) id: string,
    @Body({ schema: stateBody }) { state, reason }: z.output<typeof stateBody>,
  ) {
    const asset = this.catalog.require(id, 'id').id;
    await this.states.set(tx, asset, state, reason, ownerId(caller));
    return { asset, state, reason };
  }
}
