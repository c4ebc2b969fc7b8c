import { z } from 'zod';
import { addDays, dayOf, daysBetween } from '../../shared/days.ts';
import { number } from '../../shared/format.ts';
import {
  type DayLine,
  type DomainLine,
  domainDays,
  domainLines,
  type FoundSender,
  OVERVIEW_DAYS,
  sendersNamed,
  type UnauthorizedLine,
  unauthorizedLines,
} from '../../store/console/overview.ts';
import { classDaysSince } from '../../store/rollups/class-days.ts';
import { choice, filters, line } from '../form.ts';
import { type Html, html, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, page, route } from '../routes.ts';
import { downloads, fileOf, tableOf as makeTable, pageNumber, type Table, tableQuery } from '../tables.ts';
import { addingUp } from './adding-up.ts';
import { day, hostName, pageLinks, severity, share } from './format.ts';
import { nextStepOf } from './next-step.ts';
import { weakerBelow } from './policy-below.ts';
import { spark } from './spark.ts';

const A_PAGE = 50;
const MOST_SENDERS = 10;

const SORTS = ['attention', 'domain', 'pass', 'messages', 'last'] as const;
type Sort = (typeof SORTS)[number];

const query = z.object({
  ...tableQuery,
  q: z.string().trim().toLowerCase().max(253).default(''),
  state: z.enum(['own', 'observed', 'ignored']).default('own'),
  sort: z.enum(SORTS).default('attention'),
  page: pageNumber,
});
type Query = z.output<typeof query>;

/** How urgent a domain is: the lower, the sooner. */
function rankOf(line: DomainLine, today: string): number {
  const severity = (['critical', 'high', 'medium'] as const).findIndex((name) => line[name] > 0);
  if (severity >= 0) return severity;
  const { done } = nextStepOf(line, today);
  return done ? (line.low > 0 ? 4 : 5) : 3;
}

const byName = (a: DomainLine, b: DomainLine) => (a.domain < b.domain ? -1 : 1);
const passing = (line: DomainLine) => (line.messages === 0 ? 2 : line.passed / line.messages);

/** Sorts the lines; the most urgent, or the worst, come first. */
export function sorted(lines: readonly DomainLine[], sort: Sort, today: string): DomainLine[] {
  const orders: Record<Sort, (a: DomainLine, b: DomainLine) => number> = {
    attention: (a, b) => rankOf(a, today) - rankOf(b, today) || b.messages - a.messages,
    domain: byName,
    pass: (a, b) => passing(a) - passing(b),
    messages: (a, b) => b.messages - a.messages,
    last: (a, b) => (a.last_report_at?.getTime() ?? 0) - (b.last_report_at?.getTime() ?? 0),
  };
  return [...lines].sort((a, b) => orders[sort](a, b) || byName(a, b));
}

const overview = route({
  method: 'GET',
  path: '/',
  kind: 'page',
  least: 'viewer',
  scope: 'filtered',
  query,
  async handle({ db, reader, query: asked, clock }) {
    const today = dayOf(clock.now());
    const from = addDays(today, -OVERVIEW_DAYS);
    const lines = sorted(await domainLines(reader, { from, search: asked.q, state: asked.state }), asked.sort, today);
    const shown = lines.slice((asked.page - 1) * A_PAGE, asked.page * A_PAGE);
    const about = (asked.as === '' ? shown : lines).map(({ domain }) => domain);
    const range = { domains: about, from, to: addDays(today, -1) };
    const unauthorized = new Map((await unauthorizedLines(reader, range)).map((one) => [one.domain, one]));
    const file = fileOf(asked, [fileTable(lines, unauthorized, today)], 'ruawatch');
    if (file !== null) return file;
    const days = await domainDays(reader, { from, domains: shown.map(({ domain }) => domain) });
    const senders = lines.length === 0 && asked.q !== '' ? await sendersNamed(reader, asked.q, MOST_SENDERS) : [];
    const w = words.overview;
    const total = (of: (line: DomainLine) => number) => lines.reduce((sum, line) => sum + of(line), 0);
    const findings = total((line) => line.critical + line.high + line.medium + line.low);
    return page(
      w.title,
      html`<div class="heading"><h1>${w.title}</h1>
${
  (lines.length > 0 || asked.q === '') &&
  html`<p class="quiet">${w.totals(
    lines.length,
    total((line) => line.messages),
    { findings, info: total((line) => line.info) },
  )}</p>`
}${addingUp(await classDaysSince(db), from)}</div>
${filterForm(asked)}
${lines.length === 0 ? nothing(asked, senders) : html`${tableOf(shown, asked, { days: daysOf(days), unauthorized, today })}${downloads(withQuery(path`/`, pageOf(asked)), 'domains')}`}
${pages(asked, lines.length)}`,
      { section: 'overview' },
    );
  },
});

function filterForm({ q, state, sort }: Query): Html {
  const w = words.overview;
  const fields = [
    line({ label: w.search, name: 'q', type: 'search', value: q }),
    choice({ label: w.state, name: 'state' }, Object.entries(w.states), state),
  ];
  return filters(fields, { values: { sort }, button: w.find });
}

function nothing({ q }: Query, senders: readonly FoundSender[]): Html {
  const w = words.overview;
  return q === ''
    ? html`<div class="empty"><p>${w.no_domains}</p><p>${w.no_domains_what}</p><p><a class="button" href="${path`/setup`}">${words.setup.title}</a></p></div>`
    : html`<div class="empty"><p>${w.no_match(q)}</p>
${senders.length > 0 && html`<p>${w.senders_found}</p><ul class="plain-list">${senders.map((one) => html`<li><a href="${path`/domains/${one.domain}/senders/${one.sender}`}">${one.name}</a> (${one.domain})</li>`)}</ul>`}
<p><a href="${withQuery(path`/findings`, { q })}">${w.find_findings(q)}</a></p></div>`;
}

function daysOf(days: readonly DayLine[]): Map<string, Map<string, DayLine>> {
  const found = new Map<string, Map<string, DayLine>>();
  for (const one of days) {
    const of = found.get(one.domain) ?? new Map<string, DayLine>();
    found.set(one.domain, of.set(one.day, one));
  }
  return found;
}

function tableOf(
  lines: readonly DomainLine[],
  asked: Query,
  {
    days,
    unauthorized,
    today,
  }: {
    days: ReadonlyMap<string, ReadonlyMap<string, DayLine>>;
    unauthorized: ReadonlyMap<string, UnauthorizedLine>;
    today: string;
  },
): Html {
  const w = words.overview;
  const [from, to] = [addDays(today, -OVERVIEW_DAYS), addDays(today, -1)];
  const range = daysBetween(from, to);
  const head = (sort: Sort, text: string, number = false) =>
    html`<th scope="col" class="${number ? 'number' : sort}" aria-sort="${sort === asked.sort ? 'other' : 'none'}"><a href="${withQuery(path`/`, { ...pageOf(asked), page: null, sort })}">${text}</a></th>`;
  return html`<div class="table"><table class="domains">
<thead><tr>${head('domain', w.domain)}${head('pass', w.pass)}<th scope="col">${w.policy}</th>
${head('messages', w.volume, true)}<th scope="col">${w.unauthorized}</th><th scope="col">${w.open}</th>${head('last', w.last)}${head('attention', w.next)}</tr></thead>
<tbody>${lines.map((line) => {
    const of = days.get(line.domain);
    const shares = range.map((one) => {
      const found = of?.get(one);
      return found === undefined || found.messages === 0 ? null : found.passed / found.messages;
    });
    return html`<tr>
<th scope="row" data-label="${w.domain}"><a href="${path`/domains/${line.domain}`}">${hostName(line.domain)}</a></th>
<td data-label="${w.pass}"><div class="passing"><span class="number">${share(line.passed, line.messages)}</span>${spark(shares, w.spark(line.domain, from, to))}</div></td>
<td data-label="${w.policy}">${policyOf(line)}</td>
<td class="number" data-label="${w.volume}">${number(line.messages)}</td>
<td class="forged" data-label="${w.unauthorized}">${unauthorizedOf(unauthorized.get(line.domain))}</td>
<td data-label="${w.open}">${openOf(line)}</td>
<td class="date last" data-label="${w.last}">${line.last_report_at === null ? w.never : day(line.last_report_at)}</td>
<td data-label="${w.next}">${stepOf(line, today)}</td>
</tr>`;
  })}</tbody></table></div>`;
}

/** The next step as a link to where it is taken. */
function stepOf(line: DomainLine, today: string): Html | string {
  const { short, finding, done } = nextStepOf(line, today);
  if (finding !== null)
    return html`<a href="${path`/findings/${finding.finding_key}`}">${short}</a><span class="why">${words.kinds[finding.kind] ?? ''}</span>`;
  return done ? short : html`<a href="${path`/domains/${line.domain}`}">${short}</a>`;
}

/** Of the unauthorized mail, how much got through. */
function unauthorizedOf(unauthorized: UnauthorizedLine | undefined): Html | string {
  const w = words.overview;
  if (unauthorized === undefined) return html`<span class="quiet">${w.no_unauthorized}</span>`;
  const said = w.unauthorized_says(number(unauthorized.delivered), number(unauthorized.messages));
  return unauthorized.delivered > 0 ? html`<span class="policy none">${said}</span>` : said;
}

/** The parameters of a link to another page of the list. */
const pageOf = ({ table: _, as: __, ...asked }: Query) => asked;

/** All lines for a file. */
function fileTable(lines: readonly DomainLine[], unauthorized: ReadonlyMap<string, UnauthorizedLine>, today: string): Table {
  const count = (key: 'messages' | 'passed' | 'critical' | 'high' | 'medium' | 'low') => ({
    key,
    label: key,
    of: (line: DomainLine) => line[key],
  });
  return makeTable<DomainLine>(
    'domains',
    [
      { key: 'domain', label: 'domain', of: (line) => line.domain },
      { key: 'policy', label: 'policy', of: (line) => line.policy },
      { key: 'stage', label: 'stage', of: (line) => line.stage },
      ...(['messages', 'passed', 'critical', 'high', 'medium', 'low'] as const).map(count),
      { key: 'unauthorized', label: 'unauthorized', of: (line) => unauthorized.get(line.domain)?.messages ?? 0 },
      {
        key: 'unauthorized_delivered',
        label: 'unauthorized, delivered',
        of: (line) => unauthorized.get(line.domain)?.delivered ?? 0,
      },
      { key: 'last_report_at', label: 'last report', of: (line) => line.last_report_at },
      { key: 'next_step', label: 'next step', of: (line) => nextStepOf(line, today).sentence },
    ],
    lines,
  );
}

/** The policy that reports found, and how far the records have come where that says more. */
function policyOf({ policy, policy_sp, policy_np, stage }: DomainLine): Html {
  const w = words.overview;
  const more = stage !== null && stage !== policy && w.stages[stage];
  const said =
    policy === null
      ? html`<span class="quiet">${w.policy_unknown}</span>`
      : html`<span class="policy ${Object.hasOwn(w.policies, policy) ? policy : ''}">${w.policies[policy] ?? policy}</span>`;
  const below = weakerBelow({ p: policy, sp: policy_sp, np: policy_np });
  return html`${said}${below !== '' && html` <span class="policy none">${below}</span>`}${more && html` <span class="quiet">(${more})</span>`}`;
}

/** The open findings by severity, each number a link to them. */
function openOf(line: DomainLine): Html {
  const counts = (['critical', 'high', 'medium', 'low'] as const).filter((name) => line[name] > 0);
  if (counts.length === 0) return html`<span class="quiet">${words.overview.none}</span>`;
  return html`<ul class="counts">${counts.map(
    (name) =>
      html`<li><a href="${withQuery(path`/findings`, { domain: line.domain, severity: name })}">${severity(name)} ${line[name]}</a></li>`,
  )}</ul>`;
}

function pages(asked: Query, total: number): Html | null {
  if (total <= A_PAGE) return null;
  const last = Math.ceil(total / A_PAGE);
  const to = (n: number) => withQuery(path`/`, { ...pageOf(asked), page: n });
  const said = words.overview.page((asked.page - 1) * A_PAGE + 1, Math.min(total, asked.page * A_PAGE), total);
  return pageLinks(to, asked.page, asked.page < last, html`<span>${said}</span>`);
}

export const OVERVIEW_ROUTES: AnyRoute[] = [overview];
