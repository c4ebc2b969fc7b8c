import { daysBetween } from '../../shared/days.ts';
import type { Reader } from '../../store/console/scope.ts';
import * as store from '../../store/console/sender.ts';
import { type Html, html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type Table, tableOf } from '../tables.ts';
import { stacked } from './chart.ts';
import { reportersTable } from './domain-tables.ts';
import { day, minute } from './format.ts';
import { recordColumns } from './record-table.ts';

/** Days that the page about a sender tells of. */
export const SENDER_DAYS = 90;
const MOST = { reporters: 30, records: 30, events: 30 };
const w = words.sender;

interface Key {
  selector: string;
  domain: string;
  passed: number;
  records: number;
}

/** On what the page about a sender rests: its days, keys, reporters, sample records, and what was decided about it. */
export async function evidenceOf(
  reader: Reader,
  sender: store.Sender & { sender: string },
): Promise<{ tables: Table[]; html: Html }> {
  const days = await store.senderDays(reader, sender);
  const samples = await store.sampleRecords(reader, sender, MOST.records);
  const told = await store.senderEvents(reader, sender, MOST.events);
  const tables = {
    classes: classTable(await store.classChanges(reader, sender, MOST.events)),
    reporters: reportersTable(
      { domain: sender.domain, sender: sender.sender, from: sender.from },
      await store.senderReporters(reader, sender, MOST.reporters),
    ),
    keys: keyTable(samples),
    samples: sampleTable(samples),
  };
  const here = path`/domains/${sender.domain}/senders/${sender.sender}`;
  const show = (title: string, lead: string, table: Table) =>
    table.rows > 0 && html`<section><h2>${title}</h2>${lead && html`<p class="quiet">${lead}</p>`}${table.html(here)}</section>`;
  const shown = html`${openFindings(told)}
${mailChart(days, w.days_what(SENDER_DAYS))}
${show(w.keys, w.keys_what, tables.keys)}
${show(words.domain.reporters, words.domain.reporters_what, tables.reporters)}
${show(w.samples, w.samples_what, tables.samples)}
${show(w.class_history, w.class_history_what, tables.classes)}
${events(told)}`;
  return { tables: Object.values(tables), html: shown };
}

/** Mail by day: what passed, and what became of the rest; null where there is none. */
export function mailChart(days: readonly store.SenderDay[], title: string): Html | null {
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return null;
  const at = new Map(days.map((one) => [one.day, one]));
  const layers = [
    { key: 'all-delivered', label: w.passing },
    { key: 'unauthorized', label: w.failed_delivered },
    { key: 'fails-stopped', label: w.failed_stopped },
  ];
  const amount = (on: string, key: string) => {
    const one = at.get(on);
    if (one === undefined) return 0;
    if (key === 'all-delivered') return one.passed;
    return key === 'unauthorized' ? one.delivered : Math.max(0, one.messages - one.passed - one.delivered);
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

/** The keys in the samples, those that pass first. */
function keyTable(samples: readonly store.SampleRecord[]): Table {
  const keys = new Map<string, Key>();
  for (const { auth } of samples)
    for (const { domain, selector, result } of auth.dkim ?? []) {
      if (!domain || !selector) continue;
      const key = keys.get(`${selector} ${domain}`) ?? { selector, domain, passed: 0, records: 0 };
      keys.set(`${selector} ${domain}`, {
        ...key,
        passed: key.passed + (result === 'pass' ? 1 : 0),
        records: key.records + 1,
      });
    }
  return tableOf<Key>(
    'keys',
    [
      { key: 'selector', label: w.selector, as: 'head', of: (one) => one.selector },
      { key: 'domain', label: w.signing_domain, as: 'name', of: (one) => one.domain },
      { key: 'passed', label: w.key_passes, as: 'number', of: (one) => one.passed },
      { key: 'records', label: words.reports.records, as: 'number', of: (one) => one.records },
    ],
    [...keys.values()].sort((a, b) => b.passed - a.passed || b.records - a.records),
  );
}

function sampleTable(samples: readonly store.SampleRecord[]): Table {
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
      { key: 'reporter', label: words.reports.reporter, of: (one) => one.reporter },
      ...recordColumns<store.SampleRecord>(),
    ],
    samples,
  );
}

function events(found: readonly store.SenderEvent[]): Html | null {
  if (found.length === 0) return null;
  return html`<section><h2>${words.finding.history}</h2><ol class="history">${found.map(
    (one) =>
      html`<li><time datetime="${one.at.toISOString()}">${minute(one.at)}</time><div><strong>${w.events[one.what]}</strong> ${
        one.finding_key === null
          ? html`<span class="quiet">${one.by_name}</span><br>${one.text}`
          : html`<a href="${path`/findings/${one.finding_key}`}">${one.text}</a>`
      }</div></li>`,
  )}</ol></section>`;
}
