import { changeText } from '../../src/payees/change-text.ts';
import type { LeaseView } from '../../src/escrow/lease-views.ts';
import type { AssetId } from '../../src/money/asset.ts';
import { formatUnits } from '../../src/money/codec.ts';
import { newId } from '../../src/platform/id.ts';
import type { QuoteView } from '../../src/quotes/view.ts';
import type { OpenChain } from './adversary-chain.ts';
import { DECIMALS, START_PRICES, type World } from './adversary.ts';
import { LockTerms, type Payment } from './adversary-locks.ts';
import type { Dice, PathStep } from './adversary-path.ts';
import type { Reply, TestKey } from './app.ts';

const PAY_ASSETS = ['BTC', 'USDC.ethereum', 'AKT'] as const;
const CHAIN_OF: Readonly<Record<AssetId, string>> = {
  BTC: 'bitcoin',
  AKT: 'akash',
  'USDC.ethereum': 'ethereum',
  ETH: 'ethereum',
};
const SIZES_USD = [40n, 1_000n, 5_000n, 13_000n];

/** `option`: pays only what the price has made cheap. `late`: waits until the time is over, then takes the best. */
export type Strategy = 'random' | 'option' | 'late' | 'split';
export const STRATEGIES: readonly Strategy[] = ['random', 'option', 'late', 'split'];

interface Sent {
  readonly txId: string;
  readonly chain: OpenChain;
  readonly leaseId: string;
  readonly sentAt: Date;
  readonly feeOk: boolean;
}

/** One person: tenant, provider and payee, with the whole price path in hand. */
export class Actor {
  readonly locks: LockTerms[] = [];
  readonly sent: Sent[] = [];
  /** What every lease of his is; closed ones included. */
  readonly leases = new Map<string, LeaseView>();
  /** Replies by status and code. */
  readonly replies = new Map<string, number>();
  private readonly quotes: QuoteView[] = [];
  private readonly plans: { readonly step: number; readonly run: () => Promise<void> }[] = [];
  private readonly closed = new Set<string>();

  constructor(
    private readonly world: World,
    private readonly key: TestKey,
    private readonly dice: Dice,
    private readonly path: readonly PathStep[],
    private readonly strategy: Strategy,
  ) {}

  get tenantId(): string {
    return this.key.ownerId;
  }

  /** Everything he does at a step. */
  async act(step: number): Promise<void> {
    if (this.path[step]?.locks === true && this.dice.chance(0.7)) await this.lock(step);
    await this.runPlans(step);
    for (let n = this.dice.below(3); n > 0; n -= 1) await this.dice.pick(this.menu(step))();
    await this.runPlans(step);
  }

  async closeAll(): Promise<void> {
    for (const leaseId of this.leases.keys()) await this.close(leaseId);
    await this.claimAll();
  }

  /** What the chain showed of one of his payments; undefined for one that is in no block. */
  paymentOf(txId: string): Payment | undefined {
    const one = this.sent.find((sent) => sent.txId === txId);
    const minedAt = one?.chain.blockOf(txId)?.time;
    if (one === undefined || minedAt === undefined) return undefined;
    return { minedAt, seenAt: one.chain.family === 'bitcoin' && one.feeOk ? one.sentAt : minedAt };
  }

  /** Asks for a quote and takes it, or not; plans what follows. */
  private async lock(step: number, wanted: Readonly<Record<string, unknown>> = this.anyQuote()): Promise<void> {
    const quote = await this.quote(wanted);
    const lock = quote === undefined || this.dice.chance(0.1) ? undefined : await this.take(quote);
    if (lock !== undefined) this.plan(lock, step);
  }

  async quote(wanted: Readonly<Record<string, unknown>>): Promise<QuoteView | undefined> {
    const quote = await this.call<QuoteView>('POST', '/v1/quotes', wanted);
    if (quote !== undefined) this.quotes.push(quote);
    return quote;
  }

  /** Pays a lock's address; `parts` of 1000 of the quoted size. */
  pay(lock: LockTerms, parts: bigint, { feeRate = 2n, fromStep = 0, asset = lock.asset } = {}): void {
    const chain = this.chain(asset);
    const units = asset === lock.asset ? (lock.window.units * parts) / 1000n : 10n ** (DECIMALS[asset] ?? 0n);
    if (units === 0n) return;
    const options = chain.family === 'bitcoin' ? { feeRate, fromStep } : { fromStep };
    const txId = chain.pay({ address: lock.address, asset, units }, options);
    this.sent.push({ txId, chain, leaseId: lock.leaseId, sentAt: this.world.now(), feeOk: feeRate >= 2n });
  }

  async close(leaseId: string): Promise<void> {
    if (this.closed.has(leaseId)) return;
    if ((await this.call('POST', `/v1/leases/${leaseId}/close`, {})) !== undefined) this.closed.add(leaseId);
  }

  async take(quote: QuoteView): Promise<LockTerms | undefined> {
    const addresses = Object.fromEntries(
      ['bitcoin', 'ethereum', 'akash'].map((id) => [id, this.address(id, 'refund')] as const),
    );
    const refundAddress = addresses[CHAIN_OF[quote.pay.asset] ?? ''];
    const line = quote.lines[0]?.escrow.asset ?? '';
    const lineRefundAddress = addresses[CHAIN_OF[line] ?? ''];
    const lease =
      quote.leaseId === null
        ? await this.call<LeaseView>('POST', '/v1/leases', {
            quoteId: quote.id,
            lease: { reference: newId('request') },
            refundAddress,
            lineRefundAddress,
          })
        : await this.call<LeaseView>('POST', `/v1/leases/${quote.leaseId}/locks`, { quoteId: quote.id, refundAddress });
    if (lease === undefined) return undefined;
    this.leases.set(lease.id, lease);
    const lock = new LockTerms(quote, lease, this.world.now());
    this.locks.push(lock);
    return lock;
  }

  /** When and how much he pays, and when he closes, knowing every price to come. */
  private plan(lock: LockTerms, step: number): void {
    const at = this.timesFrom(step);
    const moneyness = (n: number) => lock.moneyness((this.path[n + 1] ?? this.path[n])?.prices ?? START_PRICES);
    const best = (candidates: readonly number[]) =>
      candidates.reduce<number | undefined>(
        (most, n) => (most === undefined || moneyness(n) > moneyness(most) ? n : most),
        undefined,
      );
    const until = (end: Date) => [...at].filter(([, time]) => time <= end).map(([n]) => n);
    const inTime = until(lock.window.fundBy);
    const pay = (n: number, parts: bigint) => this.at(n, async () => this.pay(lock, parts));
    if (this.strategy === 'option') {
      const n = best(inTime);
      if (n !== undefined && moneyness(n) > 0n) pay(n, this.dice.pick([1000n, 1000n, 1400n]));
      if (lock.right !== null) for (const m of until(lock.right.fundBy)) if (moneyness(m) > 0n) pay(m, 600n);
    } else if (this.strategy === 'late') {
      const n = best([...at.keys()].filter((candidate) => !inTime.includes(candidate)));
      if (n !== undefined) pay(n, 1000n);
    } else {
      const parts = this.strategy === 'split' ? [301n, 299n, 407n] : [this.dice.pick([1n, 500n, 1000n, 1000n, 1500n])];
      for (const part of parts) pay(step + this.dice.below(3), part);
    }
    if (this.dice.chance(0.6)) this.at(step + this.dice.pick([1, 3, 4, 5, 7]), () => this.close(lock.leaseId));
  }

  private at(step: number, run: () => Promise<void>): void {
    this.plans.push({ step, run });
  }

  /** Runs what is planned up to a step, and what that plans in turn. */
  private async runPlans(step: number): Promise<void> {
    for (;;) {
      const index = this.plans.findIndex((plan) => plan.step <= step);
      const [plan] = index < 0 ? [] : this.plans.splice(index, 1);
      if (plan === undefined) return;
      await plan.run();
    }
  }

  /** The steps from this one on, with their times. */
  private timesFrom(step: number): Map<number, Date> {
    const times = new Map<number, Date>();
    let at = this.world.now().getTime();
    for (let n = step; n < this.path.length; n += 1) {
      if (n > step) at += this.path[n]?.ms ?? 0;
      times.set(n, new Date(at));
    }
    return times;
  }

  /** Everything else that can be asked of the service, at any time. */
  private menu(step: number): readonly (() => Promise<void>)[] {
    const locks = this.path[step]?.locks === true;
    const withLock = async (use: (lock: LockTerms) => Promise<void> | void) => {
      if (this.locks.length > 0) await use(this.dice.pick(this.locks));
    };
    return [
      async () => void (locks && (await this.lock(step))),
      () => withLock(async ({ leaseId }) => void (locks && (await this.lock(step, this.anyQuote(leaseId))))),
      async () => void (this.quotes.length > 0 && (await this.takeQuoteAgain(this.dice.pick(this.quotes)))),
      () => withLock((lock) => this.pay(lock, this.dice.pick([1n, 250n, 1000n, 2500n]))),
      () => withLock((lock) => this.pay(lock, 500n, { feeRate: 1n, fromStep: step + this.dice.below(4) })),
      () =>
        withLock((lock) => {
          if (lock.asset === 'USDC.ethereum') this.pay(lock, 0n, { asset: 'ETH' });
        }),
      () => withLock(({ leaseId }) => this.close(leaseId)),
      async () => void (this.sent.length > 0 && this.replace(this.dice.pick(this.sent))),
      () => this.claimAll(),
      () => this.changePayee(),
      () => withLock(({ leaseId }) => this.read(leaseId)),
    ];
  }

  /** Spends a payment's coins elsewhere while it waits, where the chain lets him. */
  private replace({ chain, txId }: Sent): void {
    if (chain.family === 'bitcoin') chain.replace(txId);
  }

  private async read(leaseId: string): Promise<void> {
    for (const path of [`/v1/leases/${leaseId}`, '/v1/deposits', '/v1/rates', `/v1/quotes/${this.quotes[0]?.id}`])
      await this.call('GET', path);
  }

  /** A quote that was taken, or has run out. */
  private async takeQuoteAgain(quote: QuoteView): Promise<void> {
    const refundAddress = this.address(CHAIN_OF[quote.pay.asset] ?? '', 'refund');
    const body = { quoteId: quote.id, lease: { reference: newId('request') }, refundAddress };
    const taken = this.locks.some((lock) => lock.quote.id === quote.id);
    const fresh = Date.parse(quote.expiresAt) > this.world.now().getTime();
    if (!taken && fresh) return;
    const again = await this.call('POST', '/v1/leases', body);
    if (again !== undefined) throw new Error(`quote ${quote.id} was taken twice or too late`);
  }

  private async claimAll(): Promise<void> {
    const page = await this.call<{ deposits: { id: string }[] }>('GET', '/v1/deposits?state=unclaimed');
    for (const { id } of page?.deposits ?? []) await this.call('POST', `/v1/deposits/${id}/claim`, {});
  }

  private async changePayee(): Promise<void> {
    const page = await this.call<{ payees: { id: string; address: string }[] }>('GET', '/v1/payees');
    const [payee] = page?.payees ?? [];
    if (payee === undefined) return;
    const destination = this.address(payee.address.split(':')[0] ?? '', `other-${this.dice.below(3)}`);
    const [nonce, expiresAt] = [newId('request'), new Date(this.world.now().getTime() + 600_000).toISOString()];
    if (this.dice.chance(0.3)) {
      await this.call('PATCH', `/v1/payees/${payee.id}`, { destination });
      return;
    }
    // What a key holder signs; the scripted chain takes the address itself for its signature.
    const text = changeText(payee.id, { destination }, nonce, expiresAt);
    if (text.length === 0) throw new Error('there is nothing to sign');
    const signature = Buffer.from(payee.address).toString('base64');
    const proof = { pubKey: Buffer.from(payee.address).toString('base64'), signature, nonce, expiresAt };
    await this.call('PATCH', `/v1/payees/${payee.id}`, { destination, proof });
  }

  /** A quote in any direction, for a new lease or as a top-up of one. */
  private anyQuote(leaseId?: string): Readonly<Record<string, unknown>> {
    const { dice } = this;
    const payAsset = dice.pick(PAY_ASSETS);
    const size = dice.pick(SIZES_USD);
    const amountOf = (usd: bigint) => this.amount(payAsset, usd);
    const right = dice.chance(0.3)
      ? { topUpRight: { amount: amountOf(size), duration: dice.pick(['PT1H', 'PT2H']) } }
      : {};
    const fixed = dice.chance(0.8)
      ? { fix: 'pay', payAmount: amountOf(size) }
      : { fix: 'duration', blocks: 5 + dice.below(200) };
    return {
      payAsset,
      ...fixed,
      ...right,
      over: dice.pick(['return', 'credit']),
      afterDepletion: dice.pick(['resume', 'return']),
      refund: dice.pick(['market', 'inKind']),
      ...(leaseId === undefined ? { lines: this.lines() } : { leaseId }),
    };
  }

  private lines(): readonly unknown[] {
    const { dice } = this;
    const asset = dice.pick(['AKT', 'AKT', 'AKT', 'AKT', 'USDC.ethereum', 'BTC']);
    const payee = { address: this.address(CHAIN_OF[asset] ?? '', 'provider') };
    const streaming = { payee, asset, price: { amount: this.amount(asset, dice.pick([1n, 4n, 25n])), unit: asset } };
    const once = { payee, asset, price: { amount: this.amount(asset, 5n), unit: asset, per: 'once' } };
    return dice.chance(0.2) ? [once, streaming] : [streaming];
  }

  /** Whole units of an asset for so many dollars. */
  private amount(asset: AssetId, usd: bigint): string {
    const decimals = DECIMALS[asset] ?? 0n;
    const units = (usd * 1_000_000n * 10n ** decimals) / (this.world.prices()[asset] ?? 1n);
    return formatUnits(units, Number(decimals));
  }

  private address(chain: string, name: string): string {
    return this.chain(chain).actorAddress(`${this.tenantId}-${name}`);
  }

  private chain(of: string): OpenChain {
    const chain = this.world.chains.get(CHAIN_OF[of] ?? of);
    if (chain === undefined) throw new Error(`no chain of ${of}`);
    return chain;
  }

  /** One request; undefined if it was refused. @throws Error when the service failed. */
  private async call<T>(method: string, path: string, body?: unknown): Promise<T | undefined> {
    const reply: Reply = await this.world.service.send(method, path, {
      key: this.key,
      ...(body === undefined ? {} : { body }),
    });
    if (reply.status >= 500)
      throw new Error(`${method} ${path}: ${reply.status} ${reply.text} for ${JSON.stringify(body)}`);
    const kind = reply.status < 300 ? String(reply.status) : `${reply.status} ${String(reply.body['code'])}`;
    this.replies.set(kind, (this.replies.get(kind) ?? 0) + 1);
    return reply.status < 300 ? (reply.body as T) : undefined;
  }
}
