import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noteAct } from '../../../services/store/console/audit.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { type FakeServer, startFake } from '../../helpers/dns.ts';
import { GROUPS, rulesOf } from '../../requests/sample.ts';
import { type TestConsole, type TestPerson, testConsole } from '../setup.ts';

let c: TestConsole;
let dns: FakeServer;
let ada: TestPerson;
let root: TestPerson;

beforeAll(async () => {
  dns = await startFake(({ name, type }) =>
    name === '_dmarc.example.com' && type === 'TXT'
      ? { answers: [{ name, type: 'TXT', ttl: 60, data: ['v=DMARC1; p=none; rua=mailto:a@example.com'] }] }
      : { rcode: name === 'example.com' ? 0 : 3 },
  );
  c = await testConsole();
  c.context.config.dnsServers = [dns.server];
  c.context.config.approvals.rules = rulesOf({ name: 'two', stages: [{ group: 'mail', need: 2 }] });
  await syncGroups(c.t.db, { groups: GROUPS, deputies: [] });
  await c.t.db.query(`insert into ruawatch.domains (domain, state, how, since)
    select 'd' || n || '.example.com', 'own', 'added', now() from generate_series(10, 24) n union all select 'example.com', 'own', 'added', now()`);
  await c.t.db.query(`insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, grouped_as)
    values ('example.com', 'mailer.example', '2026-10-01', '2026-10-02', 5, 5, 'mailer.example')`);
  for (let n = 0; n < 12; n++) await c.finding('unauthorized_source', 'example.com', `s${n}.example`);
  await c.finding('unauthorized_source', 'd10.example.com', 'other.example');
  ada = await c.person('operator', ['example.com']);
  root = await c.person('admin', null);
});
afterAll(async () => {
  await c.close();
  await dns.stop();
});

async function walk(path: string, limit: number): Promise<{ rows: Record<string, unknown>[]; pages: number }> {
  const rows: Record<string, unknown>[] = [];
  let next: string | null = '';
  let pages = 0;
  while (next !== null) {
    const answer = await root.api(
      'GET',
      `${path}${path.includes('?') ? '&' : '?'}limit=${limit}${next === '' ? '' : `&cursor=${next}`}`,
    );
    expect(answer.statusCode, answer.body).toBe(200);
    const body = answer.json<{ items: Record<string, unknown>[]; next: string | null }>();
    rows.push(...body.items);
    next = body.next;
    pages++;
  }
  return { rows, pages };
}

describe('pages of a list', () => {
  test.each([1, 3, 7, 13, 200])('of %i findings each have every finding once, the newest first', async (limit) => {
    const { rows, pages } = await walk('/api/v1/findings', limit);
    const keys = rows.map((row) => row.finding_key as number);
    expect(keys).toEqual([...new Set(keys)].sort((a, b) => b - a));
    expect(keys).toHaveLength(13);
    expect(pages).toBe(Math.ceil(13 / limit));
  });
  test('of names, and of times', async () => {
    const { rows } = await walk('/api/v1/domains?search=example.com', 4);
    expect(rows.map(({ domain }) => domain)).toEqual([...rows.map(({ domain }) => domain)].sort());
    expect(rows).toHaveLength(16);
    await c.t.db.query(
      `insert into ruawatch.finding_events (finding_key, event, at, revision, severity, summary, evidence, notify)
       select finding_key, 'opened', '2026-11-27 08:00:00.123456', 1, severity, summary, evidence, true from ruawatch.findings where domain = 'example.com'`,
    );
    const events = await walk('/api/v1/domains/example.com/timeline', 5);
    expect(events.rows.length).toBeGreaterThan(0);
    expect(new Set(events.rows.map((row) => row.finding_key)).size).toBe(12);
  });
  test('stay in place while findings come', async () => {
    const first = (await root.api('GET', '/api/v1/findings?limit=5')).json<{ items: { finding_key: number }[]; next: string }>();
    await c.finding('unauthorized_source', 'example.com', 'late.example');
    const second = (await root.api('GET', `/api/v1/findings?limit=5&cursor=${first.next}`)).json<typeof first>();
    expect(second.items[0]!.finding_key).toBe(first.items.at(-1)!.finding_key - 1);
  });
});

describe('what people did alone', () => {
  type Acts = { items: { act: string; by_name: string; domain: string | null; object: string | null; detail: object }[] };
  beforeAll(async () => {
    const acts = [
      { by: 'ada', act: 'source_approve', domain: 'example.com', object: 'mailer.example', detail: { why: 'ours' } },
      { by: 'ada', act: 'signed_in', detail: { how: 'password', address: '192.0.2.7' } },
      { by: 'eve', act: 'finding_resolve', domain: 'd10.example.com', object: '5' },
      { by: 'eve', act: 'source_deny', domain: 'sub.example.com', object: '192.0.2.0/24' },
    ];
    for (const [i, act] of acts.entries()) await noteAct(c.t.db, act, new Date(Date.UTC(2026, 5, 1 + i)));
  });
  const told = async (query: string, who = root) => {
    const { items } = (await who.api('GET', `/api/v1/acts?since=2026-06-01T00:00:00Z${query}`)).json<Acts>();
    return items.filter(({ by_name }) => by_name === 'ada' || by_name === 'eve').map(({ by_name, act }) => `${by_name} ${act}`);
  };

  test('is listed to an admin who sees all domains, the newest first', async () => {
    expect(await told('')).toEqual(['eve source_deny', 'eve finding_resolve', 'ada signed_in', 'ada source_approve']);
    const { items } = (await root.api('GET', '/api/v1/acts?act=signed_in&by=ada')).json<Acts>();
    expect(items).toEqual([
      {
        act_key: expect.any(Number),
        at: '2026-06-02T00:00:00.000Z',
        by_name: 'ada',
        act: 'signed_in',
        domain: null,
        object: null,
        detail: { how: 'password', address: '192.0.2.7' },
      },
    ]);
  });
  test('is chosen by act, person, domain and time', async () => {
    expect(await told('&by=eve')).toEqual(['eve source_deny', 'eve finding_resolve']);
    expect(await told('&domain=D10.example.com')).toEqual(['eve finding_resolve']);
    expect(await told('&act=source_approve')).toEqual(['ada source_approve']);
    const later = (await root.api('GET', '/api/v1/acts?since=2026-06-04T00:00:00Z&by=eve')).json<Acts>();
    expect(later.items.map(({ act }) => act)).toEqual(['source_deny']);
    expect((await root.api('GET', '/api/v1/acts?person=ada')).statusCode).toBe(400);
  });
  test('is of the own domains alone for an admin of these: no sign-in, no person, no other domain', async () => {
    const mia = await c.person('admin', ['d10.example.com']);
    expect(await told('', mia)).toEqual(['eve finding_resolve']);
    expect(await told('&domain=example.com', mia)).toEqual([]);
    const { items } = (await root.api('GET', '/api/v1/acts?by=eve', undefined, { domains: ['d10.example.com'] })).json<Acts>();
    expect(items.map(({ domain }) => domain)).toEqual(['d10.example.com']);
  });
  test('comes page by page, and not again when it is known', async () => {
    const { rows, pages } = await walk('/api/v1/acts?by=eve', 1);
    expect([rows.map(({ act }) => act), pages]).toEqual([['source_deny', 'finding_resolve'], 2]);
    const first = await root.api('GET', '/api/v1/acts?by=eve');
    const again = await root.api('GET', '/api/v1/acts?by=eve', undefined, {
      headers: { 'if-none-match': String(first.headers.etag) },
    });
    expect([again.statusCode, again.body]).toEqual([304, '']);
  });
  test('is for admins', async () => {
    expect((await ada.api('GET', '/api/v1/acts')).statusCode).toBe(403);
  });
});

describe('filters', () => {
  test.each([
    ['/api/v1/findings?domain=d10.example.com', 1],
    ['/api/v1/findings?domain=D10.Example.com', 1],
    ['/api/v1/findings?state=resolved', 0],
    ['/api/v1/findings?kind=policy_ready', 0],
    ['/api/v1/domains?search=d1', 10],
    ['/api/v1/domains?state=ignored', 0],
    ['/api/v1/domains/example.com/sources?class=unknown', 1],
    ['/api/v1/domains/example.com/sources?seen_since=2026-10-03', 0],
    ['/api/v1/domains/example.com/senders?holding=true', 0],
    ['/api/v1/domains/example.com/records?published=true', 0],
    ['/api/v1/requests?open=true', 0],
    ['/api/v1/findings?changed_since=2100-01-01', 0],
  ])('%s has %i', async (path, n) => {
    expect((await root.api('GET', path)).json<{ items: [] }>().items).toHaveLength(n);
  });

  test.each([
    '/api/v1/findings?state=closed',
    '/api/v1/findings?stat=open',
    '/api/v1/findings?limit=0',
    '/api/v1/findings?limit=201',
    '/api/v1/findings?limit=1&limit=2',
    '/api/v1/findings?cursor=abc',
    '/api/v1/findings?cursor=',
    '/api/v1/findings?changed_since=yesterday',
    '/api/v1/domains/example.com/days',
    '/api/v1/domains/example.com/days?from=2026-02-30&to=2026-03-01',
    '/api/v1/domains/example.com/records?published=yes',
    '/api/v1/me?x=1',
  ])('%s is a problem with a sentence', async (path) => {
    const answer = await root.api('GET', path);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ status: 400, code: 'wrong_parameter', detail: expect.stringMatching(/\.$/) });
  });
});

describe('what a program sends', () => {
  test('is read as JSON alone, and no field more', async () => {
    const key = await c.finding('unauthorized_source', 'example.com', 'body.example');
    const url = `/api/v1/findings/${key}/acknowledge`;
    const form = await ada.api('POST', url, undefined, { headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    expect(form.statusCode).toBe(415);
    for (const body of [{}, { why: '' }, { why: 5 }, { why: 'w', more: 1 }, [], null]) {
      const answer = await ada.api('POST', url, body as object);
      expect(answer.statusCode, JSON.stringify(body)).toBe(400);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    }
    expect((await ada.api('POST', url, { why: 'w' })).json()).toMatchObject({ acknowledged_by: ada.name });
  });
  test('comes by the method of the address', async () => {
    const answer = await root.api('POST', '/api/v1/domains', {});
    expect(answer.statusCode).toBe(405);
    expect(answer.headers.allow).toBe('GET');
    expect((await root.api('GET', '/api/v1/nothing')).statusCode).toBe(404);
  });
  test('may be about a name as long as DNS has them', async () => {
    const domain = `${`${'a'.repeat(60)}.`.repeat(3)}${'b'.repeat(56)}.example.com`;
    expect(domain.length).toBeGreaterThan(250);
    await c.t.db.query(`insert into ruawatch.domains (domain, state, how, since) values ($1, 'own', 'added', now())`, [domain]);
    const answer = await root.api('GET', `/api/v1/domains/${domain}`);
    expect([answer.statusCode, answer.json<{ domain: string }>().domain]).toEqual([200, domain]);
    expect((await root.api('GET', `/api/v1/domains/${'a'.repeat(1500)}`)).statusCode).toBe(404);
  });
  test('that is known already is not sent again', async () => {
    const first = await root.api('GET', '/api/v1/domains');
    const headers = { 'if-none-match': `"x", W/${first.headers.etag}` };
    const again = await root.api('GET', '/api/v1/domains', undefined, { headers });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    const other = await root.api('GET', '/api/v1/findings', undefined, { headers });
    expect(other.statusCode).toBe(200);
  });
});

describe('a token', () => {
  test('does what its scopes say, and no more', async () => {
    const answer = await root.api('GET', '/api/v1/findings', undefined, { scopes: ['act'] });
    expect(answer.statusCode).toBe(403);
    expect(answer.json()).toMatchObject({ code: 'scope_missing' });
    expect(answer.headers['www-authenticate']).toContain('insufficient_scope');
  });
  test('sees its domains, and no other', async () => {
    const domains = (await root.api('GET', '/api/v1/domains', undefined, { domains: ['d10.example.com'] })).json<{ items: [] }>();
    expect(domains.items).toHaveLength(1);
    expect((await root.api('GET', '/api/v1/domains/example.com', undefined, { domains: ['d10.example.com'] })).statusCode).toBe(
      404,
    );
    expect((await root.api('GET', '/api/v1/audit', undefined, { domains: ['d10.example.com'] })).statusCode).toBe(403);
  });
  test('is asked for, and a cookie is none', async () => {
    expect((await root.get('/api/v1/findings')).statusCode).toBe(401);
    for (const authorization of ['Bearer', 'Bearer x', 'Basic eDp5', `Bearer ruawatch_${'a'.repeat(43)}`]) {
      const answer = await c.stranger().api('GET', '/api/v1/findings', undefined, { headers: { authorization } });
      expect([authorization, answer.statusCode]).toEqual([authorization, 401]);
    }
  });
  test('opens no page', async () => {
    const answer = await root.api('GET', '/findings');
    expect(answer.statusCode).toBe(303);
  });
});

describe('requests', () => {
  test('are planned, opened by the person of the token, and withdrawn', async () => {
    const body = { kind: 'policy.step', domain: 'example.com', to: 'quarantine', why: 'reports are good' };
    const opened = await ada.api('POST', '/api/v1/requests', body);
    expect(opened.statusCode, opened.body).toBe(201);
    const { request_key, plan, digest } = opened.json<{ request_key: number; plan: { summary: string }; digest: string }>();
    expect(plan.summary).toBe('Set the policy of example.com to p=quarantine.');
    expect((await loadRequest(c.t.db, request_key)).requester).toBe(ada.name);
    const own = await ada.api('POST', `/api/v1/requests/${request_key}/approve`, { why: 'mine', digest });
    expect([own.statusCode, own.json<{ code: string }>().code]).toEqual([409, 'requester']);
    const withdrawn = await ada.api('POST', `/api/v1/requests/${request_key}/withdraw`, { why: 'later' });
    expect(withdrawn.json()).toMatchObject({ state: 'withdrawn' });
  });
  test.each([
    [{ kind: 'dns.change', value: 'v=spf1 -all' }, 201],
    [{ kind: 'dns.change', value: null }, 409],
    [{ kind: 'dns.change' }, 400],
    [{ kind: 'dns.change', name: 'example.net', value: 'x' }, 400],
    [{ kind: 'dns.change', name: 'www.example.com', type: 'CNAME', value: 'ex\u0161mple.net' }, 400],
    [{ kind: 'dns.change', name: 'foo.example.com', value: '\u0176=spf1 +all' }, 400],
    [{ kind: 'dns.change', name: 'a\\.example.com', value: 'x' }, 400],
    [{ kind: 'dns.change', value: 'x\0' }, 400],
    [{ kind: 'dns.change', value: 'x', why: '\ud800' }, 400],
    [{ kind: 'policy.step' }, 400],
    [{ kind: 'policy.step', to: 'strict' }, 400],
    [{ kind: 'sender.approve', source: 'mailer.example' }, 201],
    [{ kind: 'sender.approve', source: 'mailer.example', until: '2020-01-01T00:00:00Z' }, 400],
    [{ kind: 'sender.deny' }, 400],
    [{ kind: 'review' }, 400],
    [{ kind: 'sender.deny', domain: '*', source: 'mailer.example' }, 404],
    [{ kind: 'sender.deny', domain: 'example.net', source: 'mailer.example' }, 404],
  ])('%j answers %i', async (part, status) => {
    const answer = await ada.api('POST', '/api/v1/requests', { domain: 'example.com', why: 'w', ...part });
    expect(answer.statusCode, answer.body).toBe(status);
    if (status >= 400) expect(answer.json<{ detail: string }>().detail).toMatch(/\.$/);
  });
});

describe('where a rule is for requests about senders, nobody approves one alone', () => {
  const direct = (decision: string) =>
    ada.api('POST', '/api/v1/domains/example.com/senders', { source: 'forger.example', decision, why: 'w' });
  const stored = () => c.t.db.query("select 1 from ruawatch.sender_list where source = 'forger.example'");

  test.each(['approve', 'deny', 'end'])('%s', async (decision) => {
    await c.t.db.query(
      `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed)
       values ('example.com', 'forger.example', '2026-10-01', '2026-10-02', 5, 0) on conflict do nothing`,
    );
    const rules = c.context.config.approvals.rules;
    for (const kinds of [undefined, ['sender.approve'], ['sender.deny', 'dns.change']]) {
      c.context.config.approvals.rules = rulesOf({
        name: 'one',
        when: kinds === undefined ? {} : { kinds },
        stages: [{ group: 'mail' }],
      });
      const answer = await direct(decision);
      expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([409, 'by_request']);
      expect(answer.json<{ detail: string }>().detail).toContain('are approved and denied by request here');
    }
    expect((await stored()).rowCount).toBe(0);
    c.context.config.approvals.rules = rules;
  });

  test('and where none is, a person does', async () => {
    const rules = c.context.config.approvals.rules;
    c.context.config.approvals.rules = rulesOf({ name: 'one', when: { kinds: ['policy.step'] }, stages: [{ group: 'mail' }] });
    expect((await direct('deny')).statusCode).toBe(200);
    c.context.config.approvals.rules = rules;
  });
});

describe('what is wrong is named', () => {
  const problem = async (method: 'GET' | 'POST', url: string, body?: object | string, headers?: Record<string, string>) => {
    const answer = await ada.api(method, `/api/v1${url}`, body as object, { ...(headers && { headers }) });
    const { code, detail } = answer.json<{ code: string; detail: string }>();
    return [answer.statusCode, code, detail];
  };

  test('a parameter that is not known', async () => {
    expect(await problem('GET', '/findings?foo=1')).toEqual([
      400,
      'wrong_parameter',
      'There is no parameter or field "foo" here: correct its spelling, or leave it out.',
    ]);
  });

  test('a body that is no object, and one that is no JSON', async () => {
    expect(await problem('POST', '/domains/example.com/senders', [])).toEqual([
      400,
      'wrong_body',
      'The body must be a JSON object: { "field": value }.',
    ]);
    const json = { 'content-type': 'application/json' };
    expect(await problem('POST', '/domains/example.com/senders', '{"a":', json)).toEqual([
      400,
      'wrong_body',
      'The body is not valid JSON: correct its syntax.',
    ]);
  });

  test('a decision that nobody took is not ended', async () => {
    await c.t.db.query(
      `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed)
       values ('example.com', 'undecided.example', '2026-10-01', '2026-10-02', 5, 0)`,
    );
    const end = { source: 'undecided.example', decision: 'end', why: 'w' };
    const rules = c.context.config.approvals.rules;
    c.context.config.approvals.rules = [];
    expect(await problem('POST', '/domains/example.com/senders', end)).toEqual([
      404,
      'no_decision',
      'Nobody has approved or denied undecided.example for example.com: there is no decision to end.',
    ]);
    c.context.config.approvals.rules = rules;
  });
});
