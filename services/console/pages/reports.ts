import { z } from 'zod';
import { number } from '../../shared/format.ts';
import * as store from '../../store/console/reports.ts';
import { flag, type Html, html, path, withQuery } from '../html.ts';
import { type AnyRoute, page, Refusal, route } from '../routes.ts';
import { words } from '../words/en.ts';
import { day, minute } from './format.ts';

const A_PAGE = 100;
const pageNumber = z.coerce.number().int().min(1).max(10_000).default(1);
const query = z.object({
  domain: z.string().trim().toLowerCase().max(253).default(''),
  reporter: z.string().trim().toLowerCase().max(253).default(''),
  trust: z.enum(['', 'ok', 'pending', 'bad']).default(''),
  salvaged: z.enum(['', 'yes']).default(''),
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
    // One more than is shown says whether there is a next page.
    const found = await store.reportLines(reader, {
      domain: asked.domain || undefined,
      reporter: asked.reporter,
      trust: asked.trust || undefined,
      salvaged: asked.salvaged === 'yes',
      limit: A_PAGE + 1,
      offset: (asked.page - 1) * A_PAGE,
    });
    const body = html`<div class="heading"><h1>${w.title}</h1></div>
${filters(asked)}
${reader.scope.all && html`<p><a href="${path`/quarantine`}">${words.quarantine.title}</a></p>`}
${found.length === 0 ? html`<div class="empty"><p>${w.nothing}</p></div>` : tableOf(found.slice(0, A_PAGE))}
${pages((n) => withQuery(path`/reports`, { ...asked, page: n }), asked.page, found.length > A_PAGE)}`;
    return page(w.title, body, { section: 'reports' });
  },
});

function filters(asked: Query): Html {
  const w = words.reports;
  return html`<form class="filters" role="search">
<label>${w.domain}<input name="domain" value="${asked.domain}"></label>
<label>${w.reporter}<input name="reporter" value="${asked.reporter}"></label>
<label>${w.trust}<select name="trust">${Object.entries({ '': words.findings.any, ...w.trusts }).map(
    ([value, text]) => html`<option value="${value}" ${flag('selected', value === asked.trust)}>${text}</option>`,
  )}</select></label>
<label>${w.salvaged}<select name="salvaged">${[['', words.findings.any] as const, ['yes', w.only_salvaged] as const].map(
    ([value, text]) => html`<option value="${value}" ${flag('selected', value === asked.salvaged)}>${text}</option>`,
  )}</select></label>
<button>${words.findings.apply}</button></form>`;
}

function tableOf(reports: readonly store.ReportLine[]): Html {
  const w = words.reports;
  return html`<div class="table"><table><thead><tr><th scope="col">${w.day}</th><th scope="col">${w.reporter}</th><th scope="col">${w.domain}</th>
<th scope="col" class="number">${w.messages}</th><th scope="col" class="number">${w.records}</th><th scope="col">${w.trust}</th></tr></thead>
<tbody>${reports.map(
    (one) => html`<tr><td class="date" data-label="${w.day}">${day(one.begin_at)}</td>
<th scope="row" data-label="${w.reporter}"><a href="${path`/reports/${one.report_key}`}">${one.reporter}</a></th><td data-label="${w.domain}" class="name">${one.domain}</td>
<td class="number" data-label="${w.messages}">${number(one.messages)}</td><td class="number" data-label="${w.records}">${number(one.records)}</td>
<td data-label="${w.trust}">${w.trusts[one.trust] ?? one.trust}${one.salvaged && html` <span class="quiet">(${w.salvaged})</span>`}</td></tr>`,
  )}</tbody></table></div>`;
}

function pages(to: (n: number) => ReturnType<typeof withQuery>, at: number, more: boolean): Html | null {
  if (at === 1 && !more) return null;
  return html`<nav class="pages" aria-label="${words.reports.pages}">${at > 1 && html`<a class="button" href="${to(at - 1)}">${words.findings.newer}</a>`}
${more && html`<a class="button" href="${to(at + 1)}">${words.findings.older}</a>`}</nav>`;
}

const one = route({
  method: 'GET',
  path: '/reports/:key',
  kind: 'page',
  least: 'viewer',
  scope: 'object',
  params: z.object({ key: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) }),
  query: z.object({ page: pageNumber }),
  async handle({ reader, params, query: asked }) {
    const w = words.reports;
    const report = await store.visibleReport(reader, params.key);
    if (report === null) throw new Refusal(404, 'no_report', w.no_report);
    const records = await store.recordsOfReport(reader, report, { limit: A_PAGE + 1, offset: (asked.page - 1) * A_PAGE });
    const title = w.of(report.reporter, report.domain);
    const rows: [string, string | null][] = [
      [w.span, `${minute(report.begin_at)} – ${minute(report.end_at)} UTC`],
      [w.messages, number(report.messages)],
      [w.records, number(report.records)],
      [w.org, [report.org_name, report.org_email].filter(Boolean).join(', ')],
      [w.id, report.report_id],
      [
        w.policy,
        [
          report.policy_p && `p=${report.policy_p}`,
          report.policy_sp && `sp=${report.policy_sp}`,
          report.adkim && `adkim=${report.adkim}`,
          report.aspf && `aspf=${report.aspf}`,
        ]
          .filter(Boolean)
          .join('; '),
      ],
      [w.trust, w.trusts[report.trust] ?? report.trust],
      [w.why, report.trust_reason],
      [w.received, `${minute(report.received_at)} UTC`],
      [w.duplicates, report.duplicates === 0 ? null : number(report.duplicates)],
    ];
    const body = html`<div class="heading"><p class="quiet"><a href="${path`/reports`}">${w.title}</a></p><h1>${title}</h1></div>
<dl class="figures">${rows.filter(([, value]) => value).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
${report.problems.length > 0 && html`<section><h2>${w.problems}</h2><ul>${report.problems.map(({ code, message }) => html`<li><code>${code}</code> ${message}</li>`)}</ul></section>`}
<section><h2>${w.records}</h2>${recordsTable(records.slice(0, A_PAGE))}</section>
${pages((n) => withQuery(path`/reports/${params.key}`, { page: n }), asked.page, records.length > A_PAGE)}`;
    return page(title, body, { section: 'reports' });
  },
});

function recordsTable(records: readonly store.RecordRow[]): Html {
  const w = words.reports;
  const verdict = (passes: boolean) => (passes ? w.passes : w.fails);
  return html`<div class="table"><table><thead><tr><th scope="col">${w.address}</th><th scope="col" class="number">${w.messages}</th><th scope="col">${w.from}</th>
<th scope="col">DMARC</th><th scope="col">DKIM</th><th scope="col">SPF</th><th scope="col">${w.done}</th></tr></thead>
<tbody>${records.map(
    (
      one,
    ) => html`<tr><th scope="row" class="name" data-label="${w.address}">${one.source_ip ?? '–'}</th><td class="number" data-label="${w.messages}">${number(one.count)}</td>
<td class="name" data-label="${w.from}">${one.header_from}</td><td data-label="DMARC">${verdict(one.dmarc_pass)}</td>
<td data-label="DKIM">${verdict(one.dkim_aligned)}${(one.auth.dkim ?? []).map(({ domain, selector, result }) => html`<br><span class="quiet name">${[domain, selector, result].filter(Boolean).join(' ')}</span>`)}</td>
<td data-label="SPF">${verdict(one.spf_aligned)}${(one.auth.spf ?? []).map(({ domain, result }) => html`<br><span class="quiet name">${[domain, result].filter(Boolean).join(' ')}</span>`)}</td>
<td data-label="${w.done}">${one.disposition}</td></tr>`,
  )}</tbody></table></div>`;
}

const quarantine = route({
  method: 'GET',
  path: '/quarantine',
  kind: 'page',
  least: 'viewer',
  scope: 'installation',
  query: z.object({ page: pageNumber }),
  async handle({ reader, query: asked }) {
    const w = words.quarantine;
    const mails = await store.unreadMails(reader, { limit: A_PAGE + 1, offset: (asked.page - 1) * A_PAGE });
    const body = html`<div class="heading"><p class="quiet"><a href="${path`/reports`}">${words.reports.title}</a></p><h1>${w.title}</h1><p class="quiet">${w.lead}</p></div>
${
  mails.length === 0
    ? html`<div class="empty"><p>${w.nothing}</p></div>`
    : html`<div class="table"><table><thead><tr><th scope="col">${w.mail}</th><th scope="col">${w.received}</th><th scope="col">${w.sender}</th><th scope="col">${w.subject}</th><th scope="col">${w.reason}</th></tr></thead>
<tbody>${mails.slice(0, A_PAGE).map(
        (
          one,
        ) => html`<tr><th scope="row" data-label="${w.mail}">${one.message_key} <span class="quiet">${one.mailbox}</span></th><td class="date" data-label="${w.received}">${minute(one.received_at)}</td>
<td class="name" data-label="${w.sender}">${one.sender}</td><td class="name" data-label="${w.subject}">${one.subject}</td>
<td data-label="${w.reason}"><code>${one.code}</code> ${one.reason}</td></tr>`,
      )}</tbody></table></div>`
}
${pages((n) => withQuery(path`/quarantine`, { page: n }), asked.page, mails.length > A_PAGE)}`;
    return page(w.title, body, { section: 'reports' });
  },
});

export const REPORTS_ROUTES: AnyRoute[] = [list, one, quarantine];
