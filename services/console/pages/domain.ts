import { z } from 'zod';
import { addDays, dayOf, later } from '../../shared/days.ts';
import { number } from '../../shared/format.ts';
import * as store from '../../store/console/domain.ts';
import { type TitledFinding, visibleFindings } from '../../store/console/findings.ts';
import type { Reader } from '../../store/console/scope.ts';
import { decisionLines } from '../../store/console/sender.ts';
import { classDaysSince } from '../../store/rollups/class-days.ts';
import { askForm } from '../form.ts';
import { day } from '../given.ts';
import { type Address, type Html, html, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, page, Refusal, route } from '../routes.ts';
import { fileOf, type Table, tableQuery } from '../tables.ts';
import { addingUp } from './adding-up.ts';
import { charts, funnel, funnelTable, sumsOf } from './domain-mail.ts';
import {
  decisionsTable,
  faultsTable,
  missingTable,
  namesTable,
  recordsTable,
  reportersTable,
  sendersTable,
} from './domain-tables.ts';
import { standing } from './findings.ts';
import { dated, dayField, minute, severity, share } from './format.ts';
import { type NextStep, stepOfDomain } from './next-step.ts';
import { letThrough, weakerBelow } from './policy-below.ts';
import { policySpans, policyTable } from './policy-history.ts';
import { type Part, sections } from './sections.ts';
import { isFirstLook, timelineOf } from './timeline.ts';

export const domainParams = z.object({ domain: z.string().min(1).max(253).toLowerCase() });
const RANGES = [30, 90, 365] as const;
const MOST = { senders: 50, reporters: 30, names: 30, records: 60, timeline: 40, decisions: 50, findings: 20, faults: 50 };
/** Rows that are shown at first: the rest unfolds, as a phone shows each as a card. */
const FIRST: Record<string, number> = { senders: 6, policies: 3, records: 3 };
const FIRST_OF_OTHERS = 5;
const MOST_DAYS = 730;

const isDay = day.optional();
const query = z.object({
  ...tableQuery,
  days: z.coerce.number().int().min(1).max(MOST_DAYS).default(30),
  from: isDay.or(z.literal('')),
  to: isDay.or(z.literal('')),
});

/** The days that a page is about: those that are given, else so many up to yesterday. */
function rangeOf(
  { days, from, to }: { days: number; from?: string | undefined; to?: string | undefined },
  today: string,
): { from: string; to: string } {
  const last = to || addDays(today, -1);
  const first = from || addDays(last, 1 - days);
  if (first > last) throw new Refusal(400, 'wrong_parameter', words.domain.wrong_range, { field: 'to' });
  return { from: later(first, addDays(last, -MOST_DAYS)), to: last };
}

const domainPage = route({
  method: 'GET',
  path: '/domains/:domain',
  kind: 'page',
  least: 'viewer',
  scope: 'domain',
  params: domainParams,
  query,
  async handle({ db, reader, params: { domain }, query: asked, clock }) {
    const line = await store.domainLine(reader, domain);
    if (line === null) throw new Refusal(404, 'no_page', words.problems.no_page);
    const range = { domain, ...rangeOf(asked, dayOf(clock.now())) };
    // The two that read the most: each sums all of the range.
    const [classes, { senders, total }] = await Promise.all([
      store.classDays(reader, range),
      store.senderLines(reader, range, MOST.senders),
    ]);
    const policy = { p: line.policy, sp: line.policy_sp, np: line.policy_np };
    const mixed = policy.sp !== policy.np;
    const open = letThrough(policy, mixed ? await store.failingBelow(reader, range) : { used: 0, unused: 0 });
    const tables = {
      funnel: funnelTable(classes, open),
      senders: sendersTable(domain, senders),
      ...(await otherTables(reader, range)),
    };
    const file = fileOf(asked, Object.values(tables), domain);
    if (file !== null) return file;
    const filter = { state: 'standing', domain, search: '', limit: MOST.findings, offset: 0 } as const;
    const { findings } = await visibleFindings(reader, filter);
    const posture = await store.postureLine(reader, domain);
    const step = stepOfDomain(line, posture, findings, dayOf(clock.now()));
    const told = await store.timeline(reader, domain, range.from, MOST.timeline);
    const history = {
      watchedSince: await store.watchedSince(reader, domain),
      logs: told.some(({ what }) => what === 'sending' || what === 'bounce'),
    };
    const timeline = told.filter((one) => !isFirstLook(one, history.watchedSince));
    const sums = sumsOf(classes);
    const w = words.domain;
    const here = withQuery(path`/domains/${domain}`, { from: range.from, to: range.to });
    const parts: Part[] = [
      { id: 'posture', title: w.posture, html: postureOf(posture, step) },
      { id: 'findings', title: words.findings.title, html: findings.length > 0 && findingsOf(findings) },
      {
        id: 'mail',
        title: w.mail,
        html: html`${rangeForm(domain, range, asked)}${sums.messages === 0 ? html`<div class="empty"><p>${w.no_mail}</p></div>` : charts(classes, range, timeline)}`,
      },
      {
        id: 'funnel',
        title: line.policy === 'reject' || line.policy === 'quarantine' ? w.funnel_enforced : w.funnel,
        html: sums.messages > 0 && funnel(classes, { policy, open }, tables.funnel.html(here)),
      },
      ...tableParts(tables, here, {
        senders: w.senders_what(range.from, range.to),
        left: total - senders.length,
        records: w.records_what(minute(history.watchedSince ?? clock.now())),
      }),
      { id: 'timeline', title: w.timeline, html: timelineOf(told, history) },
    ];
    const body = html`<div class="heading"><h1>${domain}</h1>
<p class="quiet">${w.lead({ policy: line.policy, dns: dnsPolicy(line.policy, posture), below: weakerBelow(policy), messages: number(sums.messages), passing: share(sums.passed, sums.messages) })}</p>${addingUp(await classDaysSince(db), range.from)}</div>
${sections(parts)}`;
    return page(domain, body, { section: 'overview' });
  },
});

/** What DNS says where reports found another policy: they are about the days before. */
const dnsPolicy = (policy: string | null, posture: store.PostureLine | null): string =>
  posture !== null && Object.hasOwn(words.overview.policies, posture.dmarc) && posture.dmarc !== policy
    ? (words.overview.stages[posture.dmarc] ?? '')
    : '';

/** The tables that are read for themselves. */
async function otherTables(reader: Reader, range: { domain: string; from: string; to: string }) {
  const { domain } = range;
  return {
    reporters: reportersTable(range, await store.reporterLines(reader, range, MOST.reporters)),
    missing: missingTable(await store.missingLines(reader, domain, MOST.reporters)),
    decisions: decisionsTable(domain, await decisionLines(reader, domain, MOST.decisions)),
    names: namesTable(await store.subdomainLines(reader, range, MOST.names)),
    policies: policyTable(policySpans(await store.policyDays(reader, range))),
    faults: faultsTable(await store.dnsFindingLines(reader, domain, MOST.faults)),
    records: recordsTable(await store.recordLines(reader, domain, MOST.records)),
  };
}

/** The parts of the page that are a table each. @param leads `left`: senders that are not listed */
function tableParts(
  tables: Awaited<ReturnType<typeof otherTables>> & { senders: Table },
  here: Address,
  leads: { senders: string; left: number; records: string },
): Part[] {
  const w = words.domain;
  const shown = (title: string, table: Table, lead = '', left = 0): Part => ({
    id: table.name,
    title,
    html:
      table.rows > 0 &&
      html`${lead && html`<p class="quiet">${dated(lead)}</p>`}${table.html(here, FIRST[table.name] ?? FIRST_OF_OTHERS)}${left > 0 && html`<p class="quiet">${w.more(left)}</p>`}`,
  });
  const none = (id: string, title: string, sentence: string): Part => ({
    id,
    title,
    html: html`<p class="quiet">${sentence}</p>`,
  });
  const { decisions, records } = tables;
  return [
    shown(w.senders, tables.senders, leads.senders, leads.left),
    shown(w.reporters, tables.reporters, words.reports.counting),
    shown(w.missing, tables.missing, w.missing_what),
    decisions.rows === 0 ? none('decisions', w.decided, w.no_decisions) : shown(w.decided, decisions),
    shown(w.names, tables.names, w.names_what),
    shown(w.policies, tables.policies, w.policies_what),
    { ...shown(w.faults, tables.faults, w.faults_what), id: 'faults' },
    records.rows === 0 ? none('records', w.records, w.no_records) : shown(w.records, records, leads.records),
  ];
}

const findingsOf = (findings: readonly TitledFinding[]) =>
  html`<ul class="plain-list">${findings.map(
    (one) =>
      html`<li>${severity(one.severity)} <a href="${path`/findings/${one.finding_key}`}">${one.title}</a>${((one.acknowledged_at ?? one.snoozed_until) !== null || one.goes_on) && html` <small>${standing(one)}</small>`}</li>`,
  )}</ul>`;

function rangeForm(
  domain: string,
  { from, to }: { from: string; to: string },
  asked: { days: number; from?: string | undefined },
): Html {
  const w = words.domain;
  return html`<div class="row ranges"><nav aria-label="${w.range}">${RANGES.map(
    (n) =>
      html`<a class="button" href="${withQuery(path`/domains/${domain}`, { days: n })}" aria-current="${!asked.from && n === asked.days ? 'true' : 'false'}">${w.days(n)}</a> `,
  )}</nav>
<a class="button" href="${path`/domains/${domain}/months/${to.slice(0, 7)}`}">${words.month.link}</a>
${askForm(html`${dayField(w.from, 'from', from)}${dayField(w.to, 'to', to)}<button>${words.findings.apply}</button>`, { as: { class: 'inline' } })}
</div>`;
}

const MECHANISMS = ['dmarc', 'spf', 'dkim', 'mta_sts', 'tls_rpt', 'bimi'] as const;

/** How far the domain has come, and the record to publish next. */
function postureOf(posture: store.PostureLine | null, step: NextStep): Html {
  const w = words.domain;
  const next = html`<p class="next"><strong>${w.next_step}</strong> ${step.finding === null || step.advised ? dated(step.sentence) : html`<a href="${path`/findings/${step.finding.finding_key}`}">${dated(step.sentence)}</a>`}</p>`;
  if (posture === null) return next;
  return html`${next}
${!step.advised && posture.next_step !== 'keep' && html`<p>${words.next.after} ${dated(posture.advice)}</p>`}
${
  posture.publish_name !== null &&
  html`<p>${posture.publish_value === null ? w.remove : w.publish} <code>${posture.publish_name}</code></p>${posture.publish_value !== null && html`<pre>${posture.publish_value}</pre>`}`
}
${posture.blocked_by.length > 0 && html`<p>${posture.dmarc === 'reject' ? w.blocked_enforced : w.blocked}</p><ul>${posture.blocked_by.map((why) => html`<li>${dated(why)}</li>`)}</ul>`}
<p class="quiet">${dated(posture.checked_at === null ? w.not_checked : w.checked(`${minute(posture.checked_at)} UTC`))}</p>
<dl class="figures">${MECHANISMS.map(
    (key) =>
      html`<div><dt>${w.mechanisms[key]}</dt><dd><span class="posture ${posture[key]}">${w.postures[posture[key]] ?? posture[key]}</span></dd></div>`,
  )}</dl>`;
}

export const DOMAIN_ROUTES: AnyRoute[] = [domainPage];
