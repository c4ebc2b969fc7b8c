import { authorShown } from '../../requests/held/author.ts';
import type { HeldEvidence } from '../../store/console/held.ts';
import type { HeldAsk } from '../../store/held/asks.ts';
import type { HeldRow } from '../../store/held/held.ts';
import { type Html, html, path, type Value } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type Table, tableOf } from '../tables.ts';
import { minute } from './format.ts';

const w = words.held;
/** How much of a text of a mail a page shows: a header of a megabyte must not hide what stands below it. */
const LONGEST = 300;
const cut = (text: string) => (text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`);
const MOST_RECIPIENTS = 20;

const rows = (all: readonly [string, Value][]): Html =>
  html`<dl class="facts">${all.map(([name, value]) => html`<div><dt>${name}</dt><dd class="name">${value}</dd></div>`)}</dl>`;

/** Who sent a mail, to whom, and what was verified. */
export function factsSection(held: HeldRow): Html {
  const { results, recipients } = held;
  const shown = recipients.slice(0, MOST_RECIPIENTS).map(cut);
  const left = recipients.length - shown.length;
  const of = (result: string, domain: string | null) => `${result}${domain === null ? '' : ` (${domain})`}`;
  const dkim = results.dkim.map(({ result, domain, aligned }) => `${of(result, domain)}${aligned ? `, ${w.aligned}` : ''}`);
  return html`<section><h2>${w.who}</h2>${rows([
    [w.display_name, held.display_name === null ? '–' : cut(held.display_name)],
    [w.author, authorShown(held, cut) ?? w.nobody],
    [w.envelope, held.envelope_from === '' ? w.null_sender : cut(held.envelope_from)],
    [w.to, `${shown.join(', ')}${left > 0 ? ` ${w.more(left)}` : ''}`],
    [w.peer, `${held.peer_ip}${held.peer_name === null ? '' : ` (${cut(held.peer_name)})`}`],
    [w.helo, held.helo === null ? '–' : cut(held.helo)],
    [w.message_id, held.message_id === null ? '–' : cut(held.message_id)],
    [w.held_at, minute(held.held_at)],
  ])}</section>
<section><h2>${w.results}</h2><p>${w.held_by(held.rule, held.reason)}</p>${rows([
    ['SPF', of(results.spf.result, results.spf.domain)],
    ['DKIM', dkim.length === 0 ? 'none' : dkim.join('; ')],
    ['ARC', of(results.arc.result, results.arc.by)],
    [
      'DMARC',
      `${of(results.dmarc.result, results.dmarc.domain)}${results.dmarc.policy === null ? '' : `, p=${results.dmarc.policy}`}`,
    ],
  ])}</section>`;
}

/** How reports speak of the source of a mail. */
export function reportsSection({ source, domain }: HeldRow, { source: found }: HeldEvidence): Html {
  return html`<section><h2>${w.reports}</h2>${
    source === null
      ? html`<p>${w.no_source}</p>`
      : found === null
        ? html`<p>${w.not_reported(cut(source), domain)}</p>`
        : html`<p>${w.source(cut(source), found.class, domain)} ${found.why}</p><p>${w.counts(found.messages, found.passed, found.recent, found.recent_passed)}</p>`
  }</section>`;
}

export function similarTable({ similar }: HeldEvidence): Table {
  return tableOf<HeldEvidence['similar'][number]>(
    'similar',
    [
      {
        key: 'subject',
        label: w.subject,
        as: 'head',
        of: (one) => one.subject,
        show: (one) =>
          html`<a href="${path`/held/${one.held_key}`}">${one.subject === null ? w.no_subject : cut(one.subject)}</a>`,
      },
      { key: 'held_at', label: w.held_at, as: 'date', of: (one) => one.held_at, show: (one) => minute(one.held_at) },
      { key: 'same', label: w.same, of: (one) => one.same },
      { key: 'state', label: w.state, of: (one) => one.state, show: (one) => w.states[one.state] },
    ],
    similar,
  );
}

/** Attachments by name, type and digest: nothing of them can be opened here. */
export function attachmentsTable({ attachments }: HeldRow): Table {
  return tableOf<HeldRow['attachments'][number]>(
    'attachments',
    [
      {
        key: 'name',
        label: w.name,
        as: 'head',
        of: (one) => one.name,
        show: (one) => html`<span class="name">${one.name === null ? '–' : cut(one.name)}</span>`,
      },
      { key: 'type', label: w.type, as: 'name', of: (one) => one.type, show: (one) => cut(one.type) },
      { key: 'bytes', label: w.size, as: 'number', of: (one) => one.bytes },
      { key: 'sha256', label: w.hash, as: 'name', of: (one) => one.sha256, show: (one) => html`<code>${one.sha256}</code>` },
    ],
    attachments,
    'held',
  );
}

export function asksSection(asks: readonly HeldAsk[]): Html | null {
  if (asks.length === 0) return null;
  return html`<section><h2>${w.asked}</h2><p class="hint">${w.asked_hint}</p><ul>${asks.map(
    ({ recipient, why, asked_at }) =>
      html`<li><span class="name">${cut(recipient)}</span>: ${cut(why)} <span class="quiet">${minute(asked_at)}</span></li>`,
  )}</ul></section>`;
}
