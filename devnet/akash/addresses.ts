import { createHash } from 'node:crypto';
import { fromBech32, toBech32 } from '@cosmjs/encoding';
import { TxError } from './tx-error.ts';

export const PREFIX = 'akash';

/** Address of a module account: the first 20 bytes of the SHA-256 of its name. */
export const moduleAddress = (name: string): string =>
  toBech32(PREFIX, createHash('sha256').update(name).digest().subarray(0, 20));

export const FEE_COLLECTOR = moduleAddress('fee_collector');

/** Accounts that refuse plain sends (`blockedAddrs` of x/bank). */
export const BLOCKED: ReadonlySet<string> = new Set(
  [
    'fee_collector',
    'distribution',
    'mint',
    'bonded_tokens_pool',
    'not_bonded_tokens_pool',
    'gov',
    'transfer',
    'escrow',
    'bme',
  ].map(moduleAddress),
);

/** The canonical (lower-case) form of an address of this chain. Throws `invalid address` for anything else. */
export function canonicalAddress(text: string): string {
  let decoded: ReturnType<typeof fromBech32>;
  try {
    decoded = fromBech32(text);
  } catch (error) {
    throw new TxError('invalidAddress', `decoding bech32 failed: ${error instanceof Error ? error.message : error}`);
  }
  if (decoded.prefix !== PREFIX) {
    throw new TxError('invalidAddress', `invalid Bech32 prefix; expected ${PREFIX}, got ${decoded.prefix}`);
  }
  return toBech32(decoded.prefix, decoded.data);
}
