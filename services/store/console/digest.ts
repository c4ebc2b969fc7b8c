import { addDays } from '../../shared/days.ts';
import { loadVotedSums } from '../alerts/digests.ts';
import { type Reader, read, readKept } from './scope.ts';
import { TITLE_COLUMNS, type TitleColumns, titled } from './titled.ts';

/** A domain's two weeks. */
export interface WeekLine {
  domain: string;
  messages: number;
  passed: number;
  messages_before: number;
  passed_before: number;
  /** First seen in the week, without those that are unauthorized, or too small to say what they are. */
  new_sources: number;
  /** First seen in the week and unauthorized. */
  strangers: number;
  /** Open today, or going on; of a week that is over, those that were there at its end. */
  open: number;
  last_report_at: Date | null;
}

/**
 * The own domains with the figures of seven days and of the seven before, as the weekly mail has them: those
 * with the gravest open findings first.
 * @param week `until` is where its findings end; null for now
 */
export async function weekLines(
  reader: Reader,
  { from, to, until }: { from: string; to: string; until: Date | null },
): Promise<readonly WeekLine[]> {
  const lines = await readKept<WeekLine>(
    reader,
    ['domains', 'domain_days', 'sources', 'findings'],
    `, sums as (
       select domain, sum(messages) filter (where day >= $1) as messages, sum(passed) filter (where day >= $1) as passed,
              sum(messages) filter (where day < $1) as messages_before, sum(passed) filter (where day < $1) as passed_before
         from domain_days where day between $1::date - 7 and $2 and counts group by domain)
     select d.domain, coalesce(s.messages, 0)::bigint as messages, coalesce(s.passed, 0)::bigint as passed,
            coalesce(s.messages_before, 0)::bigint as messages_before, coalesce(s.passed_before, 0)::bigint as passed_before,
            coalesce(n.new_sources, 0)::int as new_sources, coalesce(n.strangers, 0)::int as strangers, coalesce(f.open, 0)::int as open, d.last_report_at
       from domains d
       left join sums s using (domain)
       left join (
         select domain, count(*) filter (where class <> 'unauthorized' and (class <> 'unknown' or messages >= 20)) as new_sources,
                count(*) filter (where class = 'unauthorized') as strangers
           from sources where first_seen between $1 and $2 group by domain) n using (domain)
       left join (
         select domain, count(*) as open, min(array_position(array['critical', 'high', 'medium', 'low'], severity)) as gravest
           from findings
          where (state = 'open' or goes_on) and severity <> 'info'
            and ($3::timestamptz is null or case when state = 'open' then coalesce(reopened_at, opened_at) else resolved_at end < $3)
          group by domain) f using (domain)
      where d.state = 'own' order by f.gravest nulls last, open desc, messages desc, d.domain`,
    [from, to, until],
  );
  const domains = lines.map(({ domain }) => domain);
  const voted = await loadVotedSums(reader.db, domains, { before: addDays(from, -7), from, to });
  const sums = new Map(voted.map((one) => [one.domain, one]));
  return lines.map((one) => ({ ...one, ...sums.get(one.domain) }));
}

/** The own domains that a person sees, by name. */
export async function ownDomainsOf(reader: Reader): Promise<string[]> {
  const rows = await read<{ domain: string }>(
    reader,
    ['domains'],
    "select domain from domains where state = 'own' order by domain",
  );
  return rows.map(({ domain }) => domain);
}

/** A finding of a digest or monthly report. */
export interface ToldFinding {
  finding_key: number;
  domain: string;
  severity: string;
  title: string;
  kind: string;
  opened_at: Date;
  resolved_at: Date | null;
}

/** Findings by what became of them, and how many there are of each, also beyond those that are listed. */
interface Told {
  opened: ToldFinding[];
  resolved: ToldFinding[];
  open: ToldFinding[];
  counts: { opened: number; resolved: number; open: number };
}

/**
 * The findings that opened, were resolved, or stayed open in a time, the gravest first; those for information
 * aside.
 * @param lastDay findings whose mail, or change, began later are left out
 */
export async function toldFindings(
  reader: Reader,
  { domain, since, until, lastDay }: { domain?: string; since: Date; until: Date; lastDay: string },
  limit: number,
): Promise<Told> {
  const rows = await read<
    Omit<ToldFinding, 'title'> & TitleColumns & { told: 'opened' | 'resolved' | 'open'; all: number; brief: number }
  >(
    reader,
    ['findings'],
    `, told as (
       select f.*, case when resolved_at >= $1 and resolved_at < $2 then 'resolved'
                        when coalesce(reopened_at, opened_at) >= $1 and coalesce(reopened_at, opened_at) < $2 then 'opened'
                        else 'open' end as told
         from findings f
        where ($3::text is null or domain = $3) and severity <> 'info' and opened_at < $2 and first_day <= $5 and (resolved_at is null or resolved_at >= $1)),
     ranked as (
       select *, row_number() over (partition by told order by array_position(array['critical', 'high', 'medium', 'low'], severity), opened_at, finding_key) as rank,
              count(*) over (partition by told)::int as "all",
              count(*) filter (where told = 'resolved' and coalesce(reopened_at, opened_at) >= $1) over ()::int as brief
         from told)
     select finding_key, severity, kind, opened_at, resolved_at, ${TITLE_COLUMNS}, told, "all", brief from ranked where rank <= $4 order by told, rank`,
    [since, until, domain ?? null, limit, lastDay],
  );
  const of = (told: string) => rows.filter((row) => row.told === told);
  const count = (told: string) => of(told)[0]?.all ?? 0;
  return {
    opened: of('opened').map(titled),
    resolved: of('resolved').map(titled),
    open: of('open').map(titled),
    counts: { opened: count('opened') + (rows[0]?.brief ?? 0), resolved: count('resolved'), open: count('open') },
  };
}

/** A sender that was first seen in a range. */
export interface NewSender {
  source: string;
  name: string;
  class: string;
  /** Of the range, in reports that count. */
  messages: number;
  first_seen: string;
}

/**
 * The senders of a domain that were first seen in a range, with their mail of the range, the most first. None
 * is new where the reports on the domain begin in the range.
 */
export async function newSenders(
  reader: Reader,
  { domain, from, to }: { domain: string; from: string; to: string },
  limit: number,
): Promise<NewSender[]> {
  return read<NewSender>(
    reader,
    ['sources', 'reporter_days'],
    `, fresh as (
       select source, name, class, grouped_as, first_seen from sources where domain = $1 and (class <> 'unknown' or messages >= 20)
          and grouped_as in (select grouped_as from sources where domain = $1 and (class <> 'unknown' or messages >= 20)
                              group by grouped_as having min(first_seen) between $2 and $3)
          and (select min(first_seen) from sources where domain = $1) < $2),
     sums as (
       select source, sum(messages) as messages from reporter_days
        where domain = $1 and day between $2 and $3 and counts and source in (select source from fresh) group by source)
     select f.grouped_as as source, (array_agg(f.name order by s.messages desc))[1] as name,
            (array_agg(f.class order by s.messages desc))[1] as class, sum(s.messages)::bigint as messages, min(f.first_seen) as first_seen
       from fresh f join sums s using (source)
      group by f.grouped_as order by messages desc, source limit $4`,
    [domain, from, to, limit],
  );
}
