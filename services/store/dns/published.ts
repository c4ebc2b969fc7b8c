import type { Tx } from '../../shared/runtime/db.ts';
import type { Purpose, QuestionRow, ServerRow } from './records.ts';

/** A value of a record, published or gone. */
export interface PublishedRecord {
  name: string;
  type: string;
  purpose: Purpose;
  value: string;
  first_seen: Date;
  gone_at: Date | null;
}

/** What the watcher saw of a domain. */
export interface Published {
  records: readonly PublishedRecord[];
  questions: readonly Pick<QuestionRow, 'name' | 'type' | 'purpose' | 'state' | 'differ_since' | 'answers'>[];
  servers: readonly ServerRow[];
}

/** Mail whose signature passed with one key. */
export interface KeyMail {
  /** `selector._domainkey.domain` */
  name: string;
  passed: number;
  /** The last day (YYYY-MM-DD) on which it did. */
  last_day: string;
  sources: string[];
}

/** Loads what is published of a domain, and what is gone since a time; null when it is not watched. */
export async function loadPublished(tx: Tx, domain: string, since: Date): Promise<Published | null> {
  const watched = await tx.query('select from ruawatch.dns_watch where domain = $1 and asked_at is not null', [domain]);
  if (watched.rowCount === 0) return null;
  const records = await tx.query<PublishedRecord>(
    `select name, type, purpose, value, first_seen, gone_at from ruawatch.dns_records
      where domain = $1 and (gone_at is null or gone_at >= $2) order by name, type, first_seen, value`,
    [domain, since],
  );
  const questions = await tx.query<Published['questions'][number]>(
    'select name, type, purpose, state, differ_since, answers from ruawatch.dns_questions where domain = $1 order by name, type',
    [domain],
  );
  const servers = await tx.query<ServerRow>(
    `select zone, server, host(address) as address, serial, asked_at, answered_at, failing_since, failure, reason
       from ruawatch.dns_servers where domain = $1 order by zone, server`,
    [domain],
  );
  return { records: records.rows, questions: questions.rows, servers: servers.rows };
}

/**
 * Loads the mail that passed with keys of a domain.
 * @param names `selector._domainkey.domain`
 * @param from YYYY-MM-DD
 * @param reporters those whose word decides
 */
export async function loadKeyMail(
  tx: Tx,
  domain: string,
  names: readonly string[],
  { from, reporters }: { from: string; reporters: readonly string[] },
): Promise<KeyMail[]> {
  if (names.length === 0) return [];
  const { rows } = await tx.query<KeyMail>(
    `select selector || '._domainkey.' || signing_domain as name, sum(passed)::bigint as passed,
            to_char(max(day) filter (where passed > 0), 'YYYY-MM-DD') as last_day, array_agg(distinct source order by source) as sources
       from ruawatch.selector_days
      where domain = $1 and day >= $2::date and trust = 'ok' and reporter = any($4::text[]) and passed > 0
        and selector || '._domainkey.' || signing_domain = any($3::text[])
      group by 1 order by 1`,
    [domain, from, names, reporters],
  );
  return rows;
}
