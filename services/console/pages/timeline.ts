import { number } from '../../shared/format.ts';
import type { TimelineEntry } from '../../store/console/domain.ts';
import { fold } from '../form.ts';
import { fragment, type Html, html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { dated, minute } from './format.ts';
import { whyForm } from './message.ts';

/** What a timeline is shown with. */
export interface History {
  /** When the domain's records were first looked at; null while they were not. */
  watchedSince: Date | null;
  /** Whether mail logs tell of the domain. */
  logs: boolean;
}

/** The first look at the records of a domain takes no longer than this. */
const FIRST_LOOK_MS = 600_000;
/** Entries that are shown before the rest unfolds. */
const AT_FIRST = 10;
/** Of a record's value: a key is longer, and stands among the records. */
const LONGEST_VALUE = 80;

/** Whether it is a record that the first look found: it was published before, nobody knows when. */
export function isFirstLook({ what, event, at }: TimelineEntry, watchedSince: Date | null): boolean {
  return (
    what === 'dns' && event === 'published' && watchedSince !== null && at.getTime() - watchedSince.getTime() < FIRST_LOOK_MS
  );
}

/** What happened to a domain; null when nothing did. The records that the first look found are one entry. */
export function timelineOf(entries: readonly TimelineEntry[], { watchedSince, logs }: History): Html | null {
  const found = entries.filter((one) => isFirstLook(one, watchedSince));
  const told = entries.filter((one) => (one === found.at(-1) || !found.includes(one)) && !isEcho(one, entries));
  if (told.length === 0) return null;
  const listOf = (some: readonly TimelineEntry[]) =>
    html`<ol class="history">${some.map(
      (one) =>
        html`<li><time datetime="${one.at.toISOString()}">${isOfDay(one) ? one.subject : minute(one.at)}</time><div>${one === found.at(-1) ? firstLook(found.length) : said(one)}</div></li>`,
    )}</ol>`;
  return html`<p class="quiet">${words.domain.timeline_what}</p>${logs && whyForm('')}${listOf(told.slice(0, AT_FIRST))}
${told.length > AT_FIRST && fold('rest', words.tables.rest(told.length - AT_FIRST), listOf(told.slice(AT_FIRST)))}`;
}

/** What the program makes of a finding that somebody resolves or reopens is told by what they did. */
const isEcho = ({ what, event, finding_key, at }: TimelineEntry, entries: readonly TimelineEntry[]): boolean =>
  what === 'finding' &&
  (event === 'resolved' || event === 'reopened') &&
  entries.some(
    (one) =>
      one.finding_key === finding_key &&
      (one.event === 'closed' || one.event === 'unclosed') &&
      one.at.getTime() === at.getTime(),
  );

/** Whether a finding has gone on since: its figures are those of that moment. */
const isOfThen = (event: string) => event === 'opened' || event === 'reopened' || event === 'changed';

/** A day with failing mail stands for itself, and not for the moment at which it was over. */
const isOfDay = ({ what, event }: TimelineEntry) => what === 'reports' && event === 'failing';

const firstLook = (records: number): Html =>
  html`<strong>${words.domain.first_look}</strong> <a href="${fragment('records')}">${words.domain.first_look_found(records)}</a>`;

function said(entry: TimelineEntry): Html {
  const { what, event, subject, actor, finding_key, request_key } = entry;
  const w = words.domain;
  const summary = dated(readable(entry) ?? '');
  const quiet = (text: string) => html` <span class="quiet">${text}</span>`;
  const by = actor !== null && quiet(words.findings.by(actor).trim());
  // Why somebody did it is a sentence of theirs.
  const why = entry.summary && html`<br>${summary}`;
  // Whatever is of a request has its key, and so has a finding.
  const request = path`/requests/${request_key!}`;
  switch (what) {
    case 'finding':
      return html`<strong>${words.finding.events[event] ?? event}</strong> <a href="${path`/findings/${finding_key!}`}">${summary}</a>${isOfThen(event) && html` <span class="quiet">${w.figures_then}</span>`}${by}`;
    case 'dns':
      return html`<strong>${event === 'published' ? w.record_new : w.record_gone}</strong> <span class="name">${subject} ${summary}</span>`;
    case 'sending':
    case 'zone':
    case 'reports':
    case 'bounce':
      return html`<strong>${w.logs[what]![event] ?? event}</strong> ${isOfDay(entry) ? summary : html`<span class="name">${subject} ${summary}</span>`}${by}`;
    case 'request':
      return html`<strong>${w.requests[event] ?? event}</strong> <a href="${request}">${summary}</a>${actor !== null && quiet(actor)}`;
    case 'decision':
      return html`<strong>${w.decisions[event] ?? event}</strong> <a href="${request}">${w.request(request_key!)}</a>${by}${why}`;
    case 'sender':
      return html`<strong>${words.sender.events[event] ?? event}</strong> <span class="name">${subject}</span>${by}${why}`;
    case 'change':
      return html`<strong>${w.changes[event] ?? event}</strong> <a href="${request}">${subject}</a> <span class="quiet">${summary}</span>`;
  }
}

/** Long values are cut, and counts have their separators. */
function readable({ what, summary }: TimelineEntry): string | null {
  if (summary === null) return null;
  if (what === 'dns')
    return [...summary].length <= LONGEST_VALUE ? summary : `${[...summary].slice(0, LONGEST_VALUE - 1).join('')}…`;
  return what === 'reports' ? summary.replace(/\d+/g, (digits) => number(Number(digits))) : summary;
}
