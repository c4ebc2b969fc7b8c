import { daysBetween } from '../../shared/days.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import { SOURCE_COUNTS } from '../rollups/source-counts.ts';
import { type Counted, countedRows } from './counted.ts';
import type { CountedDays, SourceClass, SourceDay } from './window-reads.ts';

/** A source some of whose mail authenticated in the window, and what is on file for it. */
export interface SeenSource {
  source: string;
  name: string | null;
  /** As in dmarc.sources; null while the source was never analyzed. */
  identified_by: string | null;
  grouped_as: string | null;
  /** Of a network: the number of the autonomous system that announces it. */
  asn: number | null;
  class: SourceClass['class'] | null;
  /** Its first and last day in the window. */
  first_day: string;
  last_day: string;
  messages: number;
  passed: number;
  dkim_aligned: number;
  spf_aligned: number;
  /** When the analyzer first saw it; null: by an older version. */
  examined_at: Date | null;
  /** Its messages on every day; absent: not loaded. */
  each?: readonly SourceMessages[];
  /** Its messages on each of the newest days. */
  recent: ({ day: string; messages: number; delivered: number } & Partial<Lacking>)[];
  /** Its mail on the days before those; absent: not loaded. */
  before?: Lacking & { messages: number };
}

/** The messages of a source on a day. */
export interface SourceMessages {
  day: string;
  messages: number;
}

/**
 * How much mail of a source lacks what: DMARC (without what a forwarder broke), a signature as the domain, an
 * answer of SPF.
 */
export interface Lacking {
  failing: number;
  unsigned: number;
  errors: number;
}

/**
 * Loads the sources of a domain with mail from `from` to `to` that authenticates, as the domain or as
 * somebody else, whether or not the work names them: those with the most passing messages.
 * @param recent first of the newest days, which are listed one by one
 */
export async function loadSeenSources(
  tx: Tx,
  domain: string,
  { from, to, recent, counted }: CountedDays & { recent: string },
  limit: number,
): Promise<SeenSource[]> {
  const { cte, params } = countedRows(counted, 6);
  const { rows } = await tx.query<Omit<SeenSource, 'each'> & { ages: string; counts: string }>(
    `with ${cte},
     per_day as (
       select source, day, sum(messages)::bigint as messages, sum(passed)::bigint as passed, sum(dkim_aligned)::bigint as dkim_aligned,
              sum(spf_aligned)::bigint as spf_aligned, sum(delivered)::bigint as delivered, sum(passed + failed_authenticated) as authenticated,
              sum(failed_authenticated + failed_unauthenticated)::bigint as failing, sum(messages - dkim_aligned)::bigint as unsigned,
              sum(greatest(spf_permerror + spf_temperror, 0))::bigint as errors
         from counted where domain = $1 and day between $2 and $3 and messages > 0 and trust = 'ok'
        group by source, day),
     per_source as (
       select source, min(day) as first_day, max(day) as last_day, sum(messages)::bigint as messages, sum(passed)::bigint as passed,
              sum(dkim_aligned)::bigint as dkim_aligned, sum(spf_aligned)::bigint as spf_aligned,
              string_agg(($3::date - day)::text, ' ' order by day) as ages, string_agg(messages::text, ' ' order by day) as counts,
              coalesce(jsonb_agg(jsonb_build_object('day', day, 'messages', messages, 'delivered', delivered, 'failing', failing,
                                                    'unsigned', unsigned, 'errors', errors) order by day)
                         filter (where day >= $4), '[]') as recent,
              jsonb_build_object('messages', coalesce(sum(messages) filter (where day < $4), 0),
                                 'failing', coalesce(sum(failing) filter (where day < $4), 0),
                                 'unsigned', coalesce(sum(unsigned) filter (where day < $4), 0),
                                 'errors', coalesce(sum(errors) filter (where day < $4), 0)) as before
         from per_day group by source having sum(authenticated) > 0 order by sum(passed) desc, source limit $5)
     select p.source, s.name, s.identified_by, s.grouped_as, s.asn, s.class, s.examined_at, p.first_day, p.last_day, p.messages, p.passed, p.dkim_aligned,
            p.spf_aligned, p.ages, p.counts, p.recent, p.before
       from per_source p join ruawatch.sources s on s.domain = $1 and s.source = p.source
      order by p.passed desc, p.source`,
    [domain, from, to, recent, limit, ...params],
  );
  const days = daysBetween(from, to).reverse();
  return rows.map(({ ages, counts, ...row }) => ({ ...row, each: eachDay(ages, counts, days) }));
}

/** @param days by age, the newest first */
function eachDay(ages: string, counts: string, days: readonly string[]): SourceMessages[] {
  const messages = counts.split(' ');
  return ages.split(' ').map((age, i) => ({ day: days[Number(age)]!, messages: Number(messages[i]) }));
}

/** A source, and the sender whose part it is. */
export interface Member {
  source: string;
  sender: string;
}

/** Loads the rollup rows of senders: those of their sources added up; `source` of a row is the sender. */
export async function loadSenderDays(
  tx: Tx,
  domain: string,
  members: readonly Member[],
  { from, to, counted }: CountedDays,
): Promise<SourceDay[]> {
  if (members.length === 0) return [];
  const { cte, params } = countedRows(counted, 6);
  const { rows } = await tx.query<SourceDay>(
    `with ${cte},
     member as materialized (select * from unnest($2::text[], $3::text[]) as m(source, sender))
     select m.sender as source, c.day, c.reporter, sum(c.messages)::bigint as messages,
            ${SOURCE_COUNTS.map((name) => `sum(c.${name})::bigint as ${name}`).join(', ')}, max(c.signing_domain) as signing_domain
       from counted c join member m on m.source = c.source
      where c.domain = $1 and c.source = any($2::text[]) and c.day between $4 and $5 and c.messages > 0 and c.trust = 'ok'
      group by 1, 2, 3 order by 1, 2, 3`,
    [domain, members.map(({ source }) => source), members.map(({ sender }) => sender), from, to, ...params],
  );
  return rows;
}

/** Sources of senders whose history is looked up at most, the largest first. */
const EARLIER = 1000;
/**
 * SQL: the sources of the senders $2 of the domain $1 that were seen before the window ($3), but for
 * forwarders.
 */
const EARLIER_SOURCES = `earlier as materialized (
       select n.sender, s.source
         from unnest($2::text[]) as n(sender)
         join ruawatch.sources s on s.domain = $1 and (s.source = n.sender or s.grouped_as = n.sender)
        where s.first_seen < $3 and s.class is distinct from 'forwarded'
        order by s.messages desc limit ${EARLIER})`;

/**
 * The first day before the window on which a deciding reporter saw mail of each sender, as far back as
 * rollups are kept; none for a sender that is new in the window.
 * @param before first day of the window
 */
export async function loadSendersBefore(
  tx: Tx,
  domain: string,
  senders: readonly string[],
  { before, counted }: { before: string; counted: Counted },
): Promise<Map<string, string>> {
  if (senders.length === 0) return new Map();
  const { cte, params } = countedRows(counted, 4);
  const { rows } = await tx.query<{ sender: string; first_day: string }>(
    `with ${cte},
     ${EARLIER_SOURCES}
     select e.sender, min(f.day) as first_day
       from earlier e
      cross join lateral (
        select d.day from counted d
         where d.domain = $1 and d.source = e.source and d.day < $3 and d.messages > 0 and d.trust = 'ok' order by d.day limit 1) f
      group by 1`,
    [domain, senders, before, ...params],
  );
  return new Map(rows.map((row) => [row.sender, row.first_day]));
}

/** A day of a sender before the window. */
export interface EarlierDay {
  day: string;
  messages: number;
}

/** So far back a season is looked for, and so many of the largest days are read of each sender. */
const SEASON_DAYS = 400;
const LARGEST = 12;

/** The largest days of senders before the window, within a year and a little. */
export async function loadEarlierDays(
  tx: Tx,
  domain: string,
  senders: readonly string[],
  { before, counted }: { before: string; counted: Counted },
): Promise<Map<string, EarlierDay[]>> {
  if (senders.length === 0) return new Map();
  const { cte, params } = countedRows(counted, 4);
  const { rows } = await tx.query<{ sender: string; days: EarlierDay[] }>(
    `with ${cte},
     ${EARLIER_SOURCES},
     days as (
       select e.sender, c.day, sum(c.messages)::bigint as messages
         from earlier e
        -- Each source by itself: few are asked about, and the days of all sources of the domain are many.
        cross join lateral (
          select day, messages from counted d
           where d.domain = $1 and d.source = e.source and d.day < $3 and d.day >= $3::date - ${SEASON_DAYS} and d.messages > 0 and d.trust = 'ok'
          offset 0) c
        group by 1, 2),
     ranked as (select *, row_number() over (partition by sender order by messages desc, day) as rank from days)
     select sender, jsonb_agg(jsonb_build_object('day', day, 'messages', messages) order by rank) as days
       from ranked where rank <= ${LARGEST} group by sender`,
    [domain, senders, before, ...params],
  );
  return new Map(rows.map(({ sender, days }) => [sender, days]));
}

const host = (bound: string) => `set_masklen(${bound}, case family(n.network::inet) when 4 then 32 else 128 end)`;
/** SQL: whether an address of the network was looked up in DNS. */
const IS_NAMED = `exists (
        select from ruawatch.addresses a
         where a.address between ${host('network(n.network::inet)::inet')} and ${host('broadcast(n.network::inet)')}
           and a.looked_up_at is not null)`;

/** Those of the networks of which no address was looked up in DNS yet. */
export async function loadUnnamed(tx: Tx, networks: readonly string[]): Promise<Set<string>> {
  if (networks.length === 0) return new Set();
  const { rows } = await tx.query<{ network: string }>(
    `select n.network from unnest($1::text[]) as n(network) where not ${IS_NAMED}`,
    [networks],
  );
  return new Set(rows.map(({ network }) => network));
}

/**
 * Those of them that are sources of the domain and were examined since a moment or not at all: their names
 * are being looked up. None while no address was ever looked up: nobody may be there who does.
 */
export async function loadAwaited(tx: Tx, domain: string, networks: readonly string[], since: Date): Promise<Set<string>> {
  if (networks.length === 0) return new Set();
  const { rows } = await tx.query<{ network: string }>(
    `select n.network from unnest($2::text[]) as n(network)
       join ruawatch.sources s on s.domain = $1 and s.source = n.network
      where (s.examined_at is null or s.examined_at > $3) and not ${IS_NAMED}
        and exists (select from ruawatch.addresses where looked_up_at is not null)`,
    [domain, networks, since],
  );
  return new Set(rows.map(({ network }) => network));
}

/** A key that a source signs with as the domain. */
export interface KeyUse {
  source: string;
  /** Where the key is published: `selector._domainkey.domain`. */
  key: string;
  first_day: string;
  last_day: string;
  /** Messages whose signature passed. */
  passed: number;
  /** Of these: in the window's newest days. */
  recent: number;
}

/** The uses of keys that are read, those of the most messages first. */
const KEY_USES = 5000;

/**
 * Loads which keys the sources of a domain sign with, from `from` to `to`, by the word of the reporters.
 * @param recent first of the newest days
 */
export async function loadKeyUses(
  tx: Tx,
  domain: string,
  { from, to, recent, reporters }: { from: string; to: string; recent: string; reporters: readonly string[] },
): Promise<KeyUse[]> {
  if (reporters.length === 0) return [];
  const { rows } = await tx.query<KeyUse>(
    `select source, selector || '._domainkey.' || signing_domain as key, min(day) as first_day, max(day) as last_day,
            sum(passed)::bigint as passed, coalesce(sum(passed) filter (where day >= $4), 0)::bigint as recent
       from ruawatch.selector_days
      where domain = $1 and day between $2 and $3 and trust = 'ok' and passed > 0 and selector <> '' and reporter = any($5::text[])
      group by 1, 2 order by 5 desc, 1, 2 limit ${KEY_USES}`,
    [domain, from, to, recent, reporters],
  );
  return rows;
}
