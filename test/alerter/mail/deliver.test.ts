import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { renderFinding } from '../../../services/alerter/index.ts';
import { composeMails } from '../../../services/alerter/mail/compose.ts';
import { evidenceOf, FINDINGS, unversioned } from '../events.ts';
import { type Bench, bench, eventually } from '../setup.ts';
import { reply, type Sink, startSink } from '../sink.ts';

let b: Bench;
let sink: Sink;
const url = () => `smtp://${sink.at}?tls=none`;

beforeEach(async () => {
  sink = await startSink();
  b = await bench();
});
afterEach(async () => {
  await b.close();
  await sink.stop();
});

const settled = () =>
  eventually(async () => {
    const { rows } = await b.db.query(
      "select (select count(*) from ruawatch.finding_events where handled_at is null) + (select count(*) from ruawatch.outbox where state = 'pending') as n",
    );
    expect(rows[0]).toEqual({ n: 0 });
  });

/** One part of a multipart mail, decoded. */
function part(raw: string, type: string): string {
  const at = raw.indexOf(`Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n`);
  expect(at).toBeGreaterThan(0);
  const start = raw.indexOf('\r\n\r\n', at) + 4;
  const encoded = raw.slice(start, raw.indexOf('\r\n----', start));
  const bytes = encoded
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8').replaceAll('\r\n', '\n');
}

describe('a finding', () => {
  test('is mailed once, with the headers of an automatic mail', async () => {
    const key = await b.event({});
    const alerter = b.alerter(url());
    await settled();
    await alerter.stop();
    expect(sink.mails).toHaveLength(1);
    const mail = sink.mails[0]!;
    expect(mail).toMatchObject({ from: 'ruawatch@example.org', to: ['admin@example.org'] });
    expect(Object.fromEntries(mail.headers)).toMatchObject({
      from: 'ruawatch <ruawatch@example.org>',
      to: 'admin@example.org',
      subject: '[ruawatch] example.com: mail from 8 networks fails SPF and DKIM (high)',
      date: 'Tue, 06 Oct 2026 08:00:00 +0000',
      'auto-submitted': 'auto-generated',
      'x-auto-response-suppress': 'All',
      'list-id': 'ruawatch alerts <alerts.example.org>',
      importance: 'high',
      'mime-version': '1.0',
    });
    expect(mail.headers.get('message-id')).toMatch(new RegExp(`^<finding-${key}-1-opened\\.[0-9a-f]{12}@example\\.org>$`));
    expect(mail.headers.get('content-type')).toContain('multipart/alternative');
    expect(mail.headers.has('references')).toBe(false);
    const content = renderFinding({
      ...FINDINGS.unauthorized_source!,
      ...evidenceOf(unversioned(FINDINGS.unauthorized_source!)),
      finding_key: key,
      severity: 'high',
      summary: 'mail from 8 networks fails SPF and DKIM',
    });
    expect(part(mail.raw, 'text/plain')).toBe(content.text);
    expect(part(mail.raw, 'text/html')).toBe(content.html);
    expect(await alerter.metrics.alerts.get()).toMatchObject({ values: [{ labels: { outcome: 'sent' }, value: 1 }] });
    const sent = alerter.logged.map((line) => JSON.parse(line)).find((line) => line.msg === 'sent an alert');
    expect(sent).toMatchObject({ finding: key, outbox: 1 });
  });

  test('changes and resolves in the thread of its first mail', async () => {
    b.alerter(url());
    const finding = await b.event({});
    await settled();
    b.later(60 * 24);
    await b.event({
      finding,
      event: 'changed',
      revision: 2,
      severity: 'critical',
      summary: 'mail from 30 networks fails SPF and DKIM',
    });
    await settled();
    b.later(60 * 24);
    await b.event({ finding, event: 'resolved', revision: 3, summary: 'over' });
    await settled();
    expect(sink.mails.map((mail) => mail.headers.get('subject'))).toEqual([
      '[ruawatch] example.com: mail from 8 networks fails SPF and DKIM (high)',
      '[ruawatch] Changed: example.com: mail from 30 networks fails SPF and DKIM',
      '[ruawatch] Resolved: example.com: over',
    ]);
    const ids = sink.mails.map((mail) => mail.headers.get('message-id'));
    expect(new Set(ids).size).toBe(3);
    for (const mail of sink.mails.slice(1)) {
      expect(mail.headers.get('references')).toBe(ids[0]);
      expect(mail.headers.get('in-reply-to')).toBe(ids[0]);
    }
  });

  test('is told by its newest state, and not at all when it is over before anybody was told', async () => {
    const changed = await b.event({ domain: 'changed.example' });
    await b.event({ finding: changed, event: 'changed', revision: 2, severity: 'critical' });
    const over = await b.event({ domain: 'over.example' });
    await b.event({ finding: over, event: 'resolved', revision: 2 });
    const old = await b.event({ domain: 'old.example', notify: false });
    await b.event({ finding: old, event: 'resolved', revision: 2 });
    b.alerter(url());
    await settled();
    expect(sink.mails.map((mail) => mail.headers.get('subject'))).toEqual([
      '[ruawatch] changed.example: mail from 8 networks fails SPF and DKIM',
    ]);
    expect(sink.mails[0]!.headers.get('message-id')).toContain(`finding-${changed}-2-changed.`);
  });

  test('goes to those who answer for its domain', async () => {
    await b.event({ domain: 'example.com' });
    await b.event({ domain: 'mail.shop.example.net' });
    await b.event({ domain: 'notshop.example.net' });
    b.alerter(url(), { domains: { 'Shop.Example.NET': ['b@example.net', 'a@example.net', 'b@example.net'] } });
    await settled();
    expect(sink.mails.map((mail) => [mail.headers.get('subject')!.split(' ')[1], mail.to])).toEqual([
      ['example.com:', ['admin@example.org']],
      ['notshop.example.net:', ['admin@example.org']],
      ['mail.shop.example.net:', ['a@example.net', 'b@example.net']],
    ]);
  });

  test('is sent when a job wakes the alerter', async () => {
    const alerter = b.alerter(url());
    const finding = await b.event({});
    expect(await alerter.queues.add('alert', { findings: [finding] })).toBe(true);
    await settled();
    await eventually(async () => {
      expect(await alerter.metrics.jobs.get()).toMatchObject({
        values: [{ labels: { queue: 'alert', outcome: 'done' }, value: 1 }],
      });
    });
    expect(sink.mails).toHaveLength(1);
  });
});

describe('an outage delays, and neither loses nor repeats', () => {
  test('the server is down', async () => {
    await sink.stop();
    await b.event({ domain: 'one.example' });
    await b.event({ domain: 'two.example' });
    const alerter = b.alerter(url());
    await eventually(() =>
      expect(alerter.service.waitingFor()).toBe(
        `SMTP: The mail server of SMTP_URL (${sink.at}) cannot be reached: connection refused; 2 mails wait`,
      ),
    );
    // A week: an outage never counts as a refusal.
    b.later(60 * 24 * 7);
    await eventually(async () =>
      expect((await b.outbox()).every((mail) => mail.attempts >= 1 && mail.state === 'pending')).toBe(true),
    );
    await sink.again();
    b.later(2);
    await settled();
    await eventually(() => expect(alerter.service.waitingFor()).toBeNull());
    await alerter.stop();
    expect(sink.mails.map((mail) => mail.headers.get('subject')!.split(' ')[1]).sort()).toEqual(['one.example:', 'two.example:']);
  });

  test('the server says 451 after the mail, for a while', async () => {
    let refusals = 0;
    sink.behaviour.accept = () => (refusals++ < 2 ? reply(451, 'try again later') : null);
    await b.event({});
    b.alerter(url());
    await eventually(async () => expect(await b.outbox()).toMatchObject([{ state: 'pending', attempts: 1 }]));
    expect((await b.outbox())[0]!.last_error).toMatch(/postpones the mail: 451 try again later$/);
    b.later(31);
    await eventually(async () => expect(await b.outbox()).toMatchObject([{ attempts: 2 }]));
    b.later(31);
    await settled();
    expect(sink.mails).toHaveLength(1);
    expect(refusals).toBe(3);
  });

  test('the connection breaks in the middle of the mail', async () => {
    sink.behaviour.cut = true;
    await b.event({});
    const alerter = b.alerter(url());
    await eventually(async () => expect(await b.outbox()).toMatchObject([{ state: 'pending', attempts: 1 }]));
    await eventually(() => expect(alerter.service.waitingFor()).toMatch(/^SMTP: .*; 1 mail waits$/));
    sink.behaviour.cut = false;
    b.later(2);
    await settled();
    expect(sink.mails).toHaveLength(1);
  });

  test('a later mail of a finding never overtakes the one that is put off', async () => {
    sink.behaviour.accept = () => reply(451, 'later');
    b.alerter(url());
    const finding = await b.event({});
    await eventually(async () => expect(await b.outbox()).toMatchObject([{ attempts: 1 }]));
    await b.event({ finding, event: 'changed', revision: 2 });
    await eventually(async () => expect(await b.outbox()).toHaveLength(2));
    sink.behaviour = {};
    b.later(31);
    await settled();
    expect(sink.mails.map((mail) => mail.headers.get('subject')!.startsWith('[ruawatch] Changed: '))).toEqual([false, true]);
  });

  test('the sender is refused: another mail is tried later, and a person is told of it until then', async () => {
    sink.behaviour.sender = () => reply(550, 'not your address');
    await b.event({});
    const alerter = b.alerter(url());
    await eventually(() =>
      expect(alerter.service.waitingFor()).toContain('does not accept ALERT_FROM as the sender: 550 not your address'),
    );
    sink.behaviour = {};
    b.later(60 * 24 * 8);
    await eventually(() => expect(sink.mails).toHaveLength(1));
  });
});

describe('a crash', () => {
  test('between the commit of a mail and its sending: the next alerter sends it once', async () => {
    await b.event({});
    const alerts = {
      domains: {},
      per_hour: 10,
      per_domain_hour: 5,
      first_start_mails: 10,
      digest: 'off',
      digest_day: 'monday',
      digest_hour: 7,
    } as const;
    const made = await composeMails(
      b.db,
      { from: 'ruawatch@example.org', alertTo: ['admin@example.org'], alerts },
      b.now,
      pino({ level: 'silent' }),
    );
    expect(made).toEqual({ mails: 1, held: 0 });
    expect(sink.mails).toHaveLength(0);
    b.alerter(url());
    await settled();
    expect(sink.mails).toHaveLength(1);
  });

  test('while a mail is made leaves neither mail nor mark', async () => {
    await b.event({});
    await b.db.query(`create function pg_temp_break() returns trigger language plpgsql as $$ begin
      perform pg_terminate_backend(pg_backend_pid()); return new; end $$`);
    await b.db.query('create trigger break after insert on ruawatch.outbox for each row execute function pg_temp_break()');
    const alerter = b.alerter(url());
    await eventually(() => expect(alerter.logged.join('')).toContain('sending alerts failed; next try'));
    expect(await b.outbox()).toEqual([]);
    await b.db.query('drop trigger break on ruawatch.outbox');
    await settled();
    await eventually(() => expect(alerter.service.waitingFor()).toBeNull());
    expect(sink.mails).toHaveLength(1);
  });

  test("between the server's 250 and the commit: the same bytes once more, under the same Message-ID", async () => {
    let broken = false;
    const taken: string[] = [];
    sink.behaviour.accept = async (mail) => {
      taken.push(mail.raw);
      if (!broken) {
        broken = true;
        await b.db.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'alerter' and state = 'idle in transaction' and datname = current_database()",
        );
      }
      return null;
    };
    await b.event({});
    b.alerter(url());
    await settled();
    expect(taken).toHaveLength(2);
    expect(taken[1]).toBe(taken[0]);
    expect((await b.outbox())[0]).toMatchObject({ state: 'sent', attempts: 0 });
  });
});

describe('several alerters', () => {
  test('send each mail once', async () => {
    for (let i = 0; i < 30; i++) await b.event({ domain: `d${i}.example` });
    const alerters = [
      b.alerter(url(), { per_hour: 100 }),
      b.alerter(url(), { per_hour: 100 }),
      b.alerter(url(), { per_hour: 100 }),
    ];
    await settled();
    for (const alerter of alerters) await alerter.stop();
    expect(sink.mails).toHaveLength(30);
    expect(new Set(sink.mails.map((mail) => mail.headers.get('message-id'))).size).toBe(30);
  });

  test('do not touch the mail that another one is sending', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let arrived = 0;
    sink.behaviour.accept = async () => {
      arrived++;
      await held;
      return null;
    };
    await b.event({});
    const first = b.alerter(url());
    await eventually(() => expect(arrived).toBe(1));
    const second = b.alerter(url());
    // A mail of another finding passes through the second one while the first still sends.
    await b.event({ domain: 'other.example' });
    await eventually(() => expect(arrived).toBe(2));
    release();
    await settled();
    await Promise.all([first.stop(), second.stop()]);
    expect(sink.mails).toHaveLength(2);
  });

  test('a stop ends the mail under way and sends no other', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let arrived = 0;
    sink.behaviour.accept = async () => {
      arrived++;
      await held;
      return null;
    };
    await b.event({ domain: 'one.example' });
    await b.event({ domain: 'two.example' });
    const alerter = b.alerter(url());
    await eventually(() => expect(arrived).toBe(1));
    const stopped = alerter.service.stop();
    release();
    await stopped;
    expect((await b.outbox()).map((mail) => mail.state)).toEqual(['sent', 'pending']);
    expect(sink.mails).toHaveLength(1);
  });
});

describe('a refusal', () => {
  test('for good fails that mail alone, and says why', async () => {
    sink.behaviour.accept = (mail) =>
      mail.headers.get('subject')!.includes('bad.example') ? reply(554, 'not wanted here') : null;
    await b.event({ domain: 'bad.example' });
    await b.event({ domain: 'good.example' });
    const alerter = b.alerter(url());
    await eventually(async () => expect(await b.outbox()).toMatchObject([{ state: 'failed' }, { state: 'sent' }]));
    // Nothing of the library's own texts.
    expect((await b.outbox())[0]!.last_error).toMatch(
      /^The mail server of SMTP_URL \(\S+\) refuses the mail: 554 not wanted here$/,
    );
    expect(alerter.logged.join('')).toContain('the mail server refused recipients of an alert; it is tried again as a new mail');
    expect(await alerter.metrics.alerts.get()).toMatchObject({
      values: expect.arrayContaining([{ labels: { outcome: 'failed' }, value: 1 }]),
    });
  });

  test('of some recipients: the others get it once, the one put off gets it later', async () => {
    let greylisted = true;
    sink.behaviour.recipient = (address) => {
      if (address === 'gone@example.org') return reply(550, 'no such user');
      return address === 'slow@example.org' && greylisted ? reply(450, 'greylisted') : null;
    };
    await b.event({});
    b.alerter(url(), { domains: { 'example.com': ['fine@example.org', 'slow@example.org', 'gone@example.org'] } });
    await eventually(async () => expect(await b.outbox()).toMatchObject([{ state: 'pending', attempts: 1 }]));
    greylisted = false;
    b.later(14);
    await eventually(() => expect(sink.mails.map((mail) => mail.to)).toEqual([['fine@example.org'], ['slow@example.org']]));
    expect(sink.mails[1]!.raw).toBe(sink.mails[0]!.raw);
  });

  test('that goes on for five days ends the mail', async () => {
    sink.behaviour.recipient = () => reply(452, 'mailbox full');
    await b.event({});
    b.alerter(url());
    await eventually(async () => expect(await b.outbox()).toMatchObject([{ attempts: 1 }]));
    b.later(60 * 24 * 4.9);
    await eventually(async () => expect(await b.outbox()).toMatchObject([{ state: 'pending', attempts: 2 }]));
    b.later(60 * 24 * 0.2);
    await eventually(async () =>
      expect((await b.outbox())[0]).toMatchObject({
        state: 'failed',
        last_error: expect.stringContaining('given up after five days'),
      }),
    );
  });
});

test('a mail server that is not there is known before the first alert, said once, and asked again until it answers', async () => {
  await sink.stop();
  const alerter = b.alerter(url());
  const sentence = `The mail server of SMTP_URL (${sink.at}) cannot be reached: connection refused`;
  await eventually(() => expect(alerter.service.waitingFor()).toBe(`SMTP: ${sentence}; 0 mails wait`));
  for (let i = 0; i < 5; i++) {
    b.later(6);
    await b.db.query('select pg_sleep(0.1)');
  }
  expect(alerter.logged.filter((line) => line.includes('no alert can be mailed at present'))).toHaveLength(1);
  await sink.again();
  b.later(6);
  await eventually(() => expect(alerter.service.waitingFor()).toBeNull());
  expect(sink.mails).toEqual([]);
});
