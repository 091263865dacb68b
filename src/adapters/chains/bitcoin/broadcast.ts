import type { BroadcastOutcome } from '../../chain.ts';

type RefusalCode = Extract<BroadcastOutcome, { kind: 'refused' }>['code'];

const ALREADY_IN_CHAIN = -27;
const DECODE_FAILED = -22;

/** First match decides. Reasons are Core's reject reasons (src/validation.cpp, src/policy/rbf.cpp). */
const REASONS: readonly (readonly [RegExp, RefusalCode])[] = [
  [/insufficient fee|min relay fee not met|mempool min fee not met|mempool full|replacement-failed/, 'fee-too-low'],
  [/bad-txns-inputs-missingorspent|txn-mempool-conflict|bad-txns-spends-conflicting-tx|Missing inputs/, 'conflict'],
  [/bad-txns-in-belowout|bad-txns-premature-spend-of-coinbase/, 'funds'],
  [/dust|script-verify|bad-txns|bad-witness|scriptpubkey|tx-size|coinbase|non-final|max-?fee/i, 'invalid'],
];

/** What a refused `sendrawtransaction` means; null when the node holds the very transaction already. */
export function refusalCode(code: number, message: string): RefusalCode | null {
  if (code === ALREADY_IN_CHAIN) return null;
  if (/txn-already-in-mempool|txn-already-known|txn-same-nonwitness-data-in-mempool/.test(message)) return null;
  if (code === DECODE_FAILED) return 'invalid';
  return REASONS.find(([pattern]) => pattern.test(message))?.[1] ?? 'other';
}
