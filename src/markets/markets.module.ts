import { Module } from '@nestjs/common';
import { PriceSources } from '../adapters/prices/index.ts';
import { Config } from '../platform/config.ts';
import { AssetStates } from './asset-states.service.ts';
import { AssetsController } from './assets.controller.ts';
import { AssetCatalog } from './catalog.ts';
import { Markets } from './markets.service.ts';
import { PriceRefresher } from './price-refresher.service.ts';
import { RatesController } from './rates.controller.ts';

@Module({
  controllers: [AssetsController, RatesController],
  providers: [
    {
      provide: PriceSources,
      useFactory: (config: Config) => PriceSources.from(config, config.settings.PRICE_PAIRS),
      inject: [Config],
    },
    AssetCatalog,
    AssetStates,
    Markets,
    PriceRefresher,
  ],
  exports: [AssetCatalog, AssetStates, Markets],
})
export class MarketsModule {}
