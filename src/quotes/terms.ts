/** The rules for money that does not fit, fixed in the quote. No later call changes them. */
export interface Terms {
  /** Less than the quoted amount: credited in proportion; the rest until `fundBy` at the locked rate. */
  readonly short: 'proportion';
  /** More than the size: never converted; sent back in kind, or kept as credit for the next lock of this asset. */
  readonly over: 'return' | 'credit';
  /** After its time: the rate when it is credited while the lease is open, else in kind. */
  readonly late: 'currentRate';
  /** For a lease that ran dry before the money came: resume from then, or send it back in kind. */
  readonly afterDepletion: 'resume' | 'return';
  /** Unspent escrow at close: sold at the current bid less cost into the asset paid, or sent in the line's asset. */
  readonly refund: 'market' | 'inKind';
}
