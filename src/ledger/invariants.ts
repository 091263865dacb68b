/** Runs a query and gives its rows, every column as text. */
export type ReadRows = (sql: string, ...values: string[]) => Promise<readonly TextRow[]>;
export type TextRow = Readonly<Record<string, string | null>>;

/** Something in the books that must never be. */
export interface Fault {
  readonly rule: string;
  /** What breaks it: an account, a journal, a sum. */
  readonly what: string;
}

/** Each query gives the rows that break its rule, one text column `what`; at most 20 are named. */
const RULES: Readonly<Record<string, string>> = {
  'every transfer stays in one asset': `
    SELECT format('journal %s, transfer %s: %s into %s', t.journal_id, t.n, f.asset, g.asset) AS what
    FROM transfers t
    LEFT JOIN accounts f ON f.id = t.from_account
    LEFT JOIN accounts g ON g.id = t.to_account
    WHERE f.asset IS DISTINCT FROM g.asset OR f.asset IS NULL`,
  'all balances of an asset sum to zero': `
    SELECT format('%s: %s', asset, sum(balance)) AS what FROM accounts GROUP BY asset HAVING sum(balance) <> 0`,
  'no account with a limit is below zero': `
    SELECT format('%s:%s: %s %s', kind, ref, balance, asset) AS what FROM accounts
    WHERE balance < 0 AND (NOT may_go_negative OR role = 'customer')`,
  'a balance is the sum of its transfers': `
    SELECT format('%s:%s %s: %s, transfers %s', kind, ref, asset, balance, moved) AS what FROM (
      SELECT a.*, coalesce(i.units, 0) - coalesce(o.units, 0) AS moved FROM accounts a
      LEFT JOIN (SELECT to_account, sum(units) AS units FROM transfers GROUP BY 1) i ON i.to_account = a.id
      LEFT JOIN (SELECT from_account, sum(units) AS units FROM transfers GROUP BY 1) o ON o.from_account = a.id
    ) AS account WHERE balance <> moved`,
  'each balance after follows from the one before': `
    SELECT format('account %s, journal %s, transfer %s', account, journal_id, n) AS what FROM (
      SELECT account, journal_id, n, after,
        sum(delta) OVER (PARTITION BY account ORDER BY journal_id, n) AS expected
      FROM (
        SELECT from_account AS account, journal_id, n, -units AS delta, from_balance AS after FROM transfers
        UNION ALL
        SELECT to_account, journal_id, n, units, to_balance FROM transfers
      ) AS leg
    ) AS line WHERE after <> expected`,
  'every transfer has its journal and every journal transfers': `
    SELECT format('journal %s', coalesce(t.journal_id, j.id)) AS what
    FROM (SELECT DISTINCT journal_id, posted_at FROM transfers) t
    FULL JOIN journals j ON j.id = t.journal_id AND j.posted_at = t.posted_at
    WHERE t.journal_id IS NULL OR j.id IS NULL`,
  'every journal has its event key': `
    SELECT format('journal %s', coalesce(k.journal_id, j.id)) AS what
    FROM journal_keys k
    FULL JOIN journals j ON j.id = k.journal_id AND j.posted_at = k.posted_at AND j.key_hash = k.key_hash
    WHERE k.journal_id IS NULL OR j.id IS NULL`,
};

/** Everything wrong with the books at this instant; none when they are whole. Reads all rows: not for hot paths. */
export async function checkInvariants(read: ReadRows): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const [rule, sql] of Object.entries(RULES)) {
    const rows = await read(`${sql} LIMIT 20`);
    faults.push(...rows.map(({ what }) => ({ rule, what: what ?? '' })));
  }
  return faults;
}
