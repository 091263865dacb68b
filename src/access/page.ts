import { z } from 'zod';
import { Refusal } from '../platform/refusal.ts';

/** Query of every list: `limit` and the `cursor` of the page before. */
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20).meta({ description: 'Objects on a page, 1 to 100' }),
  cursor: z
    .string()
    .max(512)
    .optional()
    .meta({ description: "`nextCursor` of the page before; without it the list's start" }),
});

export type PageQuery = z.output<typeof pageQuery>;

export interface Page<T> {
  readonly data: T[];
  /** Cursor of the next page; null at the end. */
  readonly nextCursor: string | null;
}

/** Schema of a page of objects. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ data: z.array(item), nextCursor: z.string().nullable() });

/**
 * A page from `limit + 1` rows of a list that was read after a cursor. `list` names the list (`quotes`) and `positionOf`
 * is what its query continues after.
 */
export function page<Row, T>(
  list: string,
  rows: readonly Row[],
  limit: number,
  positionOf: (row: Row) => string,
  view: (row: Row) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { data: shown.map(view), nextCursor: more ? cursorOf(list, positionOf(last)) : null };
}

/** The cursor of a position in a list: opaque to callers. */
export const cursorOf = (list: string, position: string): string =>
  Buffer.from(`${list} ${position}`).toString('base64url');

/**
 * The position a cursor of this list stands for, undefined without a cursor.
 * @throws Refusal `invalid_cursor` for a cursor of another list or one that does not fit `grammar`.
 */
export function readCursor(list: string, cursor: string | undefined, grammar: RegExp): string | undefined {
  if (cursor === undefined) return undefined;
  const text = Buffer.from(cursor, 'base64url').toString();
  const position = text.slice(list.length + 1);
  if (cursorOf(list, position) !== cursor || !grammar.test(position)) {
    throw new Refusal('invalid_cursor', { field: 'cursor', expected: 'nextCursor of a page of this list, unchanged' });
  }
  return position;
}

/** A place in a list that is ordered by time, newest first, and by id within a millisecond. */
export interface TimePosition {
  readonly createdAt: Date;
  readonly id: string;
}

export const timePosition = ({ createdAt, id }: TimePosition): string => `${createdAt.getTime()} ${id}`;

/**
 * The WHERE of the next page of a list ordered by `createdAt` and `id`, both descending; empty without a cursor.
 * @throws Refusal `invalid_cursor`
 */
export function olderThan(list: string, cursor: string | undefined) {
  const position = readCursor(list, cursor, /^\d{1,15} [a-z]{3}_[\w-]{22}$/);
  if (position === undefined) return {};
  const [ms = '', id = ''] = position.split(' ');
  const at = new Date(Number(ms));
  return { OR: [{ createdAt: { lt: at } }, { createdAt: at, id: { lt: id } }] };
}

/** The order `olderThan` continues. */
export const NEWEST_FIRST = [{ createdAt: 'desc' as const }, { id: 'desc' as const }];
