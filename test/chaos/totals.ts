import { createHash } from 'node:crypto';
import type { Db } from '../../services/shared/runtime/db.ts';
import type { Received } from '../alerter/sink.ts';

/**
 * What a run came to, without keys and times, so that two runs of the same mails can be held against each
 * other.
 */
export interface Totals {
  /** Each thing by its name, with everything that must be equal. */
  facts: Map<string, string>;
  /** For the line that is printed. */
  counts: Record<string, number>;
  /** What is wrong within the run, whatever another run says. */
  wrong: string[];
  /** Mails that came once more, with the same Message-ID and the same bytes. */
  resent: number;
}

/** Each query's rows are facts: `name` and whatever else it selects. */
const FACTS: Record<string, string> = {
  message: `select encode(m.fingerprint, 'hex') as name, m.state, m.code, m.disposed_at is not null as disposed, m.received_at,
                   count(r.n) as pieces, sum(coalesce(r.plain_size, length(r.bytes))) as bytes
              from ruawatch.messages m left join ruawatch.raw r using (message_key) group by m.message_key`,
  report: `select encode(identity, 'hex') || ' ' || encode(content_hash, 'hex') || ' ' || salvaged as name, domain, reporter, superseded_by is null as stands,
                  trust, reporter_trust, duplicates, records, messages, received_at,
                  (select md5(coalesce(string_agg(concat_ws('|', n, source_ip, count, disposition, dkim_result, spf_result, header_from, source,
                                                   forwarded, foreign_dkim, foreign_spf, dkim_aligned, spf_aligned, auth::text), E'\\n' order by n), ''))
                     from ruawatch.records c where c.report_key = p.report_key) as content
             from ruawatch.reports p`,
  'source day': `select concat_ws(' ', domain, source, day, reporter, trust) as name, messages, passed, dkim_aligned, spf_aligned, forwarded,
                        failed_forwarded, failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered,
                        quarantined, rejected, failed_delivered, contradicted, failed_subdomain, dkim_broken, failed_signed,
                        failed_list, spf_permerror, spf_temperror, signing_domain
                   from ruawatch.source_days where messages <> 0`,
  'domain day': `select concat_ws(' ', domain, day, reporter) as name, messages, passed, dkim_aligned, spf_aligned, forwarded, failed_forwarded,
                        failed_authenticated, failed_unauthenticated, delivered, quarantined, rejected, failed_delivered
                   from ruawatch.domain_days where messages <> 0`,
  'class day': `select concat_ws(' ', domain, class, day, reporter) as name, messages, passed, failed_forwarded, failed_subdomain, delivered,
                       quarantined, rejected
                  from ruawatch.class_days where messages <> 0`,
  source: `select domain || ' ' || source as name, class, confidence, why, first_seen, last_seen, messages, passed
             from ruawatch.sources where messages <> 0`,
  'policy day': `select concat_ws(' ', domain, day, reporter, policy, trust) as name, reports from ruawatch.policy_days where reports <> 0`,
  'subdomain day': `select concat_ws(' ', domain, name, day, trust) as name, messages, passed, failed_unauthenticated, failed_delivered
                      from ruawatch.subdomain_days where messages <> 0`,
  'selector day': `select concat_ws(' ', domain, source, signing_domain, selector, day, reporter, trust) as name, messages, passed
                     from ruawatch.selector_days where messages <> 0`,
  'TLS report': `select encode(identity, 'hex') || ' ' || encode(content_hash, 'hex') as name, superseded_by is null as stands, duplicates, received_at, trust
                   from ruawatch.tls_reports`,
  'failure report': `select encode(content_hash, 'hex') as name, duplicates, domain, trust from ruawatch.failure_reports`,
  finding: `select concat_ws(' ', domain, kind, subject, row_number() over (partition by domain, kind, subject order by finding_key)) as name,
                   state, severity, confidence, first_day, last_day, summary, revision, evidence,
                   (select jsonb_agg(jsonb_build_object('revision', e.revision, 'event', e.event, 'notify', e.notify, 'evidence', e.evidence) order by e.event_key)
                      from ruawatch.finding_events e where e.finding_key = f.finding_key) as events
              from ruawatch.findings f`,
};

/**
 * Rows of rollups that are not what the records say: both sides counted apart, without the program's own SQL.
 */
const ROLLUPS: Record<string, string> = {
  source_days: `with said as (
      select p.domain, c.source, (p.begin_at at time zone 'UTC')::date as day, p.reporter, p.trust, sum(c.count) as messages,
             sum(case when c.dkim_aligned or c.spf_aligned then c.count else 0 end) as passed,
             sum(case when c.dkim_aligned then c.count else 0 end) as dkim_aligned, sum(case when c.spf_aligned then c.count else 0 end) as spf_aligned,
             sum(case when c.disposition = 'reject' then c.count else 0 end) as rejected,
             sum(case when c.disposition = 'quarantine' then c.count else 0 end) as quarantined,
             sum(case when c.forwarded then c.count else 0 end) as forwarded
        from ruawatch.records c join ruawatch.reports p using (report_key) where p.superseded_by is null group by 1, 2, 3, 4, 5)
    select concat_ws(' ', domain, source, day, reporter, trust) as what, to_jsonb(said) as said, to_jsonb(kept) as kept
      from said full join (select domain, source, day, reporter, trust, messages, passed, dkim_aligned, spf_aligned, rejected, quarantined, forwarded
                             from ruawatch.source_days) kept using (domain, source, day, reporter, trust)
     where coalesce(said.messages, 0) <> coalesce(kept.messages, 0) or coalesce(said.passed, 0) <> coalesce(kept.passed, 0) or coalesce(said.dkim_aligned, 0) <> coalesce(kept.dkim_aligned, 0) or coalesce(said.spf_aligned, 0) <> coalesce(kept.spf_aligned, 0) or coalesce(said.rejected, 0) <> coalesce(kept.rejected, 0) or coalesce(said.quarantined, 0) <> coalesce(kept.quarantined, 0) or coalesce(said.forwarded, 0) <> coalesce(kept.forwarded, 0)`,
  domain_days: `with said as (
      select p.domain, (p.begin_at at time zone 'UTC')::date as day, p.reporter, sum(c.count) as messages,
             sum(case when c.dkim_aligned or c.spf_aligned then c.count else 0 end) as passed,
             sum(case when c.disposition = 'reject' then c.count else 0 end) as rejected
        from ruawatch.records c join ruawatch.reports p using (report_key) where p.superseded_by is null and p.trust = 'ok' group by 1, 2, 3)
    select concat_ws(' ', domain, day, reporter) as what, to_jsonb(said) as said, to_jsonb(kept) as kept
      from said full join (select domain, day, reporter, messages, passed, rejected from ruawatch.domain_days) kept using (domain, day, reporter)
     where coalesce(said.messages, 0) <> coalesce(kept.messages, 0) or coalesce(said.passed, 0) <> coalesce(kept.passed, 0)
        or coalesce(said.rejected, 0) <> coalesce(kept.rejected, 0)`,
  class_days: `with said as (
      select d.domain, s.class, d.day, d.reporter, sum(d.messages) as messages, sum(d.passed) as passed, sum(d.failed_forwarded) as failed_forwarded,
             sum(d.failed_subdomain) as failed_subdomain, sum(d.delivered) as delivered, sum(d.quarantined) as quarantined, sum(d.rejected) as rejected
        from ruawatch.source_days d join ruawatch.sources s using (domain, source) where d.trust = 'ok' group by 1, 2, 3, 4),
    kept as (select domain, class, day, reporter, messages, passed, failed_forwarded, failed_subdomain, delivered, quarantined, rejected from ruawatch.class_days)
    select concat_ws(' ', domain, class, day, reporter) as what, to_jsonb(said) as said, to_jsonb(kept) as kept
      from said full join kept using (domain, class, day, reporter)
     where to_jsonb(said) is distinct from to_jsonb(kept) and (coalesce(said.messages, 0) <> 0 or coalesce(kept.messages, 0) <> 0)`,
  sources: `with said as (
      select p.domain, c.source, sum(c.count) as messages, sum(case when c.dkim_aligned or c.spf_aligned then c.count else 0 end) as passed
        from ruawatch.records c join ruawatch.reports p using (report_key) where p.superseded_by is null and p.trust = 'ok' group by 1, 2)
    select concat_ws(' ', domain, source) as what, to_jsonb(said) as said, to_jsonb(kept) as kept
      from said full join (select domain, source, messages, passed from ruawatch.sources) kept using (domain, source)
     where (coalesce(said.messages, 0), coalesce(said.passed, 0)) <> (coalesce(kept.messages, 0), coalesce(kept.passed, 0))`,
  policy_days: `with said as (
      select domain, (begin_at at time zone 'UTC')::date as day, reporter, trust, count(*) as reports from ruawatch.reports
       where superseded_by is null and coalesce(policy_p, policy_sp, policy_np, adkim, aspf, policy_pct::text, policy_testing, '') <> '' group by 1, 2, 3, 4)
    select concat_ws(' ', domain, day, reporter, trust) as what, to_jsonb(said) as said, to_jsonb(kept) as kept
      from said full join (select domain, day, reporter, trust, sum(reports) as reports from ruawatch.policy_days group by 1, 2, 3, 4) kept
     using (domain, day, reporter, trust)
     where coalesce(said.reports, 0) <> coalesce(kept.reports, 0)`,
  subdomains: `with below as (
      select p.domain, c.source, lower(trim(trailing '.' from c.header_from)) as name, (p.begin_at at time zone 'UTC')::date as day, p.reporter, p.trust,
             c.count, not (c.dkim_aligned or c.spf_aligned or c.forwarded or c.foreign_dkim is not null or c.foreign_spf is not null) as nothing,
             c.dkim_aligned or c.spf_aligned as pass
        from ruawatch.records c join ruawatch.reports p using (report_key)
       where p.superseded_by is null and p.domain <> '' and lower(trim(trailing '.' from c.header_from)) ~~ ('%.' || p.domain)),
     names as (select domain, name, day, trust, sum(count) as messages, sum(case when pass then count else 0 end) as passed,
                      sum(case when nothing then count else 0 end) as failed_unauthenticated from below group by 1, 2, 3, 4),
     sources as (select domain, source, day, reporter, trust, sum(count) as failed_subdomain from below where nothing group by 1, 2, 3, 4, 5)
    select concat_ws(' ', domain, name, day, trust) as what, to_jsonb(n) as said, to_jsonb(k) as kept
      from names n full join (select * from ruawatch.subdomain_days where messages <> 0) k using (domain, name, day, trust)
     where (n.messages, n.passed, n.failed_unauthenticated) is distinct from (k.messages, k.passed, k.failed_unauthenticated)
     union all
    select concat_ws(' ', domain, source, day, reporter, trust), to_jsonb(s), to_jsonb(k)
      from sources s full join (select * from ruawatch.source_days where failed_subdomain <> 0) k using (domain, source, day, reporter, trust)
     where s.failed_subdomain is distinct from k.failed_subdomain`,
  selector_days: `with said as (
      select distinct on (c.report_key, c.n) p.domain, c.source, lower(d ->> 'selector') as selector, lower(d ->> 'domain') as signing_domain,
             (p.begin_at at time zone 'UTC')::date as day, p.reporter, p.trust, c.count, d ->> 'result' = 'pass' as pass
        from ruawatch.records c join ruawatch.reports p using (report_key), jsonb_array_elements(c.auth -> 'dkim') d
       where p.superseded_by is null and d ->> 'selector' <> '' and p.domain <> ''
         and ('.' || lower(d ->> 'domain') like '%.' || p.domain or '.' || p.domain like '%.' || lower(d ->> 'domain'))
       order by c.report_key, c.n, d ->> 'result' = 'pass' desc, 3, 4),
     sums as (select domain, source, signing_domain, selector, day, reporter, trust, sum(count) as messages,
                     sum(case when pass then count else 0 end) as passed from said group by 1, 2, 3, 4, 5, 6, 7)
    select concat_ws(' ', domain, source, signing_domain, selector, day, reporter, trust) as what, to_jsonb(s) as said, to_jsonb(k) as kept
      from sums s full join (select * from ruawatch.selector_days where messages <> 0) k
     using (domain, source, signing_domain, selector, day, reporter, trust)
     where (s.messages, s.passed) is distinct from (k.messages, k.passed)`,
  records: `select r.report_key::text as what, to_jsonb(r.records) as said, to_jsonb(count(c.n)) as kept
              from (select report_key, records, messages from ruawatch.reports) r left join ruawatch.records c using (report_key)
             group by r.report_key, r.records, r.messages
            having count(c.n) <> r.records or coalesce(sum(c.count), 0) <> r.messages
            union all
            select c.report_key::text, null, to_jsonb(count(*)) from ruawatch.records c
             where not exists (select from ruawatch.reports r where r.report_key = c.report_key) group by 1`,
};

/** Reads what a run came to. @param mails what reached the mail server of the alerts */
export async function readTotals(db: Db, mails: readonly Received[]): Promise<Totals> {
  const facts = new Map<string, string>();
  const counts: Record<string, number> = {};
  const wrong: string[] = [];
  for (const [kind, sql] of Object.entries(FACTS)) {
    const { rows } = await db.query<Record<string, unknown>>(sql);
    counts[kind] = rows.length;
    for (const { name, ...rest } of rows) {
      const key = `${kind}: ${name}`;
      if (facts.has(key)) wrong.push(`twice: ${key}`);
      facts.set(key, JSON.stringify(rest));
    }
  }
  const { rows: totals } = await db.query<Record<string, number>>(
    `select (select count(*) from ruawatch.messages where state = 'stored') as stored,
            (select count(*) from ruawatch.messages where state = 'ignored') as ignored,
            (select count(*) from ruawatch.messages where state = 'quarantined') as quarantined,
            (select count(*) from ruawatch.messages where state = 'failed') as failed,
            (select count(*) from ruawatch.records) as records, (select sum(messages) from ruawatch.source_days) as "mail counted",
            (select sum(duplicates) from ruawatch.reports) as duplicates,
            (select count(*) from ruawatch.reports where superseded_by is not null) as superseded`,
  );
  Object.assign(counts, totals[0]);
  for (const [name, n] of Object.entries(totals[0]!)) facts.set(`total: ${name}`, String(n));
  if (counts.failed !== 0) wrong.push(`${counts.failed} messages failed for good`);
  for (const [table, sql] of Object.entries(ROLLUPS)) {
    const { rows } = await db.query<{ what: string; said: unknown; kept: unknown }>(sql);
    for (const row of rows)
      wrong.push(`${table} ${row.what}: counted ${JSON.stringify(row.said)}, kept ${JSON.stringify(row.kept)}`);
  }
  const resent = await readMails(db, mails, facts, counts, wrong);
  return { facts, counts, wrong, resent };
}

/**
 * Every mail of the outbox must have reached each of its recipients whom the server did not refuse, and
 * nothing else may have been sent. A mail that was refused for all is followed by another that tells the
 * same.
 */
async function readMails(
  db: Db,
  mails: readonly Received[],
  facts: Map<string, string>,
  counts: Record<string, number>,
  wrong: string[],
): Promise<number> {
  const { rows } = await db.query<OutboxRow>(
    `select o.message_id, concat_ws(' ', f.domain, f.kind, f.subject, substring(o.message_id from '^<(?:finding-\\d+-)?([^.]*)')) as name,
            o.subject, o.state, o.raw, o.recipients, o.delivered_to, o.refused_for
       from ruawatch.outbox o left join ruawatch.findings f using (finding_key)
      order by o.message_id like '%-to-%', o.outbox_key`,
  );
  const byId = new Map<string, Received[]>();
  for (const mail of mails) {
    const id = mail.headers.get('message-id') ?? '';
    byId.set(id, [...(byId.get(id) ?? []), mail]);
  }
  const refused = new Set<string>();
  const told = new Set<string>();
  let resent = 0;
  for (const row of rows) {
    const { message_id, subject, state, raw } = row;
    const sent = byId.get(message_id) ?? [];
    byId.delete(message_id);
    for (const one of sent) {
      if (digest(one.raw) !== digest(raw.toString('utf8')))
        wrong.push(`the mail ${message_id} was sent with other bytes than are in the outbox`);
    }
    const key = `mail: ${row.name.replace(/(?:-again-\d+)?(?:-to-[0-9a-f]+)?$/, '')}`;
    if (state === 'failed') {
      refused.add(key);
      // The server had it, and its answer was lost on the way.
      resent += sent.length;
      continue;
    }
    const to = row.recipients;
    const copies = to.map((address) => sent.filter((one) => one.to.includes(address)).length);
    const missing = to.filter((address, i) => copies[i] === 0 && !row.refused_for.includes(address));
    if (missing.length > 0 || sent.length === 0) wrong.push(`the mail ${message_id} (${state}) never reached ${to.join(' or ')}`);
    resent += Math.max(0, Math.max(...copies) - 1);
    for (const address of row.delivered_to) {
      if (told.has(`${key} ${address}`)) wrong.push(`two mails tell ${address} the same: ${key}`);
      told.add(`${key} ${address}`);
    }
    if (!facts.has(key)) facts.set(key, JSON.stringify({ subject, state }));
  }
  for (const key of refused) if (!facts.has(key)) wrong.push(`refused, and not made anew: ${key}`);
  for (const id of byId.keys()) wrong.push(`a mail was sent that the outbox does not have: ${id}`);
  counts.mail = rows.filter(({ state }) => state !== 'failed').length;
  counts.refused = rows.length - counts.mail;
  return resent;
}

interface OutboxRow {
  message_id: string;
  name: string;
  subject: string;
  state: string;
  raw: Buffer;
  recipients: string[];
  delivered_to: string[];
  refused_for: string[];
}

function digest(text: string): string {
  // The server takes the dots and the last line end as SMTP has them.
  return createHash('sha256').update(text.replace(/\r?\n/g, '\n').trimEnd()).digest('hex');
}

/** What differs between two runs, one line each. */
export function differences(undisturbed: Totals, disturbed: Totals): string[] {
  const lines: string[] = [];
  for (const [name, value] of undisturbed.facts) {
    const other = disturbed.facts.get(name);
    if (other === undefined) lines.push(`missing: ${name} ${value}`);
    else if (other !== value) lines.push(`differs: ${name}\n    undisturbed ${value}\n    disturbed   ${other}`);
  }
  for (const [name, value] of disturbed.facts) if (!undisturbed.facts.has(name)) lines.push(`too much: ${name} ${value}`);
  return lines;
}
