import { sleep } from '../../services/shared/clock.ts';
import { type Db, transaction } from '../../services/shared/runtime/db.ts';

/** A table, or a part of it: what is selected, in an order that follows from its content. */
export interface Ledger {
  db: Db;
  /** Each row is one line, which names its query. */
  queries: Readonly<Record<string, string>>;
  /** Moments are written as the hours since then. */
  start: Date;
}

const HOUR_MS = 3_600_000;

/** All rows as they are, each as a line; nulls are left out. */
async function linesOf({ db, queries, start }: Ledger): Promise<string[]> {
  const lines: string[] = [];
  for (const [name, query] of Object.entries(queries))
    for (const row of (await db.query(query)).rows) lines.push(`${name} ${written(row, start)}`);
  return lines;
}

function written(value: unknown, start: Date): string {
  const put = (_: string, one: unknown) => (one === null ? undefined : one);
  const hoursOf = (text: string) => {
    const hours = (Date.parse(text) - start.getTime()) / HOUR_MS;
    return `${hours >= 0 ? '+' : ''}${Math.round(hours * 1e7) / 1e7} h`;
  };
  return JSON.stringify(value, put).replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, hoursOf);
}

/**
 * What is done, what came of it, and every row that is new or different afterwards: whatever an act leaves
 * behind that a list of expectations would forget.
 */
export async function account(ledger: Ledger, acts: readonly [says: string, act: () => Promise<unknown>][]): Promise<string> {
  const out: string[] = [];
  let before = await linesOf(ledger);
  for (const [says, act] of acts) {
    out.push(`> ${says}`, await outcomeOf(act, ledger.start));
    const after = await linesOf(ledger);
    out.push(...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`));
    const [gone, kept] = [before.filter((line) => !after.includes(line)), new Set(after.map(keyOf))];
    out.push(...gone.filter((line) => !kept.has(keyOf(line))).map((line) => `- ${line}`), '');
    before = after;
  }
  return out.join('\n');
}

/** A line by its first column, under which it may be there with other values. */
const keyOf = (line: string) => line.split(',')[0]!;

async function outcomeOf(act: () => Promise<unknown>, start: Date): Promise<string> {
  try {
    return `= ${written((await act()) ?? 'nothing', start)}`;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (typeof code !== 'string' || /^[0-9A-Z]{5}$/.test(code)) throw error;
    return `= ${code}: ${message}`;
  }
}

/**
 * Begins some work that has to wait for a row, and changes it before the work sees it.
 * @param sql locks the row and changes it
 */
export async function meanwhile<T>(db: Db, sql: string, work: () => Promise<T>): Promise<T> {
  const begun = { work: null as Promise<T> | null };
  await transaction(db, async (tx) => {
    await tx.query(sql);
    begun.work = work();
    begun.work.catch(() => undefined);
    const waits = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
    while ((await db.query(waits)).rowCount === 0) await sleep(5, new AbortController().signal);
  });
  return begun.work!;
}

/** What is written of requests, beside their plans. */
export const OF_REQUESTS: Ledger['queries'] = {
  request: `select request_key, state, changed_at, expires_at, decided_at, applied_at, ends_at, outcome from ruawatch.requests order by 1`,
  event: 'select event_key, request_key, event, state, at, actor, says, recipients from ruawatch.request_events order by 1',
  audit: "select number, body::jsonb - array['digest', 'says', 'domain', 'kind'] as body from ruawatch.audit order by 1",
};
