import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GrantKeeper } from '../../../services/applier/grants/keep.ts';
import { askToken } from '../../../services/requests/held/seal.ts';
import { approvalsSchema } from '../../../services/requests/rules.ts';
import { createLog } from '../../../services/shared/runtime/log.ts';
import { loadHeld } from '../../../services/store/held/held.ts';
import { holdMessage } from '../../../services/store/held/hold.ts';
import { verifyAudit } from '../../../services/store/requests/audit.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { keyFile } from '../../milter/release/key-file.ts';
import { digest, heldOf, KEY } from '../../requests/held/sample.ts';
import { type TestConsole, type TestPerson, testConsole } from '../setup.ts';

let c: TestConsole;
let ada: TestPerson;
let ben: TestPerson;
let elsewhere: TestPerson;
let viewer: TestPerson;
beforeAll(async () => {
  c = await testConsole();
  ada = await c.person('operator', ['example.com']);
  ben = await c.person('operator', null);
  elsewhere = await c.person('admin', ['other.example']);
  viewer = await c.person('viewer', null);
  const groups = { mail: [ada.name, ben.name].map((name) => `${name}@example.com`) };
  await c.t.db.query("update ruawatch.people set email = name || '@example.com'");
  c.context.config.approvals = approvalsSchema.parse({
    groups,
    rules: [
      { name: 'held', when: { kinds: ['messages.release'] }, stages: [{ group: 'mail', need: 2 }] },
      { name: 'read', when: { kinds: ['access.message'] }, decide: 'automatic', ceiling: { per_day: 5 } },
      { name: 'rest', stages: [{ group: 'mail' }] },
    ],
  });
  c.context.config.milter.hold.keyFile = keyFile();
  await syncGroups(c.t.db, { groups, deputies: [] });
});
afterAll(() => c.close());

const HOSTILE = '<script>alert(1)</script>\u202egpj.exe';
const hold = (part: Parameters<typeof heldOf>[0] = {}) =>
  holdMessage(c.t.db, heldOf(part), { rules: c.context.config.approvals.rules, key: KEY, most: 1000 });
let count = 0;
const fresh = (part: Parameters<typeof heldOf>[0] = {}) =>
  hold({ envelope_from: `${++count}@evil.example`, queue_id: `Q${count}`, ...part });
const digestOf = async (request_key: number) => (await loadRequest(c.t.db, request_key)).digest;

test('the list has what waits, with filters, of the domains that a person may see', async () => {
  await fresh({ subject: 'Invoice 17', recipients: ['cleo@example.com'] });
  await fresh({ subject: 'Hello', domain: 'other.example', rule: 'lookalike' });
  const all = (await ben.get('/held')).body;
  expect(all).toContain('Invoice 17');
  expect(all).toContain('Hello');
  const own = (await ada.get('/held')).body;
  expect(own).toContain('Invoice 17');
  expect(own).not.toContain('Hello');
  expect((await ben.get('/held?rule=lookalike')).body).not.toContain('Invoice 17');
  expect((await ben.get('/held?recipient=CLEO')).body).toContain('Invoice 17');
  expect((await ben.get('/held?recipient=dora')).body).not.toContain('Invoice 17');
  expect((await ben.get('/held?domain=other.example')).body).not.toContain('Invoice 17');
  expect((await ben.get('/held?state=released')).body).not.toContain('Invoice 17');
  expect((await viewer.get('/held')).statusCode).toBe(403);
  expect((await c.stranger().get('/held')).headers.location).toContain('/sign-in');
});

describe('the page of a held mail', () => {
  test('shows what a mail says as text, whatever it says', async () => {
    const { held_key } = await fresh({
      subject: HOSTILE,
      display_name: `"><img src=https://evil.example/x>`,
      header_from: 'javascript:alert(1)@example.com',
      helo: '\u2028\u0007',
      message_id: 'x'.repeat(100_000),
      attachments: [{ name: HOSTILE, type: 'text/html"><script>', bytes: 5, sha256: 'a'.repeat(64) }],
      recipients: Array.from({ length: 300 }, (_, i) => `r${i}@example.com`),
    });
    const answer = await ada.get(`/held/${held_key}`);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    const { body } = answer;
    expect(body).not.toMatch(/<script>alert|<img|\u202e|\u2028|href="(?!\/|#)|https:\/\/evil\.example\/x"/);
    expect(body).toContain('&lt;script&gt;alert(1)&lt;/script&gt;\\u202egpj.exe');
    expect(body).toContain('and 280 more');
    expect(body.length).toBeLessThan(60_000);
    expect(body).toContain('SPF');
  });

  test('offers to approve the source with a release, and to deny it with anything else', async () => {
    const { held_key } = await fresh();
    const { body } = await ada.get(`/held/${held_key}`);
    const offered = (verb: string) =>
      [...(new RegExp(`<select id="${verb}-on"[^]*?</select>`).exec(body)?.[0] ?? '').matchAll(/value="(\w+)"/g)].map(
        ([, one]) => one,
      );
    expect(offered('release')).toEqual(['no', 'approve']);
    expect(offered('reject')).toEqual(['no', 'deny']);
    expect(offered('delete')).toEqual(['no', 'deny']);
  });

  test('is none for people of other domains', async () => {
    const { held_key } = await fresh();
    expect((await elsewhere.get(`/held/${held_key}`)).statusCode).toBe(404);
    expect((await elsewhere.post(`/held/${held_key}/text`)).statusCode).toBe(404);
    expect(
      (await elsewhere.post(`/held/${held_key}/decide`, { why: 'x', verb: 'release', digest: 'a'.repeat(64) })).statusCode,
    ).toBe(404);
    expect((await viewer.get(`/held/${held_key}`)).statusCode).toBe(403);
    expect((await ada.get('/held/999999')).statusCode).toBe(404);
  });

  test('says how reports speak of its source, and which mails are like it', async () => {
    await c.t.db.query(
      `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, class, why)
       values ('example.com', 'evil.example', current_date, current_date, 1200, 3, 'unauthorized', 'It never passes.')`,
    );
    await fresh({ subject: 'The one before' });
    const { held_key, request_key } = await fresh();
    const { body } = await ada.get(`/held/${held_key}`);
    expect(body).toContain('evil.example is unauthorized as a sender of example.com.');
    expect(body).toContain('The one before');
    expect((await ada.get(`/requests/${request_key}`)).body).toContain(`href="/held/${held_key}"`);
  });
});

describe('a decision', () => {
  test('of two people lets it go; one of them twice does not', async () => {
    const { held_key, request_key } = await fresh();
    const fields = { why: 'known', verb: 'release', digest: await digestOf(request_key) };
    expect((await ada.post(`/held/${held_key}/decide`, fields)).headers.location).toBe(`/held/${held_key}`);
    expect((await ada.post(`/held/${held_key}/decide`, fields)).statusCode).toBe(409);
    expect((await loadRequest(c.t.db, request_key)).state).toBe('pending');
    await ben.post(`/held/${held_key}/decide`, fields);
    expect((await loadRequest(c.t.db, request_key)).state).toBe('approved');
  });

  test.each(['reject', 'delete'] as const)(
    'to %s it is kept with the mail, and asks about the source where that is wanted',
    async (verb) => {
      const { held_key, request_key } = await fresh();
      await ada.post(`/held/${held_key}/decide`, {
        why: 'forged',
        verb,
        from_now_on: 'deny',
        digest: await digestOf(request_key),
      });
      expect((await loadRequest(c.t.db, request_key)).state).toBe('denied');
      expect((await loadHeld(c.t.db, held_key)).denied_as).toBe(verb);
      const { rows } = await c.t.db.query(
        'select kind, domain, requester, state from ruawatch.requests order by request_key desc limit 1',
      );
      expect(rows[0]).toEqual({
        kind: 'sender.deny',
        domain: 'example.com',
        requester: `${ada.name}@example.com`,
        state: 'pending',
      });
    },
  );

  test.each([
    ['delete', 'approve'],
    ['reject', 'approve'],
    ['release', 'deny'],
  ])('to %s it cannot %s its source from now on', async (verb, from_now_on) => {
    const { held_key, request_key } = await fresh();
    const fields = { why: 'x', verb, from_now_on, digest: await digestOf(request_key) };
    expect((await ada.post(`/held/${held_key}/decide`, fields)).statusCode).toBe(400);
    expect((await loadRequest(c.t.db, request_key)).state).toBe('pending');
  });

  test('counts for what was shown alone, and by a form of ours alone', async () => {
    const { held_key, request_key } = await fresh();
    const fields = { why: 'x', verb: 'release', digest: 'b'.repeat(64) };
    expect((await ada.post(`/held/${held_key}/decide`, fields)).statusCode).toBe(409);
    expect((await ada.post(`/held/${held_key}/decide`, fields, { origin: 'https://evil.example' })).statusCode).toBe(403);
    const link = await ada.raw({ method: 'GET', url: `/held/${held_key}/decide?verb=release` });
    expect([link.statusCode, link.headers.location]).toEqual([303, `/held/${held_key}`]);
    expect((await loadRequest(c.t.db, request_key)).state).toBe('pending');
  });

  test('can be made by the API, by a token for deciding alone', async () => {
    const { held_key, request_key } = await fresh();
    const list = await ada.api('GET', '/api/v1/held');
    expect(list.json().items.map((one: { held_key: number }) => one.held_key)).toContain(held_key);
    expect((await ada.api('GET', `/api/v1/held/${held_key}`, undefined, { scopes: ['read'] })).statusCode).toBe(403);
    const { digest: seen } = (await ada.api('GET', `/api/v1/held/${held_key}`)).json();
    const answer = await ada.api('POST', `/api/v1/held/${held_key}/decide`, { why: 'forged', verb: 'delete', digest: seen });
    expect(answer.json()).toMatchObject({ request_state: 'denied', state: 'held' });
    expect((await loadHeld(c.t.db, held_key)).denied_as).toBe('delete');
    expect((await elsewhere.api('GET', `/api/v1/held/${held_key}`)).statusCode).toBe(404);
    expect(JSON.stringify(answer.json())).not.toContain('release_token');
    expect((await loadRequest(c.t.db, request_key)).state).toBe('denied');
  });
});

describe('the text', () => {
  const raw = Buffer.from(
    'From: ada@example.com\r\nContent-Type: text/html\r\n\r\n<a href="https://evil.example/">click</a><img src="https://evil.example/p"><script>x</script>\u202e\r\n',
  );
  const keeper = new GrantKeeper();
  const lend = () =>
    keeper.turn({
      db: c.t.db,
      log: createLog('silent'),
      access: c.context.config.access,
      dnsTargets: [],
      dns: { ask: async () => ({ state: 'unknown', reason: 'timeout', message: '' }) },
      at: () => null,
      signal: new AbortController().signal,
    } as unknown as Parameters<GrantKeeper['turn']>[0]);

  test('is for whoever was lent it alone, dead, and each opening is in the audit chain', async () => {
    const { held_key } = await fresh({ raw, sha256: digest(raw) });
    const page = (await ada.get(`/held/${held_key}`)).body;
    expect(page).not.toContain('click');
    expect(page).toContain('Ask to read the text');
    expect((await ada.post(`/held/${held_key}/text`)).statusCode).toBe(403);
    await ada.post(`/held/${held_key}/ask-text`, { why: 'to decide' });
    expect((await ada.post(`/held/${held_key}/text`)).statusCode).toBe(403);
    await lend();
    const answer = await ada.post(`/held/${held_key}/text`);
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain('click [https://evil.example/][picture]\\u202e');
    expect(answer.body).not.toMatch(/href="https|<img|<script>x/);
    // The right of one is not that of another.
    expect((await ben.post(`/held/${held_key}/text`)).statusCode).toBe(403);
    const { rows } = await c.t.db.query("select actor, object from dmarc.audit where verb = 'held.read'");
    expect(rows).toEqual([{ actor: `${ada.name}@example.com`, object: `held mail ${held_key}` }]);
    expect((await verifyAudit(c.t.db)).faults).toEqual([]);
    // It is for this mail alone, and ends.
    const other = await fresh({ raw, sha256: digest(raw) });
    expect((await ada.post(`/held/${other.held_key}/text`)).statusCode).toBe(403);
    await c.t.db.query("update ruawatch.grants set ends_at = clock_timestamp() where kind = 'access.message'");
    expect((await ada.post(`/held/${held_key}/text`)).statusCode).toBe(403);
  });
});

describe('the link of a recipient', () => {
  const linkFor = (held_key: number, recipient = 'ben@example.com', seconds = 3600) =>
    askToken({ held_key, recipient, until: Math.floor(Date.now() / 1000) + seconds }, KEY);
  const asks = async (held_key: number) =>
    (await c.t.db.query('select recipient, why from ruawatch.held_asks where held_key = $1', [held_key])).rows;

  test('shows a form, and does nothing; the form asks, once, and decides nothing', async () => {
    const { held_key, request_key } = await fresh({ subject: 'For Ben' });
    const t = linkFor(held_key);
    const somebody = c.stranger();
    for (let i = 0; i < 3; i++) expect((await somebody.get(`/held-for-me?t=${t}`)).body).toContain('For Ben');
    expect(await asks(held_key)).toEqual([]);
    // A scanner that submits forms says no reason.
    expect((await somebody.post('/held-for-me', { t })).statusCode).toBe(400);
    expect((await somebody.post('/held-for-me', { t, why: 'it is mine' }, { origin: 'https://evil.example' })).statusCode).toBe(
      403,
    );
    expect(await asks(held_key)).toEqual([]);
    for (const why of ['it is mine', 'again']) expect((await somebody.post('/held-for-me', { t, why })).statusCode).toBe(200);
    expect(await asks(held_key)).toEqual([{ recipient: 'ben@example.com', why: 'it is mine' }]);
    expect((await loadRequest(c.t.db, request_key)).state).toBe('pending');
    expect((await ada.get(`/held/${held_key}`)).body).toContain('it is mine');
  });

  test('is none when it is changed, too old, for somebody else, or the mail is decided', async () => {
    const { held_key, request_key } = await fresh();
    const good = linkFor(held_key);
    const bad = [
      linkFor(held_key, 'dora@example.com'),
      linkFor(held_key, 'ben@example.com', -1),
      good.replace(/^\d+/, '1'),
      `${good}x`,
      '',
      linkFor(999_999),
    ];
    const somebody = c.stranger();
    for (const t of bad) {
      expect((await somebody.get(`/held-for-me?t=${encodeURIComponent(t)}`)).statusCode).toBe(404);
      expect((await somebody.post('/held-for-me', { t, why: 'x' })).statusCode).toBe(404);
    }
    await ada.post(`/held/${held_key}/decide`, { why: 'x', verb: 'delete', digest: await digestOf(request_key) });
    expect((await somebody.post('/held-for-me', { t: good, why: 'x' })).statusCode).toBe(404);
    expect(await asks(held_key)).toEqual([]);
  });
});
