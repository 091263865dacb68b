import type { Asset, AssetId } from '../../money/asset.ts';
import { formatUnits } from '../../money/codec.ts';
import { type Money, maxUnits, money } from '../../money/money.ts';
import { divide } from '../../money/rate.ts';
import { RpcError, RpcUnavailable } from '../../platform/json-rpc.ts';
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
  type SendRequest,
  type Signed,
  type TxOutcome,
  type Unsigned,
  type WatchList,
} from '../chain.ts';
import { checkBitcoinAddress, scriptOf } from './bitcoin/address.ts';
import { readHeader } from './bitcoin/block.ts';
import { refusalCode } from './bitcoin/broadcast.ts';
import { Coins } from './bitcoin/coins.ts';
import { type KeyedOutput, matchBlock, readTransaction } from './bitcoin/match.ts';
import { Account, type BitcoinNetwork, NETWORKS } from './bitcoin/network.ts';
import { BitcoinNode, type NodeTx } from './bitcoin/node.ts';
import { Payments } from './bitcoin/payment.ts';
import { RecentBlocks } from './bitcoin/recent-blocks.ts';
import { virtualSizeMax } from './bitcoin/size.ts';

export interface BitcoinOptions {
  /** Chain id, the chain part of asset ids: `bitcoin`. */
  readonly id: string;
  readonly network: BitcoinNetwork;
  /** Core-dialect JSON-RPC, credentials in the URL. Core 25 or later, not pruned; `-txindex` makes old sends findable. */
  readonly rpcUrl: string;
  /** Account key at m/84h/coinh/accounth: xpub or zpub, tpub or vpub on test networks. */
  readonly accountXpub: string;
  /** Blocks on top of a block after which it counts as final. */
  readonly finalDepth: number;
  /** The chain's one asset, with 8 decimals. */
  readonly asset: Asset;
  /** Least fee rate ever used, sat per virtual byte; also used while the node has no estimate. */
  readonly feeRateFloor?: bigint;
  /** How many blocks back a spend or send is searched when the node has no index for it; above `finalDepth`. */
  readonly searchDepth?: number;
  /** Time limit of one call. */
  readonly timeoutMs?: number;
}

/** Bitcoin through one node, native segwit addresses of one account (BIP-84). */
export class BitcoinChain extends Chain {
  readonly id: string;
  readonly family = 'bitcoin';
  readonly assets: readonly Asset[];
  readonly feeAsset: Asset;
  private readonly network: BitcoinNetwork;
  private readonly finalDepth: number;
  private readonly feeRateFloor: bigint;
  private readonly node: BitcoinNode;
  private readonly account: Account;
  private readonly payments: Payments;
  private readonly recent: RecentBlocks;
  private readonly coins: Coins;
  /** Outputs of the mempool's transactions: unconfirmed ones are read once, then only looked up. */
  private unconfirmed = new Map<string, readonly KeyedOutput[]>();

  constructor(options: BitcoinOptions) {
    super();
    this.id = options.id;
    this.network = options.network;
    this.finalDepth = options.finalDepth;
    this.feeRateFloor = options.feeRateFloor ?? 1n;
    this.assets = [options.asset];
    this.feeAsset = options.asset;
    this.node = new BitcoinNode(options.rpcUrl, options.timeoutMs ?? 30_000);
    this.account = new Account(options.accountXpub, options.network);
    this.payments = new Payments(this.account, options.network);
    this.recent = new RecentBlocks(this.node, Math.max(options.searchDepth ?? 144, options.finalDepth + 1));
    this.coins = new Coins(this.node, this.recent, options.finalDepth);
  }

  async verify(): Promise<void> {
    const { chain, genesis } = NETWORKS[this.network];
    const answered = await this.node.chain();
    if (answered !== chain) throw new Error(`the Bitcoin node is on ${answered}, not on ${chain}`);
    const first = await this.node.blockHash(0);
    if (first !== genesis) throw new Error(`the Bitcoin node has genesis ${first}, not that of ${chain}`);
  }

  async tip(): Promise<BlockRef> {
    return blockRef(await this.node.tip());
  }

  async finalHeight(): Promise<number> {
    return Math.max(0, (await this.node.tip()).height - this.finalDepth);
  }

  async blockRef(height: number): Promise<BlockRef | null> {
    const hash = await this.node.blockHash(height);
    return hash === null ? null : blockRef(await this.node.header(hash));
  }

  async block(height: number, watched: WatchList): Promise<ChainBlock | null> {
    const hash = await this.node.blockHash(height);
    if (hash === null) return null;
    const raw = await this.node.rawBlock(hash);
    const header = readHeader(raw);
    if (header.hash !== hash) throw new Error(`the node answered another block than ${hash}`);
    const matched = matchBlock(raw, watched);
    const txIds = [...new Set(matched.filter(({ coinbase }) => !coinbase).map(({ txId }) => txId))];
    const known = await this.node.blockTransactions(txIds, hash);
    const feeRates = new Map(txIds.map((txId, index) => [txId, feeRateOf(known[index])]));
    const transfers = matched.map((output) =>
      this.transfer(output, output.txId, output.address, feeRates.get(output.txId) ?? null, !output.coinbase),
    );
    return { ...header, height, transfers };
  }

  async mempool(watched: WatchList): Promise<readonly IncomingTransfer[]> {
    await this.readMempool(await this.node.mempoolIds());
    const matched = [...this.unconfirmed].flatMap(([txId, outputs]) =>
      outputs.filter(({ key }) => watched.has(key)).map((output) => ({ txId, output })),
    );
    const feeRates = await this.node.mempoolFeeRates(matched.map(({ txId }) => txId));
    return matched.flatMap(({ txId, output }, index) => {
      const feeRate = feeRates[index];
      const address = watched.address(output.key);
      if (feeRate === null || feeRate === undefined || address === undefined) return [];
      return [this.transfer(output, txId, address, feeRate, true)];
    });
  }

  watchKey(address: string): string {
    return Buffer.from(scriptOf(address, this.network)).toString('hex');
  }

  checkAddress(text: string): AddressCheck {
    return checkBitcoinAddress(text, this.network);
  }

  depositAddress(index: number, _salt: string): { readonly address: string; readonly path: string } {
    return { address: this.account.at(`0/${index}`).address, path: `0/${index}` };
  }

  addressAt(path: string): string {
    return this.account.at(path).address;
  }

  /** BIP-21. https://github.com/bitcoin/bips/blob/master/bip-0021.mediawiki */
  paymentUri(address: string, amount: Money, label: string): string {
    const query = [`amount=${formatUnits(amount.units, this.feeAsset.decimals)}`];
    if (label !== '') query.push(`label=${encodeURIComponent(label)}`);
    return `bitcoin:${address}?${query.join('&')}`;
  }

  async feeRate(targetBlocks: number): Promise<bigint> {
    const estimated = await this.node.feeRate(targetBlocks);
    return maxUnits(estimated ?? this.feeRateFloor, this.feeRateFloor);
  }

  estimateFee(
    shape: { readonly inputs: number; readonly outputs: number; readonly asset: AssetId },
    feeRate: bigint,
  ): Money {
    return money(this.feeAsset.id, virtualSizeMax(shape.inputs, shape.outputs) * feeRate);
  }

  async nextSlot(_signer: string): Promise<null> {
    return null;
  }

  async build(request: SendRequest): Promise<Unsigned> {
    const { anchor, outputs, feeRate } = request;
    if (anchor.kind !== 'coins' || request.call !== undefined)
      throw new Error('Bitcoin spends coins and makes no calls');
    if (outputs.some(({ asset }) => asset !== this.feeAsset.id)) throw new Error(`only ${this.feeAsset.id} moves here`);
    const body = this.payments.build({ coins: anchor.coins, change: anchor.change, outputs, feeRate });
    return { chain: this.id, body, ...this.decode(body) };
  }

  decode(body: string): { readonly outputs: readonly Output[]; readonly feeMax: Money } {
    const { outputs, feeUnits } = this.payments.decode(body);
    const asset = this.feeAsset.id;
    return { outputs: outputs.map((output) => ({ ...output, asset })), feeMax: money(asset, feeUnits) };
  }

  async sign(unsigned: Unsigned, secret: string): Promise<Signed> {
    return this.payments.sign(unsigned.body, secret);
  }

  async broadcast(raw: string): Promise<BroadcastOutcome> {
    try {
      await this.node.send(raw);
      return { kind: 'pending' };
    } catch (error) {
      if (error instanceof RpcUnavailable) return { kind: 'pending' };
      if (!(error instanceof RpcError)) throw error;
      const code = refusalCode(error.code, error.message);
      return code === null ? { kind: 'pending' } : { kind: 'refused', code, reason: error.message };
    }
  }

  async find(txId: string, anchor?: Anchor): Promise<TxOutcome> {
    const home = await this.coins.locate(txId);
    if (home === 'mempool') return { kind: 'pending' };
    if (home === null) return { kind: 'unknown' };
    const [tx] = await this.node.blockTransactions([txId], home.hash);
    if (tx === undefined) return { kind: 'unknown' };
    const { outputs, outputUnits } = readTransaction(Buffer.from(tx.hex, 'hex'));
    const coins = anchor?.kind === 'coins' ? anchor : null;
    const paid = coins === null ? tx.fee : coins.coins.reduce((sum, { units }) => sum + units, 0n) - outputUnits;
    if (paid === undefined) throw new Error(`the node does not tell the fee of ${txId}; ask with its anchor`);
    return {
      kind: 'included',
      success: true,
      block: { height: home.height, hash: home.hash, time: home.time },
      confirmations: home.confirmations,
      final: home.confirmations > this.finalDepth,
      fee: money(this.feeAsset.id, paid),
      change: coins === null ? null : this.changeCoin(txId, outputs, coins.change),
      reason: null,
    };
  }

  async anchor(anchor: Anchor): Promise<AnchorOutcome> {
    if (anchor.kind !== 'coins') throw new Error('Bitcoin sends are bound to coins');
    return this.coins.spent(anchor.coins);
  }

  /** Coins only; their sum at a height no further back than `searchDepth`. Addresses are not looked at. */
  async holding(
    of: { readonly addresses: readonly string[]; readonly coins: readonly Coin[] },
    _asset: AssetId,
    height: number | null,
  ): Promise<{ readonly units: bigint; readonly height: number }> {
    return this.coins.worth(of.coins, height);
  }

  private changeCoin(
    txId: string,
    outputs: readonly KeyedOutput[],
    { address, path }: { readonly address: string; readonly path: string },
  ): Coin | null {
    const key = this.watchKey(address);
    const output = outputs.findLast((candidate) => candidate.key === key);
    return output === undefined ? null : { txId, vout: output.vout, units: output.units, address, path };
  }

  private async readMempool(txIds: readonly string[]): Promise<void> {
    const fresh = txIds.filter((txId) => !this.unconfirmed.has(txId));
    const raws = await this.node.mempoolTransactions(fresh);
    const read = new Map(fresh.map((txId, index) => [txId, raws[index] ?? null]));
    const next = new Map<string, readonly KeyedOutput[]>();
    for (const txId of txIds) {
      const raw = read.get(txId);
      const outputs = this.unconfirmed.get(txId) ?? (raw ? readTransaction(raw).outputs : undefined);
      if (outputs !== undefined) next.set(txId, outputs);
    }
    this.unconfirmed = next;
  }

  private transfer(
    output: { readonly vout: number; readonly units: bigint },
    txId: string,
    address: string,
    feeRate: bigint | null,
    spendable: boolean,
  ): IncomingTransfer {
    const asset = this.feeAsset.id;
    const place = `vout:${output.vout}`;
    return { txId, place, address, asset, reference: null, units: output.units, feeRate, spendable, memo: null };
  }
}

const blockRef = ({ height, hash, parentHash, time }: BlockRef): BlockRef => ({ height, hash, parentHash, time });

function feeRateOf(tx: NodeTx | undefined): bigint | null {
  if (tx?.fee === undefined) return null;
  const { weight } = readTransaction(Buffer.from(tx.hex, 'hex'));
  return tx.fee / divide(BigInt(weight), 4n, 'ceil');
}
