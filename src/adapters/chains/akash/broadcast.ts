import type { BroadcastOutcome } from '../../chain.ts';
import { answeredError, WRONG_SEQUENCE } from './node.ts';

type RefusalCode = Extract<BroadcastOutcome, { kind: 'refused' }>['code'];

/**
 * What CheckTx's codes mean to us.
 * https://github.com/cosmos/cosmos-sdk/blob/main/types/errors/errors.go
 */
const CODES: Readonly<Record<number, RefusalCode>> = {
  2: 'invalid',
  4: 'invalid',
  5: 'funds',
  7: 'invalid',
  8: 'invalid',
  9: 'funds',
  10: 'invalid',
  11: 'invalid',
  12: 'invalid',
  13: 'fee-too-low',
  15: 'invalid',
  18: 'invalid',
  21: 'invalid',
  30: 'invalid',
  [WRONG_SEQUENCE]: 'sequence',
};

/** `ErrTxInMempoolCache`: the node has it. */
const IN_MEMPOOL = 19;

/** The outcome of a broadcast that CheckTx answered with a code other than 0. */
export function broadcastRefusal(code: number, log: string): BroadcastOutcome {
  if (code === IN_MEMPOOL) return { kind: 'pending' };
  return { kind: 'refused', code: CODES[code] ?? 'other', reason: `code ${code}: ${log}` };
}

/** The outcome of a broadcast that ended in an error: without an answer from the node itself, nothing is known. */
export function broadcastError(error: unknown): BroadcastOutcome {
  const reason = answeredError(error);
  if (reason === null || reason.includes('tx already exists in cache')) return { kind: 'pending' };
  return { kind: 'refused', code: /too large/i.test(reason) ? 'invalid' : 'other', reason };
}
