import { z } from 'zod';
import { byDecision } from '../../findings/end-reasons.ts';
import { readEvidence } from '../../findings/evidence.ts';
import { wordsOf } from '../../findings/sentences/finding.ts';
import { addDays } from '../../shared/days.ts';
import { SEVERITIES } from '../../shared/severity.ts';
import { relatedFindings, type TitledFinding, visibleFinding, visibleFindings } from '../../store/console/findings.ts';
import { mayFor } from '../../store/console/lent-roles.ts';
import { actingPeople } from '../../store/console/people.ts';
import { namedDays, namedReporters, sendersOf, standingDecisions } from '../../store/console/sender.ts';
import type { ListedFinding } from '../../store/findings/list.ts';
import { choice, filters, line } from '../form.ts';
import { byKey } from '../given.ts';
import { fragment, type Html, html, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, page, Refusal, route } from '../routes.ts';
import { domainFilter, fileOf, pageNumber, type Table, tableOf, tableQuery } from '../tables.ts';
import { decidedNotices } from './decisions.ts';
import { daysOf, evidencePage, findingTables, type ReadFinding } from './finding.ts';
import { actionForms, LATE_DAYS } from './finding-actions.ts';
import { dated, day, minute, pageLinks, severity } from './format.ts';

const A_PAGE = 50;
const MOST_REPORTERS = 30;
const query = z.object({
  ...tableQuery,
  q: z.string().trim().max(253).default(''),
  state: z.enum(['open', 'resolved', 'all']).default('open'),
  severity: z.enum(SEVERITIES).or(z.literal('')).default(''),
  domain: domainFilter,
  page: pageNumber,
});
type Query = z.output<typeof query>;

const list = route({
  method: 'GET',
  path: '/findings',
  kind: 'page',
  least: 'viewer',
  scope: 'filtered',
  query,
  async handle({ reader, query: asked }) {
    const { findings, total } = await visibleFindings(reader, {
      state: asked.state === 'open' ? 'standing' : asked.state,
      severity: asked.severity || undefined,
      domain: asked.domain || undefined,
      search: asked.q,
      limit: A_PAGE,
      offset: (asked.page - 1) * A_PAGE,
    });
    const table = findingTable(findings);
    const file = fileOf(asked, [table], 'ruawatch');
    if (file !== null) return file;
    const w = words.findings;
    const filtered = asked.q !== '' || asked.severity !== '' || asked.domain !== '' || asked.state !== 'open';
    return page(
      w.title,
      html`<div class="heading"><h1>${w.title}</h1><p class="quiet">${w.total(total)} · <a href="${path`/look-alikes`}">${words.lookalikes.title}</a></p></div>
${filterForm(asked)}
${findings.length === 0 ? html`<div class="empty"><p>${filtered ? w.nothing : w.nothing_open}</p></div>` : table.html(withQuery(path`/findings`, { ...asked, table: null, as: null }))}
${pages(asked, total)}`,
      { section: 'findings' },
    );
  },
});

function filterForm(asked: Query): Html {
  const w = words.findings;
  return filters([
    line({ label: w.search, name: 'q', type: 'search', value: asked.q }),
    line({ label: w.domain, name: 'domain', value: asked.domain }),
    choice({ label: w.severity, name: 'severity' }, Object.entries({ '': w.any, ...w.severities }), asked.severity),
    choice({ label: w.state, name: 'state' }, Object.entries(w.states), asked.state),
  ]);
}

function findingTable(findings: readonly TitledFinding[]): Table {
  const w = words.findings;
  return tableOf<TitledFinding>(
    'findings',
    [
      { key: 'severity', label: w.severity, of: (one) => one.severity, show: (one) => severity(one.severity) },
      {
        key: 'finding',
        label: w.finding,
        as: 'head',
        of: (one) => one.title,
        show: (one) => html`<a href="${path`/findings/${one.finding_key}`}">${one.title}</a>`,
      },
      {
        key: 'domain',
        label: w.domain,
        as: 'name',
        of: (one) => one.domain,
        show: (one) => (one.domain === '*' ? one.domain : html`<a href="${path`/domains/${one.domain}`}">${one.domain}</a>`),
      },
      { key: 'kind', label: w.kind, of: (one) => one.kind, show: (one) => words.kinds[one.kind] ?? one.kind },
      { key: 'since', label: w.since, as: 'date', of: (one) => one.since },
      { key: 'state', label: w.standing, of: standing },
    ],
    findings,
    'findings',
  );
}

/** "reopened, acknowledged by ada" */
export function standing(finding: ListedFinding): string {
  const w = words.findings;
  const given = finding.assigned_to === null ? '' : `, ${w.given_to(finding.assigned_to)}`;
  const phase = `${w.phases[finding.phase] ?? finding.phase}${finding.resolved_at === null ? given : ''}`;
  if (finding.acknowledged_at !== null) return `${phase}, ${w.acknowledged(finding.acknowledged_by ?? '')}`;
  if (finding.snoozed_until !== null) return `${phase}, ${w.snoozed(minute(finding.snoozed_until), finding.snoozed_by ?? '')}`;
  if (finding.resolved_at === null) return phase;
  return `${phase} ${day(finding.resolved_at)}${finding.resolved_by ? w.by(finding.resolved_by) : ''}${finding.goes_on ? w.goes_on : ''}${given}`;
}

function pages(asked: Query, total: number): Html | null {
  const to = (n: number) => withQuery(path`/findings`, { ...asked, table: null, as: null, page: n });
  return pageLinks(to, asked.page, asked.page * A_PAGE < total);
}

const one = route({
  method: 'GET',
  path: '/findings/:key',
  kind: 'page',
  least: 'viewer',
  scope: 'object',
  params: byKey,
  query: z.object(tableQuery),
  async handle({ db, reader, params, query: asked, visitor, clock }) {
    const row = await visibleFinding(reader, params.key);
    if (row === null) throw new Refusal(404, 'no_finding', words.problems.no_finding);
    const evidence = readEvidence(row.evidence);
    const { ended } = evidence;
    const finding = { ...row, evidence, resolved_by: ended?.reason === 'closed' ? ended.by : null };
    const said = wordsOf(finding);
    const kind = words.kinds[finding.kind] ?? finding.kind;
    const { domain } = finding;
    const sources = [...evidence.who, ...(evidence.broken ?? [])].flatMap((of) =>
      'sender' in of && of.sender ? [of.sender] : [of.source],
    );
    const senders = await sendersOf(reader, domain, sources);
    const range = sources.length === 0 ? null : daysOf(finding);
    const named = range && { domain, names: [...new Set(sources)], ...range };
    const since = named && { ...named, from: finding.since };
    const tables = findingTables(finding, senders, since && (await namedReporters(reader, since, MOST_REPORTERS)));
    const file = fileOf(asked, Object.values(tables), `finding-${finding.finding_key}`);
    if (file !== null) return file;
    const days = named === null ? [] : await namedDays(reader, named);
    const related = await relatedFindings(reader, finding, [...new Set([...sources, ...senders.values()])]);
    const may = mayFor(visitor, 'operator', domain);
    const names = [row.subject, ...evidence.who.map(({ source }) => source)];
    // Of what is over for another reason, a decision since then is no part.
    const concerned = row.state === 'open' || byDecision(ended);
    const decisions = concerned ? await standingDecisions(reader, domain, names) : [];
    const given = { people: may ? await actingPeople(db, domain) : [], now: clock.now(), decisions };
    const body = html`<div class="heading">
<p class="quiet">${words.finding.number(finding.finding_key)} · ${kind}</p>
<h1>${said.title}</h1>
<p>${severity(finding.severity)} ${domain === '*' ? '' : html`<a href="${path`/domains/${domain}`}">${domain}</a>`} <span class="quiet">· ${dated(standing(finding))}</span></p>
<p class="quiet">${words.kinds_mean[finding.kind]}</p>
${wentOn(finding)}
${decidedNotices(decisions)}
${may && html`<p class="jump"><a class="button" href="${fragment('act')}">${words.finding.act}</a></p>`}
</div>
<div class="columns">
<div>${evidencePage(finding, said, { days, tables, related })}</div>
<aside>${may ? actionForms(finding, said, given) : html`<p class="quiet">${words.finding.viewer}</p>`}</aside>
</div>`;
    return page(said.title, body, { section: 'findings' });
  },
});

/** That reports showed it up to the day on which a person resolved it. */
function wentOn({ resolved_by, resolved_at, evidence, goes_on }: ReadFinding): Html | null {
  if (!resolved_by || resolved_at === null || evidence.messages === 0 || !evidence.last_day) return null;
  if (evidence.last_day < addDays(day(resolved_at), -LATE_DAYS)) return null;
  const w = words.finding;
  return html`<p class="warning">${dated(goes_on ? w.goes_on_still(evidence.last_day) : w.went_on(evidence.last_day))}</p>`;
}

export const FINDINGS_ROUTES: AnyRoute[] = [list, one];
