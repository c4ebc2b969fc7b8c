import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { refusedAlerts, unmailedFindings } from '../../../services/store/alerts/refusals.ts';
import { type Bench, bench, eventually } from '../setup.ts';
import { reply, type Sink, startSink } from '../sink.ts';

let b: Bench;
let sink: Sink;
const url = () => `smtp://${sink.at}?tls=none`;
const DAY = 24 * 60;

beforeEach(async () => {
  sink = await startSink();
  b = await bench();
});
afterEach(async () => {
  await b.close();
  await sink.stop();
});

const states = async () => (await b.outbox()).map((mail) => mail.state);
const gauge = async (alerter: ReturnType<Bench['alerter']>) =>
  (await alerter.metrics.registry.metrics()).match(/^ruawatch_alerts_refused (\d+)$/m)?.[1];

describe('a mail that the server refuses for all', () => {
  test.each([
    ['relay denied', { recipient: () => reply(554, 'relay access denied') }],
    ['no such user', { recipient: () => reply(550, 'no such user here') }],
    ['sender not verified', { sender: () => reply(550, 'sender verify failed') }],
    ['content not wanted', { accept: () => reply(554, 'no thanks') }],
  ])('(%s) is made again later as another mail, and shown until then', async (_, behaviour) => {
    sink.behaviour = behaviour;
    const finding = await b.event({});
    const alerter = b.alerter(url());
    await eventually(() =>
      expect(alerter.service.waitingFor()).toMatch(/^Nobody could be mailed about 1 finding: .*55[04].*next try/),
    );
    expect(await states()).toEqual(['failed']);
    expect(await gauge(alerter)).toBe('1');
    expect(await unmailedFindings(b.db)).toEqual(new Map([[finding, expect.stringMatching(/55[04]/)]]));
    // Refused for three days more, with fewer and fewer tries.
    for (let hours = 0; hours < 72; hours++) {
      b.later(60);
      await b.db.query('select pg_sleep(0.1)');
    }
    const tries = (await states()).length;
    expect(tries).toBeGreaterThan(4);
    expect(tries).toBeLessThan(20);
    sink.behaviour = {};
    b.later(DAY);
    await eventually(() => expect(sink.mails).toHaveLength(1));
    await eventually(() => expect(alerter.service.waitingFor()).toBeNull());
    expect(await gauge(alerter)).toBe('0');
    expect(await unmailedFindings(b.db)).toEqual(new Map());
    // Every try is a mail of its own (RFC 5321 section 4.2.1), and begins the thread anew.
    const ids = (await b.outbox()).map((mail) => mail.message_id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(sink.mails[0]!.headers.get('subject')).toMatch(/^\[ruawatch\] example\.com: /);
    expect(sink.mails[0]!.headers.has('in-reply-to')).toBe(false);
  });

  test('goes to whom the settings name then, as soon as the alerter starts with them', async () => {
    sink.behaviour.recipient = (address) => (address === 'left@example.org' ? reply(550, 'no such user') : null);
    await b.event({});
    const first = b.alerter(url(), {}, { ALERT_TO: 'left@example.org' });
    await eventually(async () => expect(await states()).toEqual(['failed']));
    await first.stop();
    b.alerter(url(), {}, { ALERT_TO: 'new@example.org' });
    await eventually(() => expect(sink.mails.map((mail) => mail.to)).toEqual([['new@example.org']]));
  });

  test('does not hold up what happens next: the newest state is mailed', async () => {
    sink.behaviour.accept = () => reply(554, 'not now');
    const finding = await b.event({});
    b.alerter(url());
    await eventually(async () => expect(await states()).toEqual(['failed']));
    sink.behaviour = {};
    await b.event({ finding, event: 'changed', revision: 2, severity: 'critical' });
    await eventually(() => expect(sink.mails).toHaveLength(1));
    // Nobody had been told before.
    expect(sink.mails[0]!.headers.get('subject')).toMatch(/^\[ruawatch\]/);
    b.later(5 * DAY);
    await eventually(async () => expect(await refusedAlerts(b.db)).toMatchObject({ findings: 0 }));
    expect(sink.mails).toHaveLength(1);
  });

  test('is given up after weeks, and still shown', async () => {
    sink.behaviour.accept = () => reply(554, 'never');
    const finding = await b.event({});
    const alerter = b.alerter(url());
    await eventually(async () => expect(await states()).toEqual(['failed']));
    b.later(22 * DAY);
    await eventually(async () => expect(await states()).toEqual(['failed', 'failed']));
    await eventually(() => expect(alerter.service.waitingFor()).toBeNull());
    expect([...(await unmailedFindings(b.db)).keys()]).toEqual([finding]);
    b.later(30 * DAY);
    await b.db.query('select pg_sleep(0.3)');
    expect(await states()).toHaveLength(2);
  });
});

test('one recipient is refused and one put off: only the latter is tried again', async () => {
  const asked: string[] = [];
  let later = true;
  sink.behaviour.recipient = (address) => {
    asked.push(address);
    if (address.startsWith('gone')) return reply(550, 'no such user');
    return later ? reply(450, 'greylisted') : null;
  };
  await b.event({});
  b.alerter(url(), {}, { ALERT_TO: 'gone@example.org,slow@example.org' });
  await eventually(async () => expect(await b.outbox()).toMatchObject([{ state: 'pending', attempts: 1 }]));
  later = false;
  b.later(31);
  await eventually(() => expect(sink.mails.map((mail) => mail.to)).toEqual([['slow@example.org']]));
  expect(asked.filter((address) => address.startsWith('gone'))).toHaveLength(1);
});

test('one has the mail, and the other is refused in the end: it is delivered, and nobody gets it again', async () => {
  let answer: Error | null = reply(450, 'greylisted');
  sink.behaviour.recipient = (address) => (address.startsWith('slow') ? answer : null);
  await b.event({});
  const alerter = b.alerter(url(), {}, { ALERT_TO: 'quick@example.org,slow@example.org' });
  await eventually(async () => expect(await b.outbox()).toMatchObject([{ state: 'pending', attempts: 1 }]));
  answer = reply(550, 'no such user');
  b.later(31);
  await eventually(async () =>
    expect(await b.outbox()).toMatchObject([
      { state: 'sent', last_error: expect.stringMatching(/slow@example\.org.*no such user/) },
    ]),
  );
  b.later(5 * DAY);
  await b.db.query('select pg_sleep(0.5)');
  expect(sink.mails.map((mail) => mail.to)).toEqual([['quick@example.org']]);
  expect(await states()).toEqual(['sent']);
  expect(alerter.service.waitingFor()).toBeNull();
});

test('one has the mail, and the other is put off for five days: it is delivered, and nobody gets it again', async () => {
  sink.behaviour.recipient = (address) => (address.startsWith('slow') ? reply(452, 'mailbox full') : null);
  await b.event({});
  b.alerter(url(), {}, { ALERT_TO: 'quick@example.org,slow@example.org' });
  await eventually(async () => expect(await b.outbox()).toMatchObject([{ state: 'pending', attempts: 1 }]));
  b.later(6 * DAY);
  await eventually(async () =>
    expect(await b.outbox()).toMatchObject([
      { state: 'sent', last_error: expect.stringMatching(/slow@example\.org.*five days/) },
    ]),
  );
  b.later(5 * DAY);
  await b.db.query('select pg_sleep(0.5)');
  expect(sink.mails).toHaveLength(1);
});

describe('an address whose local part is not ASCII', () => {
  const env = { ALERT_TO: 'admin@example.org,jörg@example.org,other@example.org' };

  test('gets a mail apart, and is in no header of another', async () => {
    await b.event({});
    b.alerter(url(), {}, env);
    await eventually(() => expect(sink.mails).toHaveLength(2));
    expect(sink.mails.map((mail) => mail.to).sort()).toEqual([['admin@example.org', 'other@example.org'], ['jörg@example.org']]);
    const plain = sink.mails.find((mail) => mail.to.length === 2)!;
    expect(plain.raw).toMatch(/^[\x00-\x7f]*$/);
    expect(plain.raw).not.toMatch(/j=C3=B6rg|jörg|J=\?/);
    expect(new Set(sink.mails.map((mail) => mail.headers.get('message-id'))).size).toBe(2);
  });

  test('that the server refuses holds nobody up, and nobody is mailed twice', async () => {
    sink.behaviour.recipient = (address) => (address.startsWith('j') ? reply(553, 'SMTPUTF8 is not offered') : null);
    await b.event({});
    b.alerter(url(), {}, env);
    await eventually(async () => expect((await states()).sort()).toEqual(['failed', 'sent']));
    b.later(3 * DAY);
    await b.db.query('select pg_sleep(0.5)');
    expect(sink.mails.map((mail) => mail.to)).toEqual([['admin@example.org', 'other@example.org']]);
  });
});
