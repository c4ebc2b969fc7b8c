import type { Evidence } from '../../findings/evidence.ts';
import type { Page, Words } from '../../findings/kinds/kind.ts';
import { traitsOf } from '../../findings/kinds/traits-of.ts';
import { begunWords, overWords } from '../../findings/sentences/finding.ts';
import { reporterName } from '../../findings/sentences/reporter-name.ts';
import { whoseWords } from '../../findings/sentences/source.ts';
import { addDays, daysBetween } from '../../shared/days.ts';
import { number, percent } from '../../shared/format.ts';
import type { ReporterLine } from '../../store/console/domain.ts';
import type { RelatedFinding } from '../../store/console/findings.ts';
import type { SenderDay } from '../../store/console/sender.ts';
import type { LifeEvent, ListedFinding } from '../../store/findings/list.ts';
import { type Address, external, type Html, html, path, withFragment, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type Column, type Table, tableOf } from '../tables.ts';
import { reportersTable } from './domain-tables.ts';
import { dated, hostName, minute, severity, shares } from './format.ts';
import { mailChart } from './sender-evidence.ts';

/** Rows that are shown before the rest unfolds. */
const FIRST = 8;

/** A finding whose evidence was read. */
export type ReadFinding = ListedFinding & { evidence: Evidence; confidence?: unknown; events: readonly LifeEvent[] };

/** What happened, what to do, and on what it rests. */
export function evidencePage(finding: ReadFinding, said: Words, { days, tables, related }: FindingRest): Html {
  const { evidence } = finding;
  const w = words.finding;
  const over = overWords(evidence);
  const here = path`/findings/${finding.finding_key}`;
  const show = (title: string, table: Table, hint: string | false = false) =>
    table.rows > 0 &&
    html`<section><h2>${title}</h2>${hint && html`<p class="hint">${hint}</p>`}${table.html(here, FIRST)}</section>`;
  return html`<section><h2>${w.happened}</h2><p>${dated(said.what || said.summary)}</p>
${over && html`<p><strong>${w.over}:</strong> ${dated(over)}</p>`}</section>
${said.advice.length > 0 && html`<section><h2>${w.advice}</h2>${adviceOf(said, finding.domain)}</section>`}
<section><h2>${w.evidence}</h2>${figures(finding)}${fate(evidence, isForged(finding))}${proofOf(finding)}</section>
${mailChart(days, w.days_what(daysBefore(days, finding), finding.since), isForged(finding))}
${show(w.who, tables.who)}${evidence.senders > evidence.who.length && html`<p class="quiet">${w.more(evidence.senders - evidence.who.length)}</p>`}
${show(w.broken, tables.broken)}
${show(w.by_receiver, tables.reporters, ofAll(finding) && w.receivers_all)}
${namesOf(evidence)}
${show(w.tags, tables.tags)}
${relatedOf(related)}
${historyOf(finding.events)}
${evidence.query && html`<details><summary>${w.query}</summary><p class="hint">${w.query_what}</p><pre>${evidence.query}</pre></details>`}`;
}

/** The advice; pages named in it that are ours (Words.links) become links. */
function adviceOf({ advice, links = [], pages = [] }: Words, domain: string): Html {
  return html`<ol class="advice">${advice.map((sentence, i) => html`<li>${linked(sentence, links)}${button(pages[i] ?? null, domain)}</li>`)}</ol>`;
}

/** Pages that are not of one domain. */
const OF_ALL: ReadonlySet<Page> = new Set(['quarantine', 'doctor', 'lookalikes', 'requests']);

/** The page where the advice is followed: who reads here need not find a shell. */
function button(page: Page | null, domain: string): Html | null {
  if (page === null) return null;
  const of = path`/domains/${domain}`;
  const places: Record<Page, Address> = {
    dns_check: withFragment(of, 'faults'),
    dns_history: withFragment(of, 'timeline'),
    dns_records: withFragment(of, 'records'),
    policy_status: withFragment(of, 'posture'),
    senders: withFragment(of, 'senders'),
    quarantine: path`/quarantine`,
    doctor: path`/health`,
    lookalikes: path`/look-alikes`,
    requests: path`/requests`,
  };
  if (domain === '*' && !OF_ALL.has(page)) return null;
  return html` <a class="button" href="${places[page]}">${words.finding.instead_of[page]}</a>`;
}

/** The sentence with its links, each where it stands; of two that begin at one place the longer one. */
function linked(sentence: string, links: readonly string[]): Html[] {
  const [first] = links
    .flatMap((link) => {
      const [at, address] = [sentence.indexOf(link), external(link)];
      return at < 0 || address === null ? [] : [{ at, link, address }];
    })
    .sort((a, b) => a.at - b.at || b.link.length - a.link.length);
  if (first === undefined) return [dated(sentence)];
  const { at, link, address } = first;
  return [
    dated(sentence.slice(0, at)),
    html`<a href="${address}" rel="noreferrer">${link}</a>`,
    ...linked(sentence.slice(at + link.length), links),
  ];
}

/** Whether reports tell of it: what DNS says has no reporters, and no messages. */
const isReported = ({ evidence }: ReadFinding): boolean =>
  evidence.of > 0 || evidence.messages > 0 || evidence.reporters.length > 0;

/** Days before a finding that its chart begins with: what was usual. */
const BEFORE_DAYS = 14;

/** Whether it is about mail that others send, and that is to be kept out. */
const isForged = ({ kind, evidence: { facts } }: ReadFinding): boolean => traitsOf(facts?.rule ?? kind).mail === 'forged';

/** How many days of its chart are before it began: where the mail began with it, there are none. */
function daysBefore(days: readonly SenderDay[], { since }: ReadFinding): number {
  const [first] = days;
  return first === undefined || first.day >= since ? 0 : daysBetween(first.day, since).length - 1;
}

/** The days that the chart of a finding is about; null for one that is not about mail. */
export function daysOf(finding: ReadFinding): { from: string; to: string } | null {
  const { domain, evidence, first_day, kind, since } = finding;
  if (domain === '*' || traitsOf(kind).ofReporter || !isReported(finding)) return null;
  return { from: addDays(since, -BEFORE_DAYS), to: evidence.last_day || first_day };
}

/**
 * The reports that prove it. Of reports that are themselves the finding: those in the name of the reporter,
 * whatever their days.
 */
function proofOf(finding: ReadFinding): Html | null {
  const { domain, kind, subject } = finding;
  if (domain === '*') return null;
  const w = words.finding;
  const forged = traitsOf(kind).unproven;
  if (traitsOf(kind).byReporter) return html`<p><a href="${reportsOf(finding, '', subject)}">${w.proof}</a></p>`;
  if (traitsOf(kind).ofReporter)
    return html`<p><a href="${withQuery(path`/reports`, { domain, reporter: subject, trust: forged ? 'bad' : '' })}">${forged ? w.unproven_reports : w.last_reports}</a></p>`;
  // None has come of these days.
  if (traitsOf(kind).counts === 'absent')
    return html`<p><a href="${withQuery(path`/reports`, { domain })}">${w.last_reports}</a></p>`;
  if (!isReported(finding)) return null;
  return html`<p><a href="${reportsOf(finding, soleSender(finding))}">${ofAll(finding) ? w.all_reports : w.proof}</a></p>`;
}

/** The one sender that it is about; with several, each row of its tables leads to its reports. */
function soleSender({ evidence: { who, broken = [], senders } }: ReadFinding): string {
  const named = [...new Set(broken.length > 0 ? broken.map((one) => one.sender ?? one.source) : who.map(({ source }) => source))];
  return named.length === 1 && senders <= 1 ? named[0]! : '';
}

/** It names several senders, and the list of reports is not narrowed to them. */
function ofAll(finding: ReadFinding): boolean {
  const { who, broken = [] } = finding.evidence;
  return who.length + broken.length > 0 && soleSender(finding) === '';
}

/** The list of the reports of its days. */
function reportsOf(finding: ReadFinding, sender: string, reporter = ''): Address {
  const { domain, evidence } = finding;
  return withQuery(path`/reports`, { domain, sender, reporter, from: firstDayOf(finding), to: evidence.last_day });
}

/** The first day that it rests on: a domain is ready since that was found, by the days before. */
function firstDayOf({ since, evidence: { facts } }: ReadFinding): string {
  const ready = facts !== null && traitsOf(facts.rule).counts === 'touched' && 'from' in facts;
  return (ready ? facts.from : undefined) ?? since;
}

function relatedOf(related: readonly RelatedFinding[]): Html | null {
  if (related.length === 0) return null;
  return html`<section><h2>${words.finding.related}</h2><ul class="plain-list">${related.map(
    (one) => html`<li>${severity(one.severity)} <a href="${path`/findings/${one.finding_key}`}">${one.title}</a></li>`,
  )}</ul></section>`;
}

function figures(finding: ReadFinding): Html {
  const { evidence, confidence, kind } = finding;
  const w = words.finding;
  const named = evidence.reporters.map((key) => reporterName(key, evidence));
  // A reporter that is silent, or in whose name others report, has not reported what this says.
  const counted = isReported(finding) && !traitsOf(kind).ofReporter;
  const rows: [string, string][] = [
    ...(evidence.of > 0 ? [[words.finding.messages, amountOf(finding)] as [string, string]] : []),
    ...(evidence.per_day > 0 ? [[w.per_day, number(Math.round(evidence.per_day))] as [string, string]] : []),
    [w.since, begunWords({ ...evidence, since: finding.since })],
    ...(counted && evidence.last_day ? [[w.last, evidence.last_day] as [string, string]] : []),
    ...(typeof confidence === 'number' ? [[w.confidence, percent(confidence)] as [string, string]] : []),
    ...(counted && named.length > 0 ? [[w.reporters, named.join(', ')] as [string, string]] : []),
    ...(counted && (evidence.missing ?? []).length > 0 ? [[w.missing, evidence.missing!.join(', ')] as [string, string]] : []),
  ];
  return html`<dl class="figures">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${dated(value)}</dd></div>`)}</dl>`;
}

/** Its messages, and of what they are a part. */
function amountOf({ kind, evidence }: ReadFinding): string {
  const w = words.finding;
  const { partOf, counts } = traitsOf(evidence.facts?.rule ?? kind);
  if (counts === 'absent') return w.absent(evidence.of);
  const of = counts === 'touched' ? w.touched : partOf === 'domain' ? w.of_domain : w.of;
  return of(evidence.messages, evidence.of);
}

const BAR = 600;

/** What the receivers did with the messages concerned: a bar, and the numbers beside it. */
function fate({ delivered, quarantined, rejected }: Evidence, forged: boolean): Html | null {
  const w = words.finding;
  const all = delivered + quarantined + rejected;
  if (all === 0) return null;
  const parts = [
    { name: w.delivered, count: delivered, is: forged ? 'forged-delivered' : 'delivered' },
    { name: w.quarantined, count: quarantined, is: 'quarantined' },
    { name: w.rejected, count: rejected, is: forged ? 'forged-stopped' : 'rejected' },
  ].filter(({ count }) => count > 0);
  const partOf = shares(parts.map(({ count }) => count));
  let at = 0;
  const bars = parts.map(({ count, is }) => {
    const width = (BAR * count) / all;
    const bar = html`<rect class="${is}" x="${at}" y="0" width="${width}" height="14"/>`;
    at += width;
    return bar;
  });
  const sentence = parts.map(({ name, count }, i) => `${name.toLowerCase()} ${number(count)} (${partOf[i]})`).join(', ');
  return html`<figure class="fate"><figcaption>${w.fate}</figcaption>
<svg viewBox="0 0 ${BAR} 14" preserveAspectRatio="none" role="img" aria-label="${w.shares(sentence)}">${bars}</svg>
<ul class="legend">${parts.map(
    ({ name, count, is }, i) =>
      html`<li><span class="key ${is}"></span>${name} ${number(count)} <span class="quiet">${partOf[i]}</span></li>`,
  )}</ul></figure>`;
}

type Who = Evidence['who'][number];
type Broken = NonNullable<Evidence['broken']>[number];
type Tag = NonNullable<Evidence['tags']>[number];

/** What a page has beside the evidence itself. */
export interface FindingRest {
  /** The mail of those whom it names, from some days before it began. */
  days: readonly SenderDay[];
  tables: FindingTables;
  related: readonly RelatedFinding[];
}

export interface FindingTables {
  who: Table;
  broken: Table;
  tags: Table;
  /** What each receiver reports of its mail. */
  reporters: Table;
}

/**
 * The tables of a finding.
 * @param senders the sender that each source belongs to, for those that have a page
 * @param reporters who reports on its mail; null for one that is not about mail
 */
export function findingTables(
  finding: ReadFinding,
  senders: ReadonlyMap<string, string>,
  reporters: readonly ReporterLine[] | null,
): FindingTables {
  const { domain, evidence } = finding;
  const named = (source: string): Html => {
    const sender = senders.get(source);
    const name = html`<span class="name">${hostName(source)}</span>`;
    return sender === undefined
      ? name
      : html`<a href="${path`/domains/${domain}/senders/${sender}`}">${name}</a> <a class="quiet" href="${reportsOf(finding, source)}">${words.finding.its_reports}</a>`;
  };
  const asked = { domain, from: finding.since, to: evidence.last_day, sender: soleSender(finding) };
  return {
    who: whoTable(evidence, named),
    broken: brokenTable(evidence, named),
    tags: tagTable(evidence),
    reporters: reportersTable(asked, reporters ?? []),
  };
}

type Named = (source: string) => Html;

function whoTable({ who }: Evidence, named: Named): Table {
  const w = words.finding;
  const delivered: Column<Who> = {
    key: 'delivered',
    label: w.delivered,
    as: 'number',
    of: (one) => one.delivered ?? null,
  };
  return tableOf<Who>(
    'who',
    [
      {
        key: 'source',
        label: w.source,
        as: 'head',
        of: (one) => one.source,
        show: (one) => html`${named(one.source)}${one.unproven && html` <span class="quiet">(${w.unproven})</span>`}`,
      },
      { key: 'known', label: w.known, as: 'words', sparse: true, of: (one) => whoseWords(one) },
      { key: 'messages', label: w.messages, as: 'number', sparse: true, of: (one) => one.messages || null },
      { key: 'reports', label: words.reports.title, as: 'number', sparse: true, of: (one) => one.reports ?? null },
      ...(who.some((one) => one.delivered !== undefined) ? [delivered] : []),
    ],
    who,
  );
}

const MOST_BROKEN = 50;

function brokenTable({ broken = [] }: Evidence, named: Named): Table {
  const w = words.finding;
  return tableOf<Broken>(
    'broken',
    [
      {
        key: 'sender',
        label: w.source,
        as: 'head',
        of: (one) => one.sender ?? one.source,
        show: (one) => named(one.sender ?? one.source),
      },
      { key: 'since', label: w.since, as: 'date', of: (one) => one.since },
      {
        key: 'messages',
        label: w.messages,
        as: 'number',
        of: (one) => one.messages,
        show: (one) => w.part(one.messages, one.of),
      },
      { key: 'names', label: w.names, as: 'name', of: (one) => (one.names ?? []).join(', ') },
    ],
    broken.slice(0, MOST_BROKEN),
  );
}

function tagTable({ tags = [] }: Evidence): Table {
  const w = words.finding;
  return tableOf<Tag>(
    'tags',
    [
      { key: 'tag', label: w.tag, as: 'head', of: (one) => one.tag },
      { key: 'before', label: w.before, as: 'name', of: (one) => one.from },
      { key: 'after', label: w.after, as: 'name', of: (one) => one.to },
      { key: 'on', label: w.on, as: 'date', of: (one) => one.since },
    ],
    tags,
  );
}

function namesOf({ names = [], names_in_all = 0 }: Evidence): Html | null {
  const w = words.finding;
  if (names.length === 0) return null;
  return html`<section><h2>${w.subdomains}</h2><ul class="names">${names.map(
    ({ name, messages }) => html`<li><span class="name">${name}</span> <span class="quiet">${number(messages)}</span></li>`,
  )}</ul>${names_in_all > names.length && html`<p class="quiet">${w.more(names_in_all - names.length)}</p>`}</section>`;
}

function historyOf(events: readonly LifeEvent[]): Html {
  const w = words.finding;
  // Who resolves or reopens a finding by hand makes two events of one moment: what they did, and what the
  // program made of it.
  const byHand = new Set(events.filter(({ event }) => event === 'closed' || event === 'unclosed').map(({ at }) => at.getTime()));
  const told = events.filter(({ event, at }) => (event !== 'resolved' && event !== 'reopened') || !byHand.has(at.getTime()));
  return html`<section><h2>${w.history}</h2><ol class="history">${[...told].reverse().map(
    (event) => html`<li><time datetime="${event.at.toISOString()}">${minute(event.at)}</time>
<div><strong>${w.events[event.event] ?? event.event}</strong>${event.verdict && w.verdict_of(w.verdicts[event.verdict])}${event.until && html` ${w.until(minute(event.until))}`}${event.assigned_to && html` ${w.given_to(event.assigned_to)}`}
<span class="quiet">${words.findings.by(event.by_name ?? w.program).trim()}</span>${event.why && html`<br>${event.why}`}</div></li>`,
  )}</ol></section>`;
}
