import { z } from 'zod';
import { authorShown } from '../../requests/held/author.ts';
import { durationText, short } from '../../shared/format.ts';
import { type HeldLine, heldFigures, heldLines } from '../../store/console/held.ts';
import { choice, each, filters, line } from '../form.ts';
import { type Html, html, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, page, route } from '../routes.ts';
import { domainFilter, fileOf, pageNumber, rowsOfPage, tableOf, tableQuery } from '../tables.ts';
import { minute, pageLinks } from './format.ts';
import { HELD_ASK_ROUTES } from './held-ask.ts';
import { HELD_ONE_ROUTES } from './held-one.ts';
import { HELD_TEXT_ROUTES } from './held-text.ts';

const A_PAGE = 100;
const STATES = ['open', 'released', 'rejected', 'deleted', 'expired', 'lost', 'all'] as const;
const w = words.held;

const query = z.object({
  ...tableQuery,
  state: z.enum(STATES).default('open'),
  domain: domainFilter,
  rule: z.string().trim().max(63).default(''),
  recipient: z.string().trim().max(320).default(''),
  page: pageNumber,
});

/** Who it says it is from, cut so that a page stays a page. */
const authorOf = (held: Pick<HeldLine, 'header_from' | 'header_from_domain'>): string =>
  authorShown(held, (text) => short(text, 200)) ?? w.nobody;

const list = route({
  method: 'GET',
  path: '/held',
  kind: 'page',
  least: 'operator',
  scope: 'filtered',
  query,
  async handle({ reader, query: asked }) {
    const { state, domain, rule, recipient } = asked;
    const rows = await heldLines(reader, {
      state,
      domain,
      rule,
      recipient,
      ...rowsOfPage(asked.page, A_PAGE),
    });
    const table = tableOf<HeldLine>('held-mail', COLUMNS, rows.slice(0, A_PAGE), 'records held');
    const file = fileOf(asked, [table], 'ruawatch');
    if (file !== null) return file;
    const figures = await heldFigures(reader);
    const to = (n: number) => withQuery(path`/held`, { state, domain, rule, recipient, page: n });
    return page(
      w.title,
      html`<div class="heading"><h1>${w.title}</h1><p class="quiet">${w.lead} ${w.figures(figures.waiting, figures.held, figures.released, figures.stopped)}${
        figures.median !== null && html` ${w.median(durationText(figures.median))}`
      }</p></div>
${filterForm(asked)}
${table.rows === 0 ? html`<div class="empty">${domain || rule || recipient || state !== 'open' ? html`<p>${w.none}</p>` : html`<p>${w.none_yet}</p><p class="quiet">${w.what_is}</p>`}</div>` : table.html(to(asked.page))}
${pageLinks(to, asked.page, rows.length > A_PAGE)}`,
      { section: 'held' },
    );
  },
});

const filterForm = (asked: z.output<typeof query>): Html =>
  filters([
    choice(
      { label: w.state, name: 'state' },
      each(STATES, (one) => w.states[one] ?? one),
      asked.state,
    ),
    line({ label: w.domain, name: 'domain', value: asked.domain }),
    line({ label: w.rule, name: 'rule', value: asked.rule }),
    line({ label: w.recipient, name: 'recipient', value: asked.recipient }),
  ]);

const COLUMNS: Parameters<typeof tableOf<HeldLine>>[1] = [
  {
    key: 'subject',
    label: w.subject,
    as: 'head',
    of: (one) => one.subject,
    show: (one) => html`<a href="${path`/held/${one.held_key}`}">${short(one.subject ?? '', 200) || w.no_subject}</a>`,
  },
  { key: 'from', label: w.from, as: 'name', of: (one) => one.header_from, show: authorOf },
  {
    key: 'to',
    label: w.to,
    as: 'name',
    of: (one) => one.recipients.join(' '),
    show: ({ recipients }) =>
      `${short(recipients[0]!, 200)}${recipients.length === 1 ? '' : ` ${w.more(recipients.length - 1)}`}`,
  },
  { key: 'rule', label: w.rule, of: (one) => one.rule },
  { key: 'source_class', label: w.class, of: (one) => one.source_class },
  { key: 'held_at', label: w.held_at, as: 'date', of: (one) => one.held_at, show: (one) => minute(one.held_at) },
  { key: 'asks', label: w.asks, as: 'number', of: (one) => one.asks },
  { key: 'state', label: w.state, of: (one) => one.state, show: (one) => (one.doubt ? w.doubt : w.states[one.state]!) },
];

export const HELD_ROUTES: AnyRoute[] = [list, ...HELD_ONE_ROUTES, ...HELD_TEXT_ROUTES, ...HELD_ASK_ROUTES];
