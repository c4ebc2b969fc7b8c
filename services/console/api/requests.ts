import { z } from 'zod';
import { lowerName } from '../../dns/client/name.ts';
import { organizationalDomain } from '../../report/orgdomain.ts';
import { type Plan, planSchema } from '../../requests/plan.ts';
import { POLICIES, planWish, policyWish, recordWish } from '../../requests/plans/wanted.ts';
import { openDns } from '../../shared/runtime/resolver.ts';
import { rowOf } from '../../store/console/api-lists.ts';
import { decisionRow, domainRow, requestRow } from '../../store/console/api-rows.ts';
import { noteAct } from '../../store/console/audit.ts';
import { approverOf, askerWith } from '../../store/console/people.ts';
import type { Reader } from '../../store/console/scope.ts';
import { isOwn } from '../../store/domains/domains.ts';
import { decide, withdraw } from '../../store/requests/decide.ts';
import { knowsTesting } from '../../store/requests/knows-testing.ts';
import { checkOpen, openRequest } from '../../store/requests/open.ts';
import { decisionsOn, loadRequest } from '../../store/requests/requests.ts';
import { seenMail } from '../../store/requests/seen.ts';
import { why } from '../actions/findings.ts';
import { planOfSource } from '../actions/senders.ts';
import { moment } from '../given.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, type Asked, Refusal } from '../routes.ts';
import { answerList, LISTS } from './lists.ts';
import { domainName, key, pageOfItems, paging, yesNo } from './parameters.ts';
import { apiRoute, missing } from './route.ts';

const PER_SECOND = 100;
const wholeRequest = requestRow.extend({ plan: planSchema, decisions: z.array(decisionRow) });

const list = apiRoute({
  method: 'GET',
  path: '/requests',
  id: 'listRequests',
  summary: 'Requests, the newest first.',
  token: 'read',
  scope: 'filtered',
  query: paging.extend({
    domain: domainName.optional(),
    state: z.string().min(1).max(30).optional(),
    open: yesNo.optional(),
  }),
  answer: pageOfItems(requestRow),
  handle: ({ reader, query }) => answerList(reader, LISTS.requests, query),
});

const one = apiRoute({
  method: 'GET',
  path: '/requests/:key',
  id: 'getRequest',
  summary: 'A request with the plan that people approve, its digest, and what was decided.',
  token: 'read',
  scope: 'object',
  params: key,
  answer: wholeRequest,
  handle: ({ db, reader, params }) => shown(db, reader, params.key),
});

/** A request that the person may see, with its plan and decisions. */
async function shown(db: Asked['db'], reader: Reader, request_key: number) {
  const row = await rowOf(reader, { view: 'requests', row: requestRow, where: 'request_key' }, request_key);
  if (row === null) return missing('no_request');
  const { plan } = await loadRequest(db, request_key);
  return { ...row, plan: JSON.parse(plan) as unknown, decisions: await decisionsOn(db, request_key) };
}

const wanted = z.object({
  kind: z.enum(['sender.approve', 'sender.deny', 'dns.change', 'policy.step']),
  domain: domainName,
  why,
  source: z.string().min(1).max(253).optional().describe('sender.*: the source, as listSources has it.'),
  until: moment.optional().describe('sender.*: when the entry ends.'),
  name: domainName.optional().describe('dns.change: the name of the record; the domain without it.'),
  type: z.enum(['TXT', 'CNAME']).default('TXT').describe('dns.change: the type of the record.'),
  value: z.string().min(1).max(4000).nullable().optional().describe('dns.change: what to publish; null to take it away.'),
  to: z.enum(POLICIES).optional().describe('policy.step: the policy.'),
  half: z.boolean().default(false).describe('policy.step: with t=y, where enough receivers know it.'),
});

const open = apiRoute({
  method: 'POST',
  path: '/requests',
  id: 'openRequest',
  summary: 'Plans a change and asks for it.',
  token: 'request',
  scope: 'filtered',
  waitsFor: 'servers',
  body: wanted,
  answer: wholeRequest,
  status: 201,
  async handle(asked) {
    const { db, reader, body, config, visitor } = asked;
    if ((await rowOf(reader, { view: 'domains', row: domainRow, where: 'domain' }, body.domain)) === null) missing('no_domain');
    const asker = await askerWith(db, visitor!.person_key);
    await checkOpen(db, asker);
    const plan = await planOf(asked);
    const request_key = (await openRequest(db, config.approvals.rules, {
      plan,
      ...asker,
      why: body.why,
    }))!;
    await noted(asked, 'request_open', request_key, plan.domain);
    return shown(db, reader, request_key);
  },
});

type Opening = Asked<undefined, undefined, typeof wanted>;

function needed<T>(value: T | undefined, name: string, kind: string): T {
  if (value === undefined)
    throw new Refusal(400, 'wrong_parameter', words.problems.wrong_parameter(name, words.problems.needed_for(kind)));
  return value;
}

async function planOf({ db, config, clock, body }: Opening): Promise<Plan> {
  const { kind, domain, why: reason } = body;
  const now = clock.now();
  if (kind === 'sender.approve' || kind === 'sender.deny') {
    const source = needed(body.source, 'source', kind);
    const until = body.until ?? null;
    if (until !== null && until <= now)
      throw new Refusal(400, 'wrong_parameter', words.problems.wrong_parameter('until', words.problems.past));
    return planOfSource(db, { domain, source, after: kind === 'sender.approve' ? 'approved' : 'denied', until }, now);
  }
  if (!(await isOwn(db, domain))) throw new Refusal(400, 'wrong_domain', words.problems.not_own(domain));
  const dns = openDns(config.dnsServers, { perSecond: PER_SECOND });
  const wish =
    kind === 'policy.step'
      ? await policyWish(
          {
            domain,
            to: needed(body.to, 'to', kind),
            why: reason,
            half: body.half ? { known: await knowsTesting(db, domain, now), share: config.approvals.half_step_share } : null,
          },
          dns,
        )
      : recordWish({
          domain,
          name: lowerName(body.name ?? domain),
          type: body.type,
          value: needed(body.value, 'value', kind),
          why: reason,
        });
  return planWish(wish, dns, { ...(await seenMail(db, domain, now)), registrable: organizationalDomain });
}

/** Keeps that a token did it; what was decided is in the audit chain. */
async function noted(
  { db, visitor, clock }: Pick<Opening, 'db' | 'visitor' | 'clock'>,
  act: string,
  request_key: number,
  domain: string,
): Promise<void> {
  const { name: by, person_key: person, token } = visitor!;
  await noteAct(db, { by, person, act, domain, object: String(request_key), detail: { token: token!.token_key } }, clock.now());
}

const why_and_digest = z.object({ why, digest: z.string().regex(/^[0-9a-f]{64}$/, 'must be the digest of the plan') });
const via = 'api';

/** Something that people do to a request that they may see. */
function act<B extends z.ZodObject>(
  { name, summary, token, body }: { name: string; summary: string; token: 'request' | 'decide'; body: B },
  work: (db: Asked['db'], request_key: number, by: { person: string; decides: boolean }, body: z.output<B>) => Promise<unknown>,
): AnyRoute {
  return apiRoute({
    method: 'POST',
    path: `/requests/:key/${name}`,
    id: `${name}Request`,
    summary,
    token,
    scope: 'object',
    params: key,
    body: body as unknown as typeof why_and_digest,
    answer: wholeRequest,
    async handle({ db, reader, params, body: given, visitor, clock }) {
      const request = await rowOf<{ domain: string }>(
        reader,
        { view: 'requests', row: requestRow, where: 'request_key' },
        params.key,
      );
      if (request === null) return missing('no_request');
      const person =
        token === 'decide' ? await approverOf(db, visitor!.person_key) : (await askerWith(db, visitor!.person_key)).requester;
      const by = { person, decides: visitor!.token!.scopes.includes('decide') };
      await work(db, params.key, by, given as unknown as z.output<B>);
      await noted({ db, visitor, clock }, `request_${name}`, params.key, request.domain);
      return shown(db, reader, params.key);
    },
  });
}

export const REQUEST_API: AnyRoute[] = [
  list,
  one,
  open,
  act(
    {
      name: 'withdraw',
      summary: 'Withdraws a request of your own; with a token that decides, also one that you decide about.',
      token: 'request',
      body: z.object({ why }),
    },
    (db, request_key, { person, decides }, body) => withdraw(db, request_key, { person, why: body.why, own: !decides }),
  ),
  act(
    { name: 'approve', summary: 'Approves the plan of this digest.', token: 'decide', body: why_and_digest },
    (db, request_key, { person }, body) => decide(db, request_key, { ...body, person, decision: 'approve', via }),
  ),
  act(
    { name: 'deny', summary: 'Denies the plan of this digest.', token: 'decide', body: why_and_digest },
    (db, request_key, { person }, body) => decide(db, request_key, { ...body, person, decision: 'deny', via }),
  ),
];
