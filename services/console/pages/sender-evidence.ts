import { daysBetween } from '../../shared/days.ts';
import type { Reader } from '../../store/console/scope.ts';
import * as store from '../../store/console/sender.ts';
import { type Html, html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type Table, tableOf } from '../tables.ts';
import { stacked } from './chart.ts';
import { shortList } from './decisions.ts';
import { reportersTable } from './domain-tables.ts';
import { day, minute } from './format.ts';
import { recordColumns } from './record-table.ts';
import { reporterLabel } from './reporter.ts';

/** Days that the page about a sender tells of. */
export const SENDER_DAYS = 90;
const MOST = { reporters: 30, records: 30, events: 30 };
/** Rows that are shown before the rest unfolds. */
const FIRST = 5;
const w = words.sender;

/**
 * On what the page about a sender rests: its days, keys, reporters, sample records, and what was decided
 * about it.
 */
export async function evidenceOf(
  reader: Reader,
  sender: store.Sender & { sender: string; forged: boolean },
): Promise<{ tables: Table[]; html: Html; days: readonly store.SenderDay[] }> {
  const days = await store.senderDays(reader, sender);
  const samples = await store.sampleRecords(reader, sender, MOST.records);
  const told = await store.senderEvents(reader, sender, MOST.events);
  const tables = {
    classes: classTable(await store.classChanges(reader, sender, MOST.events)),
    reporters: reportersTable(
      { domain: sender.domain, sender: sender.sender, from: sender.from },
      await store.senderReporters(reader, sender, MOST.reporters),
    ),
    keys: keyTable(await keysOf(reader, sender.domain, samples)),
    samples: sampleTable(samples, sender.domain),
  };
  const here = path`/domains/${sender.domain}/senders/${sender.sender}`;
  const show = (title: string, lead: string, table: Table) =>
    table.rows > 0 &&
    html`<section><h2>${title}</h2>${lead && html`<p class="quiet">${lead}</p>`}${table.html(here, FIRST)}</section>`;
  const shown = html`${openFindings(told)}
${mailChart(days, w.days_what(SENDER_DAYS), sender.forged)}
${show(w.keys, w.keys_what, tables.keys)}
${show(words.domain.reporters, words.reports.counting, tables.reporters)}
${show(w.samples, w.samples_what, tables.samples)}
${show(w.class_history, w.class_history_what, tables.classes)}
${events(told, sender)}`;
  return { tables: Object.values(tables), html: shown, days };
}

/**
 * Mail by day: what passed, and what became of the rest; null where there is none.
 * @param forged others send it: what is stopped of it is good news
 */
export function mailChart(days: readonly store.SenderDay[], title: string, forged: boolean): Html | null {
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return null;
  const at = new Map(days.map((one) => [one.day, one]));
  const layers = [
    { key: 'all-delivered', label: w.passing },
    { key: forged ? 'forged-delivered' : 'all-quarantined', label: w.failed_delivered },
    { key: forged ? 'forged-stopped' : 'all-rejected', label: w.failed_stopped },
  ];
  const amount = (on: string, key: string) => {
    const one = at.get(on);
    if (one === undefined) return 0;
    if (key === 'all-delivered') return one.passed;
    return key === layers[1]!.key ? one.delivered : Math.max(0, one.messages - one.passed - one.delivered);
  };
  return html`<section><h2>${w.days}</h2>${stacked(daysBetween(first.day, last.day), layers, amount, { title })}</section>`;
}

function openFindings(told: readonly store.SenderEvent[]): Html | null {
  const open = told.filter(({ state }) => state === 'open');
  if (open.length === 0) return null;
  return html`<section><h2>${w.open_findings}</h2><ul class="plain-list">${open.map(
    (one) => html`<li><a href="${path`/findings/${one.finding_key!}`}">${one.text}</a></li>`,
  )}</ul></section>`;
}

function classTable(changes: readonly store.ClassChange[]): Table {
  const named = (name: string) => html`<span class="key ${name}"></span>${words.domain.classes[name] ?? name}`;
  return tableOf<store.ClassChange>(
    'class-changes',
    [
      { key: 'at', label: w.changed_at, as: 'date', of: (one) => one.at, show: (one) => minute(one.at) },
      {
        key: 'source',
        label: w.source,
        as: 'head',
        of: (one) => one.source,
        show: (one) => html`<span class="name">${one.source}</span>`,
      },
      { key: 'was', label: w.was, of: (one) => one.was, show: (one) => named(one.was) },
      { key: 'class', label: w.became, of: (one) => one.class, show: (one) => named(one.class) },
      { key: 'why', label: w.because, as: 'words', of: (one) => one.why },
    ],
    changes,
  );
}

/** The keys in the samples, with what they signed. */
async function keysOf(reader: Reader, domain: string, samples: readonly store.SampleRecord[]): Promise<readonly store.KeyLine[]> {
  const named = samples.flatMap(({ auth }) =>
    (auth.dkim ?? []).flatMap(({ selector, domain: of }) => (selector && of ? [{ selector, of }] : [])),
  );
  const seen = new Set(named.map(({ selector, of }) => `${selector} ${of}`));
  const keys = await store.keyLines(
    reader,
    domain,
    named.map(({ selector }) => selector),
  );
  return keys.filter((one) => seen.has(`${one.selector} ${one.signing_domain}`));
}

function keyTable(keys: readonly store.KeyLine[]): Table {
  return tableOf<store.KeyLine>(
    'keys',
    [
      { key: 'selector', label: w.selector, as: 'head', of: (one) => one.selector },
      { key: 'domain', label: w.signing_domain, as: 'name', of: (one) => one.signing_domain },
      { key: 'messages', label: w.signed, as: 'number', of: (one) => one.messages },
      { key: 'passed', label: w.key_passes, as: 'number', of: (one) => one.passed },
      { key: 'last_seen', label: w.key_last, as: 'date', of: (one) => one.last_seen, show: (one) => one.last_seen ?? w.never },
    ],
    keys,
  );
}

function sampleTable(samples: readonly store.SampleRecord[], domain: string): Table {
  return tableOf<store.SampleRecord>(
    'samples',
    [
      {
        key: 'day',
        label: words.reports.day,
        as: 'date',
        of: (one) => day(one.begin_at),
        show: (one) => html`<a href="${path`/reports/${one.report_key}`}">${day(one.begin_at)}</a>`,
      },
      {
        key: 'reporter',
        label: words.reports.reporter,
        of: (one) => one.reporter,
        show: (one) => reporterLabel(one.reporter),
      },
      ...recordColumns<store.SampleRecord>(domain),
    ],
    samples,
  );
}

function namedSources(sources: readonly string[]): string {
  const { named, more } = shortList(sources);
  return named + more;
}

function events(found: readonly store.SenderEvent[], sender: Pick<store.Sender, 'sources'>): Html | null {
  if (found.length === 0) return null;
  return html`<section><h2>${words.finding.history}</h2><ol class="history">${found.map(
    (one) =>
      html`<li><time datetime="${one.at.toISOString()}">${minute(one.at)}</time><div><strong>${w.events[one.what]}</strong>${one.until && html` ${words.finding.until(minute(one.until))}`} ${
        one.finding_key === null
          ? html`<span class="quiet">${one.by_name}</span>${sender.sources.length > 1 && html` <span class="name">${namedSources(one.sources)}</span>`}<br>${one.text}`
          : html`<a href="${path`/findings/${one.finding_key}`}">${one.text}</a>`
      }</div></li>`,
  )}</ol></section>`;
}
