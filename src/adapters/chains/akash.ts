import { fromBase64, fromHex, toBase64 } from '@cosmjs/encoding';
import { TxBody } from 'cosmjs-types/cosmos/tx/v1beta1/tx.js';
import type { Asset, AssetId } from '../../money/asset.ts';
import { parseUnits } from '../../money/codec.ts';
import { type Money, maxUnits, money } from '../../money/money.ts';
import { divide } from '../../money/rate.ts';
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
import { attribute, incomingTransfers, parseCoins, type TxResult } from './akash/incoming.ts';
import { AkashNode, answeredError, WRONG_SEQUENCE } from './akash/node.ts';
import {
  anchorOf,
  type DenomOutput,
  type Draft,
  FEE_DENOM,
  MEMO_BYTES_MAX,
  paymentMessage,
  paymentsOf,
  readDraft,
  signDraft,
  simulationBytes,
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

/** Gas limit of a payment: what simulation used × `marginBps` / 10,000, at least `base` + `perOutput` × outputs. */
export interface GasRule {
  readonly marginBps: bigint;
  readonly base: bigint;
  readonly perOutput: bigint;
}

/** The lowest price that mainnet's nodes take. */
const GAS_PRICE = '0.025';
const GAS: GasRule = { marginBps: 15_000n, base: 90_000n, perOutput: 30_000n };
const TIMEOUT_MS = 15_000;
/** Decimals of a fee rate: it counts 10^-18 uakt a unit of gas. */
const RATE_DECIMALS = 18;

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
    this.gas = config.gas ?? GAS;
    const gasPrice = parseUnits(config.gasPrice ?? GAS_PRICE, RATE_DECIMALS);
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
    return (await this.node.comet.status()).syncInfo.latestBlockHeight;
  }

  override async blockRef(height: number): Promise<BlockRef | null> {
    const found = await absentAboveTip(() => this.node.comet.commit(height));
    return found && blockRef(found.header, found.commit.blockId.hash);
  }

  override async block(height: number, watched: WatchList): Promise<ChainBlock | null> {
    const found = await absentAboveTip(() =>
      Promise.all([this.node.comet.block(height), this.node.comet.blockResults(height)]),
    );
    if (!found) return null;
    const [{ block, blockId }, { results }] = found;
    if (results.length !== block.txs.length) throw new Error(`block ${height} has ${results.length} results`);
    const transfers = block.txs.flatMap((tx, index) => this.transfers(tx, results[index], watched));
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
    return this.fee(this.gasFloor(shape.outputs), feeRate);
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
    const gasLimit = await this.gasLimit(txBody, anchor.sequence, outputs.length);
    const fee = this.fee(gasLimit, feeRate);
    const draft: Draft = {
      chainId: this.config.chainId,
      signer: anchor.signer,
      path: anchor.path ?? '0/0',
      accountNumber: String(account?.number ?? 0n),
      sequence: String(anchor.sequence),
      gasLimit: String(gasLimit),
      feeUnits: String(fee.units),
      txBody: toBase64(txBody),
    };
    return { chain: this.id, body: JSON.stringify(draft), feeMax: fee, outputs };
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
    const hash = fromHex(txId);
    const found = await absentFromIndex(() => this.node.comet.tx({ hash }));
    if (!found) return (await this.node.isWaiting(txId)) ? { kind: 'pending' } : { kind: 'unknown' };
    if (feeOf(found.result) !== null) return this.included(found.height, found.result);
    // Refused before its messages ran, this inclusion cost and did nothing. The index keeps one inclusion of a hash,
    // so an earlier one of the same bytes may be the one that counts.
    const earlier = await this.inclusionOf(found.tx);
    return earlier ? this.included(earlier.height, earlier.result) : { kind: 'unknown' };
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

  private transfers(tx: Uint8Array, result: TxResult | undefined, watched: WatchList): IncomingTransfer[] {
    return result ? incomingTransfers(tx, result, watched, this.assets) : [];
  }

  private async gasLimit(txBody: Uint8Array, sequence: bigint, outputs: number): Promise<bigint> {
    const floor = this.gasFloor(outputs);
    const simulation = await this.node.simulate(simulationBytes(txBody, sequence));
    if (simulation.kind === 'ran') {
      const withMargin = divide(simulation.gasUsed * this.gas.marginBps, 10_000n, 'ceil');
      return maxUnits(withMargin, floor);
    }
    // Another transaction of this signer waits in the mempool, or is about to: the node cannot simulate this one yet.
    if (simulation.code === WRONG_SEQUENCE) return floor;
    throw new Error(`the Akash node would refuse the transaction (${simulation.code}): ${simulation.reason}`);
  }

  private gasFloor(outputs: number): bigint {
    return this.gas.base + this.gas.perOutput * BigInt(outputs);
  }

  private fee(gas: bigint, feeRate: bigint): Money {
    return money(this.feeAsset.id, divide(gas * feeRate, 10n ** BigInt(RATE_DECIMALS), 'ceil'));
  }

  private async included(height: number, result: TxResult & { readonly log?: string | undefined }): Promise<TxOutcome> {
    const [block, tip] = await Promise.all([this.blockRef(height), this.finalHeight()]);
    if (!block) throw new Error(`the Akash node indexed block ${height} and does not have it`);
    return {
      kind: 'included',
      success: result.code === 0,
      block,
      confirmations: tip - height + 1,
      final: true,
      fee: money(this.feeAsset.id, feeOf(result) ?? 0n),
      change: null,
      reason: result.code === 0 ? null : `code ${result.code}: ${result.log ?? ''}`,
    };
  }

  /** The inclusion of these bytes that used their sequence, found by when the account's sequence passed it. */
  private async inclusionOf(tx: Uint8Array): Promise<{ readonly height: number; readonly result: TxResult } | null> {
    const anchor = anchorOf(tx);
    if (!anchor || (await this.anchor({ kind: 'sequence', ...anchor })).kind === 'free') return null;
    let [before, at] = [0, await this.finalHeight()];
    while (at - before > 1) {
      const middle = Math.floor((before + at) / 2);
      const sequence = (await this.node.account(anchor.signer, middle))?.sequence ?? 0n;
      if (sequence > anchor.sequence) at = middle;
      else before = middle;
    }
    const [{ block }, { results }] = await Promise.all([this.node.comet.block(at), this.node.comet.blockResults(at)]);
    const txId = transactionId(tx);
    const index = block.txs.findIndex((bytes, n) => transactionId(bytes) === txId && feeOf(results[n]) !== null);
    const result = results[index];
    return result ? { height: at, result } : null;
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

/** The fee a transaction paid, or null if it was refused before its messages ran and paid none. */
function feeOf(result: TxResult | undefined): bigint | null {
  const event = result?.events.find(
    ({ type, attributes }) => type === 'tx' && attributes.some(({ key }) => key === 'fee'),
  );
  if (!event) return null;
  const coin = parseCoins(attribute(event, 'fee') ?? '').find(({ denom }) => denom === FEE_DENOM);
  return BigInt(coin?.amount ?? '0');
}

const absentAboveTip = <Answer>(ask: () => Promise<Answer>): Promise<Answer | null> =>
  absentWhen(ask, 'must be less than or equal to the current blockchain height');

const absentFromIndex = <Answer>(ask: () => Promise<Answer>): Promise<Answer | null> => absentWhen(ask, 'not found');

/** The node's answer, or null where it answers with an error of that text. */
async function absentWhen<Answer>(ask: () => Promise<Answer>, text: string): Promise<Answer | null> {
  try {
    return await ask();
  } catch (error) {
    if (answeredError(error)?.includes(text)) return null;
    throw error;
  }
}
