import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { html } from '../../services/console/html.ts';
import { ROUTES } from '../../services/console/pages/index.ts';
import { type AnyRoute, page, route } from '../../services/console/routes.ts';
import { buildConsole } from '../../services/console/server.ts';
import { planGrant } from '../../services/requests/plans/grant.ts';
import type { PersonRole } from '../../services/store/console/rights.ts';
import { grantOf } from '../../services/store/grants/grants.ts';
import { holdMessage } from '../../services/store/held/hold.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { receive } from '../helpers/report.ts';
import { heldOf, KEY } from '../requests/held/sample.ts';
import { GROUPS, planOf, rulesOf } from '../requests/sample.ts';
import { type TestConsole, type TestPerson, testConsole } from './setup.ts';

let c: TestConsole;
let request: number;
let held: number;
let key: number;
/** A mail in quarantine. */
let mail: number;
/** A finding for the acts of the API. */
let apiKey: number;
/** Rights that are asked for. */
let right: number;
let apiRight: number;
/**
 * Somebody of each role, who sees example.com; `other` sees example.net; `nobody` is not signed in; `root`
 * sees everything.
 */
const people: Record<string, TestPerson> = {};

beforeAll(async () => {
  c = await testConsole();
  await c.t.db.query(
    `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, grouped_as)
     values ('example.com', '192.0.2.0/24', '2026-10-01', '2026-10-02', 5, 5, '192.0.2.0/24')`,
  );
  await c.t.db.query(
    `insert into ruawatch.lookalikes (domain, name, shown, kind, rank, due_at, registered, baseline, first_seen)
     values ('example.com', 'examp1e.com', 'examp1e.com', 'homoglyph', 0.5, now(), true, true, now())`,
  );
  await c.t.db.query(
    `insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now()) on conflict do nothing`,
  );
  await c.t.db.query(
    `insert into ruawatch.reports (report_key, message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors, records,
            messages, salvaged, problems, received_at)
     overriding system value values (7, 0, 0, '\\x01', '\\x01', 'reporter.example', 'r1', 'example.com', '2026-10-01', '2026-10-02', '[]', 0, 5, false, '[{"code": "x", "message": "<b>"}]', '2026-10-02')`,
  );
  await c.t.db.query(
    `insert into ruawatch.tls_reports (tls_report_key, message_key, part, identity, content_hash, org_name, report_id, begin_at, end_at, problems, received_at)
     overriding system value values (7, 0, 0, '\\x01', '\\x01', 'Reporter', 'r', '2026-10-01', '2026-10-02', '[]', '2026-10-02');
     insert into ruawatch.tls_policies (tls_report_key, n, policy_domain, policy_type, policy_string, mx_host, successful_sessions, failed_sessions, failures)
     values (7, 1, 'example.com', 'sts', '["version: STSv1"]', '[]', 5, 1, 1);
     insert into ruawatch.tls_failures (tls_report_key, policy_n, n, result_type, failed_sessions) values (7, 1, 1, 'certificate-expired', 1);
     insert into ruawatch.failure_reports (failure_key, message_key, part, content_hash, form, domain, auth_failure, authentication_results, original_rcpt_to,
            redacted, problems, received_at)
     overriding system value values (7, 0, 0, '\\x01', 'arf', 'example.com', '["dmarc"]', '["mx.example; dmarc=fail"]', '[]', true, '[]', '2026-10-02')`,
  );
  const [waiting] = await receive(c.t, [Buffer.from('From: a@example.com\r\nSubject: <b>\r\n\r\nhello')]);
  mail = waiting!;
  await c.t.db.query(
    "update ruawatch.messages set state = 'quarantined', code = 'report_not_found', reason = 'why' where message_key = $1",
    [mail],
  );
  key = await c.finding('unauthorized_source', 'example.com');
  apiKey = await c.finding('unauthorized_source', 'example.com', 'api.example');
  await syncGroups(c.t.db, { groups: GROUPS, deputies: [] });
  request = (await openRequest(c.t.db, rulesOf({ name: 'one', stages: [{ group: 'mail' }] }), {
    plan: planOf(),
    requester: 'zoe@example.com',
    requester_kind: 'person',
    why: 'wanted',
  }))!;
  [right, apiRight] = [await askForRight(), await askForRight()];
  const rules = rulesOf({ name: 'one', stages: [{ group: 'mail' }] });
  held = (await holdMessage(c.t.db, heldOf(), { rules, key: KEY, most: 9 })).held_key;
  for (const role of ['viewer', 'operator', 'admin'] as PersonRole[]) people[role] = await c.person(role, ['example.com']);
  people.other = await c.person('admin', ['example.net']);
  people.root = await c.person('admin', null);
  people.nobody = c.stranger();
});
afterAll(() => c.close());

/** Asks for a right of somebody who is none of them. @returns its key */
async function askForRight(): Promise<number> {
  const plan = planGrant({
    domain: 'example.com',
    kind: 'access.console',
    holder: 'zoe@example.com',
    holder_kind: 'person',
    groups: [],
    server: 'console',
    scope: { role: 'viewer', domains: ['example.com'] },
    seconds: 3600,
    uses: null,
    credential: null,
    risk: 'low',
  });
  const rules = rulesOf({ name: 'one', when: { kinds: ['access.console'] }, stages: [{ group: 'mail' }] });
  const given = { plan, requester: 'zoe@example.com', requester_kind: 'person' as const, why: 'wanted' };
  return (await grantOf(c.t.db, (await openRequest(c.t.db, rules, given))!)).grant_key;
}

type Expected = Record<'nobody' | 'viewer' | 'operator' | 'admin' | 'other' | 'root', number>;
interface Case {
  url: () => string;
  fields?: Record<string, string>;
  /** What is sent to the API. */
  json?: object;
  /**
   * What each gets. A POST that is let in comes to its handler, which redirects (303) or says what is wrong
   * (400, 404, 409).
   */
  status: Expected;
}

const forAll = (status: number): Expected => ({
  nobody: status,
  viewer: status,
  operator: status,
  admin: status,
  other: status,
  root: status,
});
const pages = { nobody: 401, viewer: 200, operator: 200, admin: 200, other: 200, root: 200 };
const onFinding = (status: Partial<Expected> = {}) => ({
  nobody: 401,
  viewer: 403,
  operator: 303,
  admin: 409,
  other: 404,
  root: 409,
  ...status,
});
const nothingThere = `/link/${'x'.repeat(40)}`;

/** A route of the API about a domain. */
const ofDomain = (path: string, status: Partial<Expected>, query = ''): Record<string, Case> => ({
  [`GET /api/v1/domains/:domain${path}`]: {
    url: () => `/api/v1/domains/example.com${path}${query}`,
    status: { ...pages, other: 404, ...status },
  },
});
/** An act of the API on a finding. The operator comes first; what the next ones get follows from that. */
const onApiFinding = (name: string, more: object, then: number): Record<string, Case> => ({
  [`POST /api/v1/findings/:key/${name}`]: {
    url: () => `/api/v1/findings/${apiKey}/${name}`,
    json: { why: 'w', ...more },
    status: { nobody: 401, viewer: 403, operator: 200, admin: then, other: 404, root: then },
  },
});

/** Every route, and what it answers to whom: a route that is missing here fails. */
const CASES: Record<string, Case> = {
  'GET /livez': { url: () => '/livez', status: forAll(200) },
  'GET /assets/console.css': { url: () => '/assets/console.css', status: forAll(200) },
  'GET /assets/icon.svg': { url: () => '/assets/icon.svg', status: forAll(200) },
  'GET /sign-in': { url: () => '/sign-in', status: { ...forAll(303), nobody: 200 } },
  'POST /sign-in': { url: () => '/sign-in', fields: { name: 'ghost', password: 'x' }, status: forAll(403) },
  'POST /sign-out': { url: () => '/sign-out', status: { ...forAll(303), nobody: 401 } },
  'GET /link/:token': { url: () => nothingThere, status: forAll(404) },
  'POST /link/:token': { url: () => nothingThere, fields: { password: 'x' }, status: forAll(404) },
  'GET /assets/passkeys.js': { url: () => '/assets/passkeys.js', status: forAll(200) },
  // No provider is set.
  'GET /sign-in/company': { url: () => '/sign-in/company', status: forAll(404) },
  'GET /sign-in/company/return': { url: () => '/sign-in/company/return?code=x&state=y', status: forAll(404) },
  'POST /sign-in/passkey/options': { url: () => '/sign-in/passkey/options', status: forAll(200) },
  'POST /sign-in/passkey': { url: () => '/sign-in/passkey', status: forAll(400) },
  'POST /account/passkeys/options': {
    url: () => '/account/passkeys/options',
    fields: { password: 'x' },
    status: { ...forAll(403), nobody: 401 },
  },
  'POST /account/passkeys': { url: () => '/account/passkeys', fields: { name: 'x' }, status: { ...forAll(400), nobody: 401 } },
  'POST /account/passkeys/remove': {
    url: () => '/account/passkeys/remove',
    fields: { id: 'eA' },
    status: { ...forAll(404), nobody: 401 },
  },
  // Each of them knows the number of nobody else's session or token.
  'POST /account/sessions/end': {
    url: () => '/account/sessions/end',
    fields: { key: '999999' },
    status: { ...forAll(404), nobody: 401 },
  },
  'POST /account/tokens/end': {
    url: () => '/account/tokens/end',
    fields: { key: '999999' },
    status: { ...forAll(404), nobody: 401 },
  },
  'POST /account/tokens': {
    url: () => '/account/tokens',
    fields: { name: 'x', scope: 'decide', days: '1' },
    // They have no password.
    status: { ...forAll(403), nobody: 401 },
  },
  'POST /people/tokens/end': {
    url: () => '/people/tokens/end',
    fields: { key: '999999' },
    status: { ...forAll(403), nobody: 401, root: 404 },
  },
  'GET /': { url: () => '/', status: pages },
  'GET /domains/:domain': { url: () => '/domains/example.com', status: { ...pages, other: 404 } },
  'GET /domains/:domain/senders/:sender': {
    url: () => '/domains/example.com/senders/192.0.2.0%2F24',
    status: { ...pages, other: 404 },
  },
  'POST /domains/:domain/decide': {
    url: () => '/domains/example.com/decide',
    fields: { sender: '192.0.2.0/24', source: '192.0.2.0/24', decision: 'approve', why: 'w' },
    status: { ...forAll(303), nobody: 401, viewer: 403, other: 404 },
  },
  'GET /reports': { url: () => '/reports', status: pages },
  'GET /reports/:key': { url: () => '/reports/7', status: { ...pages, other: 404 } },
  'GET /domains/:domain/months/:month': {
    url: () => '/domains/example.com/months/2026-10',
    status: { ...pages, other: 404 },
  },
  'GET /reports/:key/xml': {
    url: () => '/reports/7/xml',
    // Its mail is not there.
    status: { ...forAll(409), nobody: 401, viewer: 403, other: 404 },
  },
  'GET /messages/:key/mail': {
    url: () => `/messages/${mail}/mail`,
    status: { ...forAll(404), nobody: 401, viewer: 403, root: 200 },
  },
  'GET /tls-reports': { url: () => '/tls-reports', status: pages },
  'GET /tls-reports/:key': { url: () => '/tls-reports/7', status: { ...pages, other: 404 } },
  'GET /failure-reports': { url: () => '/failure-reports', status: pages },
  'GET /failure-reports/:key': { url: () => '/failure-reports/7', status: { ...pages, other: 404 } },
  'GET /look-alikes': { url: () => '/look-alikes', status: pages },
  'POST /look-alikes/:domain': {
    url: () => '/look-alikes/example.com',
    fields: { name: 'examp1e.com', decision: 'ignore', why: 'w' },
    status: { ...forAll(303), nobody: 401, viewer: 403, other: 404 },
  },
  'GET /setup': { url: () => '/setup', status: { ...forAll(403), nobody: 401, root: 200 } },
  'POST /setup/domains': {
    url: () => '/setup/domains',
    fields: { domain: 'new.example.org' },
    status: { ...forAll(403), nobody: 401, root: 303 },
  },
  'GET /upload': { url: () => '/upload', status: { ...forAll(403), nobody: 401, root: 200 } },
  // Its form has files: upload.test.ts.
  'POST /upload': { url: () => '/upload', status: { ...forAll(403), nobody: 401, root: 415 } },
  'GET /digest': { url: () => '/digest', status: pages },
  'GET /digest/mail': { url: () => '/digest/mail', status: pages },
  'GET /digest/mail.html': { url: () => '/digest/mail.html', status: pages },
  'GET /health': { url: () => '/health', status: { ...forAll(403), nobody: 401, root: 200 } },
  'POST /quarantine/:key/replay': {
    url: () => `/quarantine/${mail}/replay`,
    status: { ...forAll(403), nobody: 401, root: 303 },
  },
  'GET /quarantine': { url: () => '/quarantine', status: { ...forAll(403), nobody: 401, root: 200 } },
  'GET /findings': { url: () => '/findings', status: pages },
  'GET /findings/:key': { url: () => `/findings/${key}`, status: { ...pages, other: 404 } },
  'POST /findings/:key/acknowledge': {
    url: () => `/findings/${key}/acknowledge`,
    fields: { why: 'w' },
    status: onFinding({ admin: 303, root: 303 }),
  },
  'POST /findings/:key/unacknowledge': { url: () => `/findings/${key}/unacknowledge`, fields: { why: 'w' }, status: onFinding() },
  'POST /findings/:key/snooze': {
    url: () => `/findings/${key}/snooze`,
    fields: { why: 'w', days: '7' },
    status: onFinding({ admin: 303, root: 303 }),
  },
  'POST /findings/:key/unsnooze': { url: () => `/findings/${key}/unsnooze`, fields: { why: 'w' }, status: onFinding() },
  'POST /findings/:key/assign': {
    url: () => `/findings/${key}/assign`,
    fields: { why: 'w', to: '' },
    status: onFinding({ admin: 303, root: 303 }),
  },
  'POST /findings/:key/resolve': { url: () => `/findings/${key}/resolve`, fields: { why: 'w' }, status: onFinding() },
  'POST /findings/:key/reopen': { url: () => `/findings/${key}/reopen`, fields: { why: 'w' }, status: onFinding() },
  'GET /requests': { url: () => '/requests', status: pages },
  'GET /requests/:key': { url: () => `/requests/${request}`, status: { ...pages, other: 404 } },
  ...Object.fromEntries(
    ['approve', 'deny', 'withdraw', 'override'].map((verb) => [
      `POST /requests/:key/${verb}`,
      {
        url: () => `/requests/${request}/${verb}`,
        fields: { why: 'w', digest: 'a'.repeat(64) },
        // Nobody of them is asked, or was shown this plan.
        status: { ...forAll(409), nobody: 401, viewer: 403, other: 404 },
      },
    ]),
  ),
  'GET /held': { url: () => '/held', status: { ...pages, viewer: 403 } },
  'GET /held/:key': { url: () => `/held/${held}`, status: { ...pages, viewer: 403, other: 404 } },
  'POST /held/:key/decide': {
    url: () => `/held/${held}/decide`,
    fields: { why: 'w', verb: 'delete', digest: 'a'.repeat(64) },
    status: { ...forAll(409), nobody: 401, viewer: 403, other: 404 },
  },
  'POST /held/:key/resolve': {
    url: () => `/held/${held}/resolve`,
    fields: { why: 'w', arrived: 'yes' },
    status: { ...forAll(403), nobody: 401, other: 404 },
  },
  'POST /held/:key/ask-text': {
    url: () => `/held/${held}/ask-text`,
    fields: { why: 'w' },
    // The settings of this console have no rule.
    status: { ...forAll(409), nobody: 401, viewer: 403, other: 404 },
  },
  'POST /held/:key/text': { url: () => `/held/${held}/text`, status: { ...forAll(503), nobody: 401, viewer: 403, other: 404 } },
  'GET /held-for-me': { url: () => '/held-for-me?t=x', status: forAll(404) },
  'POST /held-for-me': { url: () => '/held-for-me', fields: { t: 'x', why: 'w' }, status: forAll(404) },
  'GET /api/v1/held': { url: () => '/api/v1/held', status: { ...pages, viewer: 403 } },
  'GET /api/v1/held/:key': { url: () => `/api/v1/held/${held}`, status: { ...pages, viewer: 403, other: 404 } },
  'POST /api/v1/held/:key/decide': {
    url: () => `/api/v1/held/${held}/decide`,
    json: { why: 'w', verb: 'delete', digest: 'a'.repeat(64) },
    status: { ...forAll(409), nobody: 401, viewer: 403, other: 404 },
  },
  'GET /messages': { url: () => '/messages?id=%3Cx%40example.com%3E', status: pages },
  'GET /access': { url: () => '/access', status: pages },
  'POST /access/:key/end': {
    url: () => `/access/${right}/end`,
    fields: { why: 'w' },
    // The operator comes first, and then nothing is left to end.
    status: { nobody: 401, viewer: 403, operator: 303, admin: 409, other: 404, root: 409 },
  },
  'GET /api/v1/grants': { url: () => '/api/v1/grants', status: pages },
  'POST /api/v1/grants/:key/end': {
    url: () => `/api/v1/grants/${apiRight}/end`,
    json: { why: 'w' },
    status: { nobody: 401, viewer: 403, operator: 200, admin: 409, other: 404, root: 409 },
  },
  'GET /api/v1/onboardings': { url: () => '/api/v1/onboardings', status: pages },
  'GET /account': { url: () => '/account', status: pages },
  'POST /account/codes': { url: () => '/account/codes', fields: { password: 'x' }, status: { ...forAll(403), nobody: 401 } },
  'POST /account/codes/confirm': {
    url: () => '/account/codes/confirm',
    fields: { code: '1' },
    status: { ...forAll(303), nobody: 401 },
  },
  'POST /account/codes/off': {
    url: () => '/account/codes/off',
    fields: { password: 'x' },
    status: { ...forAll(403), nobody: 401 },
  },
  'GET /people': { url: () => '/people', status: { ...forAll(403), nobody: 401, root: 200 } },
  'POST /people/add': {
    url: () => '/people/add',
    fields: { name: 'new-person', role: 'viewer', domains: 'example.com' },
    status: { ...forAll(403), nobody: 401, root: 200 },
  },
  'POST /people/change': {
    url: () => '/people/change',
    fields: { name: 'ghost', role: 'admin', all: 'yes' },
    status: { ...forAll(403), nobody: 401, root: 404 },
  },
  'POST /people/link': {
    url: () => '/people/link',
    fields: { name: 'ghost' },
    status: { ...forAll(403), nobody: 401, root: 404 },
  },
  'POST /people/remove': {
    url: () => '/people/remove',
    fields: { name: 'ghost' },
    status: { ...forAll(403), nobody: 401, root: 404 },
  },
  'GET /api/v1/domains': { url: () => '/api/v1/domains', status: pages },
  ...ofDomain('', {}),
  ...ofDomain('/sources', {}),
  ...ofDomain('/class-changes', {}),
  ...ofDomain('/senders', {}),
  ...ofDomain('/days', {}, '?from=2026-10-01&to=2026-10-31'),
  ...ofDomain('/records', {}),
  ...ofDomain('/timeline', {}),
  'GET /api/v1/sent-messages': { url: () => '/api/v1/sent-messages?id=x%40example.com', status: pages },
  'GET /api/v1/findings': { url: () => '/api/v1/findings', status: pages },
  'GET /api/v1/findings/:key': { url: () => `/api/v1/findings/${key}`, status: { ...pages, other: 404 } },
  ...onApiFinding('acknowledge', {}, 200),
  ...onApiFinding('unacknowledge', {}, 409),
  ...onApiFinding('snooze', { days: 7 }, 200),
  ...onApiFinding('unsnooze', {}, 409),
  ...onApiFinding('assign', { to: '' }, 200),
  ...onApiFinding('resolve', {}, 409),
  ...onApiFinding('reopen', {}, 409),
  'GET /api/v1/openapi.json': { url: () => '/api/v1/openapi.json', status: forAll(200) },
  'GET /api/v1/me': { url: () => '/api/v1/me', status: pages },
  'GET /api/v1/acts': { url: () => '/api/v1/acts', status: { ...pages, viewer: 403, operator: 403 } },
  'GET /api/v1/audit': { url: () => '/api/v1/audit', status: { ...forAll(403), nobody: 401, root: 200 } },
  'GET /api/v1/quarantine': { url: () => '/api/v1/quarantine', status: { ...forAll(403), nobody: 401, root: 200 } },
  'POST /api/v1/domains/:domain/senders': {
    url: () => '/api/v1/domains/example.com/senders',
    json: { source: '192.0.2.0/24', decision: 'deny', why: 'w' },
    status: { ...pages, viewer: 403, other: 404 },
  },
  'GET /api/v1/reports': { url: () => '/api/v1/reports', status: pages },
  'GET /api/v1/reports/:key': { url: () => '/api/v1/reports/7', status: { ...pages, other: 404 } },
  'GET /api/v1/reports/:key/records': { url: () => '/api/v1/reports/7/records', status: { ...pages, other: 404 } },
  'GET /api/v1/requests': { url: () => '/api/v1/requests', status: pages },
  'GET /api/v1/requests/:key': { url: () => `/api/v1/requests/${request}`, status: { ...pages, other: 404 } },
  'POST /api/v1/requests': {
    url: () => '/api/v1/requests',
    json: { kind: 'sender.deny', domain: 'example.com', source: '192.0.2.0/24', why: 'w' },
    // There is no rule.
    status: { ...forAll(409), nobody: 401, viewer: 403, other: 404 },
  },
  ...Object.fromEntries(
    ['approve', 'deny', 'withdraw'].map((verb) => [
      `POST /api/v1/requests/:key/${verb}`,
      {
        url: () => `/api/v1/requests/${request}/${verb}`,
        json: { why: 'w', ...(verb === 'withdraw' ? {} : { digest: 'a'.repeat(64) }) },
        status: { ...forAll(409), nobody: 401, viewer: 403, other: 404 },
      },
    ]),
  ),
};

const nameOf = ({ method, path }: AnyRoute) => `${method} ${path}`;

test('each route that Fastify knows is declared, and has a case here', () => {
  expect(Object.keys(CASES).sort()).toEqual(ROUTES.map(nameOf).sort());
  for (const { method, path } of ROUTES) expect(c.app.hasRoute({ method, url: path }), path).toBe(true);
});

describe.each(ROUTES.map((one) => [nameOf(one), one] as const))('%s', (name, { method, kind, api }) => {
  const { url, fields, json, status } = CASES[name]!;
  test.each(Object.entries(status))('answers %s with %i', async (who, expected) => {
    // Those who sign out do so in a session of their own.
    const person = name === 'POST /sign-out' && who !== 'nobody' ? await c.person('viewer', null) : people[who]!;
    if (kind === 'api') {
      const answer = await person.api(method as 'GET' | 'POST', url(), method === 'GET' ? undefined : (json ?? {}));
      expect(answer.statusCode, answer.body.slice(0, 2000)).toBe(expected);
      if (expected === 401) expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
      expect(answer.headers['content-type']).toMatch(expected < 300 ? /^application\/json/ : /^application\/problem\+json/);
      expect(answer.body).not.toMatch(/\bat \S+ \(|node_modules/);
      if (expected < 300) api!.answer.parse(answer.json());
      return;
    }
    const answer = method === 'GET' ? await person.get(url()) : await person.post(url(), fields);
    // Who is not signed in is sent to the page where that is done.
    expect(answer.statusCode, answer.body.slice(0, 2000)).toBe(expected === 401 ? 303 : expected);
    if (expected === 401) expect(answer.headers.location).toMatch(/^\/sign-in/);
    expect(answer.body).not.toMatch(/\bat \S+ \(|node_modules/);
  });
});

test('a page of another domain is as one that does not exist', async () => {
  const [hidden, missing] = [await people.other!.get(`/findings/${key}`), await people.other!.get('/findings/999999')];
  const text = (body: string) => body.replace(/value="[^"]+"/g, '');
  expect(text(hidden.body)).toBe(text(missing.body));
  expect((await people.other!.get('/findings?state=all')).body).not.toContain('example.com');
});

describe('what a request must have to change something', () => {
  const post = (options: { origin?: string; form?: string }) =>
    people.operator!.post(`/findings/${key}/snooze`, { why: 'w', days: '1' }, options);
  test.each([
    ['the field of the form of another session', { form: 'a'.repeat(43) }],
    ['no field', { form: '' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['the origin "null"', { origin: 'null' }],
    ['another port of this host', { origin: 'http://localhost:1' }],
  ])('is refused with %s', async (_, options) => {
    const answer = await post(options);
    expect(answer.statusCode).toBe(403);
    expect(answer.body).toContain('form_outdated');
  });

  test('no GET changes anything', async () => {
    const written = async () => {
      const sql = 'select (select count(*) from ruawatch.console_acts) + (select count(*) from ruawatch.finding_acts) as n';
      return (await c.t.db.query<{ n: number }>(sql)).rows[0]!.n;
    };
    const before = await written();
    for (const { path } of ROUTES.filter(({ kind }) => kind !== 'api'))
      await people.root!.get(path.replace(':key', String(key)).replace(':token', 'x'.repeat(40)));
    expect(await written()).toBe(before);
  });
});

describe('headers', () => {
  test('let a page load nothing but our own files, and no cache keep it', async () => {
    const { headers } = await people.viewer!.get('/');
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('same-origin');
  });

  test('a name that leads here and is not ours is refused', async () => {
    const answer = await c.app.inject({ url: '/sign-in', headers: { host: 'rebound.evil.example' } });
    expect(answer.statusCode).toBe(421);
  });
});

describe('a wrong parameter', () => {
  test.each([
    '/findings?page=-1',
    '/findings?page=a',
    '/?sort=drop',
    '/?q=a&q=b',
    `/?q=${'a'.repeat(300)}`,
    '/findings?severity=x',
  ])('%s is a page with a sentence', async (url) => {
    const answer = await people.viewer!.get(url);
    expect(answer.statusCode).toBe(400);
    // Beside the field of the page's form, where it has one.
    expect(answer.body).toMatch(/wrong_parameter|class="problem-line" id="problem" role="alert"/);
  });
  test.each(['/findings/0', '/findings/abc', '/findings/1e99', '/findings/%00', '/nothing', '/findings/%ff', '/link/a'])(
    '%s is a page that does not exist',
    async (url) => {
      const answer = await people.viewer!.get(url);
      expect([400, 404]).toContain(answer.statusCode);
      expect(answer.body).toContain('<h1>');
    },
  );
  test('a form that is too large', async () => {
    const answer = await people.operator!.post(`/findings/${key}/snooze`, { why: 'a'.repeat(100_000), days: '1' });
    expect(answer.statusCode).toBe(413);
    expect(answer.headers['content-type']).toMatch(/^text\/html/);
  });
});

describe('errors', () => {
  const boom = (path: string, error: unknown) =>
    route({
      method: 'GET',
      path,
      kind: 'page',
      least: 'everybody',
      scope: 'none',
      handle: () => {
        throw error;
      },
    });
  test('nobody foresaw are a page without their text; programs get a problem', async () => {
    const routes = [boom('/boom', new Error('secret <b>')), boom('/api/boom', new Error('secret'))];
    const app = await buildConsole({ routes, services: { ...c.context } });
    const answer = await app.inject({ url: '/boom', headers: { host: 'localhost' } });
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain('secret');
    const problem = await app.inject({ url: '/api/boom', headers: { host: 'localhost' } });
    expect(problem.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(problem.json()).toMatchObject({ status: 500, code: 'unexpected' });
    await app.close();
  });

  test('a database that does not answer is a page that asks again', async () => {
    const lost = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const db = { query: () => Promise.reject(lost) } as never;
    const app = await buildConsole({ routes: ROUTES, services: { ...c.context, db } });
    const answer = await app.inject({ url: '/', headers: { host: 'localhost', cookie: 'ruawatch=abc' } });
    expect(answer.statusCode).toBe(503);
    expect(answer.headers.refresh).toBe('10');
    expect(answer.body).toContain('The database does not answer');
    expect((await app.inject({ url: '/livez', headers: { host: 'localhost' } })).statusCode).toBe(200);
    await app.close();
  });
});

describe('a route that is not declared as it must be', () => {
  const ok = { method: 'GET', path: '/x', kind: 'page', least: 'viewer', scope: 'none', handle: () => page('', html``) } as const;
  test.each([
    ['a parameter that is not read', { ...ok, path: '/x/:key' }],
    ['a parameter that the path has not', { ...ok, params: z.object({ key: z.string() }) }],
    ['a domain that the path does not name', { ...ok, scope: 'domain' }],
    ['domains for everybody', { ...ok, least: 'everybody', scope: 'filtered' }],
    ['an API elsewhere', { ...ok, kind: 'api' }],
  ] as [string, AnyRoute][])('keeps the console from starting: %s', async (_, wrong) => {
    await expect(buildConsole({ routes: [wrong], services: c.context })).rejects.toThrow(TypeError);
  });

  test('nor one that was added beside the list', async () => {
    const app = await buildConsole({ routes: [], services: c.context });
    expect(() => app.get('/x', () => 'x')).toThrow();
    await app.close();
  });
});

test('requests beyond the limit are refused for a minute', async () => {
  const app = await buildConsole({ routes: ROUTES, services: c.context });
  const send = () => app.inject({ method: 'POST', url: '/sign-in', headers: { host: 'localhost' } });
  const statuses = new Set<number>();
  for (let i = 0; i < 12; i++) statuses.add((await send()).statusCode);
  expect(statuses).toContain(429);
  await app.close();
});
