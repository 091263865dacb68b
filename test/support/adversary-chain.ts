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
  type IncomingTransfer,
  type Output,
  type OwnershipProof,
  type SendRequest,
  type Signed,
  type TxOutcome,
  type Unsigned,
  type WatchList,
} from '../../src/adapters/chain.ts';
import type { Asset, AssetId } from '../../src/money/asset.ts';
import { type Money, money } from '../../src/money/money.ts';

/** A transaction of the actor, who has all the money in the world, or of one of our wallets. */
interface Tx {
  readonly txId: string;
  readonly outputs: readonly Output[];
  readonly feeRate: bigint;
  /** What it spends of ours; null for the actor's. */
  readonly anchor: Anchor | null;
  readonly change: Coin | null;
  /** First step whose blocks may hold it. */
  readonly fromStep: number;
  block: BlockRef | null;
}

export interface OpenChainSettings {
  readonly id: string;
  readonly family: 'bitcoin' | 'evm' | 'akash';
  readonly assets: readonly Asset[];
  readonly feeAsset: Asset;
  readonly feeRate: bigint;
  /** Blocks on top after which a deposit is final. */
  readonly finalDepth: number;
  readonly start: Date;
}

const SIZE = 100n;
const MARK = ':actor';

/**
 * A chain in memory that the actor uses as he likes: any amount to any address, mined when he wants. Our own
 * transactions are final in the block that holds them. It keeps what every address holds by its own count.
 */
export class OpenChain extends Chain {
  readonly id: string;
  readonly family: 'bitcoin' | 'evm' | 'akash';
  readonly assets: readonly Asset[];
  readonly feeAsset: Asset;
  private readonly blocks: { readonly ref: BlockRef; readonly txs: readonly Tx[] }[] = [];
  private readonly known = new Map<string, Tx>();
  private readonly balances = new Map<string, bigint>();
  private readonly coins = new Map<string, { readonly address: string; readonly units: bigint }>();
  private readonly used = new Map<string, string>();
  private readonly slots = new Map<string, bigint>();
  private count = 0;

  constructor(private readonly settings: OpenChainSettings) {
    super();
    ({ id: this.id, family: this.family, assets: this.assets, feeAsset: this.feeAsset } = settings);
    for (let n = 0; n < 10; n += 1) this.addBlock(new Date(settings.start.getTime() - (10 - n) * 60_000), []);
  }

  /** Sends the actor's money; returns the transaction's id. */
  pay(output: Output, { feeRate = this.settings.feeRate, fromStep = 0 } = {}): string {
    this.count += 1;
    const txId = createHash('sha256').update(`${this.id} ${this.count}`).digest('hex');
    this.known.set(txId, { txId, outputs: [output], feeRate, anchor: null, change: null, fromStep, block: null });
    return txId;
  }

  /** The actor spends the coins of a waiting transaction elsewhere. False when it is in a block already. */
  replace(txId: string): boolean {
    return this.known.get(txId)?.block === null && this.known.delete(txId);
  }

  /** Whether a transaction of ours waits to be mined. */
  waitsForUs(): boolean {
    return [...this.known.values()].some(({ anchor, block }) => anchor !== null && block === null);
  }

  blockOf(txId: string): BlockRef | null {
    return this.known.get(txId)?.block ?? null;
  }

  /** Mines a block with what may be in it at `step`; of ours everything, of the actor's nothing without a step. */
  mine(time: Date, step: number | null): void {
    const txs = [...this.known.values()].filter(
      (tx) => tx.block === null && (tx.anchor !== null || (step !== null && tx.fromStep <= step)),
    );
    this.addBlock(time, txs);
  }

  /** What the actor has received less what he paid, in blocks; fees he paid to miners are not counted. */
  flow(asset: AssetId): bigint {
    let sum = 0n;
    for (const tx of this.blocks.flatMap(({ txs }) => txs)) {
      for (const output of tx.outputs) {
        if (output.asset !== asset) continue;
        if (tx.anchor === null) sum -= output.units;
        else if (output.address.includes(MARK)) sum += output.units;
      }
    }
    return sum;
  }

  /** What addresses of ours hold. */
  held(addresses: readonly string[], asset: AssetId): bigint {
    if (this.family !== 'bitcoin')
      return addresses.reduce((sum, address) => sum + (this.balances.get(`${address} ${asset}`) ?? 0n), 0n);
    return [...this.coins.values()].reduce(
      (sum, { address, units }) => sum + (addresses.includes(address) ? units : 0n),
      0n,
    );
  }

  /** An address of the actor. */
  actorAddress(name: string): string {
    return `${this.id}${MARK}:${name}`;
  }

  override verify = async (): Promise<void> => undefined;
  override tip = async (): Promise<BlockRef> => this.last();
  override finalHeight = async (): Promise<number> => Math.max(0, this.last().height - this.settings.finalDepth);
  override blockRef = async (height: number): Promise<BlockRef | null> => this.blocks[height - 1]?.ref ?? null;
  override watchKey = (address: string): string => address;
  override checkAddress = (text: string): AddressCheck =>
    text.startsWith(`${this.id}:`)
      ? { kind: 'valid', canonical: text }
      : { kind: 'invalid', reason: `an address on ${this.id}` };
  override addressAt = (path: string): string => `${this.id}:${path}`;
  override depositAddress(index: number) {
    const path = `${this.family === 'bitcoin' ? 0 : 1}/${index}`;
    return { address: this.addressAt(path), path };
  }
  override paymentUri = (address: string): string => `pay:${address}`;
  override feeRate = async (): Promise<bigint> => this.settings.feeRate;
  override estimateFee = (_shape: unknown, feeRate: bigint): Money => money(this.feeAsset.id, feeRate * SIZE);
  override verifyOwnership = ({ address, signature }: OwnershipProof): boolean =>
    Buffer.from(signature, 'base64').toString() === address;

  override async block(height: number, watched: WatchList): Promise<ChainBlock | null> {
    const block = this.blocks[height - 1];
    return block === undefined ? null : { ...block.ref, transfers: this.transfers(block.txs, watched) };
  }

  override async mempool(watched: WatchList): Promise<readonly IncomingTransfer[]> {
    if (this.family !== 'bitcoin') return [];
    return this.transfers(
      [...this.known.values()].filter(({ block }) => block === null),
      watched,
    );
  }

  override async nextSlot(signer: string): Promise<bigint | null> {
    return this.family === 'bitcoin' ? null : (this.slots.get(signer) ?? 0n);
  }

  override async build(request: SendRequest): Promise<Unsigned> {
    const body = JSON.stringify(request, (_key, value) => (typeof value === 'bigint' ? `${value}n` : value));
    return { chain: this.id, body, ...this.decode(body) };
  }

  override decode(body: string) {
    const { outputs, feeRate } = parse(body);
    return { outputs, feeMax: money(this.feeAsset.id, feeRate * SIZE) };
  }

  override async sign({ body }: Unsigned): Promise<Signed> {
    return { txId: txIdOf(body), raw: body };
  }

  override async broadcast(raw: string): Promise<BroadcastOutcome> {
    const { anchor, outputs, feeRate } = parse(raw);
    const txId = txIdOf(raw);
    if (keysOf(anchor).some((key) => (this.used.get(key) ?? txId) !== txId))
      return { kind: 'refused', code: 'conflict', reason: 'its anchor is used' };
    if (!this.known.has(txId)) {
      const change = changeOf(anchor, txId, outputs, feeRate);
      this.known.set(txId, { txId, outputs, feeRate, anchor, change, fromStep: 0, block: null });
    }
    return { kind: 'pending' };
  }

  override async find(txId: string): Promise<TxOutcome> {
    const tx = this.known.get(txId);
    if (tx === undefined) return { kind: 'unknown' };
    if (tx.block === null) return { kind: 'pending' };
    const confirmations = this.last().height - tx.block.height + 1;
    const fee = money(this.feeAsset.id, tx.feeRate * SIZE);
    return {
      kind: 'included',
      success: true,
      block: tx.block,
      confirmations,
      final: true,
      fee,
      change: tx.change,
      reason: null,
    };
  }

  override async anchor(anchor: Anchor): Promise<AnchorOutcome> {
    const txId = keysOf(anchor).flatMap((key) => this.used.get(key) ?? [])[0];
    return txId === undefined ? { kind: 'free' } : { kind: 'used', final: true, txId };
  }

  override async holding({ addresses }: { readonly addresses: readonly string[] }, asset: AssetId) {
    return { units: this.held(addresses, asset), height: this.last().height };
  }

  private last(): BlockRef {
    const block = this.blocks.at(-1);
    if (block === undefined) throw new Error('a chain starts with blocks');
    return block.ref;
  }

  private addBlock(time: Date, txs: readonly Tx[]): void {
    const height = this.blocks.length + 1;
    const ref = { height, hash: `${this.id}-${height}`, parentHash: `${this.id}-${height - 1}`, time };
    for (const tx of txs) this.execute(tx, ref);
    this.blocks.push({ ref, txs });
  }

  private execute(tx: Tx, ref: BlockRef): void {
    tx.block = ref;
    const add = (address: string, asset: AssetId, units: bigint) => {
      const key = `${address} ${asset}`;
      this.balances.set(key, (this.balances.get(key) ?? 0n) + units);
    };
    for (const [vout, { address, asset, units }] of tx.outputs.entries()) {
      add(address, asset, units);
      this.coins.set(`${tx.txId}:${vout}`, { address, units });
    }
    if (tx.anchor === null) return;
    for (const key of keysOf(tx.anchor)) {
      this.used.set(key, tx.txId);
      if (tx.anchor.kind === 'coins' && !this.coins.delete(key)) throw new Error(`${key} is spent twice`);
    }
    if (tx.change !== null) this.coins.set(`${tx.txId}:${tx.change.vout}`, tx.change);
    if (tx.anchor.kind === 'coins') return;
    const { signer } = tx.anchor;
    this.slots.set(signer, (this.slots.get(signer) ?? 0n) + 1n);
    for (const { asset, units } of tx.outputs) add(signer, asset, -units);
    add(signer, this.feeAsset.id, -tx.feeRate * SIZE);
  }

  private transfers(txs: readonly Tx[], watched: WatchList): IncomingTransfer[] {
    return txs.flatMap((tx) =>
      tx.outputs.flatMap(({ address, asset, units }, vout) => {
        if (!watched.has(address)) return [];
        const place = this.family === 'bitcoin' ? `vout:${vout}` : `${this.family === 'evm' ? 'log' : 'msg'}:${vout}`;
        const feeRate = this.family === 'bitcoin' ? tx.feeRate : null;
        return [{ txId: tx.txId, place, address, asset, reference: null, units, feeRate, spendable: true, memo: null }];
      }),
    );
  }
}

const txIdOf = (raw: string): string => createHash('sha256').update(raw).digest('hex');

function keysOf(anchor: Anchor): string[] {
  if (anchor.kind === 'coins') return anchor.coins.map(({ txId, vout }) => `${txId}:${vout}`);
  return [`${anchor.signer}/${anchor.kind === 'nonce' ? anchor.nonce : anchor.sequence}`];
}

function changeOf(anchor: Anchor, txId: string, outputs: readonly Output[], feeRate: bigint): Coin | null {
  if (anchor.kind !== 'coins') return null;
  const left =
    anchor.coins.reduce((sum, { units }) => sum + units, 0n) -
    outputs.reduce((sum, { units }) => sum + units, 0n) -
    feeRate * SIZE;
  if (left < 0n) throw new Error('the coins do not cover it');
  return left === 0n ? null : { txId, vout: outputs.length, units: left, ...anchor.change };
}

const parse = (raw: string): SendRequest =>
  JSON.parse(raw, (_key, value: unknown) =>
    typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  ) as SendRequest;
