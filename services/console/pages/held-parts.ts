import { number } from '../../shared/format.ts';
import type { HeldEvidence } from '../../store/console/held.ts';
import type { HeldAsk } from '../../store/held/asks.ts';
import type { HeldRow } from '../../store/held/held.ts';
import { type Html, html, path, type Value } from '../html.ts';
import { words } from '../page-words/en.ts';
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
    [w.author, held.header_from === null ? w.nobody : cut(held.header_from)],
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

export function similarSection({ similar }: HeldEvidence): Html {
  return html`<section><h2>${w.similar}</h2>${
    similar.length === 0
      ? html`<p class="quiet">${w.no_similar}</p>`
      : html`<div class="table" tabindex="0"><table><thead><tr><th scope="col">${w.subject}</th><th scope="col">${w.held_at}</th><th scope="col">${w.same}</th><th scope="col">${w.state}</th></tr></thead>
<tbody>${similar.map(
          (one) =>
            html`<tr><th scope="row" data-label="${w.subject}"><a href="${path`/held/${one.held_key}`}">${one.subject === null ? w.no_subject : cut(one.subject)}</a></th>
<td class="date" data-label="${w.held_at}">${minute(one.held_at)}</td><td data-label="${w.same}">${one.same}</td><td data-label="${w.state}">${w.states[one.state]}</td></tr>`,
        )}</tbody></table></div>`
  }</section>`;
}

/** Attachments by name, type and digest: nothing of them can be opened here. */
export function attachmentsSection({ attachments }: HeldRow): Html {
  return html`<section><h2>${w.attachments}</h2>${
    attachments.length === 0
      ? html`<p class="quiet">${w.no_attachments}</p>`
      : html`<div class="table" tabindex="0"><table><thead><tr><th scope="col">${w.name}</th><th scope="col">${w.type}</th><th scope="col">${w.size}</th><th scope="col">${w.hash}</th></tr></thead>
<tbody>${attachments.map(
          (one) =>
            html`<tr><th scope="row" class="name" data-label="${w.name}">${one.name === null ? '–' : cut(one.name)}</th><td class="name" data-label="${w.type}">${cut(one.type)}</td>
<td class="number" data-label="${w.size}">${number(one.bytes)}</td><td class="name" data-label="${w.hash}"><code>${one.sha256}</code></td></tr>`,
        )}</tbody></table></div>`
  }</section>`;
}

export function asksSection(asks: readonly HeldAsk[]): Html | null {
  if (asks.length === 0) return null;
  return html`<section><h2>${w.asked}</h2><p class="hint">${w.asked_hint}</p><ul>${asks.map(
    ({ recipient, why, asked_at }) =>
      html`<li><span class="name">${cut(recipient)}</span>: ${cut(why)} <span class="quiet">${minute(asked_at)}</span></li>`,
  )}</ul></section>`;
}
