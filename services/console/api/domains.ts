import { z } from 'zod';
import { addDays, dayOf } from '../../shared/days.ts';
import { rowOf } from '../../store/console/api-lists.ts';
import {
  classChangeRow,
  domainRow,
  postureRow,
  recordRow,
  senderRow,
  sourceRow,
  timelineRow,
} from '../../store/console/api-rows.ts';
import { classDays } from '../../store/console/domain.ts';
import { domainFigures, OVERVIEW_DAYS } from '../../store/console/overview.ts';
import type { Reader } from '../../store/console/scope.ts';
import { day, dayOrMoment } from '../given.ts';
import type { AnyRoute } from '../routes.ts';
import { answerList, LISTS } from './lists.ts';
import { domainName, pageOfItems, paging, yesNo } from './parameters.ts';
import { apiRoute, missing } from './route.ts';

const domain = z.object({ domain: domainName });
const name = z.string().min(1).max(500);

/** Rows of the view of domains with the figures that the overview shows: of the reports that count. */
async function counted(reader: Reader, rows: readonly Record<string, unknown>[], now: Date): Promise<Record<string, unknown>[]> {
  const domains = rows.map(({ domain }) => String(domain));
  const figures = await domainFigures(reader, { domains, from: addDays(dayOf(now), -OVERVIEW_DAYS) });
  return rows.map((row) => {
    const { messages = 0, passed = 0, open = 0 } = figures.get(String(row.domain)) ?? {};
    const share = messages === 0 ? null : Number((passed / messages).toFixed(4));
    return { ...row, messages_30_days: messages, pass_share_30_days: share, open_findings: open };
  });
}

const list = apiRoute({
  method: 'GET',
  path: '/domains',
  id: 'listDomains',
  summary: 'The domains, by name.',
  token: 'read',
  scope: 'filtered',
  query: paging.extend({
    state: z.enum(['own', 'observed', 'ignored']).optional(),
    search: z.string().toLowerCase().min(1).max(253).optional(),
  }),
  answer: pageOfItems(domainRow),
  async handle({ reader, query, clock }) {
    const page = await answerList(reader, LISTS.domains, query);
    return { ...page, items: await counted(reader, page.items, clock.now()) };
  },
});

const one = apiRoute({
  method: 'GET',
  path: '/domains/:domain',
  id: 'getDomain',
  summary: 'A domain, how far its mail authentication has come, and the next step.',
  token: 'read',
  scope: 'domain',
  params: domain,
  answer: domainRow.extend({ posture: postureRow.nullable() }),
  async handle({ reader, params, clock }) {
    const row = await rowOf(reader, { view: 'domains', row: domainRow, where: 'domain' }, params.domain);
    if (row === null) missing('no_domain');
    const [figures] = await counted(reader, [row!], clock.now());
    return { ...figures, posture: await rowOf(reader, { view: 'posture', row: postureRow, where: 'domain' }, params.domain) };
  },
});

const sources = apiRoute({
  method: 'GET',
  path: '/domains/:domain/sources',
  id: 'listSources',
  summary: 'Who sends mail as the domain, with class and reason.',
  token: 'read',
  scope: 'domain',
  params: domain,
  query: paging.extend({
    class: z.enum(['authorized', 'misaligned', 'forwarded', 'unauthorized', 'unknown']).optional(),
    seen_since: day.optional(),
  }),
  answer: pageOfItems(sourceRow),
  handle: ({ reader, params, query }) => answerList(reader, LISTS.sources, { ...query, ...params }),
});

const senders = apiRoute({
  method: 'GET',
  path: '/domains/:domain/senders',
  id: 'listSenders',
  summary: 'What people approved and denied as senders of the domain, the newest first.',
  token: 'read',
  scope: 'domain',
  params: domain,
  query: paging.extend({ holding: yesNo.optional() }),
  answer: pageOfItems(senderRow),
  handle: ({ reader, params, query }) => answerList(reader, LISTS.senders, { ...query, ...params }),
});

const changes = apiRoute({
  method: 'GET',
  path: '/domains/:domain/class-changes',
  id: 'listClassChanges',
  summary: 'How the classes of the sources of the domain changed, the newest first.',
  token: 'read',
  scope: 'domain',
  params: domain,
  query: paging.extend({ source: name.optional() }),
  answer: pageOfItems(classChangeRow),
  handle: ({ reader, params, query }) => answerList(reader, LISTS.class_changes, { ...query, ...params }),
});

const dayRow = z.object({
  day,
  class: name,
  messages: z.int(),
  passed: z.int(),
  forwarded: z.int(),
  delivered: z.int(),
  quarantined: z.int(),
  rejected: z.int(),
});

const days = apiRoute({
  method: 'GET',
  path: '/domains/:domain/days',
  id: 'listDays',
  summary: 'Mail by day and class of source, of the reports that count; both days are included.',
  token: 'read',
  scope: 'domain',
  params: domain,
  query: z.object({ from: day, to: day }),
  answer: z.object({ items: z.array(dayRow) }),
  handle: async ({ reader, params, query }) => ({ items: await classDays(reader, { ...params, ...query }) }),
});

const records = apiRoute({
  method: 'GET',
  path: '/domains/:domain/records',
  id: 'listRecords',
  summary: 'The DNS records of the domain as they were seen, with their history.',
  token: 'read',
  scope: 'domain',
  params: domain,
  query: paging.extend({ published: yesNo.optional(), purpose: z.string().min(1).max(20).optional() }),
  answer: pageOfItems(recordRow),
  handle: ({ reader, params, query }) => answerList(reader, LISTS.records, { ...query, ...params }),
});

const timeline = apiRoute({
  method: 'GET',
  path: '/domains/:domain/timeline',
  id: 'listTimeline',
  summary: 'What happened to the domain, the newest first: findings, DNS records, requests, decisions, changes.',
  token: 'read',
  scope: 'domain',
  params: domain,
  query: paging.extend({ since: dayOrMoment.optional() }),
  answer: pageOfItems(timelineRow),
  handle: ({ reader, params, query }) => answerList(reader, LISTS.timeline, query, [params.domain]),
});

export const DOMAIN_API: AnyRoute[] = [list, one, sources, changes, senders, days, records, timeline];
