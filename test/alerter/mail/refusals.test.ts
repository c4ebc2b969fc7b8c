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

/**
 * Lets so many hours go by: from one try to the next that the alerter names, which it makes when it is due.
 */
const pass = async ({ service }: ReturnType<Bench['alerter']>, hours: number) => {
  const end = b.now.getTime() + hours * 3_600_000;
  for (;;) {
    const next = /next try (\S+) (\S+) UTC/.exec(service.waitingFor() ?? '');
    if (next === null) return;
    const at = new Date(`${next[1]}T${next[2]}:59Z`);
    if (at.getTime() > end) break;
    const before = await states();
    b.now = at.getTime() > b.now.getTime() ? at : b.now;
    b.later(1);
    await eventually(async () => expect((await states()).length).toBeGreaterThan(before.length));
    await eventually(async () => expect((await states()).every((state) => state !== 'pending')).toBe(true));
    await eventually(() => expect(service.waitingFor() ?? '').not.toContain(next[0]));
  }
  b.now = new Date(end);
};
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
      expect(alerter.service.waitingFor()).toMatch(/^admin@example\.org could not be mailed about 1 finding: .*55[04].*next try/),
    );
    expect(await states()).toEqual(['failed']);
    expect(await gauge(alerter)).toBe('1');
    expect(await unmailedFindings(b.db)).toEqual(
      new Map([[finding, { recipients: ['admin@example.org'], refusal: expect.stringMatching(/55[04]/) }]]),
    );
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

  test('is tried less and less often while it is refused for three days more', async () => {
    sink.behaviour.accept = () => reply(554, 'no thanks');
    await b.event({});
    const alerter = b.alerter(url());
    await eventually(() => expect(alerter.service.waitingFor()).toMatch(/next try/));
    await pass(alerter, 72);
    const tries = (await states()).length;
    expect(tries).toBeGreaterThan(4);
    expect(tries).toBeLessThan(20);
    sink.behaviour = {};
    b.later(DAY);
    await eventually(() => expect(sink.mails).toHaveLength(1));
    const ids = (await b.outbox()).map((mail) => mail.message_id);
    expect(new Set(ids).size).toBe(ids.length);
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

/** Mails by recipient, in the order of arrival. */
const got = (address: string) =>
  sink.mails.filter((mail) => mail.to.includes(address)).map((mail) => mail.headers.get('message-id')!);
const refuse = (...names: string[]) => {
  sink.behaviour.recipient = (address) => (names.some((name) => address.startsWith(name)) ? reply(550, 'no such user') : null);
};
const subjects = (address: string) =>
  sink.mails.filter((mail) => mail.to.includes(address)).map((mail) => mail.headers.get('subject')!);

describe('a mail that the server refuses for some of its recipients', () => {
  const env = { ALERT_TO: 'fine@example.org,gone@example.org' };

  test('reaches the others once, and is made again for the refused alone until they get it', async () => {
    refuse('gone');
    const finding = await b.event({});
    const alerter = b.alerter(url(), {}, env);
    await eventually(() =>
      expect(alerter.service.waitingFor()).toMatch(/^gone@example\.org could not be mailed about 1 finding: .*550.*next try/),
    );
    expect(await gauge(alerter)).toBe('1');
    expect(await unmailedFindings(b.db)).toEqual(
      new Map([[finding, { recipients: ['gone@example.org'], refusal: expect.stringContaining('550') }]]),
    );
    await pass(alerter, 48);
    const tries = (await states()).length;
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThan(15);
    sink.behaviour = {};
    b.later(DAY);
    await eventually(() => expect(got('gone@example.org')).toHaveLength(1));
    await eventually(() => expect(alerter.service.waitingFor()).toBeNull());
    expect(await gauge(alerter)).toBe('0');
    expect(await unmailedFindings(b.db)).toEqual(new Map());
    expect(got('fine@example.org')).toHaveLength(1);
    expect(got('gone@example.org')).not.toEqual(got('fine@example.org'));
    expect(sink.mails[1]).toMatchObject({ to: ['gone@example.org'] });
    expect(sink.mails[1]!.headers.get('to')).toBe('gone@example.org');
    const ids = (await b.outbox()).map((mail) => mail.message_id);
    expect(new Set(ids).size).toBe(ids.length);
    // It is told of what follows like the others, in one mail to both.
    await b.event({ finding, event: 'changed', revision: 2 });
    await eventually(() => expect(sink.mails.at(-1)!.to).toEqual(['fine@example.org', 'gone@example.org']));
    b.later(5 * DAY);
    await b.db.query('select pg_sleep(0.3)');
    expect(sink.mails).toHaveLength(3);
  });

  test('goes to whoever is named in place of the refused, and to nobody twice', async () => {
    refuse('gone');
    await b.event({});
    const first = b.alerter(url(), {}, env);
    await eventually(() => expect(first.service.waitingFor()).toMatch(/^gone/));
    await first.stop();
    const second = b.alerter(url(), {}, { ALERT_TO: 'fine@example.org,new@example.org' });
    await eventually(() => expect(got('new@example.org')).toHaveLength(1));
    await eventually(async () => expect(await refusedAlerts(b.db)).toMatchObject({ findings: 0, recipients: [] }));
    await second.stop();
    expect(await unmailedFindings(b.db)).toEqual(new Map());
    // Nobody takes the place: what was refused is settled.
    await b.event({ domain: 'other.example' });
    const third = b.alerter(url(), {}, env);
    await eventually(() => expect(third.service.waitingFor()).toMatch(/^gone/));
    await third.stop();
    b.alerter(url(), {}, { ALERT_TO: 'fine@example.org' });
    await eventually(async () => expect(await refusedAlerts(b.db)).toMatchObject({ findings: 0 }));
    expect(got('fine@example.org')).toHaveLength(2);
  });

  test('keeps nobody from what happens next, and says "opened" to whom it is new', async () => {
    refuse('gone');
    const finding = await b.event({});
    const alerter = b.alerter(url(), {}, env);
    await eventually(() => expect(alerter.service.waitingFor()).toMatch(/^gone/));
    sink.behaviour = {};
    await b.event({ finding, event: 'changed', revision: 2, severity: 'critical' });
    await eventually(() => expect(sink.mails).toHaveLength(3));
    expect(subjects('fine@example.org')[1]).toMatch(/^\[ruawatch\] Changed: /);
    expect(subjects('gone@example.org')).toEqual([expect.not.stringContaining('Changed')]);
    const [mine] = sink.mails.filter((mail) => mail.to.includes('gone@example.org'));
    expect(mine!.headers.has('in-reply-to')).toBe(false);
    await eventually(async () => expect(await refusedAlerts(b.db)).toMatchObject({ findings: 0 }));
  });

  test('is over for whom it never reached, once the finding is', async () => {
    refuse('gone');
    const finding = await b.event({});
    const alerter = b.alerter(url(), {}, env);
    await eventually(() => expect(alerter.service.waitingFor()).toMatch(/^gone/));
    await b.event({ finding, event: 'resolved', revision: 2 });
    await eventually(() =>
      expect(subjects('fine@example.org')).toEqual([expect.anything(), expect.stringContaining('Resolved')]),
    );
    await eventually(() => expect(alerter.service.waitingFor()).toBeNull());
    sink.behaviour = {};
    b.later(5 * DAY);
    await b.db.query('select pg_sleep(0.3)');
    expect(got('gone@example.org')).toEqual([]);
  });

  test('the summary of what was held back is made again for them too', async () => {
    refuse('gone');
    for (let i = 0; i < 4; i++) await b.event({ domain: `d${i}.example` });
    const alerter = b.alerter(url(), { per_hour: 1 }, env);
    await eventually(() => expect(got('fine@example.org')).toHaveLength(1));
    b.later(61);
    await eventually(() => expect(got('fine@example.org')).toHaveLength(2));
    sink.behaviour = {};
    for (let hours = 0; hours < 30; hours++) {
      b.later(60);
      await b.db.query('select pg_sleep(0.05)');
    }
    await eventually(() => expect(alerter.service.waitingFor()).toBeNull());
    expect(got('fine@example.org')).toHaveLength(2);
    const all = sink.mails
      .filter((mail) => mail.to.includes('gone@example.org'))
      .map((mail) => mail.raw)
      .join('');
    for (let i = 0; i < 4; i++) expect(all).toContain(`d${i}.example`);
  });

  test('who got it before another was put off, and refused at last, does not get it again', async () => {
    let answer: () => Error | null = () => reply(450, 'greylisted');
    sink.behaviour.recipient = (address) => (address.startsWith('slow') ? answer() : null);
    await b.event({});
    const alerter = b.alerter(url(), {}, { ALERT_TO: 'fine@example.org,slow@example.org' });
    await eventually(async () => expect(await b.outbox()).toMatchObject([{ state: 'pending', attempts: 1 }]));
    answer = () => reply(550, 'no');
    b.later(31);
    await eventually(() => expect(alerter.service.waitingFor()).toMatch(/^slow@example\.org could not/));
    expect((await b.outbox())[0]).toMatchObject({ state: 'sent' });
    answer = () => null;
    b.later(DAY);
    await eventually(() => expect(got('slow@example.org')).toHaveLength(1));
    expect(got('fine@example.org')).toHaveLength(1);
  });

  test('a recipient who is put off for days does not hold up what follows for the others', async () => {
    sink.behaviour.recipient = (address) => (address.startsWith('slow') ? reply(450, 'greylisted') : null);
    const finding = await b.event({});
    b.alerter(url(), {}, { ALERT_TO: 'fine@example.org,slow@example.org' });
    await eventually(() => expect(got('fine@example.org')).toHaveLength(1));
    await b.event({ finding, event: 'changed', revision: 2 });
    await eventually(() => expect(got('fine@example.org')).toHaveLength(2));
  });

  test.each(['gone@b\u00fccher.example', 'Gone@EXAMPLE.org'])(
    'an address is known again however the server writes it: %s',
    async (odd) => {
      refuse('gone', 'Gone');
      await b.event({});
      const alerter = b.alerter(url(), {}, { ALERT_TO: `fine@example.org,${odd}` });
      await eventually(() => expect(alerter.service.waitingFor()).toContain(`${odd} could not be mailed`));
      sink.behaviour = {};
      b.later(DAY);
      await eventually(() => expect(sink.mails).toHaveLength(2));
      await eventually(() => expect(alerter.service.waitingFor()).toBeNull());
      expect(got('fine@example.org')).toHaveLength(1);
    },
  );

  test('several alerters that are killed and started again mail nobody twice', async () => {
    refuse('gone');
    for (let i = 0; i < 8; i++) await b.event({ domain: `d${i}.example` });
    for (let round = 0; round < 4; round++) {
      const alerters = [1, 2, 3].map(() => b.alerter(url(), { per_hour: 100 }, env));
      await eventually(async () => expect(await refusedAlerts(b.db)).toMatchObject({ findings: 8 }));
      await b.db.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'alerter' and datname = current_database()",
      );
      for (const alerter of alerters) await alerter.stop().catch(() => undefined);
    }
    sink.behaviour = {};
    b.alerter(url(), { per_hour: 100 }, env);
    await eventually(async () => expect(await refusedAlerts(b.db)).toMatchObject({ findings: 0 }));
    await eventually(async () => expect((await b.outbox()).filter((mail) => mail.state === 'pending')).toEqual([]));
    // The one ambiguous case, a kill after the server took it, repeats a Message-ID.
    for (const who of ['fine@example.org', 'gone@example.org']) expect(new Set(got(who)).size).toBe(8);
  });
});

test('one recipient is refused and one put off: each is tried again in its own way', async () => {
  let later = true;
  sink.behaviour.recipient = (address) => {
    if (address.startsWith('gone')) return reply(550, 'no such user');
    return later ? reply(450, 'greylisted') : null;
  };
  await b.event({});
  const alerter = b.alerter(url(), {}, { ALERT_TO: 'gone@example.org,slow@example.org' });
  await eventually(async () => expect(await b.outbox()).toMatchObject([{ state: 'pending', attempts: 1 }]));
  later = false;
  b.later(31);
  await eventually(() => expect(sink.mails.map((mail) => mail.to)).toEqual([['slow@example.org']]));
  sink.behaviour = {};
  b.later(DAY);
  await eventually(() => expect(sink.mails.map((mail) => mail.to)).toEqual([['slow@example.org'], ['gone@example.org']]));
  await eventually(() => expect(alerter.service.waitingFor()).toBeNull());
});

describe('a weekly digest that the server refuses', () => {
  const weekly = { digest: 'weekly', digest_day: 'monday', digest_hour: 7 } as const;
  const env = { ALERT_TO: 'fine@example.org,gone@example.org' };
  beforeEach(async () => {
    // A Monday, an hour after the digest is due.
    b.now = new Date('2026-10-05T08:00:00Z');
    await b.db.query("update ruawatch.migrations set applied_at = '2026-01-01'");
  });

  test('for all is made again as another mail until somebody gets it, and shown until then', async () => {
    sink.behaviour.accept = () => reply(554, 'no thanks');
    const alerter = b.alerter(url(), weekly);
    await eventually(() =>
      expect(alerter.service.waitingFor()).toMatch(
        /^admin@example\.org could not be mailed with the weekly digest: .*554.*next try/,
      ),
    );
    expect(await gauge(alerter)).toBe('1');
    await pass(alerter, 99);
    const tries = (await states()).length;
    expect(tries).toBeGreaterThan(4);
    expect(tries).toBeLessThan(22);
    sink.behaviour = {};
    b.later(DAY);
    await eventually(() => expect(got('admin@example.org')).toHaveLength(1));
    await eventually(() => expect(alerter.service.waitingFor()).toBeNull());
    expect(subjects('admin@example.org')).toEqual([expect.stringContaining('Week to 2026-10-03')]);
    const ids = (await b.outbox()).map((mail) => mail.message_id);
    expect(new Set(ids).size).toBe(ids.length);
    b.later(DAY);
    await b.db.query('select pg_sleep(0.3)');
    expect(sink.mails).toHaveLength(1);
  });

  test('for one reaches that one later and the others once, also when the alerter starts again', async () => {
    refuse('gone');
    const first = b.alerter(url(), weekly, env);
    await eventually(() =>
      expect(first.service.waitingFor()).toMatch(/^gone@example\.org could not be mailed with the weekly digest/),
    );
    await first.stop();
    const second = b.alerter(url(), weekly, env);
    await eventually(() => expect(second.service.waitingFor()).toMatch(/^gone/));
    sink.behaviour = {};
    b.later(3 * DAY);
    await eventually(() => expect(got('gone@example.org')).toHaveLength(1));
    await eventually(() => expect(second.service.waitingFor()).toBeNull());
    expect(got('fine@example.org')).toHaveLength(1);
  });

  test('goes to whom the settings name in place of the refused', async () => {
    refuse('gone');
    const first = b.alerter(url(), weekly, env);
    await eventually(() => expect(first.service.waitingFor()).toMatch(/^gone/));
    await first.stop();
    b.later(60);
    b.alerter(url(), weekly, { ALERT_TO: 'fine@example.org,new@example.org' });
    await eventually(() => expect(got('new@example.org')).toHaveLength(1));
    await eventually(async () => expect(await refusedAlerts(b.db)).toMatchObject({ digests: 0 }));
    expect(got('fine@example.org')).toHaveLength(1);
  });

  test('is followed by the next one, which covers the time of the refused one for whom it did not reach', async () => {
    refuse('gone');
    await b.event({ domain: 'one.example', kind: 'policy_change', summary: 'a story of the first week' });
    await b.db.query(
      "insert into ruawatch.sources (domain, source, class, first_seen, last_seen, messages, passed) values ('one.example', 'a.example', 'authorized', '2026-09-01', '2026-10-05', 1, 1)",
    );
    await b.db.query("update ruawatch.findings set opened_at = '2026-10-04'");
    const alerter = b.alerter(url(), weekly, env);
    await eventually(() => expect(alerter.service.waitingFor()).toMatch(/weekly digest/));
    // Its tries end with the next digest.
    await b.db.query("update ruawatch.digests set retry_at = '2027-01-01'");
    await b.db.query('update ruawatch.finding_events set handled_at = now(), retry_at = null');
    sink.behaviour = {};
    b.now = new Date('2026-10-12T08:00:00Z');
    const week = (who: string) =>
      sink.mails.filter((mail) => mail.to.includes(who) && mail.headers.get('subject')!.includes('Week to 2026-10-10'));
    await eventually(() =>
      expect([week('fine@example.org'), week('gone@example.org')].map((list) => list.length)).toEqual([1, 1]),
    );
    expect(week('gone@example.org')[0]!.raw).toMatch(/New \(1\)/);
    expect(week('fine@example.org')[0]!.raw).not.toMatch(/New \(1\)/);
    await eventually(async () => expect(await refusedAlerts(b.db)).toMatchObject({ digests: 0 }));
  });

  test('ends when digests are switched off', async () => {
    refuse('gone');
    const first = b.alerter(url(), weekly, env);
    await eventually(() => expect(first.service.waitingFor()).toMatch(/weekly digest/));
    await first.stop();
    b.alerter(url(), { digest: 'off' }, env);
    await eventually(async () => expect(await refusedAlerts(b.db)).toMatchObject({ digests: 0 }));
  });
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
  await eventually(async () => expect(await states()).toEqual(['sent', 'failed']));
  expect(sink.mails.map((mail) => mail.to)).toEqual([['quick@example.org']]);
  expect(alerter.service.waitingFor()).toMatch(/^slow@example\.org could not be mailed/);
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
  await eventually(async () => expect(await states()).toEqual(['sent', 'pending']));
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
    sink.behaviour = {};
    b.later(3 * DAY);
    await eventually(() => expect(sink.mails.map((mail) => mail.to).at(-1)).toEqual(['jörg@example.org']));
    expect(sink.mails).toHaveLength(2);
  });
});
