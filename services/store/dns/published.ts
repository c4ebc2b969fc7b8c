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
  questions: readonly (Pick<QuestionRow, 'name' | 'type' | 'purpose' | 'state' | 'differ_since' | 'answers'> & {
    /** Absent where it was not loaded. */
    first_answered_at?: Date | null;
    answered_at?: Date | null;
  })[];
  servers: readonly ServerRow[];
}

/** Mail that was signed with one key. */
export interface KeyMail {
  /** `selector._domainkey.domain` */
  name: string;
  /** Messages whose signature passed. */
  passed: number;
  /** The last day (YYYY-MM-DD) on which one did; empty when none ever did. */
  last_day: string;
  /** The sources of that mail; where none passed, those of the mail below. */
  sources: string[];
  /**
   * Messages of the domain's own senders whose signature did not pass, and the first and the last day of
   * them.
   */
  failed?: number;
  failed_from?: string;
  failed_to?: string;
}

/** Mail that passed SPF with the domain, of a source that is no network itself. */
export interface SpfMail {
  source: string;
  /** The /24 or /48 that it came from. */
  network: string;
  messages: number;
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
    `select name, type, purpose, state, differ_since, answers, first_answered_at, answered_at
       from ruawatch.dns_questions where domain = $1 order by name, type`,
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
 * Loads the mail that was signed with keys of a domain. A signature that does not pass counts when the source
 * is one of the domain's own: anybody can invent a selector.
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
    `with signed as (
       select d.selector || '._domainkey.' || d.signing_domain as name, d.source, d.day, d.passed,
              case when s.class in ('authorized', 'misaligned') then d.messages - d.passed else 0 end as failed
         from ruawatch.selector_days d left join ruawatch.sources s on s.domain = d.domain and s.source = d.source
        where d.domain = $1 and d.day >= $2::date and d.trust = 'ok' and d.reporter = any($4::text[])
          and d.selector || '._domainkey.' || d.signing_domain = any($3::text[]))
     select name, sum(passed)::bigint as passed, coalesce(to_char(max(day) filter (where passed > 0), 'YYYY-MM-DD'), '') as last_day,
            coalesce(array_agg(distinct source order by source) filter (where passed > 0),
                     array_agg(distinct source order by source) filter (where failed > 0)) as sources,
            sum(failed)::bigint as failed, coalesce(to_char(min(day) filter (where failed > 0), 'YYYY-MM-DD'), '') as failed_from,
            coalesce(to_char(max(day) filter (where failed > 0), 'YYYY-MM-DD'), '') as failed_to
       from signed where passed > 0 or failed > 0
      group by 1 order by 1`,
    [domain, from, names, reporters],
  );
  return rows;
}

const MOST_NETWORKS = 2_000;

/**
 * Loads from where the mail came that passed SPF with a domain and that somebody else's domain signed, by
 * which its source is called.
 * @param from YYYY-MM-DD
 * @param reporters those whose word decides
 */
export async function loadSpfMail(
  tx: Tx,
  domain: string,
  { from, reporters }: { from: string; reporters: readonly string[] },
): Promise<SpfMail[]> {
  const { rows } = await tx.query<SpfMail>(
    `select r.source, text(network(set_masklen(r.source_ip, case family(r.source_ip) when 4 then 24 else 48 end))) as network,
            sum(r.count)::bigint as messages
       from ruawatch.records r join ruawatch.reports p using (report_key)
      where p.domain = $1 and p.superseded_by is null and p.trust = 'ok' and p.reporter = any($3::text[])
        and p.begin_at >= $2::date and r.begin_at >= $2::date
        and r.spf_aligned and r.source_ip is not null and position('/' in r.source) = 0
      group by 1, 2 order by 3 desc, 1, 2 limit ${MOST_NETWORKS}`,
    [domain, from, reporters],
  );
  return rows;
}
