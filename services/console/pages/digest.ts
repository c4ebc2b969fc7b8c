import { z } from 'zod';
import { weekFindingWords } from '../../mails/weekly.ts';
import { addDays, DAY_MS, dayOf } from '../../shared/days.ts';
import { number, sentenceCase } from '../../shared/format.ts';
import { transaction } from '../../shared/runtime/db.ts';
import { loadWeekFindings, type SomeFindings } from '../../store/alerts/digests.ts';
import * as store from '../../store/console/digest.ts';
import { day } from '../given.ts';
import { type Html, html, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, page, route } from '../routes.ts';
import { fileOf, type Table, tableOf, tableQuery } from '../tables.ts';
import { dated, minute, severity, share } from './format.ts';

const DAYS = 7;
const MOST_DOMAINS = 200;
const MOST_FINDINGS = 20;
/** Reporters need up to two days: the week ends the day before yesterday, as that of the mail. */
const LATE_DAYS = 2;

const w = words.digest;

/** @param over whether the week is one that was asked for, of which it is said what is open today */
function weekTable(rows: readonly store.WeekLine[], over: boolean): Table {
  return tableOf<store.WeekLine>(
    'week',
    [
      {
        key: 'domain',
        label: words.overview.domain,
        as: 'head',
        of: (one) => one.domain,
        show: (one) => html`<a href="${path`/domains/${one.domain}`}">${one.domain}</a>`,
      },
      { key: 'messages', label: words.domain.messages, as: 'number', of: (one) => one.messages },
      { key: 'messages_before', label: w.before, as: 'number', of: (one) => one.messages_before },
      { key: 'passed', label: w.passing, as: 'number', of: (one) => one.passed, show: (one) => share(one.passed, one.messages) },
      {
        key: 'passed_before',
        label: w.passing_before,
        as: 'number',
        of: (one) => one.passed_before,
        show: (one) => share(one.passed_before, one.messages_before),
      },
      { key: 'new_sources', label: w.new_sources, as: 'number', of: (one) => one.new_sources },
      { key: 'strangers', label: w.strangers, as: 'number', of: (one) => one.strangers },
      { key: 'open_findings', label: over ? w.still_open : w.open, as: 'number', of: (one) => one.open },
    ],
    rows,
  );
}

const digest = route({
  method: 'GET',
  path: '/digest',
  kind: 'page',
  least: 'viewer',
  scope: 'filtered',
  query: z.object({ ...tableQuery, to: day.optional().or(z.literal('')) }),
  async handle({ db, reader, query: asked, clock, config }) {
    const to = asked.to || addDays(dayOf(clock.now()), -LATE_DAYS);
    const from = addDays(to, 1 - DAYS);
    const ended = asked.to ? new Date(`${addDays(to, LATE_DAYS + 1)}T00:00:00Z`) : null;
    const rows = await store.weekLines(reader, { from, to, until: ended });
    const table = weekTable(rows.slice(0, MOST_DOMAINS), ended !== null);
    const file = fileOf(asked, [table], `ruawatch-${to}`);
    if (file !== null) return file;
    const until = ended ?? clock.now();
    const since = new Date(until.getTime() - DAYS * DAY_MS);
    const domains = await store.ownDomainsOf(reader);
    const theirs = reader.scope.all ? [...domains, '*'] : domains;
    const findings = await transaction(db, (tx) =>
      loadWeekFindings(tx, { domains: theirs, since, until, listed: MOST_FINDINGS }),
    );
    const sum = (of: (one: store.WeekLine) => number) => rows.reduce((total, one) => total + of(one), 0);
    const [messages, passed] = [sum((one) => one.messages), sum((one) => one.passed)];
    const before = sum((one) => one.messages_before);
    const silent = rows.filter((one) => one.messages === 0 && one.messages_before > 0);
    const step = (days: number, label: string) =>
      html`<a class="button" href="${withQuery(path`/digest`, { to: addDays(to, days) })}">${label}</a>`;
    const body = html`<div class="heading"><h1>${w.title}</h1>
<p>${dated(w.lead({ from, to, messages: number(messages), domains: number(rows.length), passing: share(passed, messages), before: number(before) }))}</p>
<p>${dated(w.findings_of(minute(since), minute(until)))}</p>
${silent.length > 0 && html`<p>${w.silent(silent.slice(0, 10).map(({ domain }) => domain))}</p>`}
<p class="quiet">${config.alerts.digest === 'off' ? w.not_mailed : w.mailed} <a href="${path`/digest/mail`}">${w.preview}</a></p></div>
<nav class="pages" aria-label="${w.weeks}">${step(-DAYS, w.earlier)}${asked.to && step(DAYS, w.later)}</nav>
${weekOf(w.opened, findings.opened)}
${findings.goes_on && weekOf(w.goes_on, findings.goes_on)}
${weekOf(w.resolved, findings.resolved)}
${weekOf(w.still_open, findings.open)}
${findings.opened.count + (findings.goes_on?.count ?? 0) + findings.resolved.count + findings.open.count === 0 && html`<p>${ended === null ? w.nothing : w.nothing_then}</p>`}
<section><h2>${w.domains}</h2>${table.html(withQuery(path`/digest`, { to }))}${rows.length > MOST_DOMAINS && html`<p class="quiet">${words.domain.more(rows.length - MOST_DOMAINS)}</p>`}</section>`;
    return page(w.title, body, { section: 'digest' });
  },
});

/** A topic at the beginning of a line. One that begins with a name keeps its letters, as titles do. */
const atStart = (topic: string): string => (/^\S*[./]/.test(topic) ? topic : sentenceCase(topic));

/** Findings as the mail lists them, each with its link. */
function weekOf(title: string, { findings, count }: SomeFindings): Html | false {
  return (
    count > 0 &&
    html`<section><h2>${w.counted(title, count)}</h2><ul class="plain-list">${findings.map((one) => {
      const { headline, detail } = weekFindingWords(one, null);
      return html`<li>${severity(one.severity)} <a href="${path`/findings/${one.finding_key}`}">${one.event === 'resolved' ? atStart(headline) : headline}</a><span class="why">${dated(detail)}</span></li>`;
    })}</ul>${count > findings.length && html`<p class="quiet">${words.domain.more(count - findings.length)}</p>`}</section>`
  );
}

/** Findings by their titles, each with its link. */
export function listOf(title: string, findings: readonly store.ToldFinding[]): Html | false {
  return (
    findings.length > 0 &&
    html`<section><h2>${title}</h2><ul class="plain-list">${findings.map(
      (one) => html`<li>${severity(one.severity)} <a href="${path`/findings/${one.finding_key}`}">${one.title}</a></li>`,
    )}</ul></section>`
  );
}

export const DIGEST_ROUTES: AnyRoute[] = [digest];
