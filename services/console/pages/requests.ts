import { z } from 'zod';
import { readPlan } from '../../requests/plan.ts';
import { changeLines } from '../../requests/plans/text.ts';
import { reasonsOf, STATE_WORDS } from '../../requests/words.ts';
import { loadStory } from '../../store/alerts/request-mails.ts';
import { approverOf } from '../../store/console/people.ts';
import { visibleRequest, visibleRequests } from '../../store/console/requests.ts';
import { heldOf } from '../../store/held/held.ts';
import { decide, override, withdraw } from '../../store/requests/decide.ts';
import { type Decision, loadRequest, type Request } from '../../store/requests/requests.ts';
import { why } from '../actions/findings.ts';
import { actForm, reasonLine } from '../form.ts';
import { byKey } from '../given.ts';
import { type Html, html, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, type Asked, page, Refusal, route, see } from '../routes.ts';
import { fileOf, type Table, tableOf, tableQuery } from '../tables.ts';
import { dated, minute } from './format.ts';
import { evidenceOf, evidenceSection, evidenceTable, historyOf } from './request-evidence.ts';

const MOST = 200;

const list = route({
  method: 'GET',
  path: '/requests',
  kind: 'page',
  least: 'viewer',
  scope: 'filtered',
  query: z.object({ ...tableQuery, state: z.enum(['open', 'all']).default('open') }),
  async handle({ reader, query }) {
    const w = words.requests;
    const rows = await visibleRequests(reader, { all: query.state === 'all', limit: MOST });
    const table = requestTable(rows);
    const file = fileOf(query, [table], 'ruawatch');
    if (file !== null) return file;
    const other = query.state === 'all' ? 'open' : 'all';
    return page(
      w.title,
      html`<div class="heading"><h1>${w.title}</h1><p class="quiet"><a href="${withQuery(path`/requests`, { state: other })}">${w.show[other]}</a></p></div>
${rows.length === 0 ? html`<div class="empty"><p>${query.state === 'all' ? w.never : w.none}</p><p class="quiet">${w.what_is}</p></div>` : table.html(withQuery(path`/requests`, { state: query.state }))}`,
      { section: 'requests' },
    );
  },
});

type RequestLine = Awaited<ReturnType<typeof visibleRequests>>[number];

function requestTable(rows: readonly RequestLine[]): Table {
  const w = words.requests;
  return tableOf<RequestLine>(
    'requests',
    [
      {
        key: 'request',
        label: w.what,
        as: 'head',
        of: (one) => one.summary,
        show: (one) => html`<a href="${path`/requests/${one.request_key}`}">${one.summary}</a>`,
      },
      { key: 'domain', label: w.domain, as: 'name', of: (one) => one.domain },
      { key: 'state', label: w.state, of: (one) => one.state, show: (one) => STATE_WORDS[one.state] },
      { key: 'asked_by', label: w.asked_by, of: (one) => one.requester },
      {
        key: 'until',
        label: w.until,
        as: 'date',
        sparse: true,
        of: (one) => one.expires_at,
        show: (one) => (one.expires_at === null ? '' : minute(one.expires_at)),
      },
    ],
    rows,
    'requests',
  );
}

const one = route({
  method: 'GET',
  path: '/requests/:key',
  kind: 'page',
  least: 'viewer',
  scope: 'object',
  params: byKey,
  query: z.object(tableQuery),
  async handle({ db, reader, params, query, config, visitor, clock }) {
    const request = await shown({ db, reader, params });
    const plan = readPlan({ text: request.plan, digest: request.digest });
    const w = words.requests;
    const lines = changeLines(plan);
    const story = await loadStory(db, request.request_key, clock.now());
    const pending = request.state === 'pending';
    const compared = await evidenceOf(reader, story);
    const tables = { decisions: decisionsTable(story.decisions), evidence: evidenceTable(compared) };
    const file = fileOf(query, Object.values(tables), `request-${request.request_key}`);
    if (file !== null) return file;
    const here = path`/requests/${request.request_key}`;
    return page(
      w.of(request.request_key),
      html`<div class="heading"><h1>${request.summary}</h1><p class="quiet">${request.kind} · ${request.domain} · ${STATE_WORDS[request.state]}${request.emergency && html` · ${w.by_emergency}`}</p></div>
${request.kind === 'messages.release' && html`<p><a class="button" href="${path`/held/${(await heldOf(db, request.request_key)).held_key}`}">${words.held.title}</a></p>`}
${request.outcome && html`<p><strong>${dated(request.outcome)}</strong></p>`}
${plan.warnings.map((sentence) => html`<p class="notice bad" role="alert">${sentence}</p>`)}
${lines.length > 0 && html`<section><h2>${w.changes}</h2><pre>${lines.join('\n')}</pre></section>`}
<section><h2>${w.why}</h2><ul>${reasonsOf(request.why, plan).map((sentence) => html`<li>${dated(sentence)}</li>`)}</ul>
<p>${w.risk(plan.risk)} ${plan.risk_because.join(' ')}</p><p>${w.back}: ${plan.back.text}</p>
${request.finding_key !== null && html`<p><a href="${path`/findings/${request.finding_key}`}">${w.finding(request.finding_key)}</a></p>`}</section>
<section><h2>${w.who}</h2><p>${dated(whoDecides(request))}</p>${tables.decisions.rows > 0 && tables.decisions.html(here)}</section>
${
  tables.evidence.rows > 0 &&
  evidenceSection(
    tables.evidence,
    compared.some(({ differs }) => differs) && (pending ? words.evidence.differs : words.evidence.differed),
    here,
  )
}
${pending && visitor !== null && decisionForms(request, config.approvals.emergency !== null)}
${historyOf(story)}
<p class="quiet">${w.digest} <code>${request.digest}</code></p>`,
      { section: 'requests' },
    );
  },
});

/** A request that the person may see. */
async function shown({ db, reader, params }: Pick<Asked<typeof byKey>, 'db' | 'reader' | 'params'>): Promise<Request> {
  if (!(await visibleRequest(reader, params.key))) throw new Refusal(404, 'no_request', words.problems.no_request);
  return loadRequest(db, params.key);
}

function whoDecides({ rule, stage, state, requester, created_at }: Request): string {
  const w = words.requests;
  if (rule.decide === 'automatic') return w.by_rule(rule.rule, requester, minute(created_at));
  const stages = rule.stages.map(
    ({ group, need }, at) => `${need} × ${group}${at === stage && state === 'pending' ? ` (${w.now})` : ''}`,
  );
  return w.by_people(rule.rule, stages.join(' → '), requester, minute(created_at));
}

function decisionsTable(decisions: readonly Decision[]): Table {
  const w = words.requests;
  return tableOf<Decision>(
    'decisions',
    [
      { key: 'person', label: w.person, as: 'head', of: (one) => one.person },
      { key: 'decision', label: w.decision, of: (one) => one.decision, show: (one) => w.decisions[one.decision] },
      { key: 'why', label: w.reason, of: (one) => one.why },
      { key: 'at', label: w.at, as: 'date', of: (one) => one.at, show: (one) => minute(one.at) },
    ],
    decisions,
  );
}

/** The forms: each carries the digest of the plan that the page shows. */
function decisionForms({ request_key, digest }: Request, emergency: boolean): Html {
  const w = words.requests;
  const forms = ['approve', 'deny', 'withdraw', ...(emergency ? (['override'] as const) : [])] as const;
  const shown = forms.map((name) =>
    actForm({ word: w.verbs[name], to: path`/requests/${request_key}/${name}`, values: { digest } }, [
      html`<p class="hint">${w.hints[name]}</p>`,
      reasonLine(),
    ]),
  );
  return html`<section class="acts"><h2>${w.decide}</h2>${shown}</section>`;
}

const body = z.object({
  why,
  digest: z.string().regex(/^[0-9a-f]{64}$/, 'must be the digest of the plan'),
});

type Verb = 'approve' | 'deny' | 'withdraw' | 'override';

/** Only a person who is signed in decides, by a POST. Who that is comes from the session. */
function act(
  name: Verb,
  work: (asked: Asked<typeof byKey, undefined, typeof body>, person: string) => Promise<unknown>,
): AnyRoute {
  return route({
    method: 'POST',
    path: `/requests/:key/${name}`,
    kind: 'page',
    least: 'operator',
    scope: 'object',
    params: byKey,
    body,
    async handle(asked) {
      await shown(asked);
      await work(asked, await approverOf(asked.db, asked.visitor!.person_key));
      return see(path`/requests/${asked.params.key}`, { told: { done: `request_${name}` } });
    },
  });
}

const via = 'console';

export const REQUEST_ROUTES: AnyRoute[] = [
  list,
  one,
  act('approve', ({ db, params, body: given }, person) => decide(db, params.key, { ...given, person, decision: 'approve', via })),
  act('deny', ({ db, params, body: given }, person) => decide(db, params.key, { ...given, person, decision: 'deny', via })),
  act('withdraw', ({ db, params, body: given }, person) => withdraw(db, params.key, { person, why: given.why })),
  act('override', ({ db, params, body: given, config }, person) =>
    override(db, params.key, { ...given, person, via }, config.approvals.emergency),
  ),
];
