import { createHash } from 'node:crypto';
import { verify } from '@bitcoinerlab/secp256k1';
import { makeSignDoc, serializeSignDoc } from '@cosmjs/amino';
import { fromBase64 } from '@cosmjs/encoding';
import { AminoTypes, createBankAminoConverters } from '@cosmjs/stargate';
import { MsgMultiSend, MsgSend } from 'cosmjs-types/cosmos/bank/v1beta1/tx.js';
import { SignMode } from 'cosmjs-types/cosmos/tx/signing/v1beta1/signing.js';
import { SignDoc } from 'cosmjs-types/cosmos/tx/v1beta1/tx.js';
import type { DecodedTx } from './ante.ts';

interface Signing {
  readonly chainId: string;
  readonly accountNumber: number;
  readonly sequence: number;
}

const AMINO = new AminoTypes(createBankAminoConverters());

/** Whether the transaction's one signature is by that key (base64), in direct or amino-JSON mode; low S only. */
export function isSignedBy(pubkey: string, tx: DecodedTx, signing: Signing): boolean {
  const [signature, ...others] = tx.signatures;
  if (signature?.length !== 64 || others.length > 0) return false;
  const bytes = signBytes(tx, signing);
  if (!bytes) return false;
  return verify(createHash('sha256').update(bytes).digest(), fromBase64(pubkey), signature, true);
}

function signBytes(tx: DecodedTx, { chainId, accountNumber, sequence }: Signing): Uint8Array | null {
  const mode = tx.authInfo.signerInfos[0]?.modeInfo?.single?.mode;
  if (mode === SignMode.SIGN_MODE_DIRECT) {
    const { bodyBytes, authInfoBytes } = tx;
    return SignDoc.encode({ bodyBytes, authInfoBytes, chainId, accountNumber: BigInt(accountNumber) }).finish();
  }
  if (mode !== SignMode.SIGN_MODE_LEGACY_AMINO_JSON) return null;
  const { messages, memo, timeoutHeight } = tx.body;
  const fee = { amount: tx.authInfo.fee?.amount ?? [], gas: String(tx.authInfo.fee?.gasLimit ?? 0n) };
  const amino = messages.map(({ typeUrl, value }) =>
    AMINO.toAmino({
      typeUrl,
      value: typeUrl === MsgSend.typeUrl ? MsgSend.decode(value) : MsgMultiSend.decode(value),
    }),
  );
  const timeout = timeoutHeight === 0n ? undefined : timeoutHeight;
  return serializeSignDoc(makeSignDoc(amino, fee, chainId, memo, accountNumber, sequence, timeout));
}
