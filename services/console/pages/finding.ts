import type { Evidence } from '../../findings/evidence.ts';
import type { Words } from '../../findings/kinds/kind.ts';
import { overWords } from '../../findings/sentences.ts';
import { whoseWords } from '../../findings/whose.ts';
import { number, percent } from '../../shared/format.ts';
import type { LifeEvent, ListedFinding } from '../../store/findings/list.ts';
import { external, type Html, html } from '../html.ts';
import { words } from '../page-words/en.ts';
import { minute } from './format.ts';

/** A finding whose evidence was read. */
export type ReadFinding = ListedFinding & { evidence: Evidence; confidence?: unknown; events: readonly LifeEvent[] };

/** What happened, what to do, and on what it rests. */
export function evidencePage(finding: ReadFinding, said: Words): Html {
  const { evidence } = finding;
  const w = words.finding;
  const over = overWords(evidence);
  return html`<section><h2>${w.happened}</h2><p>${said.what || said.summary}</p>
${over && html`<p><strong>${w.over}:</strong> ${over}</p>`}</section>
${said.advice.length > 0 && html`<section><h2>${w.advice}</h2>${adviceOf(said)}</section>`}
<section><h2>${w.evidence}</h2>${figures(finding)}${fate(evidence)}</section>
${whoOf(evidence)}
${brokenOf(evidence)}
${namesOf(evidence)}
${tagsOf(evidence)}
${historyOf(finding.events)}
${evidence.query && html`<details><summary>${w.query}</summary><pre>${evidence.query}</pre></details>`}`;
}

/** The advice; pages named in it that are ours (Words.links) become links. */
function adviceOf({ advice, links = [] }: Words): Html {
  return html`<ol class="advice">${advice.map((sentence) => html`<li>${linked(sentence, links)}</li>`)}</ol>`;
}

function linked(sentence: string, links: readonly string[]): (Html | string)[] {
  const link = links.find((one) => sentence.includes(one));
  const address = link === undefined ? null : external(link);
  if (link === undefined || address === null) return [sentence];
  const at = sentence.indexOf(link);
  return [
    sentence.slice(0, at),
    html`<a href="${address}" rel="noreferrer">${link}</a>`,
    ...linked(sentence.slice(at + link.length), links),
  ];
}

function figures({ evidence, confidence, first_day }: ReadFinding): Html {
  const w = words.finding;
  const named = evidence.reporters.map((key) => evidence.reporter_names?.[key] ?? key);
  const rows: [string, string][] = [
    ...(evidence.of > 0 ? [[words.finding.messages, w.of(evidence.messages, evidence.of)] as [string, string]] : []),
    ...(evidence.per_day > 0 ? [[w.per_day, number(Math.round(evidence.per_day))] as [string, string]] : []),
    [w.since, evidence.again ?? (evidence.since || first_day)],
    ...(evidence.last_day ? [[w.last, evidence.last_day] as [string, string]] : []),
    ...(typeof confidence === 'number' ? [[w.confidence, percent(confidence)] as [string, string]] : []),
    ...(named.length > 0 ? [[w.reporters, named.join(', ')] as [string, string]] : []),
    ...((evidence.missing ?? []).length > 0 ? [[w.missing, evidence.missing!.join(', ')] as [string, string]] : []),
  ];
  return html`<dl class="figures">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

const BAR = 600;

/** What the receivers did with the messages concerned: a bar, and the numbers beside it. */
function fate({ delivered, quarantined, rejected }: Evidence): Html | null {
  const w = words.finding;
  const all = delivered + quarantined + rejected;
  if (all === 0) return null;
  const parts = [
    { name: w.delivered, count: delivered, is: 'delivered' },
    { name: w.quarantined, count: quarantined, is: 'quarantined' },
    { name: w.rejected, count: rejected, is: 'rejected' },
  ].filter(({ count }) => count > 0);
  let at = 0;
  const bars = parts.map(({ count, is }) => {
    const width = (BAR * count) / all;
    const bar = html`<rect class="${is}" x="${at}" y="0" width="${width}" height="14"/>`;
    at += width;
    return bar;
  });
  const sentence = parts.map(({ name, count }) => `${name.toLowerCase()} ${number(count)} (${percent(count / all)})`).join(', ');
  return html`<figure class="fate"><figcaption>${w.fate}</figcaption>
<svg viewBox="0 0 ${BAR} 14" preserveAspectRatio="none" role="img" aria-label="${w.shares(sentence)}">${bars}</svg>
<ul class="legend">${parts.map(
    ({ name, count, is }) =>
      html`<li><span class="key ${is}"></span>${name} ${number(count)} <span class="quiet">${percent(count / all)}</span></li>`,
  )}</ul></figure>`;
}

function whoOf({ who, senders }: Evidence): Html | null {
  const w = words.finding;
  if (who.length === 0) return null;
  const delivered = who.some((one) => one.delivered !== undefined);
  return html`<section><h2>${w.who}</h2><div class="table"><table>
<thead><tr><th scope="col">${w.source}</th><th scope="col">${w.known}</th><th scope="col" class="number">${w.messages}</th>
${delivered && html`<th scope="col" class="number">${w.delivered}</th>`}</tr></thead>
<tbody>${who.map(
    (
      one,
    ) => html`<tr><th scope="row" data-label="${w.source}" class="name">${one.source}${one.unproven && html` <span class="quiet">(${w.unproven})</span>`}</th>
<td class="wrap" data-label="${w.known}">${whoseWords(one)}</td><td class="number" data-label="${w.messages}">${number(one.messages)}</td>
${delivered && html`<td class="number" data-label="${w.delivered}">${one.delivered === undefined ? '' : number(one.delivered)}</td>`}</tr>`,
  )}</tbody></table></div>
${senders > who.length && html`<p class="quiet">${w.more(senders - who.length)}</p>`}</section>`;
}

function brokenOf({ broken = [] }: Evidence): Html | null {
  const w = words.finding;
  if (broken.length === 0) return null;
  return html`<section><h2>${w.broken}</h2><div class="table"><table>
<thead><tr><th scope="col">${w.source}</th><th scope="col">${w.since}</th><th scope="col" class="number">${w.messages}</th><th scope="col">${w.names}</th></tr></thead>
<tbody>${broken.slice(0, 50).map(
    (
      one,
    ) => html`<tr><th scope="row" class="name" data-label="${w.source}">${one.sender ?? one.source}</th><td data-label="${w.since}">${one.since}</td>
<td class="number" data-label="${w.messages}">${w.of(one.messages, one.of)}</td><td class="name" data-label="${w.names}">${(one.names ?? []).join(', ')}</td></tr>`,
  )}</tbody></table></div></section>`;
}

function namesOf({ names = [], names_in_all = 0 }: Evidence): Html | null {
  const w = words.finding;
  if (names.length === 0) return null;
  return html`<section><h2>${w.subdomains}</h2><ul class="names">${names.map(
    ({ name, messages }) => html`<li><span class="name">${name}</span> <span class="quiet">${number(messages)}</span></li>`,
  )}</ul>${names_in_all > names.length && html`<p class="quiet">${w.more(names_in_all - names.length)}</p>`}</section>`;
}

function tagsOf({ tags = [] }: Evidence): Html | null {
  const w = words.finding;
  if (tags.length === 0) return null;
  return html`<section><h2>${w.tags}</h2><div class="table"><table>
<thead><tr><th scope="col">${w.tag}</th><th scope="col">${w.before}</th><th scope="col">${w.after}</th><th scope="col">${w.on}</th></tr></thead>
<tbody>${tags.map(
    ({
      tag,
      from,
      to,
      since,
    }) => html`<tr><th scope="row" data-label="${w.tag}">${tag}</th><td class="name" data-label="${w.before}">${from}</td>
<td class="name" data-label="${w.after}">${to}</td><td data-label="${w.on}">${since}</td></tr>`,
  )}</tbody></table></div></section>`;
}

function historyOf(events: readonly LifeEvent[]): Html {
  const w = words.finding;
  return html`<section><h2>${w.history}</h2><ol class="history">${[...events].reverse().map(
    (event) => html`<li><time datetime="${event.at.toISOString()}">${minute(event.at)}</time>
<div><strong>${w.events[event.event] ?? event.event}</strong>${event.until && html` ${w.until(minute(event.until))}`}
<span class="quiet">${event.by_name ?? w.program}</span>${event.why && html`<br>${event.why}`}</div></li>`,
  )}</ol></section>`;
}
