import { addDays, DAY_MS, dayOf } from '../../shared/days.ts';
import type { Queryable } from '../../shared/runtime/db.ts';

/**
 * Whether a reporter's word counts, as in dmarc.reporter_days: it does not when it is known not to decide for
 * the domain.
 */
const countsSql = (row: string) =>
  `not exists (select from ruawatch.domain_reporters n where n.domain = ${row}.domain and n.reporter = ${row}.reporter and not n.decides)`;

/** Days of reports that a plan is held against. */
const SEEN_DAYS = 7;
const firstDay = (now: Date): string => addDays(dayOf(now), -SEEN_DAYS);

/** What a plan for a record is held against: who sends as the domain, and which keys are in use. */
export async function seenMail(
  q: Queryable,
  domain: string,
  now: Date,
): Promise<{ seen: SeenSenderRow[]; keys: Map<string, number>; aliases: { name: string; aliases: string[] }[] }> {
  const seen = await seenSenders(q, domain, new Date(now.getTime() - SEEN_DAYS * DAY_MS));
  return { seen, keys: await keysInUse(q, domain, firstDay(now)), aliases: await ownAliases(q) };
}

const MOST_ALIASES = 2000;

/**
 * Names of policies and keys of all own domains that are aliases, and what they lead to, as the watcher saw
 * them last.
 */
async function ownAliases(q: Queryable): Promise<{ name: string; aliases: string[] }[]> {
  const { rows } = await q.query<{ name: string; aliases: string[] }>(
    `select distinct on (name) name, aliases from ruawatch.dns_questions
      where cardinality(aliases) > 0 and (name like '\\_dmarc.%' or name like '%.\\_domainkey.%')
      order by name, answered_at desc nulls last limit ${MOST_ALIASES}`,
  );
  return rows;
}

/** Who sends as a domain, by reporters that decide. */
export interface SeenSenderRow {
  name: string;
  addresses: string[];
  messages: number;
  spf_alone: number;
}

const MOST_SENDERS = 40;
const MOST_ADDRESSES = 4;

/**
 * The authorized senders of a domain since a time, those of the most mail first, each with some of its
 * addresses that pass SPF aligned.
 */
async function seenSenders(q: Queryable, domain: string, since: Date): Promise<SeenSenderRow[]> {
  const { rows } = await q.query<SeenSenderRow>(
    `with seen as (
       select coalesce(s.grouped_as, s.name, r.source) as name, r.source_ip, sum(r.count) as messages,
              sum(r.count) filter (where r.spf_aligned) as spf, sum(r.count) filter (where r.spf_aligned and not r.dkim_aligned) as alone
         from ruawatch.records r
         join ruawatch.reports p using (report_key)
         join ruawatch.sources s on s.domain = $1 and s.source = r.source and s.class in ('authorized', 'misaligned')
        where p.domain = $1 and p.superseded_by is null and p.trust = 'ok' and r.begin_at >= $2 and p.begin_at >= $2
          and ${countsSql('p')}
        group by 1, 2),
     ranked as (select *, row_number() over (partition by name order by spf desc nulls last, source_ip) as rank from seen)
     select name, sum(messages)::bigint as messages, coalesce(sum(alone), 0)::bigint as spf_alone,
            coalesce(array_agg(host(source_ip) order by rank) filter (where spf > 0 and source_ip is not null and rank <= ${MOST_ADDRESSES}), '{}') as addresses
       from ranked group by name order by messages desc, name limit ${MOST_SENDERS}`,
    [domain, since],
  );
  return rows;
}

/**
 * Messages since a day (YYYY-MM-DD) whose signature passed, by key: `selector._domainkey.domain`, as
 * reporters that decide saw them.
 */
async function keysInUse(q: Queryable, domain: string, from: string): Promise<Map<string, number>> {
  const { rows } = await q.query<{ name: string; passed: number }>(
    `select selector || '._domainkey.' || signing_domain as name, sum(passed)::bigint as passed
       from ruawatch.selector_days d
      where domain = $1 and day >= $2::date and trust = 'ok' and passed > 0 and selector <> '' and ${countsSql('d')}
        and (signing_domain = $1 or right(signing_domain, length($1) + 1) = '.' || $1)
      group by 1 order by 2 desc limit 200`,
    [domain, from],
  );
  return new Map(rows.map(({ name, passed }) => [name, passed]));
}

/** Sources of a domain whose mail passed SPF aligned that are looked at: those of the most mail. */
const MOST_PASSED = 200;

/**
 * What passed SPF aligned over the last days, one address for each source, and over how many days there are
 * reports of reporters that decide: a stranger's word for one old day does not make a term look unused for
 * long. What others saw keeps a term as well, and weighs one message: it neither puts terms in another order
 * nor crowds out what is known.
 */
export async function passedBySpf(
  q: Queryable,
  domain: string,
  now: Date,
  most: number,
): Promise<{ days: number; sources: { address: string; messages: number }[] }> {
  const since = new Date(now.getTime() - most * DAY_MS);
  const { rows } = await q.query<{ address: string; messages: number }>(
    `select host(min(r.source_ip)) as address, greatest(1, coalesce(sum(r.count) filter (where ${countsSql('p')}), 0))::bigint as messages
       from ruawatch.records r join ruawatch.reports p using (report_key)
      where p.domain = $1 and p.superseded_by is null and p.trust = 'ok' and r.begin_at >= $2 and p.begin_at >= $2
        and r.spf_aligned and r.source_ip is not null
      group by r.source order by 2 desc, 1 limit ${MOST_PASSED}`,
    [domain, since],
  );
  const { rows: span } = await q.query<{ days: number }>(
    `select coalesce(current - min(day), 0) as days
       from (select day, $3::date as current from ruawatch.source_days join ruawatch.domain_reporters using (domain, reporter)
              where domain = $1 and day >= $2::date and trust = 'ok' and decides) d group by current`,
    [domain, dayOf(since), dayOf(now)],
  );
  return { days: span[0]?.days ?? 0, sources: rows };
}

/**
 * What reporters that decide say of one source or service of a domain over the last days; null when they do
 * not mention it. One forged report would else make a sender that never passes look as if it did.
 */
export async function seenSource(
  q: Queryable,
  { domain, source }: { domain: string; source: string },
  now: Date,
): Promise<{ days: number; messages: number; passed: number; class: string | null } | null> {
  const { rows } = await q.query<{ messages: number | null; passed: number; class: string | null }>(
    `select sum(d.messages)::bigint as messages, coalesce(sum(d.passed), 0)::bigint as passed, max(s.class) as class
       from ruawatch.source_days d join ruawatch.sources s using (domain, source)
      where ($1 = '*' or d.domain = $1) and (d.source = $2 or s.grouped_as = $2) and d.day >= $3::date and d.trust = 'ok'
        and ${countsSql('d')}`,
    [domain, source, firstDay(now)],
  );
  const { messages, ...rest } = rows[0]!;
  return messages === null ? null : { days: SEEN_DAYS, messages, ...rest };
}

/** The entry that applies to a source or service at a moment; null when there is none. */
export async function standingEntry(
  q: Queryable,
  { domain, source, is_service }: { domain: string; source: string; is_service: boolean },
  now: Date,
): Promise<{ verdict: 'approved' | 'denied'; until: Date | null } | null> {
  const { rows } = await q.query<{ verdict: 'approved' | 'denied'; until: Date | null }>(
    `select verdict, until from ruawatch.sender_list
      where domain = $1 and source = $2 and is_service = $3 and ended_at is null and (until is null or until > $4)
      order by entry_key desc limit 1`,
    [domain, source, is_service, now],
  );
  return rows[0] ?? null;
}
