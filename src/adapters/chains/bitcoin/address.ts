import { address as codec, type Network } from 'bitcoinjs-lib';
import type { AddressCheck } from '../../chain.ts';
import { type BitcoinNetwork, NETWORKS } from './network.ts';

/** Script an address of this network pays. Throws on anything that is not one. */
export function scriptOf(address: string, network: BitcoinNetwork): Uint8Array {
  return codec.toOutputScript(address, NETWORKS[network].params);
}

/** Address of a script; throws for a script that has none. */
export function addressOf(script: Uint8Array, network: BitcoinNetwork): string {
  return codec.fromOutputScript(script, NETWORKS[network].params);
}

/**
 * Checks form, checksum (BIP-173, BIP-350, Base58Check) and network. Every standard type can be paid: P2PKH, P2SH,
 * P2WPKH, P2WSH, P2TR. Witness versions without a meaning yet are refused: anybody could spend them.
 */
export function checkBitcoinAddress(text: string, network: BitcoinNetwork): AddressCheck {
  const { params } = NETWORKS[network];
  const separator = text.lastIndexOf('1');
  const prefix = text.slice(0, Math.max(separator, 0)).toLowerCase();
  const segwit = ['bc', 'tb', 'bcrt'].includes(prefix);
  return segwit ? checkSegwit(text, prefix, params) : checkBase58(text, params);
}

const invalid = (reason: string): AddressCheck => ({ kind: 'invalid', reason });

function checkSegwit(text: string, prefix: string, params: Network): AddressCheck {
  if (prefix !== params.bech32) return invalid(`an address of another network (${prefix}), not of ${params.bech32}`);
  try {
    const { version, data } = codec.fromBech32(text);
    if (version > 1 || (version === 1 && data.length !== 32)) return invalid('an unknown witness version');
    codec.toOutputScript(text, params);
    return { kind: 'valid', canonical: text.toLowerCase() };
  } catch {
    return invalid('not a valid bech32 address: mistyped, or its checksum is wrong');
  }
}

function checkBase58(text: string, params: Network): AddressCheck {
  try {
    const { version } = codec.fromBase58Check(text);
    if (version === params.pubKeyHash || version === params.scriptHash) return { kind: 'valid', canonical: text };
    return invalid('an address of another network');
  } catch {
    return invalid('not a Bitcoin address: mistyped, or its checksum is wrong');
  }
}
