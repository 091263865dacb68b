import { type DynamicModule, Global, Module, type Type } from '@nestjs/common';
import { Chains } from '../adapters/chains/index.ts';
import { LedgerModule } from '../ledger/ledger.module.ts';
import { MarketsModule } from '../markets/markets.module.ts';
import { Config } from '../platform/config.ts';
import { Anchors } from './anchors.service.ts';
import { SendRows } from './send-rows.service.ts';
import { Settling } from './settling.service.ts';
import { Signer } from './signer.ts';
import { Signing } from './signing.service.ts';
import { Sweeping } from './sweeping.service.ts';
import { Tracking } from './tracking.service.ts';
import { Wallets } from './wallets.service.ts';

@Global()
@Module({})
class WalletsModule {}

/** Chains and everything that sends on them. `main` takes it with `NoSigner`, `worker` with `FileSigner`. */
export const walletsModule = (signer: Type<Signer>): DynamicModule => ({
  module: WalletsModule,
  imports: [LedgerModule, MarketsModule],
  providers: [
    { provide: Chains, useFactory: (config: Config) => Chains.from(config), inject: [Config] },
    { provide: Signer, useClass: signer },
    ...[SendRows, Anchors, Signing, Settling, Tracking, Sweeping, Wallets],
  ],
  exports: [Chains, Wallets, Sweeping],
});
