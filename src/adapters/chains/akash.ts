import { fromBase64, toBase64 } from '@cosmjs/encoding';
import { TxBody } from 'cosmjs-types/cosmos/tx/v1beta1/tx.js';
import type { Asset, AssetId } from '../../money/asset.ts';
import { parseUnits } from '../../money/codec.ts';
import { type Money, money } from '../../money/money.ts';
import { Refusal } from '../../platform/refusal.ts';
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
} from '../chain.ts';
import { verifyAdr36 } from './adr36.ts';
import { checkAddress, derivedAddress } from './akash/address.ts';
import { broadcastError, broadcastRefusal } from './akash/broadcast.ts';
import { DEFAULT_GAS, FEE_RATE_DECIMALS, feeUnits, type GasRule, gasFloor, gasLimit } from './akash/gas.ts';
import { findInclusion } from './akash/inclusion.ts';
import { incomingTransfers } from './akash/incoming.ts';
import { AkashNode, unlessAnswered } from './akash/node.ts';
import {
  type DenomOutput,
  type Draft,
  FEE_DENOM,
  MEMO_BYTES_MAX,
  paymentMessage,
  paymentsOf,
  readDraft,
  signDraft,
  transactionId,
} from './akash/transaction.ts';

export interface AkashConfig {
  /** CometBFT RPC. */
  readonly rpcUrl: string;
  /** `akashnet-2` on mainnet; the node must answer it. */
  readonly chainId: string;
  /** Account key m/44'/118'/0'; the hot wallet is 0/0, deposits go to 1/i. */
  readonly accountXpub: string;
  /** What is taken here, by bank denom; uakt among them, as fees are paid in it. */
  readonly assets: readonly Asset[];
  /** Price of a unit of gas in uakt; decimal, up to 18 places. */
  readonly gasPrice?: string;
  readonly gas?: GasRule;
  /** Time limit of one call to the node. */
  readonly timeoutMs?: number;
}

/** The lowest price that mainnet's nodes take. */
const GAS_PRICE = '0.025';
const TIMEOUT_MS = 15_000;
const ABOVE_TIP = 'must be less than or equal to the current blockchain height';

/**
 * Akash: a Cosmos SDK chain whose one committed block is final. Sends are bank messages signed in direct mode; a
 * transaction that is in a block may still have failed, and has then used its fee and sequence.
 */
export class AkashChain extends Chain {
  override readonly id = 'akash';
  override readonly family = 'akash';
  override readonly feeAsset: Asset;
  override readonly assets: readonly Asset[];
  private readonly config: AkashConfig;
  private readonly gas: GasRule;
  private readonly gasPrice: bigint;
  private readonly node: AkashNode;

  constructor(config: AkashConfig) {
    super();
    this.config = config;
    this.gas = config.gas ?? DEFAULT_GAS;
    const gasPrice = parseUnits(config.gasPrice ?? GAS_PRICE, FEE_RATE_DECIMALS);
    if (typeof gasPrice !== 'bigint') throw new Error(`the gas price ${config.gasPrice} is not a decimal number`);
    this.gasPrice = gasPrice;
    this.node = new AkashNode(config.rpcUrl, config.timeoutMs ?? TIMEOUT_MS);
    this.assets = config.assets;
    const feeAsset = config.assets.find(({ reference }) => reference === FEE_DENOM);
    if (!feeAsset) throw new Error(`Akash needs an asset in ${FEE_DENOM}`);
    this.feeAsset = feeAsset;
  }

  override async verify(): Promise<void> {
    const { nodeInfo } = await this.node.comet.status();
    if (nodeInfo.network !== this.config.chainId) {
      throw new Error(`the Akash node is on ${nodeInfo.network}, not on ${this.config.chainId}`);
    }
  }

  override async tip(): Promise<BlockRef> {
    const tip = await this.blockRef(await this.finalHeight());
    if (!tip) throw new Error('the Akash node does not have its own latest block');
    return tip;
  }

  override async finalHeight(): Promise<number> {
    return this.node.height();
  }

  override async blockRef(height: number): Promise<BlockRef | null> {
    const found = await unlessAnswered(ABOVE_TIP, () => this.node.comet.commit(height));
    return found && blockRef(found.header, found.commit.blockId.hash);
  }

  override async block(height: number, watched: WatchList): Promise<ChainBlock | null> {
    const found = await unlessAnswered(ABOVE_TIP, () =>
      Promise.all([this.node.comet.block(height), this.node.comet.blockResults(height)]),
    );
    if (!found) return null;
    const [{ block, blockId }, { results }] = found;
    if (results.length !== block.txs.length) throw new Error(`block ${height} has ${results.length} results`);
    const transfers = block.txs.flatMap((tx, index) => {
      const result = results[index];
      return result ? incomingTransfers(tx, result, watched, this.assets) : [];
    });
    return { ...blockRef(block.header, blockId.hash), transfers };
  }

  override async mempool(): Promise<readonly IncomingTransfer[]> {
    return [];
  }

  override watchKey(address: string): string {
    return address.toLowerCase();
  }

  override checkAddress(text: string): AddressCheck {
    return checkAddress(text);
  }

  override depositAddress(index: number): { readonly address: string; readonly path: string } {
    const path = `1/${index}`;
    return { address: this.addressAt(path), path };
  }

  override addressAt(path: string): string {
    return derivedAddress(this.config.accountXpub, path);
  }

  /**
   * `akash:<address>?amount=<base units>&denom=uakt&label=<text>`. No standard names one for Cosmos chains; this has the
   * form of BIP-21, with the amount in the denom it names.
   */
  override paymentUri(address: string, amount: Money, label: string): string {
    const query = `amount=${amount.units}&denom=${this.denom(amount.asset)}&label=${encodeURIComponent(label)}`;
    return `akash:${address}?${query}`;
  }

  /** In 10^-18 uakt a unit of gas. There is no fee market: the price is the configured one. */
  override async feeRate(): Promise<bigint> {
    return this.gasPrice;
  }

  override estimateFee(shape: { readonly outputs: number }, feeRate: bigint): Money {
    return money(this.feeAsset.id, feeUnits(gasFloor(this.gas, shape.outputs), feeRate));
  }

  override async nextSlot(signer: string): Promise<bigint | null> {
    return (await this.node.account(signer))?.sequence ?? 0n;
  }

  /** Throws what a simulation on the node's present state refuses: missing funds, a denom that cannot be sent. */
  override async build({ anchor, outputs, call, feeRate, memo = '', timeoutHeight }: SendRequest): Promise<Unsigned> {
    if (anchor.kind !== 'sequence') throw new Error('an Akash transaction is anchored to a sequence');
    if (call) throw new Error('Akash has no contract calls');
    if (Buffer.byteLength(memo) > MEMO_BYTES_MAX) {
      throw new Refusal('invalid_field', { field: 'memo', expected: `at most ${MEMO_BYTES_MAX} bytes` });
    }
    const payments = outputs.map(({ address, asset, units }) => ({ address, denom: this.denom(asset), units }));
    const messages = [paymentMessage(anchor.signer, payments)];
    const body = TxBody.fromPartial({ messages, memo, timeoutHeight: BigInt(timeoutHeight ?? 0) });
    const txBody = TxBody.encode(body).finish();
    const account = await this.node.account(anchor.signer);
    const { signer, sequence, path = '0/0' } = anchor;
    const limit = await gasLimit(this.node, this.gas, { txBody, sequence, outputs: outputs.length });
    const fee = feeUnits(limit, feeRate);
    const draft: Draft = {
      chainId: this.config.chainId,
      signer,
      path,
      accountNumber: String(account?.number ?? 0n),
      sequence: String(sequence),
      gasLimit: String(limit),
      feeUnits: String(fee),
      txBody: toBase64(txBody),
    };
    return { chain: this.id, body: JSON.stringify(draft), feeMax: money(this.feeAsset.id, fee), outputs };
  }

  override decode(body: string): { readonly outputs: readonly Output[]; readonly feeMax: Money } {
    const draft = readDraft(body);
    const outputs = paymentsOf(draft).map((payment) => this.output(payment));
    return { outputs, feeMax: money(this.feeAsset.id, BigInt(draft.feeUnits)) };
  }

  override async sign({ body }: Unsigned, secret: string): Promise<Signed> {
    const bytes = signDraft(readDraft(body), secret);
    return { txId: transactionId(bytes), raw: toBase64(bytes) };
  }

  override async broadcast(raw: string): Promise<BroadcastOutcome> {
    const tx = fromBase64(raw);
    try {
      const { code, log } = await this.node.comet.broadcastTxSync({ tx });
      return code === 0 ? { kind: 'pending' } : broadcastRefusal(code, log ?? '');
    } catch (error) {
      return broadcastError(error);
    }
  }

  override async find(txId: string): Promise<TxOutcome> {
    const found = await findInclusion(this.node, txId);
    if (found === 'absent' && (await this.node.isWaiting(txId))) return { kind: 'pending' };
    if (found === 'absent' || found === 'void') return { kind: 'unknown' };
    const { height, result, fee } = found;
    const [block, tip] = await Promise.all([this.blockRef(height), this.finalHeight()]);
    if (!block) throw new Error(`the Akash node indexed block ${height} and does not have it`);
    const success = result.code === 0;
    return {
      kind: 'included',
      success,
      block,
      confirmations: tip - height + 1,
      final: true,
      fee: money(this.feeAsset.id, fee),
      change: null,
      reason: success ? null : `code ${result.code}: ${result.log ?? ''}`,
    };
  }

  override async anchor(anchor: Anchor): Promise<AnchorOutcome> {
    if (anchor.kind !== 'sequence') throw new Error('an Akash transaction is anchored to a sequence');
    const next = (await this.node.account(anchor.signer))?.sequence ?? 0n;
    if (next <= anchor.sequence) return { kind: 'free' };
    const query = `tx.acc_seq='${anchor.signer}/${anchor.sequence}'`;
    const [user] = (await this.node.comet.txSearch({ query, page: 1, per_page: 1 })).txs;
    return { kind: 'used', final: true, txId: user ? Buffer.from(user.hash).toString('hex').toUpperCase() : null };
  }

  override async holding(
    of: { readonly addresses: readonly string[]; readonly coins: readonly Coin[] },
    asset: AssetId,
    height: number | null,
  ): Promise<{ readonly units: bigint; readonly height: number }> {
    const at = height ?? (await this.finalHeight());
    const denom = this.denom(asset);
    const balances = await Promise.all(of.addresses.map((address) => this.node.balance(address, denom, at)));
    return { units: balances.reduce((sum, units) => sum + units, 0n), height: at };
  }

  /** ADR-36, for addresses of this chain alone. */
  override verifyOwnership(proof: OwnershipProof): boolean {
    return checkAddress(proof.address).kind === 'valid' && verifyAdr36(proof);
  }

  private denom(asset: AssetId): string {
    const denom = this.assets.find(({ id }) => id === asset)?.reference;
    if (!denom) throw new Error(`${asset} is not an asset of Akash`);
    return denom;
  }

  private output({ address, denom, units }: DenomOutput): Output {
    const asset = this.assets.find(({ reference }) => reference === denom);
    if (!asset) throw new Error(`the denom ${denom} is not pinned`);
    return { address, asset: asset.id, units };
  }
}

interface Header {
  readonly height: number;
  readonly time: { getTime(): number };
  readonly lastBlockId: { readonly hash: Uint8Array } | null;
}

function blockRef({ height, time, lastBlockId }: Header, hash: Uint8Array): BlockRef {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex').toUpperCase();
  return {
    height,
    hash: hex(hash),
    parentHash: lastBlockId ? hex(lastBlockId.hash) : '',
    time: new Date(time.getTime()),
  };
}
