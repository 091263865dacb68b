import { createHash } from 'node:crypto';
import { verify } from '@bitcoinerlab/secp256k1';
import { rawSecp256k1PubkeyToRawAddress, serializeSignDoc, type StdSignDoc } from '@cosmjs/amino';
import { fromBase64, fromBech32 } from '@cosmjs/encoding';
import type { OwnershipProof } from '../chain.ts';

/**
 * The document a wallet signs to prove that it holds an address: one `sign/MsgSignData` and nothing that could be
 * broadcast. https://github.com/cosmos/cosmos-sdk/blob/main/docs/architecture/adr-036-arbitrary-signature.md
 */
export function adr36Document(address: string, data: string): StdSignDoc {
  const value = { signer: address, data: Buffer.from(data, 'utf8').toString('base64') };
  return {
    chain_id: '',
    account_number: '0',
    sequence: '0',
    fee: { gas: '0', amount: [] },
    msgs: [{ type: 'sign/MsgSignData', value }],
    memo: '',
  };
}

/**
 * Whether the signature over the data is by the key of that address. The bech32 prefix is the caller's to check.
 * False, never an exception, for input of any other form.
 */
export function verifyAdr36({ address, pubkey, signature, data }: OwnershipProof): boolean {
  try {
    const key = fromBase64(pubkey);
    if (!Buffer.from(fromBech32(address).data).equals(rawSecp256k1PubkeyToRawAddress(key))) return false;
    const digest = createHash('sha256')
      .update(serializeSignDoc(adr36Document(address, data)))
      .digest();
    return verify(digest, key, fromBase64(signature), true);
  } catch (error) {
    // The decoders throw on malformed text, which proves nothing: the same as a wrong signature.
    if (error instanceof Error) return false;
    throw error;
  }
}
