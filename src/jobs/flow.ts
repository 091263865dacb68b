/**
 * The business as one table. What happens is written to the outbox in the transaction that makes it happen; each event
 * wakes the jobs on its right. A wake-up carries no data: a job asks the database what is due, so a lost, doubled or late
 * one changes nothing, and every job also runs by itself at its own pace.
 */
export const FLOW = {
  // A lease is opened by POST /v1/leases; its deposit address is watched from then on.
  'lease.created': [],
  'lock.opened': [],
  'asset.state_changed': [],
  // An operator let a parked item go: the job finds it by itself.
  'job.released': [],
  'deposit.unclaimed': [],
  'deposit.seen': [],
  // Deep enough: the money is in suspense, and is now applied at the lock.
  'deposit.confirmed': ['credit-deposits'],
  'deposit.dropped': [],
  'deposit.credited': ['flatten-desk'],
  'deposit.released': ['release-lots', 'sweep-deposits'],
  // Does not fit: it goes back the way it came.
  'deposit.return-due': ['make-refunds'],
  // The chain was reorganised: payouts of the lease wait until the money is back, or is unwound.
  'deposit.reorged': ['review-reorgs'],
  'deposit.restored': ['review-reorgs', 'credit-deposits'],
  'deposit.unwound': ['review-reorgs', 'flatten-desk'],
  'lease.active': [],
  'lease.depleted': ['settle-payouts'],
  'lock.closed': ['expire-leases', 'flatten-desk'],
  'lease.expired': ['make-refunds'],
  // Closed: what is unspent is refunded.
  'lease.closed': ['make-refunds', 'settle-payouts'],
  // Announced, and told again when it takes effect.
  'payee.change_requested': [],
  'payee.change_cancelled': [],
  'payee.changed': [],
  'payee.key_issued': [],
  'swap.planned': ['advance-swaps'],
  'swap.done': ['flatten-desk'],
  // Contradicting evidence, or a float below its mark: for the operator.
  'swap.held': [],
  'float.low': [],
  'swap.failed': ['flatten-desk'],
  'payout.planned': ['advance-sends'],
  'payout.confirmed': [],
  'refund.planned': ['advance-sends'],
  'refund.confirmed': [],
  // Everything that leaves goes through one door.
  'send.planned': ['advance-sends'],
  'send.confirmed': ['settle-payouts', 'make-refunds', 'advance-swaps'],
  'send.failed': ['settle-payouts', 'make-refunds', 'advance-swaps'],
} as const satisfies Record<string, readonly JobName[]>;

/** How often a job runs by itself, and whether once for all or for each chain. */
export interface Pace {
  readonly every: 'tick' | 'minute' | 'hour';
  readonly per: 'service' | 'chain';
}

/** Every job. A name without a job, or a job without a name here, stops the worker at start. */
export const JOBS = {
  'watch-chain': { every: 'tick', per: 'chain' },
  'confirm-deposits': { every: 'tick', per: 'chain' },
  'credit-deposits': { every: 'tick', per: 'service' },
  'release-lots': { every: 'tick', per: 'service' },
  'review-reorgs': { every: 'tick', per: 'service' },
  'deplete-leases': { every: 'tick', per: 'service' },
  'close-locks': { every: 'tick', per: 'service' },
  'expire-leases': { every: 'tick', per: 'service' },
  'flatten-desk': { every: 'tick', per: 'service' },
  'advance-swaps': { every: 'tick', per: 'service' },
  'settle-payouts': { every: 'tick', per: 'service' },
  'make-refunds': { every: 'tick', per: 'service' },
  'advance-sends': { every: 'tick', per: 'service' },
  'sweep-deposits': { every: 'minute', per: 'service' },
  'order-events': { every: 'tick', per: 'service' },
  'seal-ledger': { every: 'tick', per: 'service' },
  reconcile: { every: 'minute', per: 'service' },
  housekeeping: { every: 'hour', per: 'service' },
} as const satisfies Record<string, Pace>;

export type JobName =
  | 'watch-chain'
  | 'confirm-deposits'
  | 'credit-deposits'
  | 'release-lots'
  | 'review-reorgs'
  | 'deplete-leases'
  | 'close-locks'
  | 'expire-leases'
  | 'flatten-desk'
  | 'advance-swaps'
  | 'settle-payouts'
  | 'make-refunds'
  | 'advance-sends'
  | 'sweep-deposits'
  | 'order-events'
  | 'seal-ledger'
  | 'reconcile'
  | 'housekeeping';

export const EVERY_JOB = Object.keys(JOBS) as JobName[];

/** The jobs an event wakes; none for one that only tells. */
export function wokenBy(eventType: string): readonly JobName[] {
  return Object.hasOwn(FLOW, eventType) ? FLOW[eventType as keyof typeof FLOW] : [];
}
