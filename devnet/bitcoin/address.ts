import * as secp256k1 from '@bitcoinerlab/secp256k1';
import { address as codec, initEccLib, networks } from 'bitcoinjs-lib';
import { RPC, RpcError } from './rpc-error.ts';

initEccLib(secp256k1);

/** The script an address pays. bcoin knows neither the `bcrt` prefix nor bech32m, so addresses never reach it. */
export function addressScript(address: unknown): Buffer {
  try {
    if (typeof address !== 'string') throw new Error('not text');
    return Buffer.from(codec.toOutputScript(address, networks.regtest));
  } catch {
    throw new RpcError(RPC.invalidAddressOrKey, 'Error: Invalid address');
  }
}

/** The regtest address of a script, or undefined for a script that has none. */
export function scriptAddress(script: Buffer): string | undefined {
  try {
    return codec.fromOutputScript(script, networks.regtest);
  } catch {
    return undefined;
  }
}
