import { z } from 'zod';
import { actRow, auditRow } from '../../store/console/api-rows.ts';
import { ROLES_OF_PEOPLE, TOKEN_SCOPES } from '../../store/console/rights.ts';
import { dayOrMoment } from '../given.ts';
import type { AnyRoute } from '../routes.ts';
import { answerList, LISTS } from './lists.ts';
import { domainName, pageOfItems, paging } from './parameters.ts';
import { apiRoute } from './route.ts';

const audit = apiRoute({
  method: 'GET',
  path: '/audit',
  id: 'listAudit',
  summary: 'The audit chain of requests, approvals, grants and held mail, from its beginning.',
  token: 'read',
  scope: 'installation',
  query: paging.extend({ verb: z.string().min(1).max(100).optional() }),
  answer: pageOfItems(auditRow),
  handle: ({ reader, query }) => answerList(reader, LISTS.audit, query),
});

const acts = apiRoute({
  method: 'GET',
  path: '/acts',
  id: 'listActs',
  summary: 'What people did alone: findings, senders, look-alikes, sign-ins, people, tokens; the newest first.',
  token: 'read',
  least: 'admin',
  scope: 'filtered',
  query: paging.extend({
    act: z.string().min(1).max(100).optional(),
    by: z.string().min(1).max(320).optional(),
    domain: domainName.optional(),
    since: dayOrMoment.optional(),
  }),
  answer: pageOfItems(actRow),
  handle: ({ reader, query }) => answerList(reader, LISTS.acts, query),
});

const me = apiRoute({
  method: 'GET',
  path: '/me',
  id: 'getMe',
  summary: 'Whose token this is, and what it may be used for.',
  token: 'read',
  scope: 'none',
  answer: z.object({
    name: z.string(),
    role: z.enum(ROLES_OF_PEOPLE),
    scopes: z.array(z.enum(TOKEN_SCOPES)),
    all_domains: z.boolean(),
    domains: z.array(z.string()).describe('Those that the token may see, when not all are.'),
  }),
  handle: async ({ visitor }) => {
    const { name, role, token, scope } = visitor!;
    return { name, role, scopes: token!.scopes, all_domains: scope.all, domains: [...scope.domains].sort() };
  },
});

export const AUDIT_API: AnyRoute[] = [audit, acts, me];
