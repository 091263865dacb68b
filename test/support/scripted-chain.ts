import { createHash } from 'node:crypto';
import {
  type AddressCheck,
  type Anchor,
  type AnchorOutcome,
  type BlockRef,
  type BroadcastOutcome,
  Chain,
  type ChainBlock,
  type Coin,
  type Output,
  type SendRequest,
  type Signed,
  type TxOutcome,
  type Unsigned,
} from '../../src/adapters/chain.ts';
import type { Asset } from '../../src/money/asset.ts';
import { type Money, money } from '../../src/money/money.ts';

interface ScriptedTx {
  readonly txId: string;
  readonly anchors: readonly string[];
  readonly outputs: readonly Output[];
  readonly feeRate: bigint;
  readonly change: Coin | null;
  height: number | null;
  readonly success: boolean;
}

/** Size of every transaction here: its fee is the rate times this. */
const SIZE = 100n;
const DUST = 100n;

/**
 * A chain in memory whose moods a test sets: what it includes, forgets, answers or keeps silent about. It holds to the
 * one law that matters: no two transactions that share an anchor are ever both in its blocks.
 */
export class ScriptedChain extends Chain {
  readonly id: string;
  readonly family: 'bitcoin' | 'evm' | 'akash';
  readonly assets: readonly Asset[];
  readonly feeAsset: Asset;
  height = 100;
  finalDepth = 2;
  marketRate = 10n;
  float = 1_000_000_000n;
  /** What the next broadcasts do: take it and lose the answer, refuse it, or lose it before it arrives. */
  readonly script: ('answer lost' | 'not delivered' | Extract<BroadcastOutcome, { kind: 'refused' }>)[] = [];
  /** The next included transactions fail in their block. */
  failing = 0;
  readonly broadcasts: string[] = [];
  private readonly known = new Map<string, ScriptedTx>();
  /** Anchors that transactions of others used. */
  private readonly foreign = new Map<string, { height: number; txId: string | null }>();

  constructor(asset: Asset, family: 'bitcoin' | 'evm' | 'akash') {
    super();
    this.id = asset.chain;
    this.family = family;
    this.assets = [asset];
    this.feeAsset = asset;
  }

  /** Everything included so far, one entry a payment. */
  get payments(): readonly (Output & { readonly txId: string })[] {
    return [...this.known.values()]
      .filter((tx) => tx.height !== null && tx.success)
      .flatMap(({ outputs, txId }) => outputs.map((output) => ({ ...output, txId })));
  }

  /** Transactions in the mempool or in blocks. */
  get transactions(): readonly ScriptedTx[] {
    return [...this.known.values()];
  }

  /** Adds blocks; the first takes what `take` accepts of the mempool, of conflicting ones the highest fee. */
  mine(count = 1, take: (tx: ScriptedTx) => boolean = () => true): void {
    this.height += 1;
    const waiting = [...this.known.values()].filter((tx) => tx.height === null && take(tx));
    for (const tx of waiting.sort((a, b) => (a.feeRate > b.feeRate ? -1 : 1))) {
      if (tx.anchors.some((anchor) => this.userOf(anchor) !== null)) continue;
      tx.height = this.height;
    }
    this.height += count - 1;
  }

  /** Takes the last blocks away; their transactions are forgotten, or wait again. */
  reorg(depth: number, forget: boolean): void {
    for (const tx of this.known.values()) {
      if (tx.height === null || tx.height <= this.height - depth) continue;
      tx.height = null;
      if (forget) this.known.delete(tx.txId);
    }
  }

  /** The node loses its mempool. */
  forget(): void {
    for (const tx of [...this.known.values()]) if (tx.height === null) this.known.delete(tx.txId);
  }

  /** Somebody else uses an anchor in the next block. */
  useElsewhere(anchor: Anchor, txId: string | null): void {
    this.height += 1;
    for (const key of keysOf(anchor).slice(0, 1)) this.foreign.set(key, { height: this.height, txId });
  }

  override verify = async (): Promise<void> => undefined;
  override tip = async (): Promise<BlockRef> => this.ref(this.height);
  override finalHeight = async (): Promise<number> => this.height - this.finalDepth;
  override blockRef = async (height: number): Promise<BlockRef> => this.ref(height);
  override block = async (height: number): Promise<ChainBlock> => ({ ...this.ref(height), transfers: [] });
  override mempool = async () => [];
  override watchKey = (address: string): string => address;
  override checkAddress = (text: string): AddressCheck => ({ kind: 'valid', canonical: text });
  override depositAddress = (index: number) => ({ address: this.addressAt(`0/${index}`), path: `0/${index}` });
  override addressAt = (path: string): string => `${this.id}:${path}`;
  override paymentUri = (address: string): string => address;
  override feeRate = async (): Promise<bigint> => this.marketRate;
  override estimateFee(_shape: unknown, feeRate: bigint): Money {
    return money(this.feeAsset.id, feeRate * SIZE);
  }
  override async nextSlot(signer: string): Promise<bigint | null> {
    if (this.family === 'bitcoin') return null;
    let slot = 0n;
    while (this.userOf(`${signer}/${slot}`) !== null) slot += 1n;
    return slot;
  }

  override async build(request: SendRequest): Promise<Unsigned> {
    const body = JSON.stringify(request, (_key, value) => (typeof value === 'bigint' ? `${value}n` : value));
    return { chain: this.id, body, ...this.decode(body) };
  }

  override decode(body: string) {
    const { outputs, feeRate, call } = parse(body);
    return { outputs, feeMax: money(this.feeAsset.id, feeRate * SIZE), ...(call ? { call } : {}) };
  }

  override async sign({ body }: Unsigned, secret: string): Promise<Signed> {
    return { txId: createHash('sha256').update(secret).update(body).digest('hex'), raw: body };
  }

  override async broadcast(raw: string): Promise<BroadcastOutcome> {
    this.broadcasts.push(raw);
    const mood = this.script.shift();
    if (mood === 'not delivered') throw new Error('connection refused');
    if (typeof mood === 'object') return mood;
    const tx = this.transaction(raw);
    const taken = tx.anchors.some((anchor) => this.userOf(anchor) !== null);
    if (taken && !this.known.has(tx.txId)) return { kind: 'refused', code: 'conflict', reason: 'anchor is used' };
    if (!this.known.has(tx.txId)) this.known.set(tx.txId, tx);
    if (mood === 'answer lost') throw new Error('connection reset');
    return { kind: 'pending' };
  }

  override async find(txId: string): Promise<TxOutcome> {
    const tx = this.known.get(txId);
    if (tx === undefined) return { kind: 'unknown' };
    if (tx.height === null) return { kind: 'pending' };
    return {
      kind: 'included',
      success: tx.success,
      block: this.ref(tx.height),
      confirmations: this.height - tx.height + 1,
      final: tx.height <= this.height - this.finalDepth,
      fee: money(this.feeAsset.id, tx.feeRate * SIZE),
      change: tx.change,
      reason: tx.success ? null : 'code 11: out of gas',
    };
  }

  override async anchor(anchor: Anchor): Promise<AnchorOutcome> {
    for (const key of keysOf(anchor)) {
      const user = this.userOf(key);
      if (user !== null) return { kind: 'used', final: user.height <= this.height - this.finalDepth, txId: user.txId };
    }
    return { kind: 'free' };
  }

  override async holding() {
    const paid = [...this.known.values()].filter(
      ({ height }) => height !== null && height <= this.height - this.finalDepth,
    );
    const spent = paid.reduce((sum, tx) => sum + tx.feeRate * SIZE + (tx.success ? total(tx.outputs) : 0n), 0n);
    return { units: this.float - spent, height: this.height - this.finalDepth };
  }

  private transaction(raw: string): ScriptedTx {
    const { anchor, outputs, feeRate } = parse(raw);
    const txId = createHash('sha256').update('secret').update(raw).digest('hex');
    const success = this.failing === 0;
    if (!success) this.failing -= 1;
    return {
      txId,
      anchors: keysOf(anchor),
      outputs,
      feeRate,
      change: changeOf(anchor, txId, outputs, feeRate),
      height: null,
      success,
    };
  }

  private userOf(anchor: string): { height: number; txId: string | null } | null {
    for (const { anchors, height, txId } of this.known.values())
      if (height !== null && anchors.includes(anchor)) return { height, txId };
    return this.foreign.get(anchor) ?? null;
  }

  private ref(height: number): BlockRef {
    return { height, hash: `h${height}`, parentHash: `h${height - 1}`, time: new Date(height * 1000) };
  }
}

const total = (outputs: readonly Output[]) => outputs.reduce((sum, { units }) => sum + units, 0n);

function keysOf(anchor: Anchor): string[] {
  if (anchor.kind === 'coins') return anchor.coins.map(({ txId, vout }) => `${txId}:${vout}`);
  return [`${anchor.signer}/${anchor.kind === 'nonce' ? anchor.nonce : anchor.sequence}`];
}

function changeOf(anchor: Anchor, txId: string, outputs: readonly Output[], feeRate: bigint): Coin | null {
  if (anchor.kind !== 'coins') return null;
  const units = anchor.coins.reduce((sum, coin) => sum + coin.units, 0n) - total(outputs) - feeRate * SIZE;
  if (units < 0n) throw new Error('the coins do not cover it');
  return units < DUST ? null : { txId, vout: outputs.length, units, ...anchor.change };
}

const parse = (raw: string): SendRequest =>
  JSON.parse(raw, (_key, value: unknown) =>
    typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  ) as SendRequest;
