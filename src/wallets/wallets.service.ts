import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Coin, ContractCall, Output } from '../adapters/chain.ts';
import { Chains } from '../adapters/chains/index.ts';
import type { Transfer } from '../ledger/transfer.ts';
import type { AssetId } from '../money/asset.ts';
import { Database, type Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { Outbox } from '../platform/outbox.ts';
import { Refusal } from '../platform/refusal.ts';
import { SendRows, toJson } from './send-rows.service.ts';
import type { SendPurpose, SendState } from './send.ts';
import { Signing } from './signing.service.ts';
import { Tracking } from './tracking.service.ts';
import { depositWallet, hotWallet, WALLETS } from './wallet-list.ts';

/** What another room wants sent. */
export interface SendPlan {
  readonly purpose: SendPurpose;
  /** Id of what it is for; one send a purpose and cause, ever. A failed one is sent again under another cause. */
  readonly cause: string;
  readonly walletId: string;
  /** Payments, all in one transaction; empty with a `call`. */
  readonly outputs: readonly Output[];
  readonly call?: ContractCall;
  /** Transfers booked in the transaction that marks the send confirmed; its network fee is booked with them. */
  readonly settlement: readonly Transfer[];
  /**
   * Most the network may charge for it, bumps included, in the chain's fee asset; the first attempt waits while its fee
   * is above. Absent: SEND_FEE_BUDGET_BPS of what is paid in that asset, and never less than the first fee.
   */
  readonly feeBudgetUnits?: bigint;
  readonly tenantId?: string | null;
}

/** A wallet and what it is made of, for `reconcile`. */
export interface Place {
  readonly walletId: string;
  readonly chain: string;
  readonly addresses: readonly string[];
  /** Coins not spent as far as we know; empty on account chains. */
  readonly coins: readonly Coin[];
}

/** What a caller may know of a send. */
export interface SendStatus {
  readonly id: string;
  readonly state: SendState;
  readonly txId: string | null;
  readonly height: number | null;
  readonly feeUnits: bigint | null;
  readonly note: string | null;
}

/** Wallets as the other rooms know them: plan a send, say which coins and addresses there are. */
@Injectable()
export class Wallets implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly chains: Chains,
    private readonly rows: SendRows,
    private readonly outbox: Outbox,
    private readonly signing: Signing,
    private readonly tracking: Tracking,
  ) {}

  /** Writes down the wallets of the chains in use and their own addresses. */
  async onModuleInit(): Promise<void> {
    for (const { id, chain, role, path } of WALLETS) {
      if (!this.chains.has(chain)) continue;
      const address = this.chains.get(chain).addressAt(path);
      await this.database.transaction(async (tx) => {
        await tx.$executeRaw`
          INSERT INTO wallets (id, chain, role, address, created_at)
          VALUES (${id}, ${chain}, ${role}, ${address}, lockstep_now()) ON CONFLICT DO NOTHING`;
        await tx.$executeRaw`
          INSERT INTO wallet_addresses (chain, address, wallet_id, path, created_at)
          VALUES (${chain}, ${address}, ${id}, ${path}, lockstep_now()) ON CONFLICT DO NOTHING`;
      });
    }
  }

  /**
   * Plans a send in the caller's transaction and returns its id; the same id again for the same purpose and cause.
   * Whoever plans it has put its money into an account of its own first. Destinations are allowed with `allow`.
   */
  async plan(tx: Tx, plan: SendPlan): Promise<string> {
    const { purpose, cause, walletId, outputs, call, settlement, feeBudgetUnits, tenantId = null } = plan;
    const chain = WALLETS.find(({ id }) => id === walletId)?.chain;
    if (chain === undefined) throw new Error(`there is no wallet ${walletId}`);
    if (outputs.some(({ units }) => units <= 0n)) throw new Error(`${purpose} ${cause}: an output without units`);
    const id = newId('send');
    const inserted = await tx.$executeRaw`
      INSERT INTO sends (id, chain, wallet_id, purpose, cause, tenant_id, state, outputs, call, settlement,
                         fee_budget_units, planned_at)
      VALUES (${id}, ${chain}, ${walletId}, ${purpose}, ${cause}, ${tenantId}, 'planned', ${toJson(outputs)}::jsonb,
              ${call === undefined ? null : toJson(call)}::jsonb, ${toJson(settlement)}::jsonb,
              ${feeBudgetUnits === undefined ? null : String(feeBudgetUnits)}::numeric, lockstep_now())
      ON CONFLICT (purpose, cause) DO NOTHING`;
    if (inserted === 1) {
      const data = { sendId: id, purpose, cause, walletId };
      await this.outbox.write(tx, [{ type: 'send.planned', subject: id, tenantId: null, data }]);
      return id;
    }
    const [earlier] = await tx.$queryRaw<{ id: string }[]>`
      SELECT id FROM sends WHERE purpose = ${purpose} AND cause = ${cause}`;
    if (earlier === undefined) throw new Error(`${purpose} ${cause} was planned by a transaction that is still open`);
    return earlier.id;
  }

  /**
   * One round of the work: sign what is planned, hand over what is signed, follow what was handed over. Any number of
   * workers may do it at once. Returns how many sends moved; a round that moves none has nothing to do for now.
   */
  async advance(): Promise<number> {
    const signed = await this.signing.signPlanned();
    const taken = await this.tracking.broadcastStored();
    return signed + taken + (await this.tracking.follow());
  }

  /** Takes back a send that has no signed bytes yet. False when it has: then it can only confirm or be refuted. */
  async cancel(tx: Tx, sendId: string): Promise<boolean> {
    const send = await this.rows.lock(tx, sendId);
    return send !== null && this.rows.move(tx, send, 'cancelled', { note: 'cancelled' });
  }

  async status(sendId: string): Promise<SendStatus> {
    const [row] = await this.database.prisma.$queryRaw<(Omit<SendStatus, 'feeUnits'> & { feeUnits: string | null })[]>`
      SELECT id, state, tx_id AS "txId", height, fee_units::text AS "feeUnits", note FROM sends WHERE id = ${sendId}`;
    if (row === undefined) throw new Refusal('not_found');
    return { ...row, feeUnits: row.feeUnits === null ? null : BigInt(row.feeUnits) };
  }

  /** Lets the signer pay an address from `activeFrom` on. The address is in the chain's canonical form. */
  async allow(tx: Tx, destination: { chain: string; address: string; why: string; activeFrom: Date }): Promise<void> {
    const { chain, address, why, activeFrom } = destination;
    await tx.$executeRaw`
      INSERT INTO allowed_destinations (chain, address, why, active_from)
      VALUES (${chain}, ${address}, ${why}, ${activeFrom}) ON CONFLICT (chain, address) DO UPDATE
      SET active_from = least(allowed_destinations.active_from, excluded.active_from)`;
  }

  /** Tells of a deposit address of ours as it is given out. `path` is its derivation path, or the forwarder's salt. */
  async registerAddress(
    tx: Tx,
    { chain, address, path }: { chain: string; address: string; path: string },
  ): Promise<void> {
    await tx.$executeRaw`
      INSERT INTO wallet_addresses (chain, address, wallet_id, path, created_at)
      VALUES (${chain}, ${address}, ${depositWallet(chain)}, ${path}, lockstep_now()) ON CONFLICT DO NOTHING`;
  }

  /** Tells of money at a registered deposit address of a chain whose deposits are swept. */
  async noteArrival(
    tx: Tx,
    { chain, address, asset }: { chain: string; address: string; asset: AssetId },
  ): Promise<void> {
    await tx.$executeRaw`
      INSERT INTO arrivals (chain, address, asset, noted_at) VALUES (${chain}, ${address}, ${asset}, lockstep_now())
      ON CONFLICT (chain, address, asset) DO UPDATE SET noted_at = excluded.noted_at`;
  }

  /** Adds the coin a deposit brought; it may be spent once it is released. */
  async registerCoin(
    tx: Tx,
    coin: Coin & { readonly chain: string; readonly height: number },
    { depositId, released }: { readonly depositId: string; readonly released: boolean },
  ): Promise<void> {
    await tx.$executeRaw`
      INSERT INTO coins (chain, tx_id, vout, wallet_id, address, path, units, state, height, released_at, deposit_id)
      VALUES (${coin.chain}, ${coin.txId}, ${coin.vout}, ${hotWallet(coin.chain)}, ${coin.address}, ${coin.path},
              ${String(coin.units)}::numeric, 'free', ${coin.height}, CASE WHEN ${released} THEN lockstep_now() END,
              ${depositId})
      ON CONFLICT (chain, tx_id, vout) DO UPDATE SET height = excluded.height,
        released_at = coalesce(coins.released_at, excluded.released_at)`;
  }

  async releaseCoin(tx: Tx, depositId: string): Promise<void> {
    await tx.$executeRaw`
      UPDATE coins SET released_at = lockstep_now() WHERE deposit_id = ${depositId} AND released_at IS NULL`;
  }

  /** The deposit left the chain. A coin that a signed send spends stays: that send waits until the chain decides. */
  async unregisterCoin(tx: Tx, depositId: string): Promise<void> {
    await tx.$executeRaw`DELETE FROM coins WHERE deposit_id = ${depositId} AND state = 'free'`;
  }

  /** Where operators send float to, and what sweeps arrive at. */
  hotAddress(chain: string): string {
    const wallet = WALLETS.find(({ id }) => id === hotWallet(chain));
    if (wallet === undefined) throw new Error(`no hot wallet on ${chain}`);
    return this.chains.get(chain).addressAt(wallet.path);
  }

  /** True for every address of ours, in canonical form; none of them may be paid as a payee. */
  async isOwnAddress(chain: string, address: string, reader: Tx = this.database.prisma): Promise<boolean> {
    const rows = await reader.$queryRaw<unknown[]>`
      SELECT 1 FROM wallet_addresses WHERE chain = ${chain} AND address = ${address}`;
    return rows.length > 0;
  }

  /** True for a transaction we signed, whichever attempt of a send it is. */
  async isOwnTransaction(txId: string): Promise<boolean> {
    const rows = await this.database.prisma.$queryRaw<unknown[]>`SELECT 1 FROM attempts WHERE tx_id = ${txId}`;
    return rows.length > 0;
  }

  /** Every wallet with its addresses and unspent coins. */
  async places(): Promise<Place[]> {
    const wallets = await this.database.prisma.$queryRaw<Omit<Place, 'coins'>[]>`
      SELECT w.id AS "walletId", w.chain, array_agg(a.address ORDER BY a.address) AS addresses
      FROM wallets w JOIN wallet_addresses a ON a.wallet_id = w.id GROUP BY w.id, w.chain ORDER BY w.id`;
    const coins = await this.database.prisma.$queryRaw<(Omit<Coin, 'units'> & { walletId: string; units: string })[]>`
      SELECT wallet_id AS "walletId", tx_id AS "txId", vout, units::text AS units, address, path
      FROM coins WHERE state <> 'spent'`;
    const ofWallet = (walletId: string) =>
      coins.filter((coin) => coin.walletId === walletId).map((coin) => ({ ...coin, units: BigInt(coin.units) }));
    return wallets.map((wallet) => ({ ...wallet, coins: ofWallet(wallet.walletId) }));
  }

  /** What left a wallet in blocks up to `height` and is not in its books yet: amounts by asset, highest fees included. */
  async unsettled(walletId: string, height: number): Promise<{ asset: AssetId; units: bigint }[]> {
    const feeAsset = (id: string) => this.chains.get(id).feeAsset.id;
    const sends = (await this.rows.inStates(this.database.prisma, ['included'], 10_000, walletId)).filter(
      (send) => send.height !== null && send.height <= height,
    );
    const sums = new Map<AssetId, bigint>();
    for (const send of sends) {
      const fees = await this.rows.attempts(this.database.prisma, send.id);
      const fee = {
        asset: feeAsset(send.chain),
        units: fees.find(({ txId }) => txId === send.txId)?.feeMaxUnits ?? 0n,
      };
      for (const { asset, units } of [...send.outputs, fee]) sums.set(asset, (sums.get(asset) ?? 0n) + units);
    }
    return [...sums].map(([asset, units]) => ({ asset, units }));
  }
}
