import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { composeRequestMails } from '../../services/alerter/requests/compose.ts';
import { addPerson } from '../../services/store/console/people.ts';
import { beginSession } from '../../services/store/console/sessions.ts';
import { claim, endApplying } from '../../services/store/requests/applying.ts';
import { auditHead, verifyAudit } from '../../services/store/requests/audit.ts';
import { decide } from '../../services/store/requests/decide.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { loadRequest } from '../../services/store/requests/requests.ts';
import { sweepRequests } from '../../services/store/requests/sweep.ts';
import { ADA, BEN, CLEO, later, opened, START, TWO, textIn } from '../alerter/requests/setup.ts';
import { browserProgram, openBrowser } from '../console/browser.ts';
import { type TestConsole, type TestPerson, testConsole } from '../console/setup.ts';
import { GROUPS, planOf } from '../requests/sample.ts';

let c: TestConsole;
let now = START;
let sessions: Record<string, string>;
let people: Record<string, TestPerson>;
beforeAll(async () => {
  c = await testConsole({ now: () => now });
  sessions = {};
  people = {};
  for (const email of [ADA, BEN, CLEO]) {
    const given = { name: email.split('@')[0]!, email, role: 'operator' as const, domains: ['example.com'] };
    const key = await addPerson(c.t.db, given, 'test', now);
    sessions[email] = await beginSession(c.t.db, key, { address: '192.0.2.1', agent: null }, now);
    people[email] = c.signedIn(sessions[email]!);
  }
});
afterAll(() => c.close());
beforeEach(async () => {
  now = START;
  await syncGroups(c.t.db, { groups: GROUPS, deputies: [] });
});

/** The database's clock decides in the console: these requests are open now. */
const openNow = async (rule: object = TWO, part: object = {}) => {
  const key = await opened(c.t.db, rule, part);
  await c.t.db.query(
    "update ruawatch.requests set created_at = now(), expires_at = now() + interval '10 hours' where request_key = $1",
    [key],
  );
  return key;
};
const digestOf = async (key: number) => (await loadRequest(c.t.db, key)).digest;
const press = async (person: string, key: number, verb = 'approve', part: Record<string, string> = {}) => {
  const { statusCode, body } = await people[person]!.post(`/requests/${key}/${verb}`, {
    why: 'seen',
    digest: await digestOf(key),
    ...part,
  });
  return { statusCode, text: body.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ') };
};
const stateOf = async (key: number) => (await loadRequest(c.t.db, key)).state;
const ONE = { name: 'one', stages: [{ group: 'mail' }] };

describe('a decision that is not one, with a sentence for the person', () => {
  test('replayed: the same form sent twice is one decision', async () => {
    const key = await openNow();
    const digest = await digestOf(key);
    const form = /name="form" value="([^"]+)"/.exec((await people[ADA]!.get(`/requests/${key}`)).body)![1]!;
    const send = () => people[ADA]!.post(`/requests/${key}/approve`, { why: 'seen', digest }, { form });
    expect((await send()).statusCode).toBe(303);
    const again = await send();
    expect(again.statusCode).toBe(409);
    expect(again.body).toContain('You have decided already; a decision cannot be changed.');
    expect(await stateOf(key)).toBe('pending');
  });

  test('double: of two presses at the same moment one counts', async () => {
    const key = await openNow();
    const ends = await Promise.all([press(ADA, key), press(ADA, key)]);
    expect(ends.map(({ statusCode }) => statusCode).sort()).toEqual([303, 409]);
    expect(await stateOf(key)).toBe('pending');
  });

  test('in two browsers at once: who approves and denies in the same moment has decided once', async () => {
    const key = await openNow(ONE);
    const ends = await Promise.all([press(ADA, key), press(ADA, key, 'deny')]);
    expect(ends.map(({ statusCode }) => statusCode).sort()).toEqual([303, 409]);
    const { rows } = await c.t.db.query('select person from ruawatch.decisions where request_key = $1', [key]);
    expect(rows).toHaveLength(1);
  });

  test('by two people at once on the last vote: the second reads that it is decided', async () => {
    const key = await openNow(ONE);
    const ends = await Promise.all([press(ADA, key), press(BEN, key)]);
    expect(ends.map(({ statusCode }) => statusCode).sort()).toEqual([303, 409]);
    expect(ends.find(({ statusCode }) => statusCode === 409)!.text).toContain(`Request ${key} is approved already.`);
  });

  test('self-approved: whoever asked is refused, in whatever spelling', async () => {
    const key = await openNow(ONE, { requester: ADA, requester_kind: 'person' });
    const refused = await press(ADA, key);
    expect(refused).toMatchObject({
      statusCode: 409,
      text: expect.stringContaining('You made this request yourself: somebody else decides.'),
    });
    expect(await stateOf(key)).toBe('pending');
  });

  test('expired: time that ran out while the page was open', async () => {
    const key = await openNow(ONE);
    await c.t.db.query("update ruawatch.requests set expires_at = now() - interval '1 second' where request_key = $1", [key]);
    const refused = await press(ADA, key);
    expect(refused.text).toContain(
      `Request ${key} has expired: it was not decided and applied in time. Ask again if it is still wanted.`,
    );
    expect(await stateOf(key)).toBe('expired');
  });

  test('stale: what it would change has changed, and the page says both', async () => {
    const key = await openNow(ONE);
    await c.t.db.query('update ruawatch.requests set state = $2 where request_key = $1', [key, 'stale']);
    const refused = await press(ADA, key);
    expect(refused.text).toContain(
      'is stale: what it would change is no longer as it was. A new request shows the present state.',
    );
  });

  test('of another plan: the digest of the page is not that of the request', async () => {
    const key = await openNow(ONE);
    const refused = await press(ADA, key, 'approve', { digest: '0'.repeat(64) });
    expect(refused.text).toContain(`What you were shown is not what request ${key} asks for now: read it again.`);
  });

  test('cross-domain: somebody of the group who may not see the domain does not find it', async () => {
    const key = await openNow(ONE, { plan: planOf({ domain: 'other.example' }) });
    const refused = await press(ADA, key);
    expect(refused).toMatchObject({ statusCode: 404, text: expect.stringContaining('There is no such request') });
    expect(await stateOf(key)).toBe('pending');
  });

  test('cross-site: a form of another site is refused, with the session of the person', async () => {
    const key = await openNow(ONE);
    const form = /name="form" value="([^"]+)"/.exec((await people[ADA]!.get(`/requests/${key}`)).body)![1]!;
    const fields = { why: 'x', digest: await digestOf(key) };
    const foreign = await people[ADA]!.post(`/requests/${key}/approve`, fields, { form, origin: 'https://evil.example' });
    expect(foreign.statusCode).toBe(403);
    // A form that was made for another session.
    const other = /name="form" value="([^"]+)"/.exec((await people[BEN]!.get(`/requests/${key}`)).body)![1]!;
    expect((await people[ADA]!.post(`/requests/${key}/approve`, fields, { form: other })).statusCode).toBe(403);
    expect(await stateOf(key)).toBe('pending');
  });

  test('by somebody who left the group while the page was open; the page of the others says who may decide now', async () => {
    const key = await openNow();
    expect((await people[CLEO]!.get(`/requests/${key}`)).body).not.toContain('Something has changed since');
    await syncGroups(c.t.db, { groups: { ...GROUPS, mail: [ADA, BEN, 'new@example.com'] }, deputies: [] });
    const refused = await press(CLEO, key);
    expect(refused).toMatchObject({
      statusCode: 409,
      text: expect.stringContaining('You are not among the people who are asked at this stage.'),
    });
    const page = (await people[ADA]!.get(`/requests/${key}`)).body;
    expect(page).toContain('Something has changed since the request was made: look at it before you decide.');
    expect(page).toMatch(/Who may decide.*cleo@example\.com.*new@example\.com.*Changed/s);
  });

  test('by a role that was taken away meanwhile', async () => {
    const key = await openNow(ONE);
    await c.t.db.query("update ruawatch.people set role = 'viewer' where email = $1", [BEN]);
    const refused = await press(BEN, key);
    await c.t.db.query("update ruawatch.people set role = 'operator' where email = $1", [BEN]);
    expect(refused.statusCode).toBe(403);
    expect(await stateOf(key)).toBe('pending');
  });

  test('with a clock that was set back: what has expired stays so, and the chain is intact', async () => {
    const key = await opened(c.t.db, ONE);
    await sweepRequests(c.t.db, later(100));
    const digest = await digestOf(key);
    const given = { person: ADA, decision: 'approve' as const, why: 'x', digest, via: 'test' };
    await expect(decide(c.t.db, key, given, later(1))).rejects.toThrow(`Request ${key} has expired`);
    expect((await verifyAudit(c.t.db)).faults).toEqual([]);
  });
});

test('evidence that changed since the request was made is marked on the page', async () => {
  const key = await openNow(ONE);
  const see = async () => (await people[ADA]!.get(`/requests/${key}`)).body;
  expect(await see()).toContain('The watcher has not looked up this record yet.');
  await c.t.db.query(
    `insert into ruawatch.dns_questions (domain, purpose, name, type, state, asked_at, answered_at, answers)
     values ('example.com', 'dmarc', '_dmarc.example.com', 'TXT', 'records', now(), now(), '[]');
     insert into ruawatch.dns_records (domain, purpose, name, type, value, servers, first_seen, last_seen)
     values ('example.com', 'dmarc', '_dmarc.example.com', 'TXT', 'v=DMARC1; p=none', '{}', now(), now()),
            ('example.com', 'dmarc', '_dmarc.example.com', 'TXT', 'google-site-verification=1', '{}', now(), now())`,
  );
  expect(await see()).not.toContain('Something has changed since');
  await c.t.db.query("update ruawatch.dns_records set value = 'v=DMARC1; p=quarantine' where value = 'v=DMARC1; p=none'");
  expect(await see()).toMatch(/Something has changed since.*v=DMARC1; p=none.*v=DMARC1; p=quarantine.*Changed/s);
  await c.t.db.query('delete from ruawatch.dns_records; delete from ruawatch.dns_questions');
});

describe('a database that was restored from a backup of an hour ago', () => {
  const TABLES = ['audit', 'audit_head', 'requests', 'decisions', 'request_timers', 'request_events', 'request_mails'];

  test('has no approval that nobody gave, and the head of a mail shows that rows are gone', async () => {
    const { db } = c.t;
    const key = await opened(db, ONE);
    for (const table of TABLES) await db.query(`create table backup_${table} as table ruawatch.${table}`);
    const digest = await digestOf(key);
    await decide(db, key, { person: ADA, decision: 'approve', why: 'x', digest, via: 'test' }, later(1));
    await claim(db, key, [], later(1));
    await endApplying(db, key, { step: 'finish', says: 'Applied.', watch_hours: 0 }, later(1));
    await composeRequestMails(
      { db, log: pino({ level: 'silent' }) },
      { from: 'r@example.org', console: null, perHour: 1000 },
      later(1),
    );
    const { rows } = await db.query<{ raw: string }>(
      "select convert_from(raw, 'UTF8') as raw from ruawatch.outbox where request_key = $1 order by outbox_key desc limit 1",
      [key],
    );
    const mailed = /^ {2}(\d+:[0-9a-f]{64})$/m.exec(textIn(rows[0]!.raw))![1]!;
    expect(await verifyAudit(db, mailed)).toMatchObject({ faults: [], has_head: true });
    // The restore.
    await db.query(`truncate ${TABLES.map((table) => `ruawatch.${table}`).join(', ')} cascade`);
    for (const table of ['audit', 'audit_head', 'requests', 'decisions', 'request_timers', 'request_events', 'request_mails'])
      await db.query(`insert into ruawatch.${table} overriding system value table backup_${table}`);
    expect(await verifyAudit(db, mailed)).toMatchObject({ faults: [], has_head: false });
    expect(await stateOf(key)).toBe('pending');
    // Decided anew, by people; the chain goes on, and is another one than that of the mail.
    await decide(db, key, { person: BEN, decision: 'approve', why: 'x', digest, via: 'test' }, later(2));
    expect(await verifyAudit(db, await auditHead(db))).toMatchObject({ faults: [], has_head: true });
    expect(await verifyAudit(db, mailed)).toMatchObject({ has_head: false });
  });
});

const suite = browserProgram === null ? describe.skip : describe;
suite(browserProgram === null ? 'a scanner of links (SKIPPED: needs chromium)' : 'a scanner of links', () => {
  test('that opens the mail in a browser, follows every link and submits every form it finds, decides nothing', async () => {
    const key = await openNow(ONE);
    if (!c.app.server.listening) await c.app.listen({ port: 0, host: '127.0.0.1' });
    const base = `http://127.0.0.1:${(c.app.server.address() as AddressInfo).port}`;
    const browser = await openBrowser();
    try {
      const context = await browser.newContext();
      const page = await context.newPage();
      const waiting = [
        `${base}/requests/${key}`,
        ...['approve', 'deny', 'override', 'withdraw'].map((verb) => `${base}/requests/${key}/${verb}`),
      ];
      const seen = new Set<string>();
      for (let url = waiting.shift(); url !== undefined && seen.size < 40; url = waiting.shift()) {
        if (seen.has(url)) continue;
        seen.add(url);
        await page.goto(url).catch(() => undefined);
        await page.waitForLoadState();
        const links = await page
          .$$eval('a[href]', (all) => all.map((one) => (one as unknown as { href: string }).href))
          // The page has sent the browser on: the links of where it went are read in their turn.
          .catch(() => [page.url()]);
        waiting.push(...links.filter((link) => link.startsWith(base)));
        for (let at = 0; at < (await page.locator('form').count()); at++) {
          await page
            .locator('form')
            .nth(at)
            .evaluate((form) => {
              const one = form as unknown as { elements: ArrayLike<{ value: string; type: string }>; submit(): void };
              for (const field of Array.from(one.elements))
                if (field.type !== 'hidden' && field.value === '') field.value = 'scanner';
              one.submit();
            });
          await page.waitForLoadState();
          await page.goto(url).catch(() => undefined);
        }
      }
      expect(seen.size).toBeGreaterThan(4);
      // By forms of its own making as well.
      const digest = await digestOf(key);
      for (const verb of ['approve', 'deny', 'withdraw', 'override']) {
        const answer = await context.request.post(`${base}/requests/${key}/${verb}`, {
          form: { why: 'x', digest, form: 'x' },
          maxRedirects: 0,
        });
        expect([303, 401, 403]).toContain(answer.status());
      }
    } finally {
      await browser.close();
    }
    expect(await stateOf(key)).toBe('pending');
    expect((await c.t.db.query('select from ruawatch.decisions where request_key = $1', [key])).rowCount).toBe(0);
    // The link is not used up: the person decides by it afterwards.
    expect((await press(ADA, key)).statusCode).toBe(303);
    expect(await stateOf(key)).toBe('approved');
  });
});
