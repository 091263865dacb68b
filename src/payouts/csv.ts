/** A cell of a table: text, or null for nothing. */
export type Cell = string | null;

/** Text that a spreadsheet would run. https://owasp.org/www-community/attacks/CSV_Injection */
const FORMULA = /^[=+\-@\t\r]/;
/** A plain number is data, with its sign. */
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?$/;

/**
 * A table as RFC 4180 has it: CRLF after every record, the first one the names. A cell that a spreadsheet would take for a
 * formula starts with an apostrophe.
 */
export const csv = (names: readonly string[], rows: readonly (readonly Cell[])[]): string =>
  [names, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');

function cell(value: Cell): string {
  const text = value ?? '';
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
