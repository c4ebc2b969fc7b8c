import { z } from 'zod';
import { number } from '../../shared/format.ts';
import * as store from '../../store/console/other-reports.ts';
import type { Reader } from '../../store/console/scope.ts';
import { filters, line } from '../form.ts';
import { byKey } from '../given.ts';
import { type Html, html, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, may, page, Refusal, route } from '../routes.ts';
import { type Column, domainFilter, fileOf, pageNumber, rowsOfPage, type Table, tableOf, tableQuery } from '../tables.ts';
import { day, minute, pageLinks } from './format.ts';

const A_PAGE = 100;
const query = z.object({
  ...tableQuery,
  domain: domainFilter,
  page: pageNumber,
});

const w = words.other_reports;

const trust = <Row extends { trust: string }>(): Column<Row> => ({
  key: 'trust',
  label: words.reports.trust,
  of: (one) => one.trust,
  show: (one) => words.reports.trusts[one.trust] ?? one.trust,
});

function tlsTable(rows: readonly store.TlsLine[]): Table {
  return tableOf<store.TlsLine>(
    'tls-reports',
    [
      { key: 'day', label: words.reports.day, as: 'date', of: (one) => day(one.begin_at) },
      {
        key: 'reporter',
        label: words.reports.reporter,
        as: 'head',
        of: (one) => one.org_name,
        show: (one) => html`<a href="${path`/tls-reports/${one.tls_report_key}`}">${one.org_name ?? w.nameless}</a>`,
      },
      { key: 'domain', label: words.reports.domain, as: 'name', of: (one) => one.policy_domain },
      { key: 'policy', label: w.policy, of: (one) => one.policy_type },
      { key: 'encrypted', label: w.encrypted, as: 'number', of: (one) => one.successful_sessions },
      { key: 'failed', label: w.failed, as: 'number', of: (one) => one.failed_sessions },
      trust(),
    ],
    rows,
  );
}

function failureTable(rows: readonly store.FailureLine[]): Table {
  return tableOf<store.FailureLine>(
    'failure-reports',
    [
      {
        key: 'received_at',
        label: words.reports.received,
        as: 'head',
        of: (one) => one.received_at,
        show: (one) => html`<a href="${path`/failure-reports/${one.failure_key}`}">${minute(one.received_at)}</a>`,
      },
      { key: 'reporter', label: words.reports.reporter, as: 'name', of: (one) => one.reporter },
      { key: 'domain', label: words.reports.domain, as: 'name', of: (one) => one.domain },
      { key: 'address', label: words.reports.address, as: 'name', of: (one) => one.source_ip },
      { key: 'failed', label: w.failed_checks, of: (one) => one.auth_failure.join(', ') },
      { key: 'delivery', label: w.delivery, of: (one) => one.delivery_result },
      trust(),
    ],
    rows,
  );
}

const TABS = [
  { address: path`/reports`, name: 'aggregate' },
  { address: path`/tls-reports`, name: 'tls' },
  { address: path`/failure-reports`, name: 'failure' },
] as const;

/** The kinds of reports, and for those who see everything what could not be read. */
export function tabs(at: (typeof TABS)[number]['name'] | 'quarantine', all: boolean): Html {
  const tab = (address: (typeof TABS)[number]['address'], name: string, label: string) =>
    html`<a class="button" href="${address}" aria-current="${name === at ? 'page' : 'false'}">${label}</a> `;
  return html`<nav class="tabs" aria-label="${w.kinds}">${TABS.map(({ address, name }) => tab(address, name, w.tabs[name]))}${
    all && tab(path`/quarantine`, 'quarantine', words.quarantine.title)
  }</nav>`;
}

/** The list of a kind of reports. */
const listOf = <Line>(kind: 'tls' | 'failure', lines: Lines<Line>, tableFor: (rows: readonly Line[]) => Table): AnyRoute =>
  route({
    method: 'GET',
    path: `/${kind}-reports`,
    kind: 'page',
    least: 'viewer',
    scope: 'filtered',
    query,
    async handle({ reader, query: asked }) {
      const rows = await lines(reader, { domain: asked.domain || undefined, ...rowsOfPage(asked.page, A_PAGE) });
      const table = tableFor(rows.slice(0, A_PAGE));
      const file = fileOf(asked, [table], 'ruawatch');
      if (file !== null) return file;
      const to = (n: number) => withQuery(path`/${`${kind}-reports`}`, { domain: asked.domain, page: n === 1 ? null : n });
      const none = asked.domain !== '' || asked.page > 1 ? words.reports.nothing : w.nothing[kind];
      const body = html`<div class="heading"><h1>${w.titles[kind]}</h1><p class="quiet">${w.leads[kind]}</p></div>
${tabs(kind, reader.scope.all)}
${filters(line({ label: words.reports.domain, name: 'domain', value: asked.domain }))}
${table.rows === 0 ? html`<div class="empty"><p>${none}</p></div>` : table.html(to(asked.page))}
${pageLinks(to, asked.page, rows.length > A_PAGE)}`;
      return page(w.titles[kind], body, { section: 'reports' });
    },
  });

/** Reads the rows of a list. */
type Lines<Line> = (
  reader: Reader,
  asked: { domain: string | undefined; limit: number; offset: number },
) => Promise<readonly Line[]>;

const tlsList = listOf('tls', store.tlsLines, tlsTable);
const failureList = listOf('failure', store.failureLines, failureTable);

/** Facts of a report, those that are not known left out. */
function facts(rows: readonly (readonly [string, string | number | null | undefined])[]): Html {
  return html`<dl class="figures">${rows
    .filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(
      ([name, value]) => html`<div><dt>${name}</dt><dd>${typeof value === 'number' ? number(value) : value}</dd></div>`,
    )}</dl>`;
}

const problemsOf = (problems: readonly { code: string; message: string }[]) =>
  problems.length > 0 &&
  html`<section><h2>${words.reports.problems}</h2><ul>${problems.map(({ code, message }) => html`<li><code>${code}</code> ${message}</li>`)}</ul></section>`;

/** A link to the raw mail, for those who may have it. */
const mailLink = (key: number, allowed: boolean) =>
  allowed &&
  html`<p class="files">${words.tables.download} <a href="${path`/messages/${key}/mail`}">${words.reports.mail}</a></p>`;

const tlsOne = route({
  method: 'GET',
  path: '/tls-reports/:key',
  kind: 'page',
  least: 'viewer',
  scope: 'object',
  params: byKey,
  query: z.object(tableQuery),
  async handle({ reader, params, query: asked, visitor }) {
    const found = await store.tlsReport(reader, params.key);
    const first = found?.policies[0];
    if (!found || !first) throw new Refusal(404, 'no_report', words.reports.no_report);
    const table = tableOf<store.TlsFailure>(
      'failures',
      [
        { key: 'result', label: w.result, as: 'head', of: (one) => one.result_type },
        { key: 'sessions', label: w.failed, as: 'number', of: (one) => one.failed_sessions },
        { key: 'sent_from', label: w.sent_from, as: 'name', of: (one) => one.sending_mta_ip },
        { key: 'mail_server', label: w.mail_server, as: 'name', of: (one) => one.receiving_mx_hostname ?? one.receiving_ip },
        { key: 'reason', label: w.reason, as: 'name', of: (one) => one.failure_reason_code },
      ],
      found.failures,
    );
    const file = fileOf(asked, [table], `tls-report-${params.key}`);
    if (file !== null) return file;
    const title = w.tls_of(first.org_name ?? w.nameless);
    const body = html`<div class="heading"><p class="quiet"><a href="${path`/tls-reports`}">${w.titles.tls}</a></p><h1>${title}</h1></div>
${facts([
  [words.reports.span, `${minute(first.begin_at)} – ${minute(first.end_at)} UTC`],
  [words.reports.id, first.report_id],
  [words.reports.trust, words.reports.trusts[first.trust] ?? first.trust],
  [words.reports.why, first.trust_reason],
  [words.reports.received, `${minute(first.received_at)} UTC`],
])}
${mailLink(first.message_key, may(visitor, 'operator'))}
${found.policies.map(
  (one) => html`<section class="card"><h2 class="name">${one.policy_domain ?? ''}</h2>
${facts([
  [w.policy, one.policy_type],
  [w.encrypted, one.successful_sessions],
  [w.failed, one.failed_sessions],
])}
${one.policy_string.length > 0 && html`<pre>${one.policy_string.join('\n')}</pre>`}</section>`,
)}
${table.rows > 0 && html`<section><h2>${w.failures}</h2>${table.html(path`/tls-reports/${params.key}`)}</section>`}
${problemsOf(first.problems)}`;
    return page(title, body, { section: 'reports' });
  },
});

const failureOne = route({
  method: 'GET',
  path: '/failure-reports/:key',
  kind: 'page',
  least: 'viewer',
  scope: 'object',
  params: byKey,
  async handle({ reader, params, visitor }) {
    const one = await store.failureReport(reader, params.key);
    if (one === null) throw new Refusal(404, 'no_report', words.reports.no_report);
    const title = w.failure_of(one.domain);
    const body = html`<div class="heading"><p class="quiet"><a href="${path`/failure-reports`}">${w.titles.failure}</a></p><h1>${title}</h1></div>
${facts([
  [words.reports.reporter, one.reporter],
  [words.reports.received, `${minute(one.received_at)} UTC`],
  [w.arrived, one.arrived_at && `${minute(one.arrived_at)} UTC`],
  [words.reports.address, one.source_ip],
  [w.failed_checks, one.auth_failure.join(', ')],
  [w.delivery, one.delivery_result],
  [w.header_from, one.header_from],
  [w.envelope_from, one.original_mail_from],
  [w.subject, one.subject],
  [w.message_id, one.message_id],
  [w.key, [one.dkim_selector, one.dkim_domain].filter(Boolean).join('._domainkey.')],
  [w.incidents, one.incidents],
  [words.reports.trust, words.reports.trusts[one.trust] ?? one.trust],
  [words.reports.why, one.trust_reason],
  [w.written_by, one.user_agent],
])}
${one.redacted && html`<p class="quiet">${w.redacted}</p>`}
${mailLink(one.message_key, may(visitor, 'operator'))}
${one.authentication_results.length > 0 && html`<section><h2>Authentication-Results</h2><pre>${one.authentication_results.join('\n')}</pre></section>`}
${problemsOf(one.problems)}`;
    return page(title, body, { section: 'reports' });
  },
});

export const OTHER_REPORTS_ROUTES: AnyRoute[] = [tlsList, tlsOne, failureList, failureOne];
