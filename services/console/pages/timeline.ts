import type { TimelineEntry } from '../../store/console/domain.ts';
import { type Html, html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { minute } from './format.ts';
import { whyForm } from './message.ts';

/** What happened to a domain; null when nothing did. */
export function timelineOf(entries: readonly TimelineEntry[]): Html | null {
  if (entries.length === 0) return null;
  return html`${whyForm('')}<ol class="history">${entries.map(
    (one) => html`<li><time datetime="${one.at.toISOString()}">${minute(one.at)}</time><div>${said(one)}</div></li>`,
  )}</ol>`;
}

function said({ what, event, subject, actor, summary, finding_key, request_key }: TimelineEntry): Html {
  const w = words.domain;
  const by = actor !== null && html` <span class="quiet">${actor}</span>`;
  const request = request_key === null ? '' : path`/requests/${request_key}`;
  switch (what) {
    case 'finding':
      return html`<strong>${words.finding.events[event] ?? event}</strong> <a href="${path`/findings/${finding_key ?? 0}`}">${summary}</a>${by}`;
    case 'dns':
      return html`<strong>${event === 'published' ? w.record_new : w.record_gone}</strong> <span class="name">${subject} ${summary}</span>`;
    case 'sending':
    case 'zone':
    case 'reports':
    case 'bounce':
      return html`<strong>${w.logs[what]![event] ?? event}</strong> <span class="name">${subject} ${summary}</span>${by}`;
    case 'request':
      return html`<strong>${w.requests[event] ?? event}</strong> <a href="${request}">${summary}</a>${by}`;
    case 'decision':
      return html`<strong>${w.decisions[event] ?? event}</strong> <a href="${request}">${w.request(request_key ?? 0)}</a> ${summary}${by}`;
    case 'sender':
      return html`<strong>${words.sender.events[event] ?? event}</strong> <span class="name">${subject}</span> ${summary}${by}`;
    case 'change':
      return html`<strong>${w.changes[event] ?? event}</strong> <a href="${request}">${subject}</a> <span class="quiet">${summary}</span>`;
  }
}
