import { type Interface, Transaction, Wallet } from 'ethers';
import { z } from 'zod';
import type { Asset } from '../../../money/asset.ts';
import type { ContractCall, Output, SendRequest, Signed } from '../../chain.ts';
import { BATCH_PAYER, ERC20 } from './abi.ts';

/** What `Unsigned.body` holds: who must sign, and the unsigned EIP-1559 transaction. */
const bodySchema = z.strictObject({ from: z.string(), tx: z.string() });

/** The contracts that give calldata a meaning as payments. */
export interface PaymentContracts {
  readonly native: Asset;
  readonly tokens: readonly Asset[];
  readonly batchPayer: string | null;
}

/**
 * The tip is this part of the fee rate, so that raising the rate raises both prices a replacement must raise.
 * https://eips.ethereum.org/EIPS/eip-1559
 */
export const TIP_DIVISOR = 10n;

export const tipOf = (feeRate: bigint): bigint => (feeRate + TIP_DIVISOR - 1n) / TIP_DIVISOR;

/** The call that makes plain payments: ether, one ERC-20 `transfer`, or the batch payer for several of one token. */
export function paymentCall(contracts: PaymentContracts, outputs: readonly Output[]): ContractCall {
  const [first] = outputs;
  if (first === undefined) throw new Error('a payment has at least one output');
  if (outputs.some(({ asset }) => asset !== first.asset)) throw new Error('one transaction pays one asset');
  if (first.asset === contracts.native.id) {
    if (outputs.length > 1) throw new Error('ether is paid to one address a transaction');
    return { to: first.address, data: '0x', value: first.units };
  }
  const token = contracts.tokens.find(({ id }) => id === first.asset)?.reference;
  if (token == null) throw new Error(`${first.asset} is not an asset of this chain`);
  if (outputs.length === 1)
    return { to: token, data: ERC20.encodeFunctionData('transfer', [first.address, first.units]), value: 0n };
  if (contracts.batchPayer === null) throw new Error('several outputs need the batch payer contract');
  const lists = [outputs.map(({ address }) => address), outputs.map(({ units }) => units)];
  return { to: contracts.batchPayer, data: BATCH_PAYER.encodeFunctionData('pay', [token, ...lists]), value: 0n };
}

/** The unsigned transaction of a call, as text. */
export function encodeBody(
  { anchor, feeRate }: SendRequest,
  call: ContractCall,
  { chainId, gasLimit }: { readonly chainId: number; readonly gasLimit: bigint },
): string {
  if (anchor.kind !== 'nonce') throw new Error(`an EVM transaction is anchored by a nonce, not by ${anchor.kind}`);
  const transaction = new Transaction();
  transaction.type = 2;
  transaction.chainId = chainId;
  transaction.nonce = Number(anchor.nonce);
  transaction.to = call.to;
  transaction.data = call.data;
  transaction.value = call.value;
  transaction.gasLimit = gasLimit;
  transaction.maxFeePerGas = feeRate;
  transaction.maxPriorityFeePerGas = tipOf(feeRate);
  return JSON.stringify({ from: anchor.signer, tx: transaction.unsignedSerialized });
}

/** What a body does, read from its bytes alone. Calldata that is no plain payment is a `call`. */
export function decodeBody(
  body: string,
  chainId: number,
  contracts: PaymentContracts,
): { readonly outputs: readonly Output[]; readonly call?: ContractCall; readonly feeUnitsMax: bigint } {
  const { to, data, value, gasLimit, maxFeePerGas, chainId: ofChain } = parse(body).transaction;
  if (ofChain !== BigInt(chainId) || to === null || maxFeePerGas === null)
    throw new Error('the transaction is of another chain, creates a contract or names no fee');
  const feeUnitsMax = gasLimit * maxFeePerGas;
  const outputs = plainPayment({ to, data, value }, contracts);
  return outputs === null ? { outputs: [], call: { to, data, value }, feeUnitsMax } : { outputs, feeUnitsMax };
}

/** Signs a body. @throws when the key is not that of the account the body was built for. */
export function signBody(body: string, secret: string): Signed {
  const wallet = new Wallet(secret.startsWith('0x') ? secret : `0x${secret}`);
  const { from, transaction } = parse(body);
  if (from !== wallet.address) throw new Error('the key is not that of the account the transaction was built for');
  transaction.signature = wallet.signingKey.sign(transaction.unsignedHash);
  if (transaction.hash === null) throw new Error('a signed transaction has a hash');
  return { txId: transaction.hash, raw: transaction.serialized };
}

function parse(body: string): { from: string; transaction: Transaction } {
  const { from, tx } = bodySchema.parse(JSON.parse(body));
  return { from, transaction: Transaction.from(tx) };
}

function plainPayment({ to, data, value }: ContractCall, contracts: PaymentContracts): Output[] | null {
  if (data === '0x') return [{ address: to, asset: contracts.native.id, units: value }];
  if (value !== 0n) return null;
  const asset = contracts.tokens.find(({ reference }) => reference === to);
  if (asset !== undefined) {
    const args = exactArguments(ERC20, 'transfer', data);
    if (args === null) return null;
    const [address, units] = args as [string, bigint];
    return [{ address, asset: asset.id, units }];
  }
  if (to !== contracts.batchPayer) return null;
  const args = exactArguments(BATCH_PAYER, 'pay', data);
  const token = contracts.tokens.find(({ reference }) => reference === args?.[0]);
  if (args === null || token === undefined) return null;
  const [, recipients, units] = args as [string, string[], bigint[]];
  if (recipients.length !== units.length) return null;
  return recipients.map((address, n) => ({ address, asset: token.id, units: units[n] ?? 0n }));
}

/** Arguments of calldata that is byte for byte what those arguments encode to; null for anything else. */
function exactArguments(contract: Interface, method: string, data: string): unknown[] | null {
  if (data.slice(0, 10) !== contract.getFunction(method)?.selector) return null;
  const args = contract.decodeFunctionData(method, data).toArray(true);
  return contract.encodeFunctionData(method, args) === data ? args : null;
}
