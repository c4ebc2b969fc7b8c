import { z } from 'zod';
import { rowOf } from '../../store/console/api-lists.ts';
import { grantRow, onboardingRow } from '../../store/console/api-rows.ts';
import { why } from '../actions/findings.ts';
import { endRight } from '../actions/grants.ts';
import type { AnyRoute } from '../routes.ts';
import { answerList, LISTS } from './lists.ts';
import { domainName, key, pageOfItems, paging, yesNo } from './parameters.ts';
import { apiRoute } from './route.ts';

const grants = apiRoute({
  method: 'GET',
  path: '/grants',
  id: 'listGrants',
  summary: 'Requested, active and past rights, the newest first.',
  token: 'read',
  scope: 'filtered',
  query: paging.extend({ domain: domainName.optional(), holder: z.string().min(1).max(320).optional(), open: yesNo.optional() }),
  answer: pageOfItems(grantRow),
  handle: ({ reader, query }) => answerList(reader, LISTS.grants, query),
});

const end = apiRoute({
  method: 'POST',
  path: '/grants/:key/end',
  id: 'endGrant',
  summary: 'Ends a right: it counts for nothing from now on, and is taken from its target.',
  token: 'request',
  scope: 'object',
  params: key,
  body: z.object({ why }),
  answer: grantRow,
  async handle({ db, reader, visitor, params, body, clock }) {
    await endRight({ db, reader, visitor: visitor!, now: clock.now() }, params.key, body.why);
    return rowOf(reader, { view: 'grants', row: grantRow, where: 'grant_key' }, params.key);
  },
});

const onboardings = apiRoute({
  method: 'GET',
  path: '/onboardings',
  id: 'listOnboardings',
  summary: 'Third parties that are let in, watched, adopted or on their way out, the newest first.',
  token: 'read',
  scope: 'filtered',
  query: paging.extend({ domain: domainName.optional(), state: z.string().min(1).max(30).optional() }),
  answer: pageOfItems(onboardingRow),
  handle: ({ reader, query }) => answerList(reader, LISTS.onboardings, query),
});

export const ACCESS_API: AnyRoute[] = [grants, end, onboardings];
