import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import type { Anchor, Chain, Unsigned } from '../adapters/chain.ts';
import { Chains } from '../adapters/chains/index.ts';
import { Config } from '../platform/config.ts';
import { crashpoint } from '../platform/crashpoint.ts';
import { Database, type Tx } from '../platform/database.ts';
import { Outbox } from '../platform/outbox.ts';
import { LOGGER } from '../platform/platform.module.ts';
import { Anchors, type ChainFacts } from './anchors.service.ts';
import { BUMP_AFTER_BLOCKS, bumpedRate, feeBudget } from './fee-bump.ts';
import { type AttemptRow, SendRows, type SendRow } from './send-rows.service.ts';
import { Signer, SigningRefused } from './signer.ts';

/** Blocks within which a send should be included. */
const TARGET_BLOCKS = 6;
/** Sends signed for one wallet in one round. */
const ROUND_MAX = 50;

/** Turns planned sends into stored signed bytes, and stuck ones into attempts with a higher fee. */
@Injectable()
export class Signing {
  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly chains: Chains,
    private readonly rows: SendRows,
    private readonly anchors: Anchors,
    private readonly signer: Signer,
    private readonly outbox: Outbox,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Signs what is planned, wallet by wallet in the order it was planned. Returns how many were signed. */
  async signPlanned(): Promise<number> {
    const waiting = await this.database.prisma.$queryRaw<{ walletId: string; chain: string }[]>`
      SELECT DISTINCT wallet_id AS "walletId", chain FROM sends
      WHERE settled_at IS NULL AND state IN ('planned', 'unfunded')`;
    let signed = 0;
    for (const { walletId, chain } of waiting) {
      if (this.chains.has(chain)) signed += await this.signWallet(walletId, this.chains.get(chain));
    }
    return signed;
  }

  private async signWallet(walletId: string, chain: Chain): Promise<number> {
    const sends = await this.rows.inStates(this.database.prisma, ['planned', 'unfunded'], ROUND_MAX, walletId);
    const facts = await this.facts(chain);
    let signed = 0;
    for (const { id } of sends) {
      const outcome = await this.attemptTo('sign', id, (tx) => this.signOne(tx, chain, id, facts));
      if (outcome === 'wait') break;
      if (outcome === 'signed') {
        signed += 1;
        crashpoint('send.signed');
      }
    }
    return signed;
  }

  /** Offers a higher fee for a send that waits too long, within its budget. True when a new attempt was stored. */
  async bump(send: SendRow, last: AttemptRow, tipHeight: number): Promise<boolean> {
    const chain = this.chains.get(send.chain);
    const underpaid = last.refusal?.startsWith('fee-too-low') === true;
    if (send.state === 'stuck' || (!underpaid && tipHeight - last.storedHeight < BUMP_AFTER_BLOCKS[chain.family]))
      return false;
    const market = await chain.feeRate(TARGET_BLOCKS);
    const outcome = await this.attemptTo('bump', send.id, (tx) =>
      this.bumpOne(tx, chain, send, last, market, tipHeight),
    );
    if (outcome === 'signed') crashpoint('send.signed');
    return outcome === 'signed';
  }

  private async signOne(tx: Tx, chain: Chain, id: string, facts: ChainFacts): Promise<'signed' | 'wait' | 'skipped'> {
    const send = await this.lockForSigning(tx, id);
    if (send === null) return 'wait';
    if (send.state !== 'planned' && send.state !== 'unfunded') return 'skipped';
    const choice = await this.anchors.choose(tx, chain, send, facts);
    if (choice.kind === 'wait') return 'wait';
    if (choice.kind === 'short') return this.wait(tx, send, choice.note);
    const { anchor } = choice;
    const unsigned = await this.build(chain, send, anchor, facts.feeRate);
    const budget = send.feeBudgetUnits ?? this.budget(chain, send, unsigned);
    if (unsigned.feeMax.units > budget) {
      await this.rows.note(tx, id, `the fee would be ${unsigned.feeMax.units}, its budget is ${budget}`);
      return 'skipped';
    }
    const signed = await this.signer.sign(send.walletId, id, unsigned);
    await this.anchors.reserve(tx, chain, send, anchor);
    await this.rows.bind(tx, send, anchor, budget);
    await this.store(tx, id, 1, facts.feeRate, facts.tipHeight, unsigned, signed);
    return 'signed';
  }

  private async bumpOne(
    tx: Tx,
    chain: Chain,
    { id }: SendRow,
    last: AttemptRow,
    market: bigint,
    tipHeight: number,
  ): Promise<'signed' | 'skipped'> {
    const send = await this.lockForSigning(tx, id);
    if (send === null || send.anchor === null || !['signed', 'broadcast'].includes(send.state)) return 'skipped';
    const attempts = await this.rows.attempts(tx, id);
    if (attempts.at(-1)?.n !== last.n) return 'skipped';
    const budget = send.feeBudgetUnits ?? 0n;
    const feeRate = bumpedRate(last, market, chain.replacementRate(last.feeRate), budget);
    const unsigned = feeRate === null ? null : await this.build(chain, send, send.anchor, feeRate);
    if (feeRate === null || unsigned === null || unsigned.feeMax.units > budget) {
      const note = `unconfirmed since block ${last.storedHeight}, and its fee budget of ${budget} is used up`;
      if (await this.rows.move(tx, send, 'exhausted', { note })) await this.raise(tx, 'send.stuck', send, note);
      return 'skipped';
    }
    const signed = await this.signer.sign(send.walletId, id, unsigned);
    await this.store(tx, id, last.n + 1, feeRate, tipHeight, unsigned, signed);
    return 'signed';
  }

  /** One worker at a time signs for a wallet; null when another does, or has the send. */
  private async lockForSigning(tx: Tx, id: string): Promise<SendRow | null> {
    const [row] = await tx.$queryRaw<{ free: boolean }[]>`
      SELECT pg_try_advisory_xact_lock(hashtextextended('sign ' || wallet_id, 0)) AS free FROM sends WHERE id = ${id}`;
    return row?.free === true ? this.rows.lock(tx, id) : null;
  }

  private async wait(tx: Tx, send: SendRow, note: string): Promise<'skipped'> {
    if (send.state === 'planned') await this.raise(tx, 'send.unfunded', send, note);
    await this.rows.move(tx, send, 'short', { note });
    return 'skipped';
  }

  private build(chain: Chain, { outputs, call }: SendRow, anchor: Anchor, feeRate: bigint): Promise<Unsigned> {
    return chain.build({ anchor, outputs, feeRate, ...(call === null ? {} : { call }) });
  }

  private budget(chain: Chain, { outputs }: SendRow, { feeMax }: Unsigned): bigint {
    const paid = outputs.filter(({ asset }) => asset === chain.feeAsset.id).reduce((sum, { units }) => sum + units, 0n);
    return feeBudget(paid, this.config.settings.SEND_FEE_BUDGET_BPS, feeMax.units);
  }

  private store(
    tx: Tx,
    sendId: string,
    n: number,
    feeRate: bigint,
    storedHeight: number,
    { body, feeMax }: Unsigned,
    signed: { readonly txId: string; readonly raw: string },
  ): Promise<void> {
    return this.rows.storeAttempt(tx, { sendId, n, ...signed, body, feeRate, feeMaxUnits: feeMax.units, storedHeight });
  }

  private raise(tx: Tx, type: string, send: SendRow, note: string): Promise<void> {
    const { id, chain, walletId, purpose, cause } = send;
    return this.outbox.write(tx, [
      { type, subject: id, tenantId: null, data: { sendId: id, chain, walletId, purpose, cause, note } },
    ]);
  }

  /** Runs one transaction. What the signer or the node refuses stays where it is, with the reason written down. */
  private async attemptTo<T>(what: string, id: string, work: (tx: Tx) => Promise<T>): Promise<T | 'skipped'> {
    try {
      return await this.database.transaction(work);
    } catch (error) {
      const note = (error instanceof Error ? error.message : String(error)).slice(0, 500);
      await this.database.transaction(async (tx) => {
        const send = await this.rows.lock(tx, id);
        if (send === null || send.note === note) return;
        this.logger.error(
          { sendId: id, what, note, refused: error instanceof SigningRefused },
          'a send was not signed',
        );
        await this.rows.note(tx, id, note);
        if (error instanceof SigningRefused) await this.raise(tx, 'send.refused', send, note);
      });
      return 'skipped';
    }
  }

  private async facts(chain: Chain): Promise<ChainFacts> {
    const [tip, feeRate] = await Promise.all([chain.tip(), chain.feeRate(TARGET_BLOCKS)]);
    if (chain.family === 'bitcoin' || chain.family === 'handshake')
      return { feeRate, tipHeight: tip.height, nextSlot: null, holdings: new Map() };
    const signer = chain.addressAt('0/0');
    const assets = [...new Set([chain.feeAsset.id, ...chain.assets.map(({ id }) => id)])];
    const held = await Promise.all(
      assets.map(async (asset) => {
        const { units } = await chain.holding({ addresses: [signer], coins: [] }, asset, null);
        return [asset, units] as const;
      }),
    );
    return { feeRate, tipHeight: tip.height, nextSlot: await chain.nextSlot(signer), holdings: new Map(held) };
  }
}
