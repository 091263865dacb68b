import { getAddress, ZeroAddress } from 'ethers';
import type { Asset, AssetId } from '../../money/asset.ts';
import { type Money, maxUnits, money } from '../../money/money.ts';
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
  type ContractCall,
  type IncomingTransfer,
  type SendRequest,
  type Signed,
  type TxOutcome,
  type Unsigned,
  type WatchList,
} from '../chain.ts';
import { ERC20, FACTORY } from './evm/abi.ts';
import { forwarderAddress, saltBytes } from './evm/forwarder.ts';
import { EvmNode, type Header } from './evm/node.ts';
import { userOfNonce } from './evm/nonce.ts';
import {
  decodeBody,
  encodeBody,
  type PaymentContracts,
  paymentCall,
  signBody,
  TIP_DIVISOR,
} from './evm/transaction.ts';
import { keyOf, type Pinned, transfersOf } from './evm/transfers.ts';

export interface EvmSettings {
  /** The chain part of asset ids: `ethereum`. */
  readonly id: string;
  readonly chainId: number;
  readonly rpcUrl: string;
  /** What is taken and paid here: tokens by contract and, if it is taken as payment, the native coin. */
  readonly assets: readonly Asset[];
  /** The native coin. */
  readonly feeAsset: Asset;
  /** Our DepositForwarderFactory. */
  readonly factory: string;
  /** Where the factory must send what it sweeps: the hot wallet. */
  readonly treasury: string;
  /** Our BatchPayer; null pays one output a transaction. */
  readonly batchPayer: string | null;
  /** `tag`: the node's `finalized` block. A number: that many blocks on top. */
  readonly finality: 'tag' | number;
  readonly timeoutMs?: number;
}

/** Gas of the calls we make, measured on our contracts with room to spare; for estimates only. */
const GAS = { base: 21_000n, token: 45_000n, sweep: 80_000n } as const;

/** Gas allowed beyond the node's estimate, per cent: state may change until the transaction is mined. */
const GAS_MARGIN_PERCENT = 25n;

/** Least fee rate, wei: below it a bump of 12.5 % is lost in rounding. */
const FEE_RATE_MIN = 1_000_000n;

/** Addresses below this are precompiled contracts. https://eips.ethereum.org/EIPS/eip-1352 */
const PRECOMPILES = 0x10000n;

/** Reads running at the same time when many balances are asked for. */
const PARALLEL = 16;

/** An Ethereum-like chain by its standard JSON-RPC. Fee rates are wei per gas, anchors are nonces. */
export class EvmChain extends Chain {
  readonly id: string;
  readonly family = 'evm';
  readonly assets: readonly Asset[];
  readonly feeAsset: Asset;
  private readonly settings: EvmSettings;
  private readonly node: EvmNode;
  private readonly contracts: PaymentContracts;
  private readonly pinned: Pinned;
  private readonly refused: ReadonlyMap<string, string>;
  private initCodeHash: string | null = null;
  private finalSeen = 0;

  constructor(settings: EvmSettings) {
    super();
    const batchPayer = settings.batchPayer === null ? null : getAddress(settings.batchPayer);
    const checksummed = (asset: Asset): Asset =>
      asset.reference === null ? asset : { ...asset, reference: getAddress(asset.reference) };
    const assets = settings.assets.map(checksummed);
    const tokens = assets.filter(({ reference }) => reference !== null);
    const factory = getAddress(settings.factory);
    this.settings = { ...settings, factory, treasury: getAddress(settings.treasury), batchPayer };
    this.id = settings.id;
    this.assets = assets;
    this.feeAsset = settings.feeAsset;
    this.node = new EvmNode({ url: settings.rpcUrl, timeoutMs: settings.timeoutMs ?? 15_000 });
    this.contracts = { native: settings.feeAsset, tokens, batchPayer };
    this.pinned = new Map(assets.map(({ id, reference }) => [reference?.toLowerCase() ?? null, id]));
    this.refused = new Map([
      ...tokens.map(({ id, reference }): [string, string] => [reference ?? '', `is the contract of ${id}`]),
      [factory, 'is our deposit factory'],
      ...(batchPayer === null ? [] : [[batchPayer, 'is our batch payer'] as const]),
    ]);
  }

  /**
   * Refuses unless the node is of the configured chain id, every token contract has its decimals, the factory's
   * treasury is the configured one and finality can be told. Reads the forwarder's code hash for `depositAddress`.
   */
  async verify(): Promise<void> {
    const { chainId, factory, treasury, batchPayer } = this.settings;
    const answered = await this.node.chainId();
    if (answered !== BigInt(chainId))
      throw new Error(`${this.id}: the node is of chain id ${answered}, not ${chainId}`);
    for (const { id, reference, decimals } of this.contracts.tokens) {
      const [found] = await this.read(reference ?? '', ERC20, 'decimals', []);
      if (found !== BigInt(decimals)) throw new Error(`${id}: the contract has ${found} decimals, not ${decimals}`);
    }
    if (batchPayer !== null && (await this.node.code(batchPayer)) === '0x')
      throw new Error(`${this.id}: no batch payer at ${batchPayer}`);
    const [sweepsTo] = await this.read(factory, FACTORY, 'treasury', []);
    if (sweepsTo !== treasury)
      throw new Error(`${this.id}: the deposit factory sweeps to ${sweepsTo}, not ${treasury}`);
    const [hash] = await this.read(factory, FACTORY, 'initCodeHash', []);
    this.initCodeHash = String(hash);
    await this.finalHeight();
  }

  async tip(): Promise<BlockRef> {
    return blockRef(present(await this.node.header('latest'), 'latest block'));
  }

  /** Never goes back and never passes the tip, whatever the node's tag does. */
  async finalHeight(): Promise<number> {
    const { finality } = this.settings;
    const tip = present(await this.node.header('latest'), 'latest block').number;
    const tagged = async () => present(await this.node.header('finalized'), 'finalized block').number;
    const final = finality === 'tag' ? Math.min(await tagged(), tip) : Math.max(tip - finality, 0);
    this.finalSeen = Math.max(this.finalSeen, final);
    return this.finalSeen;
  }

  async blockRef(height: number): Promise<BlockRef | null> {
    const header = await this.node.header(height);
    return header === null ? null : blockRef(header);
  }

  /** Reads logs and receipts by the block's hash: a reorg in between is an error, never a block without its logs. */
  async block(height: number, watched: WatchList): Promise<ChainBlock | null> {
    const block = await this.node.fullBlock(height);
    if (block === null) return null;
    return { ...blockRef(block), transfers: await transfersOf(this.node, block, this.pinned, watched) };
  }

  /** Nothing: unconfirmed EVM transactions can be replaced at will and say nothing about their logs. */
  mempool(_watched: WatchList): Promise<readonly IncomingTransfer[]> {
    return Promise.resolve([]);
  }

  watchKey(address: string): string {
    return keyOf(address);
  }

  /** 20 bytes of hex with a right EIP-55 checksum, or all in one case; not zero, precompiled, a token or our own. */
  checkAddress(text: string): AddressCheck {
    const invalid = (reason: string): AddressCheck => ({ kind: 'invalid', reason });
    if (!/^0x[0-9a-fA-F]{40}$/.test(text)) return invalid('is not 0x and 40 hex digits');
    const canonical = getAddress(text.toLowerCase());
    const digits = text.slice(2);
    const plain = digits === digits.toLowerCase() || digits === digits.toUpperCase();
    if (!plain && text !== canonical) return invalid('has a wrong checksum (EIP-55)');
    if (canonical === ZeroAddress) return invalid('is the zero address');
    if (BigInt(canonical) < PRECOMPILES) return invalid('is a precompiled contract');
    const reason = this.refused.get(canonical);
    return reason === undefined ? { kind: 'valid', canonical } : invalid(reason);
  }

  /** CREATE2 of the factory (EIP-1014). Needs `verify` to have read the forwarder's code hash. */
  depositAddress(_index: number, salt: string): { readonly address: string; readonly path: string } {
    if (this.initCodeHash === null) throw new Error(`${this.id}: deposit addresses are known after verify()`);
    return { address: forwarderAddress(this.settings.factory, salt, this.initCodeHash), path: saltBytes(salt) };
  }

  /** The hot wallet, whatever the path: it is the only account with a key here. */
  addressAt(_path: string): string {
    return this.settings.treasury;
  }

  /** EIP-681; it has no place for a label. https://eips.ethereum.org/EIPS/eip-681 */
  paymentUri(address: string, { asset, units }: Money, _label: string): string {
    const { chainId } = this.settings;
    const token = this.contracts.tokens.find(({ id }) => id === asset);
    return token === undefined
      ? `ethereum:${address}@${chainId}?value=${units}`
      : `ethereum:${token.reference}@${chainId}/transfer?address=${address}&uint256=${units}`;
  }

  /** @param asset the native coin or any token of this chain */
  override sweepCall(asset: AssetId, salts: readonly string[]): ContractCall {
    const token = this.contracts.tokens.find(({ id }) => id === asset)?.reference ?? ZeroAddress;
    if (token === ZeroAddress && asset !== this.feeAsset.id) throw new Error(`${asset} is not an asset of ${this.id}`);
    const data = FACTORY.encodeFunctionData('sweep', [token, salts.map(saltBytes)]);
    return { to: this.settings.factory, data, value: 0n };
  }

  /** An allowance that is too small is first set to zero: tokens like USDT refuse to change one that is not. */
  override async allowanceCall({
    owner,
    token,
    spender,
    units,
  }: Parameters<Chain['allowanceCall']>[0]): Promise<ContractCall | null> {
    const allowed = BigInt(String((await this.read(token, ERC20, 'allowance', [owner, spender]))[0]));
    if (allowed >= units) return null;
    const data = ERC20.encodeFunctionData('approve', [spender, allowed === 0n ? units : 0n]);
    return { to: token, data, value: 0n };
  }

  /**
   * The most to pay per gas: twice the next block's base fee (it can rise 12.5 % a block) plus the tip, and at least
   * ten times the tip usual in the last 20 blocks (the median one up to 3 target blocks, else the lower quarter's),
   * since a transaction offers a tenth of its rate as tip.
   */
  async feeRate(targetBlocks: number): Promise<bigint> {
    const { baseFeePerGas, reward } = await this.node.feeHistory(20, targetBlocks <= 3 ? 50 : 25);
    const tips = (reward ?? []).map(([tip]) => tip ?? 0n).sort((a, b) => (a < b ? -1 : 1));
    const usualTip = tips[tips.length >> 1] ?? 0n;
    const nextBase = baseFeePerGas.at(-1) ?? 0n;
    const coversBase = (2n * nextBase * TIP_DIVISOR) / (TIP_DIVISOR - 1n) + 1n;
    return [coversBase, TIP_DIVISOR * usualTip].reduce(maxUnits, FEE_RATE_MIN);
  }

  /** `inputs` counts deposit addresses swept for it (0 for a payment out of the hot wallet). */
  estimateFee(
    shape: { readonly inputs: number; readonly outputs: number; readonly asset: AssetId },
    feeRate: bigint,
  ): Money {
    const perOutput = shape.asset === this.feeAsset.id ? 0n : GAS.token;
    const gas = GAS.base + BigInt(shape.inputs) * GAS.sweep + BigInt(shape.outputs) * perOutput;
    return money(this.feeAsset.id, gas * feeRate);
  }

  async nextSlot(signer: string): Promise<bigint> {
    return this.node.nonce(signer, 'latest');
  }

  /** @throws RpcError when the node says the call would revert now. */
  async build(request: SendRequest): Promise<Unsigned> {
    const { anchor } = request;
    if (anchor.kind !== 'nonce') throw new Error(`${this.id} sends are anchored by a nonce, not by ${anchor.kind}`);
    for (const { address } of request.outputs) {
      const check = this.checkAddress(address);
      if (check.kind === 'invalid') throw new Error(`${address} ${check.reason}`);
    }
    const call = request.call ?? paymentCall(this.contracts, request.outputs);
    const { to, data, value } = call;
    const estimate = await this.node.estimateGas({ from: anchor.signer, to, data, value: `0x${value.toString(16)}` });
    const gasLimit = estimate === GAS.base ? estimate : (estimate * (100n + GAS_MARGIN_PERCENT)) / 100n;
    const body = encodeBody(request, call, { chainId: this.settings.chainId, gasLimit });
    return { chain: this.id, body, ...this.decode(body) };
  }

  decode(body: string): Omit<Unsigned, 'chain' | 'body'> {
    const { feeUnitsMax, ...content } = decodeBody(body, this.settings.chainId, this.contracts);
    return { ...content, feeMax: money(this.feeAsset.id, feeUnitsMax) };
  }

  sign(unsigned: Unsigned, secret: string): Promise<Signed> {
    return Promise.resolve(signBody(unsigned.body, secret));
  }

  async broadcast(raw: string): Promise<BroadcastOutcome> {
    try {
      await this.node.send(raw);
      return { kind: 'pending' };
    } catch (error) {
      if (error instanceof RpcUnavailable) return { kind: 'pending' };
      if (error instanceof RpcError) return refusalOf(error.message);
      throw error;
    }
  }

  async find(txId: string): Promise<TxOutcome> {
    const receipt = await this.node.receipt(txId);
    if (receipt === null) return { kind: (await this.node.knows(txId)) ? 'pending' : 'unknown' };
    const header = await this.node.headerByHash(receipt.blockHash);
    if (header === null) return { kind: 'pending' };
    const [tip, final] = [await this.tip(), await this.finalHeight()];
    const success = receipt.status === 1n;
    return {
      kind: 'included',
      success,
      block: blockRef(header),
      confirmations: Math.max(tip.height - header.number + 1, 1),
      final: header.number <= final,
      fee: money(this.feeAsset.id, receipt.gasUsed * receipt.effectiveGasPrice),
      change: null,
      reason: success ? null : 'execution reverted',
    };
  }

  /** The transaction that used a nonce is named while the node has the state to find it, about 128 blocks. */
  async anchor(anchor: Anchor): Promise<AnchorOutcome> {
    if (anchor.kind !== 'nonce') throw new Error(`${this.id} has no anchor of kind ${anchor.kind}`);
    const { signer, nonce } = anchor;
    const finalHeight = await this.finalHeight();
    const tip = await this.tip();
    if ((await this.node.nonce(signer, tip.height)) <= nonce) return { kind: 'free' };
    const final = (await this.node.nonce(signer, finalHeight)) > nonce;
    const txId = await userOfNonce(this.node, signer, nonce, final ? finalHeight : tip.height);
    return { kind: 'used', final, txId };
  }

  async holding(
    { addresses }: { readonly addresses: readonly string[]; readonly coins: readonly Coin[] },
    asset: AssetId,
    height: number | null,
  ): Promise<{ readonly units: bigint; readonly height: number }> {
    const at = height ?? (await this.finalHeight());
    const token = this.contracts.tokens.find(({ id }) => id === asset)?.reference ?? null;
    if (token === null && asset !== this.feeAsset.id) throw new Error(`${asset} is not an asset of ${this.id}`);
    const balanceOf = async (address: string): Promise<bigint> => {
      if (token === null) return this.node.balance(address, at);
      return BigInt(await this.node.call(token, ERC20.encodeFunctionData('balanceOf', [address]), at));
    };
    let units = 0n;
    for (let n = 0; n < addresses.length; n += PARALLEL) {
      const balances = await Promise.all(addresses.slice(n, n + PARALLEL).map(balanceOf));
      units = balances.reduce((sum, balance) => sum + balance, units);
    }
    return { units, height: at };
  }

  private async read(
    contract: string,
    abi: typeof ERC20,
    method: string,
    args: readonly unknown[],
  ): Promise<readonly unknown[]> {
    const answer = await this.node.call(contract, abi.encodeFunctionData(method, args), 'latest');
    if (answer === '0x') throw new Error(`${this.id}: no contract with ${method} at ${contract}`);
    return abi.decodeFunctionResult(method, answer).toArray();
  }
}

function blockRef({ number, hash, parentHash, timestamp }: Header): BlockRef {
  return { height: number, hash, parentHash, time: new Date(timestamp * 1000) };
}

function present(header: Header | null, what: string): Header {
  if (header === null) throw new Error(`the node has no ${what}`);
  return header;
}

/** Node software words its refusals differently; the words below are geth's, Nethermind's, Erigon's and anvil's. */
function refusalOf(reason: string): BroadcastOutcome {
  if (/already known|already imported|known transaction/i.test(reason)) return { kind: 'pending' };
  const refused = (code: Extract<BroadcastOutcome, { kind: 'refused' }>['code']): BroadcastOutcome => ({
    kind: 'refused',
    code,
    reason,
  });
  if (/underpriced|fee too low|less than block base fee|fee cap|feetoolow/i.test(reason)) return refused('fee-too-low');
  if (/insufficient (funds|balance)/i.test(reason)) return refused('funds');
  if (/nonce too low|old nonce|nonce too high|nonce gap/i.test(reason)) return refused('sequence');
  if (/intrinsic gas|gas limit|invalid|rlp|chain id|oversized|exceeds/i.test(reason)) return refused('invalid');
  return refused('other');
}
