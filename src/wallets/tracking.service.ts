import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import type { Chain, TxOutcome } from '../adapters/chain.ts';
import { Chains } from '../adapters/chains/index.ts';
import { crashpoint } from '../platform/crashpoint.ts';
import { Database } from '../platform/database.ts';
import { LOGGER } from '../platform/platform.module.ts';
import { refutes } from './anchor.ts';
import { type AttemptRow, SendRows, type SendRow } from './send-rows.service.ts';
import { type Included, Settling } from './settling.service.ts';
import { Signing } from './signing.service.ts';

/** Sends followed in one round. */
const ROUND_MAX = 500;
const OPEN = ['signed', 'broadcast', 'stuck', 'included'] as const;

interface Finding {
  readonly attempt: AttemptRow;
  readonly outcome: TxOutcome;
}

/** Hands stored bytes to the node, follows them into blocks, and acts on what the chain shows. */
@Injectable()
export class Tracking {
  constructor(
    private readonly database: Database,
    private readonly chains: Chains,
    private readonly rows: SendRows,
    private readonly signing: Signing,
    private readonly settling: Settling,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Offers every stored attempt that no node has taken yet, in the order of their anchors. Returns how many were taken. */
  async broadcastStored(): Promise<number> {
    const stored = await this.database.prisma.$queryRaw<{ id: string; sendId: string; chain: string; raw: string }[]>`
      SELECT a.id, a.send_id AS "sendId", s.chain, a.raw FROM attempts a
      JOIN sends s ON s.id = a.send_id LEFT JOIN slots l ON l.send_id = s.id
      WHERE s.settled_at IS NULL AND s.state IN ('signed', 'broadcast', 'stuck') AND a.state = 'stored'
        AND a.n = (SELECT max(n) FROM attempts WHERE send_id = s.id)
      ORDER BY s.chain, l.slot, s.seq LIMIT ${ROUND_MAX}`;
    let taken = 0;
    for (const { id, sendId, chain, raw } of stored) {
      if (!this.chains.has(chain)) continue;
      const done = await this.guarded(sendId, () => this.offer(this.chains.get(chain), id, sendId, raw));
      if (done === true) taken += 1;
    }
    return taken;
  }

  /** Asks the chain about every send that is signed and not settled. Returns how many moved on. */
  async follow(): Promise<number> {
    const sends = await this.rows.inStates(this.database.prisma, OPEN, ROUND_MAX);
    let moved = 0;
    for (const send of sends) {
      if (!this.chains.has(send.chain)) continue;
      if ((await this.guarded(send.id, () => this.followOne(send))) === true) moved += 1;
    }
    return moved;
  }

  /** True if the node took the bytes. Whatever else happens they stay stored and are offered again, byte for byte. */
  private async offer(chain: Chain, attemptId: string, sendId: string, raw: string): Promise<boolean> {
    const outcome = await chain.broadcast(raw);
    crashpoint('send.broadcast');
    return this.database.transaction(async (tx) => {
      if (outcome.kind === 'refused') {
        const refusal = `${outcome.code}: ${outcome.reason}`.slice(0, 500);
        await tx.$executeRaw`UPDATE attempts SET refusal = ${refusal} WHERE id = ${attemptId} AND state = 'stored'`;
        return false;
      }
      await tx.$executeRaw`
        UPDATE attempts SET state = 'broadcast', broadcast_at = lockstep_now(), refusal = NULL
        WHERE id = ${attemptId} AND state = 'stored'`;
      const send = await this.rows.lock(tx, sendId);
      return send !== null && this.rows.move(tx, send, 'handed', send);
    });
  }

  private async followOne(send: SendRow): Promise<boolean> {
    const chain = this.chains.get(send.chain);
    const attempts = await this.rows.attempts(this.database.prisma, send.id);
    const findings: Finding[] = [];
    for (const attempt of attempts) {
      findings.push({ attempt, outcome: await chain.find(attempt.txId, send.anchor ?? undefined) });
    }
    const included = findings.find(
      (finding): finding is Finding & { outcome: Included } => finding.outcome.kind === 'included',
    );
    if (included !== undefined) {
      const { attempt, outcome } = included;
      return outcome.final ? this.settling.settle(send, attempt, outcome) : this.settling.see(send, attempt, outcome);
    }
    if (send.state === 'included') return this.settling.lose(send);
    const last = findings.at(-1);
    if (last === undefined) throw new Error(`send ${send.id} is ${send.state} without an attempt`);
    return this.chase(chain, send, last, attempts);
  }

  /** In no block: offer again what the node forgot, find out if the anchor is gone, or pay more. */
  private async chase(chain: Chain, send: SendRow, last: Finding, attempts: readonly AttemptRow[]): Promise<boolean> {
    const { attempt, outcome } = last;
    if (outcome.kind === 'unknown' && send.anchor !== null) {
      const used = await chain.anchor(send.anchor);
      const own = attempts.map(({ txId }) => txId);
      if (refutes(used, own)) return this.settling.refute(send, used.txId);
      if (used.kind === 'free' && attempt.state !== 'stored') await chain.broadcast(attempt.raw);
    }
    return this.signing.bump(send, attempt, (await chain.tip()).height);
  }

  /** One send in trouble does not hold up the others: a node that fails is asked again in the next round. */
  private async guarded<T>(sendId: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.logger.warn(
        { sendId, error: error instanceof Error ? error.message : String(error) },
        'a send was not followed',
      );
      return undefined;
    }
  }
}
