const GRAMMAR = /^P(?:(\d{1,6})W|(?:(\d{1,6})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,12})S)?)?)$/;
const SECONDS = [604_800n, 86_400n, 3_600n, 60n, 1n];

/**
 * Whole seconds of an ISO 8601 duration in weeks, or days, hours, minutes and seconds; null for anything else. Years and
 * months have no fixed length and are not durations here.
 */
export function parseDuration(text: string): bigint | null {
  const match = GRAMMAR.exec(text);
  if (match === null || text.endsWith('T') || text === 'P') return null;
  return SECONDS.reduce((sum, seconds, part) => sum + seconds * BigInt(match[part + 1] ?? '0'), 0n);
}

/** ISO 8601 duration of whole seconds: `P30DT12H`. */
export function formatDuration(seconds: bigint): string {
  if (seconds === 0n) return 'PT0S';
  const [days, hours] = [seconds / 86_400n, (seconds % 86_400n) / 3_600n];
  const [minutes, rest] = [(seconds % 3_600n) / 60n, seconds % 60n];
  const part = (count: bigint, letter: string) => (count === 0n ? '' : `${count}${letter}`);
  const time = part(hours, 'H') + part(minutes, 'M') + part(rest, 'S');
  return `P${part(days, 'D')}${time === '' ? '' : `T${time}`}`;
}
