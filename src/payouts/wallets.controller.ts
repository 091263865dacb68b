import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { Answers, Needs } from '../access/decorators.ts';
import { moneyView, timestamp, viewMoney, viewTimeOrNull } from '../access/fields.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { Reconcile } from './reconcile.service.ts';

const walletView = z
  .strictObject({
    id: z.string(),
    chain: z.string(),
    role: z.enum(['deposit', 'hot', 'gas', 'cold']),
    address: z.string().meta({ description: 'Its own first address; float for a hot wallet is sent here' }),
    holdings: z.array(
      z.strictObject({
        books: moneyView.meta({ description: 'What it must hold by the books, now' }),
        compared: z
          .strictObject({ chain: moneyView, books: moneyView, height: z.string(), at: timestamp.nullable() })
          .nullable()
          .meta({ description: 'The last comparison with the chain; null before the first' }),
      }),
    ),
  })
  .meta({ id: 'Wallet' });

/** Our places and what they hold. */
@Controller('v1/wallets')
export class WalletsController {
  constructor(
    private readonly reconcile: Reconcile,
    private readonly catalog: AssetCatalog,
  ) {}

  @Get()
  @Needs('wallets:read')
  @Answers(200, z.strictObject({ data: z.array(walletView) }), 'Every wallet, with books and chain')
  async listWallets() {
    const wallets = await this.reconcile.walletStates();
    return {
      data: wallets.map(({ holdings, ...wallet }) => ({
        ...wallet,
        holdings: holdings.map(({ asset: id, bookUnits, compared }) => {
          const asset = this.catalog.require(id);
          return {
            books: viewMoney(asset, bookUnits),
            compared: compared && {
              chain: viewMoney(asset, compared.chainUnits),
              books: viewMoney(asset, compared.bookUnits),
              height: compared.height.toString(),
              at: viewTimeOrNull(compared.comparedAt),
            },
          };
        }),
      })),
    };
  }
}
