import type { Tx } from '../platform/database.ts';
import type { FundedUntil } from './lease-views.ts';
import { type LineRow, type Ticks, ticksNow } from './rows.ts';

/** Where the clocks stand and how fast Akash blocks come, to turn a height into a time. */
export interface Pace {
  readonly ticks: Ticks;
  readonly blockUs: bigint;
}

/** Blocks the pace is measured over. */
const SAMPLE = 1_000;

/** The present pace, measured over the last blocks that were read. */
export async function paceOf(tx: Tx): Promise<Pace> {
  const ticks = await ticksNow(tx);
  const [row] = await tx.$queryRaw<{ us: bigint | null }[]>`
    SELECT (extract(epoch FROM max(time) - min(time)) * 1000000 / nullif(max(height) - min(height), 0))::bigint AS us
    FROM chain_blocks WHERE chain = 'akash' AND height > ${ticks['akash-height'] - BigInt(SAMPLE)}`;
  return { ticks, blockUs: row?.us ?? 0n };
}

/** The last tick a running line is funded for; null for others. */
export function fundedUntil(line: LineRow, { ticks, blockUs }: Pace): FundedUntil | null {
  if (line.clock === 'once' || line.depletesTick === null) return null;
  const ahead = line.depletesTick - ticks[line.clock];
  const seconds = line.clock === 'utc' ? line.depletesTick : ticks.utc + (ahead * blockUs) / 1_000_000n;
  return { clock: line.clock, tick: line.depletesTick.toString(), estimatedAt: timeAt(seconds) };
}

/** The one that ends first. */
export const soonest = (ends: readonly (FundedUntil | null)[]): FundedUntil | null =>
  ends.reduce(
    (first, end) => (end !== null && (first === null || end.estimatedAt < first.estimatedAt) ? end : first),
    null,
  );

/** The end of year 9999, the last that RFC 3339 can write. */
const LAST_MS = 253_402_300_799_000n;

function timeAt(seconds: bigint): string {
  const ms = seconds * 1_000n;
  // A time fits a JS number exactly up to there; it is never an amount.
  return new Date(parseInt((ms > LAST_MS ? LAST_MS : ms).toString(), 10)).toISOString();
}
