import { createHash } from 'node:crypto';
import * as secp256k1 from '@bitcoinerlab/secp256k1';
import { rawSecp256k1PubkeyToRawAddress } from '@cosmjs/amino';
import { fromBech32, toBech32 } from '@cosmjs/encoding';
import { BIP32Factory } from 'bip32';
import type { AddressCheck } from '../../chain.ts';

export const PREFIX = 'akash';

const bip32 = BIP32Factory(secp256k1);

/** Module accounts, by the names they are registered under. The bank refuses plain sends to them. */
const MODULES = [
  'audit',
  'bme',
  'bonded_tokens_pool',
  'cert',
  'deployment',
  'distribution',
  'epochs',
  'escrow',
  'fee_collector',
  'gov',
  'market',
  'mint',
  'not_bonded_tokens_pool',
  'oracle',
  'provider',
  'sink',
  'take',
  'transfer',
  'wasm',
] as const;

/**
 * Address of a module account: the first 20 bytes of the SHA-256 of its name.
 * https://github.com/cosmos/cosmos-sdk/blob/main/docs/architecture/adr-028-public-key-addresses.md
 */
export const moduleAddress = (name: string): string =>
  toBech32(PREFIX, createHash('sha256').update(name).digest().subarray(0, 20));

const MODULE_BY_ADDRESS: ReadonlyMap<string, string> = new Map(MODULES.map((name) => [moduleAddress(name), name]));

/** 20 bytes for keys, 32 for contracts and groups. */
const ADDRESS_LENGTHS: readonly number[] = [20, 32];

/** Checks prefix, checksum and length; the canonical form is lower case. */
export function checkAddress(text: string): AddressCheck {
  try {
    const { prefix, data } = fromBech32(text);
    if (prefix !== PREFIX) return { kind: 'invalid', reason: `the address must start with ${PREFIX}1` };
    if (!ADDRESS_LENGTHS.includes(data.length)) return { kind: 'invalid', reason: 'the address has a wrong length' };
    const canonical = toBech32(prefix, data);
    const module = MODULE_BY_ADDRESS.get(canonical);
    if (module) return { kind: 'invalid', reason: `the address belongs to the chain's ${module} module` };
    return { kind: 'valid', canonical };
  } catch (error) {
    return { kind: 'invalid', reason: error instanceof Error ? error.message : 'the address is not bech32' };
  }
}

/** Address of a compressed secp256k1 key. */
export const addressOf = (pubkey: Uint8Array): string => toBech32(PREFIX, rawSecp256k1PubkeyToRawAddress(pubkey));

/** Address at a path such as `1/7` below an account key (xpub of m/44'/118'/0'). */
export const derivedAddress = (xpub: string, path: string): string =>
  addressOf(bip32.fromBase58(xpub).derivePath(path).publicKey);

/** Private key at a path below an account key (xprv), or the 32-byte hex key itself. */
export function privateKey(secret: string, path: string): Uint8Array {
  if (/^[0-9a-f]{64}$/i.test(secret)) return Buffer.from(secret, 'hex');
  const { privateKey: key } = bip32.fromBase58(secret).derivePath(path);
  if (!key) throw new Error('the account secret is a public key');
  return key;
}
