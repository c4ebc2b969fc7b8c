import { z } from 'zod';
import { rowOf } from '../../store/console/api-lists.ts';
import { findingEventRow, findingRow } from '../../store/console/api-rows.ts';
import { visibleFinding } from '../../store/console/findings.ts';
import { actOnFinding, FINDING_ACTIONS, type FindingActName, why } from '../actions/findings.ts';
import { dayOrMoment } from '../given.ts';
import type { AnyRoute } from '../routes.ts';
import { answerList, LISTS } from './lists.ts';
import { domainName, key, pageOfItems, paging } from './parameters.ts';
import { apiRoute, missing } from './route.ts';

const wholeFinding = findingRow.extend({
  evidence: z.record(z.string(), z.unknown()),
  events: z.array(findingEventRow),
});

const list = apiRoute({
  method: 'GET',
  path: '/findings',
  id: 'listFindings',
  summary: 'Findings, the newest first.',
  token: 'read',
  scope: 'filtered',
  query: paging.extend({
    state: z.enum(['open', 'resolved']).optional(),
    severity: z.enum(['info', 'low', 'medium', 'high', 'critical']).optional(),
    domain: domainName.optional(),
    kind: z.string().min(1).max(100).optional(),
    changed_since: dayOrMoment.optional(),
  }),
  answer: pageOfItems(findingRow),
  handle: ({ reader, query }) => answerList(reader, LISTS.findings, query),
});

const one = apiRoute({
  method: 'GET',
  path: '/findings/:key',
  id: 'getFinding',
  summary: 'A finding with its evidence and its history.',
  token: 'read',
  scope: 'object',
  params: key,
  answer: wholeFinding,
  async handle({ reader, params }) {
    const [row, more] = [
      await rowOf(reader, { view: 'findings', row: findingRow, where: 'finding_key' }, params.key),
      await visibleFinding(reader, params.key),
    ];
    if (row === null || more === null) return missing('no_finding');
    const columns = Object.keys(findingEventRow.shape) as (keyof (typeof more.events)[number])[];
    const events = more.events.map((event) => Object.fromEntries(columns.map((column) => [column, event[column]])));
    return { ...row, evidence: more.evidence, events };
  },
});

/** What each act asks for, with numbers as numbers. */
const BODIES = {
  acknowledge: z.object({ why }),
  unacknowledge: z.object({ why }),
  snooze: z.object({ why, days: z.int().min(1).max(365) }),
  unsnooze: z.object({ why }),
  assign: z.object({ why, to: z.string().trim().max(200) }),
  resolve: z.object({ why, verdict: z.enum(['none', 'right', 'false', 'expected']).default('none') }),
  reopen: z.object({ why }),
} satisfies Record<FindingActName, z.ZodObject>;

const SUMMARIES: Record<FindingActName, string> = {
  acknowledge:
    'Acknowledges a finding: no mails about it for half a year, unless it gets materially worse. It is mailed again then if it is still open.',
  unacknowledge: 'Takes an acknowledgement back.',
  snooze: 'Silences a finding for some days.',
  unsnooze: 'Ends the silence of a finding.',
  assign: 'Says who looks after a finding; an empty name says that nobody does.',
  resolve: 'Says that a finding is over, or gives a verdict on one that is.',
  reopen: 'Takes back that a person resolved a finding.',
};

const acts = (Object.keys(FINDING_ACTIONS) as FindingActName[]).map((name) =>
  apiRoute({
    method: 'POST',
    path: `/findings/:key/${name}`,
    id: `${name}Finding`,
    summary: SUMMARIES[name],
    token: 'act',
    scope: 'object',
    params: key,
    body: BODIES[name] as (typeof BODIES)['acknowledge'],
    answer: findingRow,
    async handle({ db, reader, params, body, visitor, clock }) {
      await actOnFinding({ db, reader, visitor: visitor!, now: clock.now() }, params.key, name, body);
      return rowOf(reader, { view: 'findings', row: findingRow, where: 'finding_key' }, params.key);
    },
  }),
);

export const FINDING_API: AnyRoute[] = [list, one, ...acts];
