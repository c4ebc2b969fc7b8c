import { z } from 'zod';
import { addDays, dayOf, daysBetween } from '../../shared/days.ts';
import { number, percent } from '../../shared/format.ts';
import * as store from '../../store/console/domain.ts';
import { visibleFindings } from '../../store/console/findings.ts';
import { type Html, html, path, withQuery } from '../html.ts';
import { type AnyRoute, page, Refusal, route } from '../routes.ts';
import { words } from '../words/en.ts';
import { stacked } from './chart.ts';
import { day, minute, severity, share } from './format.ts';

export const domainParams = z.object({ domain: z.string().min(1).max(253).toLowerCase() });
const RANGES = [30, 90, 365] as const;
const CLASSES = ['authorized', 'misaligned', 'forwarded', 'unknown', 'unauthorized'] as const;
const MOST = { senders: 50, reporters: 30, names: 30, records: 60, timeline: 40, findings: 20 };

const domainPage = route({
  method: 'GET',
  path: '/domains/:domain',
  kind: 'page',
  least: 'viewer',
  scope: 'domain',
  params: domainParams,
  query: z.object({ days: z.coerce.number().int().min(7).max(730).default(30) }),
  async handle({ reader, params: { domain }, query: { days }, clock }) {
    const line = await store.domainLine(reader, domain);
    if (line === null) throw new Refusal(404, 'no_page', words.problems.no_page);
    const today = dayOf(clock.now());
    const range = { domain, from: addDays(today, -days), to: addDays(today, -1) };
    const classes = await store.classDays(reader, range);
    const { senders, total } = await store.senderLines(reader, range, MOST.senders);
    const filter = { state: 'open', domain, search: '', limit: MOST.findings, offset: 0 } as const;
    const { findings } = await visibleFindings(reader, filter);
    const sums = sumsOf(classes);
    const w = words.domain;
    const body = html`<div class="heading"><h1>${domain}</h1>
<p class="quiet">${w.lead(line.policy, number(sums.messages), share(sums.passed, sums.messages))}</p></div>
<nav class="ranges" aria-label="${w.range}">${RANGES.map(
      (n) =>
        html`<a class="button" href="${withQuery(path`/domains/${domain}`, { days: n })}" aria-current="${n === days ? 'true' : 'false'}">${w.days(n)}</a>`,
    )}</nav>
${
  findings.length > 0 &&
  html`<section><h2>${words.findings.title}</h2><ul class="plain-list">${findings.map(
    (one) => html`<li>${severity(one.severity)} <a href="${path`/findings/${one.finding_key}`}">${one.summary}</a></li>`,
  )}</ul></section>`
}
${sums.messages === 0 ? html`<div class="empty"><p>${w.no_mail}</p></div>` : charts(classes, range)}
${sums.messages > 0 && funnel(classes, line.policy)}
${senders.length > 0 && sendersTable(domain, senders, total)}
${reportersTable(await store.reporterLines(reader, range, MOST.reporters))}
${namesTable(await store.subdomainLines(reader, range, MOST.names))}
${recordsTable(await store.recordLines(reader, domain, MOST.records))}
${timelineOf(await store.timeline(reader, domain, range.from, MOST.timeline))}`;
    return page(domain, body, { section: 'overview' });
  },
});

function sumsOf(days: readonly store.ClassDay[]) {
  const total = (of: (one: store.ClassDay) => number) => days.reduce((sum, one) => sum + of(one), 0);
  return { messages: total((one) => one.messages), passed: total((one) => one.passed) };
}

function charts(classes: readonly store.ClassDay[], { from, to }: store.Range): Html {
  const w = words.domain;
  const days = daysBetween(from, to);
  const at = new Map(classes.map((one) => [`${one.day} ${one.class}`, one]));
  const fate = new Map<string, { delivered: number; quarantined: number; rejected: number }>();
  for (const one of classes) {
    const sum = fate.get(one.day) ?? { delivered: 0, quarantined: 0, rejected: 0 };
    fate.set(one.day, {
      delivered: sum.delivered + one.delivered,
      quarantined: sum.quarantined + one.quarantined,
      rejected: sum.rejected + one.rejected,
    });
  }
  const layers = CLASSES.map((key) => ({ key, label: w.classes[key] ?? key }));
  const fates = (['delivered', 'quarantined', 'rejected'] as const).map((key) => ({
    key: `all-${key}`,
    label: words.finding[key],
  }));
  return html`<section><h2>${w.mail}</h2>
${stacked(days, layers, (one, key) => at.get(`${one} ${key}`)?.messages ?? 0, w.by_class)}
${stacked(days, fates, (one, key) => fate.get(one)?.[key.slice(4) as 'delivered'] ?? 0, w.by_fate)}
<dl class="classes">${CLASSES.map((key) => html`<div><dt><span class="key ${key}"></span>${w.classes[key]}</dt><dd class="quiet">${w.means[key]}</dd></div>`)}</dl>
</section>`;
}

/** What a stricter policy would have done to the mail of the range, by the class of who sent it. */
function funnel(classes: readonly store.ClassDay[], policy: string | null): Html {
  const w = words.domain;
  const all = sumsOf(classes).messages;
  const lines = CLASSES.map((key) => {
    const of = classes.filter((one) => one.class === key);
    const failed = of.reduce((sum, one) => sum + one.messages - one.passed, 0);
    const forwarded = key === 'forwarded' ? failed : of.reduce((sum, one) => sum + one.forwarded, 0);
    return { key, failed, forwarded };
  }).filter(({ failed }) => failed > 0);
  const wanted = lines
    .filter(({ key }) => key !== 'unauthorized')
    .reduce((sum, { failed, forwarded }) => sum + failed - forwarded, 0);
  const stopped = lines.find(({ key }) => key === 'unauthorized')?.failed ?? 0;
  return html`<section><h2>${w.funnel}</h2>
<p>${w.funnel_says(policy ?? 'none', number(stopped), number(wanted), percent(wanted / Math.max(1, all)))}</p>
${
  lines.length > 0 &&
  html`<div class="table"><table><thead><tr><th scope="col">${w.class}</th><th scope="col" class="number">${w.would_lose}</th><th scope="col" class="number">${w.of_forwarded}</th><th scope="col" class="number">${w.of_all}</th></tr></thead>
<tbody>${lines.map(
    ({
      key,
      failed,
      forwarded,
    }) => html`<tr><th scope="row" data-label="${w.class}"><span class="key ${key}"></span>${w.classes[key]}</th>
<td class="number" data-label="${w.would_lose}">${number(failed)}</td><td class="number" data-label="${w.of_forwarded}">${number(forwarded)}</td>
<td class="number" data-label="${w.of_all}">${percent(failed / all)}</td></tr>`,
  )}</tbody></table></div>`
}</section>`;
}

function sendersTable(domain: string, senders: readonly store.SenderLine[], total: number): Html {
  const w = words.domain;
  return html`<section><h2>${w.senders}</h2><div class="table"><table>
<thead><tr><th scope="col">${w.sender}</th><th scope="col">${w.class}</th><th scope="col" class="number">${w.messages}</th><th scope="col" class="number">DMARC</th>
<th scope="col" class="number">DKIM</th><th scope="col" class="number">SPF</th><th scope="col" class="number">${w.failed_delivered}</th><th scope="col">${w.last}</th></tr></thead>
<tbody>${senders.map(
    (
      one,
    ) => html`<tr><th scope="row" data-label="${w.sender}"><a href="${path`/domains/${domain}/senders/${one.sender}`}">${one.name}</a>${one.sources > 1 && html` <span class="quiet">${w.sources(one.sources)}</span>`}</th>
<td data-label="${w.class}"><span class="key ${one.class}"></span>${w.classes[one.class] ?? one.class}</td>
<td class="number" data-label="${w.messages}">${number(one.messages)}</td><td class="number" data-label="DMARC">${share(one.passed, one.messages)}</td>
<td class="number" data-label="DKIM">${share(one.dkim_aligned, one.messages)}</td><td class="number" data-label="SPF">${share(one.spf_aligned, one.messages)}</td>
<td class="number" data-label="${w.failed_delivered}">${number(one.failed_delivered)}</td><td class="date" data-label="${w.last}">${one.last_day}</td></tr>`,
  )}</tbody></table></div>${total > senders.length && html`<p class="quiet">${w.more(total - senders.length)}</p>`}</section>`;
}

function reportersTable(reporters: readonly store.ReporterLine[]): Html | null {
  const w = words.domain;
  if (reporters.length === 0) return null;
  return html`<section><h2>${w.reporters}</h2><div class="table"><table>
<thead><tr><th scope="col">${w.reporter}</th><th scope="col" class="number">${w.messages}</th><th scope="col" class="number">DMARC</th><th scope="col">${w.last}</th><th scope="col">${w.standing}</th></tr></thead>
<tbody>${reporters.map(
    (
      one,
    ) => html`<tr><th scope="row" data-label="${w.reporter}">${one.reporter}</th><td class="number" data-label="${w.messages}">${number(one.messages)}</td>
<td class="number" data-label="DMARC">${share(one.passed, one.messages)}</td><td class="date" data-label="${w.last}">${one.last_day}</td>
<td data-label="${w.standing}">${one.silent_days !== null ? w.silent(one.silent_days) : one.decides === false ? w.undecided : w.decides}</td></tr>`,
  )}</tbody></table></div></section>`;
}

function namesTable(names: readonly store.SubdomainLine[]): Html | null {
  const w = words.domain;
  if (names.length === 0) return null;
  return html`<section><h2>${w.names}</h2><p class="quiet">${w.names_what}</p><div class="table"><table>
<thead><tr><th scope="col">${w.name}</th><th scope="col" class="number">${w.messages}</th><th scope="col" class="number">DMARC</th><th scope="col" class="number">${w.failed_delivered}</th><th scope="col">${w.last}</th></tr></thead>
<tbody>${names.map(
    (
      one,
    ) => html`<tr><th scope="row" class="name" data-label="${w.name}">${one.name}</th><td class="number" data-label="${w.messages}">${number(one.messages)}</td>
<td class="number" data-label="DMARC">${share(one.passed, one.messages)}</td><td class="number" data-label="${w.failed_delivered}">${number(one.failed_delivered)}</td><td class="date" data-label="${w.last}">${one.last_day}</td></tr>`,
  )}</tbody></table></div></section>`;
}

function recordsTable(records: readonly store.RecordLine[]): Html {
  const w = words.domain;
  if (records.length === 0) return html`<section><h2>${w.records}</h2><p class="quiet">${w.no_records}</p></section>`;
  return html`<section><h2>${w.records}</h2><div class="table"><table>
<thead><tr><th scope="col">${w.name}</th><th scope="col">${w.value}</th><th scope="col">${w.seen}</th></tr></thead>
<tbody>${records.map(
    (one) => html`<tr><th scope="row" class="name" data-label="${w.name}">${one.name} <span class="quiet">${one.type}</span></th>
<td class="name" data-label="${w.value}">${one.value}</td>
<td data-label="${w.seen}">${one.published ? w.since(day(one.first_seen)) : w.gone(one.gone_at === null ? '' : day(one.gone_at))}</td></tr>`,
  )}</tbody></table></div></section>`;
}

function timelineOf(entries: readonly store.TimelineEntry[]): Html | null {
  const w = words.domain;
  if (entries.length === 0) return null;
  return html`<section><h2>${w.timeline}</h2><ol class="history">${entries.map(
    (one) => html`<li><time datetime="${one.at.toISOString()}">${minute(one.at)}</time>
<div>${
      one.what === 'finding'
        ? html`<strong>${words.finding.events[one.name] ?? one.name}</strong> <a href="${path`/findings/${one.finding_key ?? 0}`}">${one.text}</a>${one.by_name && html` <span class="quiet">${one.by_name}</span>`}`
        : html`<strong>${one.what === 'record' ? w.record_new : w.record_gone}</strong> <span class="name">${one.name} ${one.text}</span>`
    }</div></li>`,
  )}</ol></section>`;
}

export const DOMAIN_ROUTES: AnyRoute[] = [domainPage];
