import { divide } from '../../../money/rate.ts';

/** Weight of version, lock time, marker, flag and one-byte counts. */
const OVERHEAD_WEIGHT = 42n;
/** A P2WPKH input with a 72-byte signature, the longest there is: 41 bytes without witness, 108 in it. */
const INPUT_WEIGHT = 272n;
/** A P2TR or P2WSH output script, the longest standard one. */
const LONGEST_SCRIPT = 34;
/** Sat/vB Core prices dust at (`dustrelayfee`). */
const DUST_RATE = 3n;

/** Virtual size of a transaction of P2WPKH inputs, rounded up (BIP-141); never less than what is signed. */
export function virtualSize(inputs: number, scriptLengths: readonly number[]): bigint {
  const outputs = scriptLengths.reduce((sum, length) => sum + 4n * BigInt(9 + length), 0n);
  return divide(OVERHEAD_WEIGHT + INPUT_WEIGHT * BigInt(inputs) + outputs, 4n, 'ceil');
}

/** Upper estimate of a payment's virtual size when only the number of outputs is known. */
export function virtualSizeMax(inputs: number, outputs: number): bigint {
  return virtualSize(
    inputs,
    Array.from({ length: outputs }, () => LONGEST_SCRIPT),
  );
}

/**
 * Least value nodes relay for an output: 294 sat for P2WPKH, 330 for P2WSH and P2TR, 540 for P2SH, 546 for P2PKH.
 * https://github.com/bitcoin/bitcoin/blob/master/src/policy/policy.cpp (GetDustThreshold)
 */
export function dustLimit(script: Uint8Array): bigint {
  const version = script[0] ?? 0;
  const program = script[1] === script.length - 2 && (version === 0 || (version >= 0x51 && version <= 0x60));
  return DUST_RATE * BigInt(9 + script.length + (program ? 67 : 148));
}
