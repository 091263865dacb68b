import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { Chains } from '../adapters/chains/index.ts';
import type { Chain } from '../adapters/chain.ts';
import { Ledger } from '../ledger/ledger.service.ts';
import { Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { Metrics } from '../platform/metrics.ts';
import { LOGGER } from '../platform/platform.module.ts';
import { Swaps } from '../swaps/swaps.service.ts';
import { type Place, Wallets } from '../wallets/wallets.service.ts';

/** What a place holds, what the books say, and the difference, at one final height. */
export interface Comparison {
  readonly walletId: string;
  readonly asset: string;
  readonly height: number;
  readonly chainUnits: bigint;
  readonly bookUnits: bigint;
}

interface ComparedRow {
  readonly walletId: string;
  readonly asset: string;
  readonly height: bigint;
  readonly chainUnits: string;
  readonly bookUnits: string;
  readonly comparedAt: Date;
}

/** A wallet as its operator sees it. */
export interface WalletState {
  readonly id: string;
  readonly chain: string;
  readonly role: 'deposit' | 'hot' | 'gas' | 'cold';
  readonly address: string;
  readonly holdings: readonly {
    readonly asset: string;
    readonly bookUnits: bigint;
    readonly compared: {
      readonly height: bigint;
      readonly chainUnits: bigint;
      readonly bookUnits: bigint;
      readonly comparedAt: Date;
    } | null;
  }[];
}

/**
 * Compares places with books: minus the balance of `external:<wallet>` is exactly what the wallet must hold. It never
 * adjusts. Books above the chain are a loss nobody knows of: an alarm, and payouts of that asset stop. The chain above the
 * books is money nobody booked: an alarm.
 */
@Injectable()
export class Reconcile {
  private last: readonly Comparison[] = [];

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly chains: Chains,
    private readonly wallets: Wallets,
    private readonly ledger: Ledger,
    private readonly swaps: Swaps,
    metrics: Metrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    metrics.gauge(
      'lockstep_reconcile_difference_units',
      'Chain less books by place, base units',
      ['wallet', 'asset'],
      async () =>
        this.last.map(({ walletId, asset, chainUnits, bookUnits }) => ({
          labels: { wallet: walletId, asset },
          // A metric is a double by its nature; the exact figures are in the table and the log.
          value: parseInt((chainUnits - bookUnits).toString(), 10),
        })),
    );
  }

  /** Compares every place that stands still: with nothing in flight and nothing unbooked up to the height compared. */
  async run(): Promise<readonly Comparison[]> {
    const found: Comparison[] = [];
    for (const place of await this.wallets.places()) {
      for (const asset of this.chains.get(place.chain).assets) {
        const one = await this.compare(this.chains.get(place.chain), place, asset.id);
        if (one !== undefined) found.push(one);
      }
    }
    this.last = found;
    for (const { walletId, asset, chainUnits, bookUnits, height } of found) {
      if (chainUnits === bookUnits) continue;
      const facts = { wallet: walletId, asset, height, chain: chainUnits.toString(), books: bookUnits.toString() };
      if (bookUnits > chainUnits) this.logger.fatal(facts, 'the books are above the chain');
      else this.logger.error(facts, 'the chain is above the books');
    }
    await this.store(found);
    return found;
  }

  /** Assets whose books stand above the chain: nothing of them leaves. */
  async stoppedAssets(): Promise<ReadonlySet<string>> {
    const rows = await this.database.prisma.$queryRaw<{ asset: string }[]>`
      SELECT DISTINCT asset FROM reconciliations WHERE book_units > chain_units`;
    return new Set(rows.map(({ asset }) => asset));
  }

  /** Every wallet with what it must hold now and how that compared last, by asset of its chain. */
  async walletStates(): Promise<WalletState[]> {
    const wallets = await this.database.prisma.$queryRaw<Omit<WalletState, 'holdings'>[]>`
      SELECT id, chain, role, address FROM wallets ORDER BY id`;
    const compared = await this.database.prisma.$queryRaw<ComparedRow[]>`
      SELECT wallet_id AS "walletId", asset, height, chain_units::text AS "chainUnits", book_units::text AS "bookUnits",
        compared_at AS "comparedAt" FROM reconciliations`;
    const books = await this.ledger.balances(this.database.prisma, 'external');
    return wallets
      .filter(({ chain }) => this.chains.has(chain))
      .map((wallet) => ({
        ...wallet,
        holdings: this.chains.get(wallet.chain).assets.map(({ id: asset }) => {
          const last = compared.find((row) => row.walletId === wallet.id && row.asset === asset);
          const booked = books.find((row) => row.account === `external:${wallet.id}` && row.asset === asset);
          return {
            asset,
            bookUnits: -(booked?.units ?? 0n),
            compared:
              last === undefined
                ? null
                : { ...last, chainUnits: BigInt(last.chainUnits), bookUnits: BigInt(last.bookUnits) },
          };
        }),
      }));
  }

  private async compare(chain: Chain, place: Place, asset: string): Promise<Comparison | undefined> {
    if (!(await this.isStill(place))) return undefined;
    const before = await this.booked(place, asset);
    const { units: chainUnits, height } = await chain.holding(place, asset, null);
    // A fill that the chain shows is booked a moment later.
    if ((await this.swaps.unsettled(place.walletId, height)).length > 0) return undefined;
    // Something moved while the chain was asked: the next run compares it.
    if (!(await this.isStill(place)) || before !== (await this.booked(place, asset))) return undefined;
    return { walletId: place.walletId, asset, height, chainUnits, bookUnits: before };
  }

  private async booked(place: Place, asset: string): Promise<bigint> {
    return -(await this.ledger.balance(this.database.prisma, `external:${place.walletId}`, asset));
  }

  /** No send on its way and no deposit that is seen and not booked, in this wallet; its chain read to the tip. */
  private async isStill(place: Place): Promise<boolean> {
    const [row] = await this.database.prisma.$queryRaw<{ still: boolean }[]>`
      SELECT NOT EXISTS (SELECT 1 FROM sends WHERE wallet_id = ${place.walletId} AND state IN ('signed', 'broadcast', 'stuck', 'included'))
         AND NOT EXISTS (SELECT 1 FROM sends WHERE chain = ${place.chain} AND purpose = 'sweep' AND settled_at IS NULL AND anchor IS NOT NULL)
         AND NOT EXISTS (SELECT 1 FROM deposits WHERE wallet_id = ${place.walletId} AND asset IS NOT NULL
               AND (state IN ('seen', 'reorged') OR height > (SELECT final_height FROM chain_cursors WHERE chain = ${place.chain})))
         AND EXISTS (SELECT 1 FROM chain_cursors WHERE chain = ${place.chain} AND height >= tip_height) AS still`;
    return row?.still === true;
  }

  private async store(found: readonly Comparison[]): Promise<void> {
    const now = await this.clock.now();
    for (const { walletId, asset, height, chainUnits, bookUnits } of found) {
      await this.database.prisma.$executeRaw`
        INSERT INTO reconciliations (wallet_id, asset, height, chain_units, book_units, compared_at)
        VALUES (${walletId}, ${asset}, ${height}, ${chainUnits.toString()}::numeric, ${bookUnits.toString()}::numeric, ${now})
        ON CONFLICT (wallet_id, asset) DO UPDATE SET height = excluded.height, chain_units = excluded.chain_units,
          book_units = excluded.book_units, compared_at = excluded.compared_at`;
    }
  }
}
