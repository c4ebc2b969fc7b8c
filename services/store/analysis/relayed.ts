import type { Tx } from '../../shared/runtime/db.ts';
import type { CountedDays } from './window-reads.ts';

/** A key verifies elsewhere when it does for this part of the mail that others send with it on the day. */
const VERIFIES = 0.1;

/**
 * Loads how many messages of each source bear a signature of the domain's own that does not verify there,
 * while mail of others with the same key verifies on the same day: somebody between author and receiver
 * changed them. A key that is broken everywhere, or that only this source signs with, is no sign of that.
 */
export async function loadRelayed(
  tx: Tx,
  domain: string,
  sources: readonly string[],
  { from, to, counted: { reporters, votes } }: CountedDays,
): Promise<Map<string, number>> {
  // A selector is the word of a single reporter.
  if (sources.length === 0 || votes > 1) return new Map();
  const { rows } = await tx.query<{ source: string; messages: number }>(
    `with days as materialized (
       select source, signing_domain, selector, day, sum(messages) as messages, sum(passed) as passed
         from ruawatch.selector_days
        where domain = $1 and day between $3 and $4 and messages > 0 and trust = 'ok' and reporter = any($5::text[]) and selector <> ''
        group by 1, 2, 3, 4),
     keys as (
       select signing_domain, selector, day, sum(messages) as messages, sum(passed) as passed from days group by 1, 2, 3)
     select d.source, sum(d.messages - d.passed)::bigint as messages
       from days d join keys k using (signing_domain, selector, day)
      where d.source = any($2::text[]) and d.messages > d.passed
        and k.passed > d.passed and k.passed - d.passed >= ${VERIFIES} * (k.messages - d.messages)
      group by 1`,
    [domain, sources, from, to, reporters],
  );
  return new Map(rows.map(({ source, messages }) => [source, messages]));
}
