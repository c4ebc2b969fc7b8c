import type { MessageFacts, MessageHop, SeenKey } from '../../findings/sentences/why-mail-failed.ts';
import { type Reader, read } from '../console/scope.ts';
import type { TimelineRow } from '../timeline.ts';

/** Rows of one id that are read, and rows of each kind that are shown beside them. */
const MOST_HOPS = 50;
const MOST_REPORTED = 12;
const MOST_EVENTS = 12;

/**
 * The mails with a Message-ID or a queue id, each with all servers that it went through, oldest first.
 * @param id with or without angle brackets
 */
export async function messagesOf(reader: Reader, id: string): Promise<MessageFacts[]> {
  const hops = await read<MessageHop & Record<string, unknown>>(
    reader,
    ['sent_messages'],
    `, named as (select message_key, message_id, leads_to from sent_messages where message_id = $1 or queue_id = $2 order by started_at desc limit ${MOST_HOPS})
     select ${HOP} from sent_messages m
      where m.message_id in (select message_id from named) or m.message_key in (select message_key from named)
         or m.message_key in (select leads_to from named) or m.leads_to in (select message_key from named)
      order by m.started_at, m.message_key limit ${MOST_HOPS}`,
    [id.trim().replace(/^<|>$/g, ''), id.trim()],
  );
  const mails: MessageFacts[] = [];
  for (const mail of mailsOf(hops)) mails.push(await factsOf(reader, mail));
  return mails;
}

const HOP = `m.message_key, m.source, m.cluster, m.environment, m.workload, m.domain, m.header_domain, m.envelope_domain, m.host, m.queue_id,
       m.message_id, m.started_at, m.direction, m.client_name, host(m.client_ip) as client_ip, m.signatures, m.sign_fault, m.verify,
       m.recipients, m.bounces, m.networks::text[] as networks, m.leads_to`;

/** Rows of one mail: the same Message-ID in the same place, or handed on from one to the other. */
function mailsOf(hops: readonly MessageHop[]): MessageHop[][] {
  const mails: MessageHop[][] = [];
  for (const hop of hops) {
    const same = (one: MessageHop) =>
      one.leads_to === hop.message_key ||
      hop.leads_to === one.message_key ||
      (hop.message_id !== null && one.message_id === hop.message_id);
    const found = mails.find((mail) => mail.some(same));
    if (found === undefined) mails.push([hop]);
    else found.push(hop);
  }
  return mails;
}

async function factsOf(reader: Reader, hops: MessageHop[]): Promise<MessageFacts> {
  const domain = (hops.find((one) => one.header_domain !== null) ?? hops[0]!).domain;
  const at = hops[0]!.started_at;
  const signatures = hops.flatMap((one) => one.signatures);
  const names = [...new Set(signatures.map((one) => `${one.selector}._domainkey.${one.domain}`))];
  const networks = [...new Set(hops.filter(({ direction }) => direction === 'out').flatMap((one) => one.networks))];
  const envelope = hops.find(({ envelope_domain }) => envelope_domain !== null)?.envelope_domain ?? null;
  return {
    hops,
    domain,
    keys: await keysAt(reader, names, at),
    spf: envelope === null ? null : { domain: envelope, networks, records: await recordsAt(reader, envelope, at) },
    reported: await reported(reader, domain, at, networks),
    failure_reports: await failures(
      reader,
      hops.flatMap(({ message_id }) => message_id ?? []),
    ),
    around: await around(reader, domain, at),
  };
}

/** What the watcher knows of keys at a moment; of one that it never saw, no value. */
async function keysAt(reader: Reader, names: readonly string[], at: Date): Promise<SeenKey[]> {
  const seen = await read<{ name: string; value: string; first_seen: Date; gone_at: Date | null }>(
    reader,
    ['dns_records'],
    `select distinct on (name) name, value, first_seen, gone_at from dns_records
      where name = any($1::text[]) and type = 'TXT' and first_seen <= greatest($2::timestamptz, now())
      order by name, (first_seen <= $2 and (gone_at is null or gone_at > $2)) desc, first_seen desc`,
    [names, at],
  );
  return names.map((name) => seen.find((one) => one.name === name) ?? { name, value: null, first_seen: null, gone_at: null });
}

/** The SPF records of a name that were published at a moment, those that it includes among them. */
async function recordsAt(reader: Reader, envelope: string, at: Date): Promise<{ name: string; type: string; value: string }[]> {
  return read<{ name: string; type: string; value: string }>(
    reader,
    ['dns_records'],
    `select distinct name, type, value from dns_records
      where purpose in ('spf', 'spf_include', 'spf_address') and (gone_at is null or gone_at > $1)
        and (first_seen <= $1 or published) and (domain = $2 or right($2, length(domain) + 1) = '.' || domain)`,
    [at, envelope],
  );
}

async function reported(
  reader: Reader,
  domain: string,
  at: Date,
  networks: readonly string[],
): Promise<MessageFacts['reported']> {
  return read<MessageFacts['reported'][number]>(
    reader,
    ['records'],
    `select org_name as reporter, (begin_at at time zone 'UTC')::date as day, host(source_ip) as address, dkim_aligned, spf_aligned,
            coalesce(disposition, '') as disposition, sum(count)::bigint as messages
       from records
      where domain = $1 and begin_at >= $2::timestamptz - interval '1 day' and begin_at < $2::timestamptz + interval '1 day' and trust = 'ok'
        and (cardinality($3::cidr[]) = 0 or source_ip <<= any ($3::cidr[]))
      group by 1, 2, 3, 4, 5, 6
      order by (dkim_aligned or spf_aligned), messages desc, 1, 2, 3 limit ${MOST_REPORTED}`,
    [domain, at, networks],
  );
}

/**
 * Failure reports about a message. One whose sender could have been proven, and was not, counts for nothing.
 */
async function failures(reader: Reader, ids: readonly string[]): Promise<MessageFacts['failure_reports']> {
  return read<MessageFacts['failure_reports'][number]>(
    reader,
    ['failure_reports'],
    `select reporter, host(source_ip) as source_ip, array(select jsonb_array_elements_text(auth_failure)) as auth_failure, trust = 'ok' as counts
       from failure_reports where btrim(message_id, '<>') = any($1::text[])
      order by (trust = 'ok') desc, received_at desc limit ${MOST_REPORTED}`,
    [ids],
  );
}

/** What happened to the domain from two days before to a day after. */
async function around(reader: Reader, domain: string, at: Date): Promise<MessageFacts['around']> {
  return read<Pick<TimelineRow, 'at' | 'what' | 'event' | 'subject' | 'summary'>>(
    reader,
    ['timeline'],
    `select at, what, event, subject, summary from timeline
      where domain = $1 and at >= $2::timestamptz - interval '2 days' and at < $2::timestamptz + interval '1 day'
      order by at desc, what, subject limit ${MOST_EVENTS}`,
    [domain, at],
  );
}
