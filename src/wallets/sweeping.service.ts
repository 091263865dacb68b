import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import type { Chain } from '../adapters/chain.ts';
import { Chains } from '../adapters/chains/index.ts';
import { Markets } from '../markets/markets.service.ts';
import type { Asset, AssetId } from '../money/asset.ts';
import type { Money } from '../money/money.ts';
import { Database, type Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { LOGGER } from '../platform/platform.module.ts';
import { Refusal } from '../platform/refusal.ts';
import { worthMore } from './sweep.ts';
import { depositWallet, hotWallet } from './wallet-list.ts';
import { Wallets } from './wallets.service.ts';

/** Deposit addresses in one transaction; a sweep of each costs up to 170,000 gas, a block has 30,000,000 and more. */
const ADDRESSES_MAX = 50;

interface Candidate {
  readonly address: string;
  readonly salt: string;
}

/** Brings money from deposit addresses that are contracts to the hot wallet, where it is worth its gas. */
@Injectable()
export class Sweeping {
  constructor(
    private readonly database: Database,
    private readonly chains: Chains,
    private readonly wallets: Wallets,
    @Inject(Markets) private readonly markets: Pick<Markets, 'price'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Plans one sweep for each token with money at deposit addresses, final and worth more than the gas to bring it.
   * Tokens only. Returns how many sends were planned.
   */
  async sweepDeposits(): Promise<number> {
    let planned = 0;
    for (const chain of this.chains.all().filter(({ family }) => family === 'evm')) {
      await this.database.transaction((tx) => this.forget(tx, chain.id));
      for (const asset of chain.assets.filter(({ reference }) => reference !== null)) {
        if (await this.sweepToken(chain, asset)) planned += 1;
      }
    }
    return planned;
  }

  private async sweepToken(chain: Chain, asset: Asset): Promise<boolean> {
    const waiting = await this.waiting(this.database.prisma, chain.id, asset.id, []);
    if (waiting.length === 0) return false;
    const feeRate = await chain.feeRate(20);
    const fee = (inputs: number) => chain.estimateFee({ inputs, outputs: 0, asset: asset.id }, feeRate);
    const each = { asset: fee(1).asset, units: fee(1).units - fee(0).units };
    const worthwhile: Candidate[] = [];
    for (const candidate of waiting) {
      const { units } = await chain.holding({ addresses: [candidate.address], coins: [] }, asset.id, null);
      if (this.pays({ asset: asset.id, units }, each, chain)) worthwhile.push(candidate);
    }
    if (worthwhile.length === 0) return false;
    return this.database.transaction((tx) => this.plan(tx, chain, asset.id, worthwhile));
  }

  private async plan(tx: Tx, chain: Chain, asset: AssetId, worthwhile: readonly Candidate[]): Promise<boolean> {
    const addresses = worthwhile.map(({ address }) => address);
    const taken = await this.waiting(tx, chain.id, asset, addresses);
    const call = chain.sweepCall(
      asset,
      taken.map(({ salt }) => salt),
    );
    if (taken.length === 0 || call === null) return false;
    const sendId = await this.wallets.plan(tx, {
      purpose: 'sweep',
      cause: newId('request'),
      walletId: hotWallet(chain.id),
      outputs: [],
      call,
      settlement: [],
    });
    await tx.$executeRaw`
      UPDATE arrivals SET send_id = ${sendId}
      WHERE chain = ${chain.id} AND asset = ${asset} AND address = ANY(${taken.map(({ address }) => address)})`;
    return true;
  }

  /** Arrivals in no sweep; locked when named, so that two workers do not plan the same. */
  private waiting(tx: Tx, chain: string, asset: AssetId, named: readonly string[]): Promise<Candidate[]> {
    const wallet = depositWallet(chain);
    if (named.length === 0) {
      return tx.$queryRaw<Candidate[]>`
        SELECT a.address, w.path AS salt FROM arrivals a JOIN wallet_addresses w USING (chain, address)
        WHERE a.chain = ${chain} AND a.asset = ${asset} AND a.send_id IS NULL AND w.wallet_id = ${wallet}
        ORDER BY a.noted_at, a.address LIMIT ${ADDRESSES_MAX}`;
    }
    return tx.$queryRaw<Candidate[]>`
      SELECT a.address, w.path AS salt FROM arrivals a JOIN wallet_addresses w USING (chain, address)
      WHERE a.chain = ${chain} AND a.asset = ${asset} AND a.send_id IS NULL AND a.address = ANY(${[...named]})
      ORDER BY a.address FOR UPDATE OF a SKIP LOCKED`;
  }

  /** Arrivals whose sweep ended: gone if it brought what was noted before it was planned, else waiting again. */
  private async forget(tx: Tx, chain: string): Promise<void> {
    await tx.$executeRaw`
      DELETE FROM arrivals a USING sends s
      WHERE a.send_id = s.id AND a.chain = ${chain} AND s.state = 'confirmed' AND a.noted_at <= s.planned_at`;
    await tx.$executeRaw`
      UPDATE arrivals a SET send_id = NULL FROM sends s
      WHERE a.send_id = s.id AND a.chain = ${chain} AND s.settled_at IS NOT NULL`;
  }

  /** False also while there is no price: a sweep can wait. */
  private pays(value: Money, cost: Money, chain: Chain): boolean {
    const asset = chain.assets.find(({ id }) => id === value.asset);
    if (asset === undefined) return false;
    try {
      const usd = (id: AssetId) => this.markets.price(id).mid;
      return worthMore(
        { units: value.units, decimals: asset.decimals, usd: usd(value.asset) },
        { units: cost.units, decimals: chain.feeAsset.decimals, usd: usd(cost.asset) },
      );
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.logger.warn({ asset: value.asset, code: error.code }, 'a sweep waits for a price');
      return false;
    }
  }
}
