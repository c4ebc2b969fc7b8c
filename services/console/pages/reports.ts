import { z } from 'zod';
import { number } from '../../shared/format.ts';
import * as store from '../../store/console/reports.ts';
import { choice, filters, line } from '../form.ts';
import * as given from '../given.ts';
import { byKey } from '../given.ts';
import { type Html, html, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, may, page, Refusal, route } from '../routes.ts';
import { type Column, domainFilter, fileOf, pageNumber, rowsOfPage, type Table, tableOf, tableQuery } from '../tables.ts';
import { day, dayField, minute, pageLinks } from './format.ts';
import { tabs } from './other-reports.ts';
import { recordColumns, senderColumns } from './record-table.ts';
import { reporterLabel, reportersNamed } from './reporter.ts';

const A_PAGE = 100;
const query = z.object({
  ...tableQuery,
  domain: domainFilter,
  reporter: z.string().trim().toLowerCase().max(253).default(''),
  trust: z.enum(['', 'ok', 'pending', 'bad']).default(''),
  salvaged: z.enum(['', 'yes']).default(''),
  from: given.day.or(z.literal('')).default(''),
  to: given.day.or(z.literal('')).default(''),
  /** Of a domain. */
  sender: z.string().trim().max(500).default(''),
  page: pageNumber,
});
type Query = z.output<typeof query>;

const list = route({
  method: 'GET',
  path: '/reports',
  kind: 'page',
  least: 'viewer',
  scope: 'filtered',
  query,
  async handle({ reader, query: asked }) {
    const w = words.reports;
    const ofSender = asked.domain !== '' && asked.sender !== '';
    // One more than is shown says whether there is a next page.
    const found = await store.reportLines(reader, {
      domain: asked.domain || undefined,
      reporter: asked.reporter,
      reporters: reportersNamed(asked.reporter),
      trust: asked.trust || undefined,
      salvaged: asked.salvaged === 'yes',
      from: asked.from || undefined,
      to: asked.to || undefined,
      sender: ofSender ? asked.sender : undefined,
      ...rowsOfPage(asked.page, A_PAGE),
    });
    const table = reportTable(inOrder(found.slice(0, A_PAGE)), ofSender);
    const file = fileOf(asked, [table], 'ruawatch');
    if (file !== null) return file;
    const { table: _, as: __, ...filter } = asked;
    const to = (n: number) => withQuery(path`/reports`, { ...filter, page: n });
    const body = html`<div class="heading"><h1>${w.title}</h1></div>
${tabs('aggregate', reader.scope.all)}
${filterForm(asked)}
${found.some(({ counts, trust }) => !counts || trust !== 'ok') && html`<p class="quiet">${w.counting}</p>`}
${found.length === 0 ? html`<div class="empty">${isFiltered(asked) ? html`<p>${w.nothing}</p>` : html`<p>${w.none_yet}</p><p><a class="button" href="${path`/setup`}">${words.setup.title}</a></p>`}</div>` : table.html(to(asked.page))}
${pageLinks(to, asked.page, found.length > A_PAGE)}`;
    return page(w.title, body, { section: 'reports' });
  },
});

/** Days from the newest on; within a day, what counts comes first. */
function inOrder(reports: readonly store.ListedReport[]): store.ListedReport[] {
  const rank = (one: store.ListedReport) => (one.trust === 'ok' ? (one.counts ? 0 : 1) : 2);
  return [...reports].sort(
    (a, b) =>
      (day(a.begin_at) < day(b.begin_at) ? 1 : day(a.begin_at) > day(b.begin_at) ? -1 : 0) ||
      rank(a) - rank(b) ||
      (a.domain < b.domain ? -1 : a.domain > b.domain ? 1 : 0) ||
      b.messages - a.messages ||
      b.report_key - a.report_key,
  );
}

const isFiltered = ({ domain, reporter, trust, salvaged, from, to, sender, page }: Query): boolean =>
  [domain, reporter, trust, salvaged, from, to, sender].some(Boolean) || page > 1;

/** Only a proven report is by the reporter that it names: anybody can write one. */
const isProven = ({ trust }: store.ReportLine): boolean => trust === 'ok';

/** Who sent a report: the reporter as it names itself; where that is not proven, the sender of its mail. */
function sentBy(report: store.ShownReport): [string, string | null][] {
  const w = words.reports;
  const said = [report.org_name, report.org_email].filter(Boolean).join(', ');
  if (isProven(report)) return [[w.org, said]];
  const { trust_domain, reporter_trust } = report;
  const sender = trust_domain === null || reporter_trust === 'mismatched' ? trust_domain : w.unproven_sender(trust_domain);
  return [
    [w.claims, said],
    [w.org, sender],
  ];
}

function filterForm(asked: Query): Html {
  const w = words.reports;
  const any = words.findings.any;
  return filters([
    line({ label: w.domain, name: 'domain', value: asked.domain }),
    line({ label: w.reporter, name: 'reporter', value: asked.reporter }),
    line({ label: w.sender, name: 'sender', value: asked.sender }),
    dayField(words.domain.from, 'from', asked.from),
    dayField(words.domain.to, 'to', asked.to),
    choice({ label: w.trust, name: 'trust' }, Object.entries({ '': any, ...w.trusts }), asked.trust),
    choice({ label: w.salvaged, name: 'salvaged' }, Object.entries({ '': any, yes: w.only_salvaged }), asked.salvaged),
  ]);
}

function reportTable(reports: readonly store.ListedReport[], ofSender: boolean): Table {
  const w = words.reports;
  const count = (key: 'of_sender' | 'failed_delivered' | 'failed_stopped', label: string): Column<store.ListedReport> => ({
    key,
    label,
    as: 'number',
    of: (one) => one[key],
  });
  const sender = [
    count('of_sender', w.of_sender),
    count('failed_delivered', words.domain.failed_delivered),
    count('failed_stopped', w.failed_stopped),
  ];
  return tableOf<store.ListedReport>(
    'reports',
    [
      { key: 'day', label: w.day, as: 'date', of: (one) => day(one.begin_at) },
      {
        key: 'reporter',
        label: w.reporter,
        as: 'head',
        of: (one) => one.reporter,
        show: (one) =>
          html`<a href="${path`/reports/${one.report_key}`}">${isProven(one) ? reporterLabel(one.reporter) : w.in_the_name_of(reporterLabel(one.reporter))}</a>`,
      },
      { key: 'domain', label: w.domain, as: 'name', of: (one) => one.domain },
      { key: 'messages', label: w.messages, as: 'number', of: (one) => one.messages },
      { key: 'records', label: w.records, as: 'number', of: (one) => one.records },
      ...(ofSender ? sender : []),
      {
        key: 'trust',
        label: w.trust,
        of: (one) => one.trust,
        show: (one) =>
          html`${w.trusts[one.trust] ?? one.trust}${!one.counts && html` <span class="quiet">(${w.not_counted})</span>`}${one.salvaged && html` <span class="quiet">(${w.salvaged})</span>`}`,
      },
    ],
    reports,
  );
}

const one = route({
  method: 'GET',
  path: '/reports/:key',
  kind: 'page',
  least: 'viewer',
  scope: 'object',
  params: byKey,
  query: z.object({ ...tableQuery, page: pageNumber }),
  async handle({ reader, params, query: asked, visitor }) {
    const w = words.reports;
    const report = await store.visibleReport(reader, params.key);
    if (report === null) throw new Refusal(404, 'no_report', w.no_report);
    const records = await store.recordsOfReport(reader, report, rowsOfPage(asked.page, A_PAGE));
    const columns = [...senderColumns(report.domain), ...recordColumns<store.SortedRecord>(report.domain)];
    const table = tableOf<store.SortedRecord>('records', columns, records.slice(0, A_PAGE));
    const standing = await store.reporterStanding(reader, report.domain, report.reporter);
    const file = fileOf(asked, [table], `report-${params.key}`);
    if (file !== null) return file;
    const title = (isProven(report) ? w.of : w.unproven_of)(reporterLabel(report.reporter), report.domain);
    const rows: [string, string | null][] = [
      [w.span, `${minute(report.begin_at)} – ${minute(report.end_at)} UTC`],
      [w.messages, number(report.messages)],
      [w.records, number(report.records)],
      ...sentBy(report),
      [w.id, report.report_id],
      [
        w.policy,
        [
          report.policy_p && `p=${report.policy_p}`,
          report.policy_sp && report.policy_sp !== 'nil' && `sp=${report.policy_sp}`,
          report.adkim && `adkim=${report.adkim}`,
          report.aspf && `aspf=${report.aspf}`,
        ]
          .filter(Boolean)
          .join('; '),
      ],
      [w.trust, w.trusts[report.trust] ?? report.trust],
      [w.why, report.trust_reason],
      [
        w.counts,
        report.trust !== 'ok'
          ? null
          : standing?.decides === false
            ? w.does_not_count(w.standings[standing.standing] ?? standing.standing)
            : w.does_count,
      ],
      [w.received, `${minute(report.received_at)} UTC`],
      [w.duplicates, report.duplicates === 0 ? null : number(report.duplicates)],
    ];
    const body = html`<div class="heading"><p class="quiet"><a href="${path`/reports`}">${w.title}</a></p><h1>${title}</h1></div>
<dl class="figures">${rows.filter(([, value]) => value).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
${report.problems.length > 0 && html`<section><h2>${w.problems}</h2><ul>${report.problems.map(({ code, message }) => html`<li><code>${code}</code> ${message}</li>`)}</ul></section>`}
${may(visitor, 'operator') && html`<p class="files">${words.tables.download} <a href="${path`/reports/${params.key}/xml`}">XML</a> <a href="${path`/messages/${report.message_key}/mail`}">${w.mail}</a></p>`}
<section><h2>${w.records}</h2><p class="quiet">${w.records_what}</p>${table.html(withQuery(path`/reports/${params.key}`, { page: asked.page }))}</section>
${pageLinks((n) => withQuery(path`/reports/${params.key}`, { page: n }), asked.page, records.length > A_PAGE)}`;
    return page(title, body, { section: 'reports' });
  },
});

export const REPORTS_ROUTES: AnyRoute[] = [list, one];
