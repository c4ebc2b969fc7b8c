import { z } from 'zod';
import { DIFFERS } from '../../findings/kinds/lookalike_domain.ts';
import { mayFor } from '../../store/console/lent-roles.ts';
import { type LookalikeLine, lookalikeLines } from '../../store/console/lookalikes.ts';
import { why } from '../actions/findings.ts';
import { decideLookalike } from '../actions/lookalikes.ts';
import { actForm, filters, line, reasonLine } from '../form.ts';
import { type Html, html, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, page, route, see } from '../routes.ts';
import { type Column, domainFilter, fileOf, pageNumber, rowsOfPage, tableOf, tableQuery } from '../tables.ts';
import { domainParams } from './domain.ts';
import { day, pageLinks } from './format.ts';

const A_PAGE = 100;
const w = words.lookalikes;

const COLUMNS: readonly Column<LookalikeLine>[] = [
  {
    key: 'name',
    label: w.name,
    as: 'head',
    of: (one) => one.name,
    show: (one) =>
      html`<span class="name">${one.shown}</span>${one.shown !== one.name && html` <span class="quiet name">${one.name}</span>`}`,
  },
  { key: 'domain', label: w.domain, as: 'name', of: (one) => one.domain },
  { key: 'kind', label: w.kind, of: (one) => one.kind, show: (one) => DIFFERS[one.kind] ?? one.kind },
  {
    key: 'registered',
    label: w.seen,
    of: (one) => one.registered,
    show: (one) =>
      one.gone_at !== null
        ? w.gone(day(one.gone_at))
        : one.baseline
          ? w.before(day(one.first_seen))
          : w.since(day(one.first_seen)),
  },
  {
    key: 'mail_hosts',
    label: w.mail,
    as: 'name',
    of: (one) => (one.mail_hosts ?? []).join(' '),
    show: (one) => (one.mail_hosts === null ? w.unknown : one.mail_hosts.length === 0 ? w.none : one.mail_hosts.join(', ')),
  },
  { key: 'dmarc', label: 'DMARC', as: 'name', sparse: true, of: (one) => one.dmarc },
  { key: 'standing', label: w.standing, sparse: (one) => standingOf(one) !== '' && !isNew(one), of: standingOf },
];

/** Whether its state is that it was registered, which the page says beside it. */
const isNew = ({ ignored_by, yours, change }: LookalikeLine): boolean => ignored_by === null && !yours && change === 'registered';

function standingOf({ ignored_by, yours, change, changed_at }: LookalikeLine): string {
  if (ignored_by !== null) return w.ignored(ignored_by);
  if (yours) return w.yours;
  return change === null || changed_at === null ? '' : w.changed(w.changes[change] ?? change, day(changed_at));
}

const lookalikes = route({
  method: 'GET',
  path: '/look-alikes',
  kind: 'page',
  least: 'viewer',
  scope: 'filtered',
  query: z.object({
    ...tableQuery,
    domain: domainFilter,
    page: pageNumber,
  }),
  async handle({ reader, query: asked, visitor }) {
    const acts = (one: LookalikeLine) => mayFor(visitor, 'operator', one.domain);
    const rows = await lookalikeLines(reader, {
      domain: asked.domain || undefined,
      ...rowsOfPage(asked.page, A_PAGE),
    });
    const decide = {
      key: 'act',
      label: w.decide,
      file: false as const,
      of: () => null,
      show: (one: LookalikeLine) => (acts(one) ? decisionForm(one) : ''),
    };
    const columns = rows.some(acts) ? [...COLUMNS, decide] : COLUMNS;
    const table = tableOf<LookalikeLine>('look-alikes', columns, rows.slice(0, A_PAGE));
    const file = fileOf(asked, [table], 'ruawatch');
    if (file !== null) return file;
    const to = (n: number) => withQuery(path`/look-alikes`, { domain: asked.domain, page: n });
    const body = html`<div class="heading"><h1>${w.title}</h1><p class="quiet">${w.lead}</p></div>
${filters(line({ label: w.domain, name: 'domain', value: asked.domain }))}
${table.rows === 0 ? html`<div class="empty"><p>${w.nothing}</p></div>` : table.html(to(asked.page))}
${pageLinks(to, asked.page, rows.length > A_PAGE)}`;
    return page(w.title, body, { section: 'findings' });
  },
});

/** A name that means nothing is ignored; one that is ignored is watched again. */
function decisionForm({ domain, name, ignored_by }: LookalikeLine): Html {
  const verb = ignored_by === null ? 'ignore' : 'watch';
  return actForm(
    { word: w[verb], to: path`/look-alikes/${domain}`, values: { name, decision: verb } },
    html`<p class="hint">${w.hints[verb]}</p>${reasonLine()}`,
  );
}

const decide = route({
  method: 'POST',
  path: '/look-alikes/:domain',
  kind: 'page',
  least: 'operator',
  scope: 'domain',
  params: domainParams,
  body: z.object({ name: z.string().min(1).max(253).toLowerCase(), decision: z.enum(['ignore', 'watch']), why }),
  async handle({ db, visitor, clock, params: { domain }, body }) {
    const done = await decideLookalike({ db, visitor: visitor!, now: clock.now() }, { domain, ...body });
    return see(withQuery(path`/look-alikes`, { domain }), { told: { done } });
  },
});

export const LOOKALIKE_ROUTES: AnyRoute[] = [lookalikes, decide];
