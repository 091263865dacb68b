import { createHash } from 'node:crypto';
import { pointFromScalar, sign } from '@bitcoinerlab/secp256k1';
import { MsgMultiSend, MsgSend } from 'cosmjs-types/cosmos/bank/v1beta1/tx.js';
import { PubKey } from 'cosmjs-types/cosmos/crypto/secp256k1/keys.js';
import { SignMode } from 'cosmjs-types/cosmos/tx/signing/v1beta1/signing.js';
import { AuthInfo, SignDoc, TxBody, TxRaw } from 'cosmjs-types/cosmos/tx/v1beta1/tx.js';
import type { Any } from 'cosmjs-types/google/protobuf/any.js';
import { z } from 'zod';
import { addressOf, privateKey } from './address.ts';

export const FEE_DENOM = 'uakt';

/** SDK default of x/auth's `max_memo_characters`, counted in bytes. */
export const MEMO_BYTES_MAX = 256;

/** Money to one address, in base units of a bank denom. */
export interface DenomOutput {
  readonly address: string;
  readonly denom: string;
  readonly units: bigint;
}

const digits = z.string().regex(/^(0|[1-9]\d*)$/);
const draftSchema = z.object({
  chainId: z.string(),
  signer: z.string(),
  path: z.string(),
  accountNumber: digits,
  sequence: digits,
  gasLimit: digits,
  feeUnits: digits,
  /** Protobuf `TxBody`, base64. */
  txBody: z.string(),
});

/** Everything that is signed, apart from the public key, which the signer's secret gives. */
export type Draft = z.output<typeof draftSchema>;

export const readDraft = (body: string): Draft => draftSchema.parse(JSON.parse(body));

/** One MsgSend, or one MsgMultiSend for several outputs. https://docs.cosmos.network/main/build/modules/bank */
export function paymentMessage(sender: string, outputs: readonly DenomOutput[]): Any {
  const [first, ...others] = outputs;
  if (!first) throw new Error('a payment needs an output');
  if (others.length === 0) {
    const amount = [{ denom: first.denom, amount: String(first.units) }];
    const value = MsgSend.encode({ fromAddress: sender, toAddress: first.address, amount }).finish();
    return { typeUrl: MsgSend.typeUrl, value };
  }
  const totals = new Map<string, bigint>();
  for (const { denom, units } of outputs) totals.set(denom, (totals.get(denom) ?? 0n) + units);
  // The chain refuses coins that are not sorted by denom.
  const coins = [...totals]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([denom, units]) => ({ denom, amount: String(units) }));
  const value = MsgMultiSend.encode({
    inputs: [{ address: sender, coins }],
    outputs: outputs.map(({ address, denom, units }) => ({ address, coins: [{ denom, amount: String(units) }] })),
  }).finish();
  return { typeUrl: MsgMultiSend.typeUrl, value };
}

/** The payments a draft's body makes. Throws for any other message or another sender: neither was built here. */
export function paymentsOf(draft: Draft): DenomOutput[] {
  const { messages } = TxBody.decode(Buffer.from(draft.txBody, 'base64'));
  return messages.flatMap(({ typeUrl, value }) => {
    if (typeUrl === MsgSend.typeUrl) {
      const { fromAddress, toAddress, amount } = MsgSend.decode(value);
      requireSender(draft, [fromAddress]);
      return amount.map((coin) => ({ address: toAddress, denom: coin.denom, units: BigInt(coin.amount) }));
    }
    if (typeUrl !== MsgMultiSend.typeUrl) throw new Error(`a payment does not hold ${typeUrl}`);
    const { inputs, outputs } = MsgMultiSend.decode(value);
    requireSender(
      draft,
      inputs.map(({ address }) => address),
    );
    return outputs.flatMap(({ address, coins }) =>
      coins.map(({ denom, amount }) => ({ address, denom, units: BigInt(amount) })),
    );
  });
}

function requireSender({ signer }: Draft, senders: readonly string[]): void {
  if (senders.some((sender) => sender !== signer)) throw new Error(`the payment is not from ${signer}`);
}

/** The transaction without key and signature, as `Simulate` takes it: any gas limit will do. */
export function simulationBytes(txBody: Uint8Array, sequence: bigint): Uint8Array {
  const authInfoBytes = authInfo({ sequence, gasLimit: 0n, feeUnits: 0n, pubkey: null });
  return TxRaw.encode({ bodyBytes: txBody, authInfoBytes, signatures: [new Uint8Array()] }).finish();
}

/**
 * Signs in direct mode: the same draft and secret give the same bytes (RFC 6979, low S).
 * Throws unless the secret is the signer's.
 */
export function signDraft(draft: Draft, secret: string): Uint8Array {
  const key = privateKey(secret, draft.path);
  const pubkey = pointFromScalar(key, true);
  if (!pubkey || addressOf(pubkey) !== draft.signer) throw new Error(`the secret is not that of ${draft.signer}`);
  const bodyBytes = Buffer.from(draft.txBody, 'base64');
  const authInfoBytes = authInfo({
    sequence: BigInt(draft.sequence),
    gasLimit: BigInt(draft.gasLimit),
    feeUnits: BigInt(draft.feeUnits),
    pubkey,
  });
  const accountNumber = BigInt(draft.accountNumber);
  const signBytes = SignDoc.encode({ bodyBytes, authInfoBytes, chainId: draft.chainId, accountNumber }).finish();
  const signature = sign(createHash('sha256').update(signBytes).digest(), key);
  return TxRaw.encode({ bodyBytes, authInfoBytes, signatures: [signature] }).finish();
}

interface AuthFacts {
  readonly sequence: bigint;
  readonly gasLimit: bigint;
  readonly feeUnits: bigint;
  readonly pubkey: Uint8Array | null;
}

function authInfo({ sequence, gasLimit, feeUnits, pubkey }: AuthFacts): Uint8Array {
  const publicKey = pubkey && { typeUrl: PubKey.typeUrl, value: PubKey.encode({ key: pubkey }).finish() };
  const signer = { sequence, modeInfo: { single: { mode: SignMode.SIGN_MODE_DIRECT } } };
  const amount = feeUnits === 0n ? [] : [{ denom: FEE_DENOM, amount: String(feeUnits) }];
  return AuthInfo.encode(
    AuthInfo.fromPartial({
      signerInfos: [publicKey ? { ...signer, publicKey } : signer],
      fee: { amount, gasLimit, payer: '', granter: '' },
    }),
  ).finish();
}

/** A transaction's id: the SHA-256 of its bytes, upper-case hex. */
export const transactionId = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex').toUpperCase();

/** The anchor a signed transaction spends: its (only) signer's sequence. Null for one not of that form. */
export function anchorOf(bytes: Uint8Array): { readonly signer: string; readonly sequence: bigint } | null {
  const { bodyBytes, authInfoBytes } = TxRaw.decode(bytes);
  const [info, ...others] = AuthInfo.decode(authInfoBytes).signerInfos;
  const [message] = TxBody.decode(bodyBytes).messages;
  if (!info || !message || others.length > 0) return null;
  if (message.typeUrl === MsgSend.typeUrl) {
    return { signer: MsgSend.decode(message.value).fromAddress, sequence: info.sequence };
  }
  if (message.typeUrl !== MsgMultiSend.typeUrl) return null;
  const signer = MsgMultiSend.decode(message.value).inputs[0]?.address;
  return signer === undefined ? null : { signer, sequence: info.sequence };
}
