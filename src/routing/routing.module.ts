import { Module } from '@nestjs/common';
import { Venues } from '../adapters/venues/index.ts';
import { LedgerModule } from '../ledger/ledger.module.ts';
import { MarketsModule } from '../markets/markets.module.ts';
import { Config } from '../platform/config.ts';
import { BlockTime } from './block-time.service.ts';
import { NetworkCosts } from './network-costs.service.ts';
import { RoutingRefresher } from './routing-refresher.service.ts';
import { VenueContexts } from './venue-context.service.ts';
import { VenueCosts } from './venue-costs.service.ts';

@Module({
  imports: [MarketsModule, LedgerModule],
  providers: [
    { provide: Venues, useFactory: (config: Config) => Venues.from(config), inject: [Config] },
    ...[VenueContexts, VenueCosts, NetworkCosts, BlockTime, RoutingRefresher],
  ],
  exports: [Venues, VenueContexts, VenueCosts, NetworkCosts, BlockTime],
})
export class RoutingModule {}
