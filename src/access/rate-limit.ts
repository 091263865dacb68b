/** What a caller has left, for the `RateLimit-*` headers. */
export interface Allowance {
  readonly limit: number;
  readonly remaining: number;
  /** Whole seconds until the next request is allowed (when refused) or the allowance is full again. */
  readonly resetS: number;
  readonly allowed: boolean;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * A token bucket for each name: `perSecond` requests, with bursts up to one second's worth. In memory, so each process
 * counts for itself; full buckets are forgotten.
 */
export class RateLimit {
  private readonly buckets = new Map<string, Bucket>();

  constructor(
    private readonly perSecond: number,
    private readonly bucketsMax = 10_000,
  ) {}

  /** Takes one request from the bucket of `name` at `nowMs`, a monotonic time in milliseconds. */
  take(name: string, nowMs: number): Allowance {
    const bucket = this.filled(name, nowMs);
    const allowed = bucket.tokens >= 1;
    if (allowed) bucket.tokens -= 1;
    const missing = allowed ? this.perSecond - bucket.tokens : 1 - bucket.tokens;
    return {
      limit: this.perSecond,
      remaining: Math.floor(bucket.tokens),
      resetS: Math.ceil(missing / this.perSecond),
      allowed,
    };
  }

  private filled(name: string, nowMs: number): Bucket {
    let bucket = this.buckets.get(name);
    if (bucket === undefined) {
      if (this.buckets.size >= this.bucketsMax) this.forgetFull(nowMs);
      bucket = { tokens: this.perSecond, atMs: nowMs };
      this.buckets.set(name, bucket);
    }
    bucket.tokens = Math.min(this.perSecond, bucket.tokens + ((nowMs - bucket.atMs) * this.perSecond) / 1000);
    bucket.atMs = nowMs;
    return bucket;
  }

  private forgetFull(nowMs: number): void {
    for (const [name, { atMs }] of this.buckets) if (nowMs - atMs >= 1000) this.buckets.delete(name);
    if (this.buckets.size >= this.bucketsMax) this.buckets.clear();
  }
}
