import { z } from 'zod';
import { grantWords } from '../../requests/grants/index.ts';
import type { GrantKindName } from '../../requests/grants/kinds.ts';
import { durationText } from '../../shared/format.ts';
import { type GrantLine, grantLines, type OnboardingLine, onboardingLines } from '../../store/console/access.ts';
import { mayFor } from '../../store/console/lent-roles.ts';
import { askerWith } from '../../store/console/people.ts';
import { why } from '../actions/findings.ts';
import { endRight } from '../actions/grants.ts';
import { actForm, choice, filters, line, reasonLine } from '../form.ts';
import { byKey } from '../given.ts';
import { type Html, html, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, page, route, see } from '../routes.ts';
import { domainFilter, fileOf, pageNumber, rowsOfPage, tableOf, tableQuery } from '../tables.ts';
import { minute, pageLinks } from './format.ts';

const A_PAGE = 100;
const w = words.access;

/** What a right is, in words; its kind where an older version wrote a scope that is not read any more. */
const whatOf = ({ kind, scope, server }: GrantLine): string => {
  try {
    return grantWords({ kind: kind as GrantKindName, scope, server });
  } catch (error) {
    if (!(error instanceof z.ZodError) && !(error instanceof TypeError)) throw error;
    return kind;
  }
};

const endOf = (one: GrantLine): string =>
  one.ended_at !== null
    ? `${minute(one.ended_at)} UTC`
    : one.ends_at === null
      ? one.state === 'void'
        ? ''
        : w.after(durationText(one.seconds))
      : `${minute(one.ends_at)} UTC`;

const isOpen = ({ state }: GrantLine) => state === 'asked' || state === 'applying' || state === 'active';

function grantTable(rows: readonly GrantLine[], mayEnd: (one: GrantLine) => boolean) {
  return tableOf<GrantLine>(
    'grants',
    [
      { key: 'grant_key', label: w.key, as: 'head', of: (one) => one.grant_key },
      { key: 'what', label: w.what, of: whatOf },
      {
        key: 'holder',
        label: w.holder,
        as: 'name',
        of: (one) => one.holder,
        show: (one) => html`${one.holder}${one.holder_kind === 'service' && html` <span class="quiet">${w.service}</span>`}`,
      },
      { key: 'domain', label: w.domain, as: 'name', of: (one) => one.domain },
      {
        key: 'state',
        label: w.state,
        as: 'words',
        of: (one) => one.state,
        show: (one) =>
          html`${w.states[one.state] ?? one.state}${(one.end_reason ?? one.answer) && html` <span class="quiet">${one.end_reason ?? one.answer}</span>`}`,
      },
      { key: 'ends_at', label: w.ends, as: 'date', of: (one) => one.ended_at ?? one.ends_at, show: endOf },
      {
        key: 'last_used_at',
        label: w.used,
        as: 'words',
        of: (one) => one.last_used_at,
        show: (one) =>
          [
            one.last_used_at === null ? '' : `${minute(one.last_used_at)} UTC`,
            one.uses === null ? '' : w.uses(one.used, one.uses),
          ]
            .filter(Boolean)
            .join(', '),
      },
      {
        key: 'why',
        label: w.why,
        as: 'words',
        of: (one) => one.why,
        show: (one) =>
          html`${one.why} <a href="${path`/requests/${one.request_key}`}">${w.request(one.request_key)}</a>${isOpen(one) && mayEnd(one) && endForm(one)}`,
      },
    ],
    rows,
  );
}

const endForm = ({ grant_key }: GrantLine): Html =>
  actForm({ word: w.end_of(grant_key), to: path`/access/${grant_key}/end`, button: w.end }, reasonLine());

function partyTable(rows: readonly OnboardingLine[]) {
  return tableOf<OnboardingLine>(
    'third-parties',
    [
      {
        key: 'source',
        label: w.party,
        as: 'head',
        of: (one) => one.source,
        show: (one) => html`<a href="${path`/requests/${one.request_key}`}">${one.source}</a>`,
      },
      { key: 'domain', label: w.domain, as: 'name', of: (one) => one.domain },
      {
        key: 'state',
        label: w.state,
        of: (one) => one.state,
        show: (one) =>
          html`${w.party_states[one.state] ?? one.state}${
            one.end_request_key !== null &&
            html` <a href="${path`/requests/${one.end_request_key}`}">${w.request(one.end_request_key)}</a>`
          }`,
      },
      { key: 'owner', label: w.owner, as: 'name', of: (one) => one.owner },
      { key: 'expected_daily', label: w.expected, as: 'number', of: (one) => one.expected_daily },
      { key: 'contract_ends', label: w.contract, of: (one) => one.contract_ends },
    ],
    rows,
  );
}

const access = route({
  method: 'GET',
  path: '/access',
  kind: 'page',
  least: 'viewer',
  scope: 'filtered',
  query: z.object({
    ...tableQuery,
    domain: domainFilter,
    show: z.enum(['open', 'all']).default('open'),
    page: pageNumber,
  }),
  async handle({ db, reader, visitor, query: asked }) {
    const domain = asked.domain || null;
    const open = asked.show === 'open';
    const rows = await grantLines(reader, { open, domain, ...rowsOfPage(asked.page, A_PAGE) });
    const { requester } = await askerWith(db, visitor!.person_key);
    const mayEnd = (one: GrantLine) => one.holder === requester || mayFor(visitor, 'operator', one.domain);
    const grants = grantTable(rows.slice(0, A_PAGE), mayEnd);
    const parties = partyTable(await onboardingLines(reader, domain));
    const file = fileOf(asked, [grants, parties], 'ruawatch');
    if (file !== null) return file;
    const to = (change: { page?: number; show?: string } = {}) =>
      withQuery(path`/access`, { domain: asked.domain, show: asked.show, page: asked.page, ...change });
    const body = html`<div class="heading"><h1>${w.title}</h1><p class="quiet">${w.lead}</p></div>
${filters([
  line({ label: w.domain, name: 'domain', value: asked.domain }),
  choice({ label: w.state, name: 'show' }, Object.entries({ open: w.open, all: w.all }), asked.show),
])}
${grants.rows === 0 ? html`<div class="empty"><p>${open ? w.nothing : w.never}</p><p class="quiet">${w.how}</p></div>` : grants.html(to())}
${pageLinks((n) => to({ page: n }), asked.page, rows.length > A_PAGE)}
<section><h2>${w.parties}</h2>${parties.rows === 0 ? html`<p class="quiet">${w.no_parties}</p>` : parties.html(to())}</section>`;
    return page(w.title, body, { section: 'access' });
  },
});

const end = route({
  method: 'POST',
  path: '/access/:key/end',
  kind: 'page',
  least: 'viewer',
  scope: 'object',
  params: byKey,
  body: z.object({ why }),
  async handle({ db, reader, visitor, params, body, clock }) {
    await endRight({ db, reader, visitor: visitor!, now: clock.now() }, params.key, body.why);
    return see(path`/access`, { told: { done: 'ended' } });
  },
});

export const ACCESS_ROUTES: AnyRoute[] = [access, end];
