import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { composeRequestMails } from '../../../services/alerter/requests/compose.ts';
import { refusedAlerts } from '../../../services/store/alerts/refusals.ts';
import { auditHead } from '../../../services/store/requests/audit.ts';
import { override, withdraw } from '../../../services/store/requests/decide.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { sweepRequests } from '../../../services/store/requests/sweep.ts';
import { GROUPS } from '../../requests/sample.ts';
import { type Bench, bench, eventually } from '../setup.ts';
import { reply, startSink } from '../sink.ts';
import { ADA, BEN, CLEO, DORA, EMIL, later, opened, STAGES, START, TWO, textIn, vote } from './setup.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
  b.now = START;
  await syncGroups(b.db, { groups: GROUPS, deputies: [] });
});
afterEach(() => b.close());

const log = pino({ level: 'silent' });
const SETTINGS = { from: 'ruawatch@example.org', console: 'https://ruawatch.example.org', perHour: 100 };
const compose = (now: Date = b.now, part: object = {}) => composeRequestMails({ db: b.db, log }, { ...SETTINGS, ...part }, now);
/** As `compose`, with what it logs. */
const composeLogged = async (now: Date) => {
  const lines: { mails: number; msg: string }[] = [];
  const kept = pino({ level: 'info', base: null, timestamp: false }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const made = await composeRequestMails({ db: b.db, log: kept }, SETTINGS, now);
  return [made, ...lines.map(({ mails: n, msg }) => `${n} ${msg}`)];
};
const unsettled = async () =>
  (await b.db.query('select event_key, recipient from ruawatch.request_mails where settled_at is null')).rows;
const mails = async () =>
  (
    await b.db.query<{ to: string; subject: string; raw: string; state: string }>(
      `select recipients[1] as to, subject, convert_from(raw, 'UTF8') as raw, state from ruawatch.outbox
        where kind = 'request' and webhook is null order by outbox_key`,
    )
  ).rows;
const header = (raw: string, name: string) =>
  raw.replace(/\r\n[ \t]+/g, ' ').match(new RegExp(`^${name}: (.*)$`, 'im'))?.[1] ?? null;

describe('a request that opens', () => {
  test('is mailed to each asked person alone, with the exact change and all that a decision needs', async () => {
    const key = await opened(b.db);
    expect(await compose()).toBe(3);
    const sent = await mails();
    expect(sent.map(({ to }) => to)).toEqual([ADA, BEN, CLEO]);
    const text = textIn(sent[0]!.raw);
    expect(text.split('\n')[0]).toBe('The DNS check of the state after it finds nothing that gets worse.');
    expect(text).toContain(
      '  - _dmarc.example.com. 3600 TXT "v=DMARC1; p=none"\n  + _dmarc.example.com. 300 TXT "v=DMARC1; p=reject"',
    );
    expect(text).toContain('    _dmarc.example.com. 300 TXT "google-site-verification=1"');
    for (const part of [
      'Set the policy of example.com to p=reject.',
      'the finding 7',
      'No authorized mail failed',
      'Medium risk',
      'Please decide by 2026-11-27 18:00 UTC.',
      'is not approved.',
      'Nobody has decided yet.',
      'put back if mail of authorized senders breaks',
      `https://ruawatch.example.org/requests/${key}\n`,
      'The link decides nothing',
      await auditHead(b.db),
      (await loadRequest(b.db, key)).digest,
    ])
      expect(text.replace(/\s+/g, ' ')).toContain(part.trim());
    expect(sent[0]!.subject).toBe(`[ruawatch] Decide on request ${key}: policy of example.com (medium risk)`);
  });

  test('without console.url the command shows it', async () => {
    const key = await opened(b.db);
    await compose(b.now, { console: null });
    const text = textIn((await mails())[0]!.raw);
    expect(text).toContain(`ruawatch requests show ${key}`);
    expect(text).not.toContain('://');
  });

  test('is mailed once, however often it is composed, and by however many', async () => {
    await opened(b.db);
    await Promise.all(Array.from({ length: 6 }, () => compose()));
    await compose(later(1));
    expect(await mails()).toHaveLength(3);
  });

  test('is in one thread for each person, which those who are asked late have as well', async () => {
    const key = await opened(b.db, STAGES);
    await compose();
    await vote(b.db, key, ADA);
    await compose(later(1));
    const sent = await mails();
    const threads = new Set(sent.map(({ raw }) => header(raw, 'References')));
    expect([...threads]).toEqual([expect.stringMatching(new RegExp(`^<request-${key}\\.[0-9a-f]{12}@example\\.org>$`))]);
    expect(new Set(sent.map(({ raw }) => header(raw, 'Message-ID'))).size).toBe(sent.length);
    const asked = sent.filter(({ subject }) => subject.includes('Decide on')).map(({ to }) => to);
    expect(asked).toEqual([ADA, BEN, CLEO, DORA, EMIL]);
    expect(sent.at(-1)!.subject).not.toContain('approved');
    // Those of the first stage learn that it is over.
    expect(sent.filter(({ subject }) => subject.includes('in its next stage')).map(({ to }) => to)).toEqual([ADA, BEN, CLEO]);
    expect(textIn(sent.find(({ to }) => to === DORA)!.raw)).toContain(
      'ada@example.com approved, 2026-11-27 09:00 UTC: looked at it',
    );
  });
});

describe('the outcome', () => {
  test.each([
    ['approved', async (key: number) => [await vote(b.db, key, ADA), await vote(b.db, key, BEN)]],
    ['denied', (key: number) => vote(b.db, key, ADA, { decision: 'deny', why: 'not in December' })],
    ['withdrawn', (key: number) => withdraw(b.db, key, { person: CLEO, why: 'a mistake' }, later(1))],
    ['expired', () => sweepRequests(b.db, later(11))],
  ])('%s goes to all who were asked, and nothing more is asked', async (word, work) => {
    const key = await opened(b.db);
    await compose();
    await work(key);
    await compose(later(12));
    const sent = (await mails()).slice(3);
    expect(sent.map(({ to, subject }) => [to, subject])).toEqual(
      [ADA, BEN, CLEO].map((to) => [to, `[ruawatch] Request ${key} ${word}: policy of example.com`]),
    );
    await sweepRequests(b.db, later(40));
    await compose(later(41));
    const after = (await mails()).slice(6);
    expect(after.every(({ subject }) => subject.includes('expired'))).toBe(true);
    expect(after.length).toBe(word === 'approved' ? 3 : 0);
  });

  test('says first what happened and why', async () => {
    const key = await opened(b.db);
    await vote(b.db, key, ADA, { decision: 'deny', why: 'not in December' });
    await compose(later(1));
    const text = textIn((await mails())[0]!.raw);
    expect(text.split('\n')[0]).toBe('ada@example.com denied it: not in December');
    expect(text).toContain('2026-11-27 08:00 UTC: Set the policy of example.com to p=reject.');
  });
});

describe('settled means nothing more is sent', () => {
  test('a mail that asks and is not out yet is left when somebody else has decided', async () => {
    const key = await opened(b.db, { name: 'one', stages: [{ group: 'mail' }] });
    await compose();
    await vote(b.db, key, ADA);
    const { claimDueMail } = await import('../../../services/store/alerts/outbox.ts');
    const { transaction } = await import('../../../services/shared/runtime/db.ts');
    // Even before the composer's next turn.
    expect(await transaction(b.db, (tx) => claimDueMail(tx, later(1)))).toBeNull();
    await compose(later(1));
    const sent = await mails();
    expect(sent.filter(({ subject }) => subject.includes('Decide on')).map(({ state }) => state)).toEqual([
      'failed',
      'failed',
      'failed',
    ]);
    expect(sent.filter(({ state }) => state === 'pending').map(({ subject }) => subject)).toEqual(
      Array(3).fill(`[ruawatch] Request ${key} approved: policy of example.com`),
    );
  });

  test('who was asked while the alerter stood gets one mail: what came of it', async () => {
    const key = await opened(b.db);
    await sweepRequests(b.db, later(3));
    await sweepRequests(b.db, later(5));
    await vote(b.db, key, ADA, { decision: 'deny' });
    await compose(later(6));
    const sent = await mails();
    expect(sent.map(({ to }) => to)).toEqual([ADA, BEN, CLEO, DORA, EMIL]);
    expect(sent.every(({ subject }) => subject.includes('denied'))).toBe(true);
  });

  test('who has voted is reminded of nothing; who left the group neither', async () => {
    const key = await opened(b.db);
    await compose();
    await vote(b.db, key, ADA);
    await syncGroups(b.db, { groups: { ...GROUPS, mail: [ADA, BEN] }, deputies: [] });
    await sweepRequests(b.db, later(3));
    await compose(later(3));
    expect((await mails()).slice(3).map(({ to, subject }) => [to, subject.slice(11, 35)])).toEqual([
      [BEN, 'Still to decide: request'],
    ]);
    expect(await unsettled()).toEqual([]);
  });
});

test('an escalation asks the others too, and reminders say that it is still open', async () => {
  const key = await opened(b.db);
  await compose();
  await sweepRequests(b.db, later(5));
  await compose(later(5));
  const sent = (await mails()).slice(3);
  expect(sent.map(({ to, subject }) => [to, subject])).toEqual(
    [ADA, BEN, CLEO, DORA, EMIL].map((to) => [to, `[ruawatch] Escalated: request ${key}: policy of example.com (medium risk)`]),
  );
});

test('break-glass is told to everybody in any group, in a mail of its own', async () => {
  const key = await opened(b.db);
  const { digest } = await loadRequest(b.db, key);
  const emergency = { group: 'security', ends_hours: 4, review: 'mail' };
  await override(b.db, key, { person: DORA, why: 'mail is on fire', digest, via: 'test', at: later(1) }, emergency);
  await compose(later(1));
  const sent = await mails();
  const told = sent.filter(({ subject }) => subject.includes(`Request ${key} approved by break-glass`));
  expect(told.map(({ to }) => to)).toEqual([ADA, BEN, CLEO, DORA, EMIL]);
  expect(told[0]!.raw).toContain('Importance: high');
  expect(textIn(told[0]!.raw).split('\n')[0]).toBe('dora@example.com approved it alone by break-glass: mail is on fire');
  expect(sent.filter(({ subject }) => subject.includes('look back at break-glass')).map(({ to }) => to)).toEqual([
    ADA,
    BEN,
    CLEO,
  ]);
});

test('no word of a stranger is in a subject, and none breaks a header', async () => {
  const evil = 'Urgent: wire money\r\nBcc: x@evil.example';
  const domain = `${'very-long-name-'.repeat(4)}x.example.com`;
  const plan = (await import('./setup.ts')).dnsPlan({ domain, summary: evil, warnings: [evil], why: [evil] });
  await opened(b.db, TWO, { plan, requester: 'no address', requester_kind: 'person', why: evil });
  await compose();
  for (const { subject, raw } of await mails()) {
    expect(subject).not.toContain('wire');
    expect(subject.length).toBeLessThan(78);
    expect(header(raw, 'Bcc')).toBeNull();
    // A line feed in a plan is written out before anybody approves it.
    const first = textIn(raw).split('\n\n')[0]!.replaceAll('\n', ' ');
    expect(first).toContain('The DNS check of the state after it warns: Urgent: wire money\\u000d\\u000aBcc:');
  }
});

test('what an hour has no room for comes together, each with its exact change', async () => {
  const keys: number[] = [];
  for (let i = 0; i < 6; i++) keys.push(await opened(b.db));
  expect(await compose(b.now, { perHour: 2 })).toBe(6);
  const first = (await mails()).filter(({ to }) => to === ADA);
  expect(first).toHaveLength(2);
  expect(await compose(later(1.5), { perHour: 2 })).toBe(3);
  const rest = (await mails()).filter(({ to }) => to === ADA).slice(2);
  expect(rest.map(({ subject }) => subject)).toEqual(['[ruawatch] 4 requests, 4 to decide']);
  const text = textIn(rest[0]!.raw);
  for (const key of keys.slice(2)) expect(text).toContain(`/requests/${key}\n`);
  expect(text.match(/p=reject"/g)).toHaveLength(4);
  // A mail about one request is known by it, and the later of two comes later.
  const { rows } = await b.db.query<{ request_key: number | null; message_id: string }>(
    `select request_key, message_id from ruawatch.outbox where kind = 'request' and recipients = $1 order by outbox_key`,
    [[ADA]],
  );
  expect(rows.map(({ request_key }) => request_key)).toEqual([keys[0], keys[1], null]);
  expect(rows[0]!.message_id).toMatch(new RegExp(`^<request-${keys[0]}-\\d+-[0-9a-f]{10}\\.[0-9a-f]{12}@example\\.org>$`));
  expect(rows[2]!.message_id).toMatch(/^<requests-[0-9a-f]{10}\.[0-9a-f]{12}@example\.org>$/);
});

test('a flood of requests of one person leaves half of an hour to what others ask', async () => {
  const zoe = { requester: 'zoe@example.com', requester_kind: 'person' };
  for (let i = 0; i < 12; i++) await opened(b.db, TWO, zoe);
  await compose(b.now, { perHour: 4 });
  const other = await opened(b.db, TWO, { requester: 'yan@example.com', requester_kind: 'person' });
  await compose(b.now, { perHour: 4 });
  const subjects = (await mails()).filter(({ to }) => to === ADA).map(({ subject }) => subject);
  expect(subjects).toHaveLength(3);
  expect(subjects.at(-1)).toContain(`request ${other}`);
  // The rest of the flood comes together, an hour later.
  await compose(later(1.1), { perHour: 4 });
  expect((await mails()).filter(({ to }) => to === ADA).at(-1)!.subject).toContain('10 requests');
});

test.each([
  [1, 1],
  [3, 1],
  [4, 2],
  [5, 2],
])('of an hour with %i mails one person has %i', async (perHour, mailed) => {
  for (let i = 0; i < 4; i++) await opened(b.db, TWO, { requester: 'zoe@example.com', requester_kind: 'person' });
  await compose(b.now, { perHour });
  expect((await mails()).filter(({ to }) => to === ADA)).toHaveLength(mailed);
});

test('what is urgent comes first', async () => {
  const [first, second] = [await opened(b.db), await opened(b.db)];
  const { digest } = await loadRequest(b.db, second);
  const emergency = { group: 'security', ends_hours: 4, review: 'mail' };
  await override(b.db, second, { person: DORA, why: 'x', digest, via: 'test', at: later(1) }, emergency);
  await compose(later(1));
  const [one, ...others] = (await mails()).filter(({ to }) => to === ADA);
  expect(one!.subject).toContain(`Request ${second} approved by break-glass`);
  expect(others[0]!.subject).toContain(`Decide on request ${first}`);
});

test('who is asked in the next stage is asked to decide, whatever was escalated to him before', async () => {
  const stages = [
    { ...TWO.stages[0], need: 1 },
    { group: 'security', within_hours: 5 },
  ];
  const key = await opened(b.db, { name: 'both', stages });
  await sweepRequests(b.db, later(5));
  await vote(b.db, key, ADA);
  await compose(later(5));
  const told = (await mails()).filter(({ to }) => to === DORA).map(({ subject }) => subject);
  expect(told).toEqual([expect.stringMatching(new RegExp(`^\\[ruawatch\\] Decide on request ${key}: `))]);
});

test('what is made and what is left out is logged once', async () => {
  const key = await opened(b.db, { name: 'one', stages: [{ group: 'mail' }] });
  expect(await composeLogged(b.now)).toEqual([3, '3 queued mails about requests in the outbox']);
  expect(await composeLogged(b.now)).toEqual([0]);
  await vote(b.db, key, ADA);
  expect(await composeLogged(later(1))).toEqual([
    3,
    '3 left out mails that asked about settled requests',
    '3 queued mails about requests in the outbox',
  ]);
});

test('composing waits for whoever composes', async () => {
  const { lockComposing } = await import('../../../services/store/alerts/outbox.ts');
  const { transaction } = await import('../../../services/shared/runtime/db.ts');
  await opened(b.db);
  let made: number | null = null;
  let composing: Promise<void> | null = null;
  await transaction(b.db, async (tx) => {
    await lockComposing(tx);
    composing = compose().then((n) => {
      made = n;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(made).toBeNull();
  });
  await composing;
  expect(made).toBe(3);
});

test('without a mail server nobody is mailed, and nothing piles up', async () => {
  await opened(b.db);
  expect(await compose(b.now, { from: null })).toBe(0);
  expect(await compose()).toBe(0);
  // Nor is anybody about what was due before it was taken away.
  await opened(b.db);
  await compose();
  await b.db.query('update ruawatch.request_mails set settled_at = null');
  expect(await compose(b.now, { from: null })).toBe(0);
  expect(await unsettled()).toHaveLength(3);
});

describe('a mail server', () => {
  test('that refuses one person holds up nobody else, and is tried again until it takes him', async () => {
    const sink = await startSink();
    try {
      sink.behaviour.recipient = (address) => (address === BEN ? reply(550, 'no such user') : null);
      const key = await opened(b.db);
      const alerter = b.alerter(`smtp://${sink.at}?tls=none`);
      await eventually(() => expect(sink.mails.map(({ to }) => to)).toEqual([[ADA], [CLEO]]));
      await eventually(() =>
        expect(alerter.service.waitingFor()).toMatch(/^ben@example\.com could not be mailed about 1 request: .*550.*next try/),
      );
      sink.behaviour = {};
      b.now = later(1);
      await eventually(() => expect(sink.mails.map(({ to }) => to)).toEqual([[ADA], [CLEO], [BEN]]));
      expect(sink.mails[2]!.headers.get('subject')).toContain(`Decide on request ${key}`);
      // Another mail, since the server has refused the first one.
      const ids = sink.mails.map(({ headers }) => headers.get('message-id')!.replace(/\..*/, '').split('-').slice(4).join('-'));
      expect(ids).toEqual(['', '', 'again-1']);
      await eventually(async () => expect(await refusedAlerts(b.db)).toMatchObject({ requests: 0 }));
    } finally {
      await sink.stop();
    }
  });

  test('that refuses a mail which is needless by then is asked no more', async () => {
    const sink = await startSink();
    try {
      sink.behaviour.recipient = () => reply(550, 'no such user');
      const key = await opened(b.db, { name: 'one', stages: [{ group: 'mail' }] });
      b.alerter(`smtp://${sink.at}?tls=none`);
      await eventually(async () => expect((await refusedAlerts(b.db)).recipients).toEqual([ADA, BEN, CLEO]));
      sink.behaviour = {};
      await vote(b.db, key, ADA);
      b.now = later(2);
      await eventually(() => expect(sink.mails).toHaveLength(3));
      expect(sink.mails.every(({ headers }) => headers.get('subject')!.includes('approved'))).toBe(true);
    } finally {
      await sink.stop();
    }
  });
});
