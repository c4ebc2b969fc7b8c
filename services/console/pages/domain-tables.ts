import { number, percent } from '../../shared/format.ts';
import type * as store from '../../store/console/domain.ts';
import type { DecisionLine } from '../../store/console/sender.ts';
import { html, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type Column, type Table, tableOf } from '../tables.ts';
import { dated, day, hostName, minute, share } from './format.ts';
import { reporterLabel } from './reporter.ts';

/** A share of the messages, as a number in files. */
function passing<Row extends { messages: number }>(key: string, label: string, of: (row: Row) => number): Column<Row> {
  return {
    key,
    label,
    as: 'number',
    of: (row) => (row.messages === 0 ? null : Number((of(row) / row.messages).toFixed(4))),
    show: (row) => share(of(row), row.messages),
  };
}

export function sendersTable(domain: string, senders: readonly store.SenderLine[]): Table {
  const w = words.domain;
  return tableOf<store.SenderLine>(
    'senders',
    [
      {
        key: 'sender',
        label: w.sender,
        as: 'head',
        of: (one) => one.name,
        show: (one) =>
          html`<a href="${path`/domains/${domain}/senders/${one.sender}`}">${hostName(one.name)}</a>${one.sources > 1 && html` <span class="quiet address">${w.sources(one.sources)}</span>`}`,
      },
      {
        key: 'class',
        label: w.class,
        of: (one) => one.class,
        show: (one) =>
          html`<span class="class"><span class="key ${one.class}"></span>${w.classes[one.class] ?? one.class}</span><span class="why">${dated(one.sources > 1 ? w.several_why(one.sources, number(one.passed), number(one.messages), delivered(one)) : one.why)}</span>`,
      },
      { key: 'messages', label: w.messages, as: 'number', of: (one) => one.messages },
      passing('dmarc', 'DMARC', (one) => one.passed),
      passing('dkim', 'DKIM', (one) => one.dkim_aligned),
      passing('spf', 'SPF', (one) => one.spf_aligned),
      { key: 'failed_delivered', label: w.failed_delivered, as: 'number', of: (one) => one.failed_delivered },
      {
        key: 'trend',
        label: w.trend,
        as: 'number',
        sparse: true,
        of: (one) => (one.before === null ? null : one.messages - one.before),
        show: (one) => trend(one),
      },
      { key: 'last_day', label: w.last, as: 'date', of: (one) => one.last_day },
    ],
    senders,
    'senders',
  );
}

/** What became of what fails, of all its sources together; null where nothing fails. */
const delivered = ({ messages, passed, failed_delivered }: store.SenderLine): string | null =>
  messages > passed ? percent(Math.min(1, failed_delivered / (messages - passed))) : null;

/** "+12%" against as many days before. */
function trend({ messages, before }: store.SenderLine): string {
  const w = words.domain;
  if (before === null) return '';
  if (before === 0) return w.trend_new;
  const change = Math.round((100 * (messages - before)) / before);
  return change > 999 ? w.trend_more : `${change > 0 ? '+' : ''}${number(change)}%`;
}

/** The reports that a table rests on: of a domain, or of one of its senders, on some days. */
export interface ReportsAsked {
  domain: string;
  from: string;
  to?: string;
  sender?: string;
}

/**
 * Who reports on a domain or one of its senders: each leads to its reports, with what it did with the mail.
 */
export function reportersTable(asked: ReportsAsked, reporters: readonly store.ReporterLine[]): Table {
  const w = words.domain;
  return tableOf<store.ReporterLine>(
    'reporters',
    [
      {
        key: 'reporter',
        label: w.reporter,
        as: 'head',
        of: (one) => one.reporter,
        show: ({ reporter }) =>
          html`<a href="${withQuery(path`/reports`, { ...asked, reporter })}">${hostName(reporterLabel(reporter))}</a>`,
      },
      { key: 'messages', label: w.messages, as: 'number', of: (one) => one.messages },
      passing('dmarc', 'DMARC', (one) => one.passed),
      { key: 'delivered', label: words.finding.delivered, as: 'number', of: (one) => one.delivered },
      { key: 'quarantined', label: words.finding.quarantined, as: 'number', of: (one) => one.quarantined },
      { key: 'rejected', label: words.finding.rejected, as: 'number', of: (one) => one.rejected },
      { key: 'last_day', label: w.last, as: 'date', of: (one) => one.last_day },
      { key: 'standing', label: w.standing, of: (one) => (one.decides === false ? w.undecided : w.decides) },
    ],
    reporters,
  );
}

export function missingTable(missing: readonly store.MissingLine[]): Table {
  const w = words.domain;
  return tableOf<store.MissingLine>(
    'missing-reporters',
    [
      {
        key: 'reporter',
        label: w.reporter,
        as: 'head',
        of: (one) => one.reporter,
        show: (one) => hostName(reporterLabel(one.reporter)),
      },
      { key: 'last_day', label: w.last, as: 'date', of: (one) => one.last_day },
      { key: 'missed_days', label: w.missed, as: 'number', of: (one) => one.missed_days },
      { key: 'days_of_28', label: w.usual, as: 'number', of: (one) => one.days_of_28, show: (one) => w.of_28(one.days_of_28) },
      { key: 'others_report', label: w.others, of: (one) => one.others_report },
    ],
    missing,
  );
}

/** Who approved or denied which sender, when and why. */
const untilOf = ({ until, ended_at }: DecisionLine) =>
  until !== null ? minute(until) : ended_at === null ? words.domain.for_good : '';

export function decisionsTable(domain: string, decisions: readonly DecisionLine[]): Table {
  const w = words.domain;
  return tableOf<DecisionLine>(
    'decisions',
    [
      {
        key: 'source',
        label: w.sender,
        as: 'head',
        of: (one) => one.source,
        show: ({ sender, source }) =>
          sender === null
            ? hostName(source)
            : html`<a href="${path`/domains/${domain}/senders/${sender}`}">${hostName(source)}</a>`,
      },
      { key: 'verdict', label: w.decision, of: (one) => one.verdict, show: (one) => words.sender.events[one.verdict] },
      { key: 'by', label: w.decided_by, of: (one) => one.by_name },
      { key: 'since', label: w.decided_at, as: 'date', of: (one) => one.since },
      { key: 'why', label: words.finding.reason, as: 'words', of: (one) => one.why },
      { key: 'until', label: w.holds_until, as: 'date', of: (one) => one.until, show: untilOf },
      {
        key: 'ended',
        label: w.ended,
        as: 'date',
        sparse: true,
        of: (one) => one.ended_at,
        show: (one) => one.ended_at && minute(one.ended_at),
      },
      { key: 'ended_by', label: w.ended_by, sparse: true, of: (one) => one.ended_by },
      { key: 'ended_why', label: w.ended_why, as: 'words', sparse: true, of: (one) => one.ended_why },
    ],
    decisions,
  );
}

export function namesTable(names: readonly store.SubdomainLine[]): Table {
  const w = words.domain;
  return tableOf<store.SubdomainLine>(
    'subdomains',
    [
      {
        key: 'name',
        label: w.name,
        as: 'head',
        of: (one) => one.name,
        show: (one) => html`<span class="name">${hostName(one.name)}</span>`,
      },
      { key: 'messages', label: w.messages, as: 'number', of: (one) => one.messages },
      passing('dmarc', 'DMARC', (one) => one.passed),
      { key: 'failed_delivered', label: w.failed_delivered, as: 'number', of: (one) => one.failed_delivered },
      { key: 'last_day', label: w.last, as: 'date', of: (one) => one.last_day },
    ],
    names,
  );
}

/** Longer values are keys, which nobody reads: their beginning distinguishes them, and the rest unfolds. */
const LONGEST_VALUE = 160;
const SHOWN_OF_IT = 60;

const foldedValue = (value: string) =>
  value.length <= LONGEST_VALUE
    ? value
    : html`<details><summary>${value.slice(0, SHOWN_OF_IT)}… <span class="quiet">${words.domain.value_of(value.length)}</span></summary>${value}</details>`;

export function recordsTable(records: readonly store.RecordLine[]): Table {
  const w = words.domain;
  return tableOf<store.RecordLine>(
    'records',
    [
      {
        key: 'name',
        label: w.name,
        as: 'head',
        of: (one) => one.name,
        show: (one) => html`<span class="name">${one.name}</span> <span class="quiet">${one.type}</span>`,
      },
      { key: 'purpose', label: w.purpose, of: (one) => one.purpose, show: (one) => w.purposes[one.purpose] ?? one.purpose },
      { key: 'value', label: w.value, as: 'name', of: (one) => one.value, show: (one) => foldedValue(one.value) },
      {
        key: 'seen',
        label: w.seen,
        as: 'date',
        of: (one) => (one.published ? w.first_seen(day(one.first_seen)) : w.gone(one.gone_at === null ? '' : day(one.gone_at))),
      },
      {
        key: 'fault',
        label: w.fault,
        sparse: true,
        of: (one) => one.unanswered_why ?? (one.differ_since === null ? null : w.differ(day(one.differ_since))),
      },
    ],
    records,
    'records',
  );
}

/** What is wrong or unneeded in the records, and what to publish instead. */
export function faultsTable(faults: readonly store.DnsFindingLine[]): Table {
  const w = words.domain;
  return tableOf<store.DnsFindingLine>(
    'dns-findings',
    [
      { key: 'severity', label: w.weight, of: (one) => one.severity, show: (one) => w.weights[one.severity ?? ''] ?? '' },
      {
        key: 'name',
        label: w.record,
        as: 'head',
        of: (one) => one.name,
        show: ({ name }) => html`<span class="name">${name}</span>`,
      },
      {
        key: 'message',
        label: w.what_is_wrong,
        of: (one) => one.message,
        show: (one) =>
          html`${dated(one.message)}${one.publish !== null && html`<span class="why">${w.instead}</span><pre>${one.publish}</pre>`}`,
      },
      { key: 'code', label: w.code, as: 'name', of: (one) => one.code },
      { key: 'since', label: w.seen, as: 'date', of: (one) => w.since(day(one.since)) },
    ],
    faults,
  );
}
