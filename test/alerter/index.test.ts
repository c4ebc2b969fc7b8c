import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startAlerter } from '../../services/alerter/index.ts';
import { createLog } from '../../services/shared/runtime/log.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { type Config, loadConfig } from '../../services/shared/settings/config.ts';
import { addPerson } from '../../services/store/console/people.ts';
import { signIn } from '../../services/store/console/sign-ins.ts';
import { holdMessage } from '../../services/store/held/hold.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { heldOf, KEY } from '../requests/held/sample.ts';
import { GROUPS, rulesOf } from '../requests/sample.ts';
import { ADA, opened, START, TWO } from './requests/setup.ts';
import { type Alerter, type Bench, bench, eventually } from './setup.ts';
import { reply, type Sink, startSink } from './sink.ts';

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

test('a stop waits for the mail that is under way, each time it is asked', async () => {
  let accept: (() => void) | null = null;
  sink.behaviour.accept = () =>
    new Promise((resolve) => {
      accept = () => resolve(null);
    });
  await b.event({});
  await b.event({ domain: 'next.example' });
  const { service } = b.alerter(url());
  await eventually(() => expect(accept).not.toBeNull());
  let ends = 0;
  const stops = [1, 2].map(() => Promise.resolve(service.stop()).then(() => ends++));
  await b.db.query('select 1');
  expect(ends).toBe(0);
  accept!();
  await Promise.all(stops);
  expect(sink.mails).toHaveLength(1);
  expect((await b.outbox()).map(({ state }) => state)).toEqual(['sent', 'pending']);
});

/** No sweep comes in a test. */
const hourly = (config: Config) => {
  config.sweep = { every_seconds: 3600, after_seconds: 3600 };
};

test('a job that comes during a turn has one of its own after it, and names its findings in the log', async () => {
  const accept: (() => void)[] = [];
  sink.behaviour.accept = () => new Promise((resolve) => accept.push(() => resolve(null)));
  await b.event({ domain: 'first.example' });
  const alerter = b.alerter(url(), {}, {}, hourly);
  expect(alerter.service.waitingFor!()).toBeNull();
  await eventually(() => expect(accept).toHaveLength(1));
  const finding = await b.event({ domain: 'second.example' });
  await alerter.queues.add('alert', { findings: [finding] });
  const triggers = () => alerter.logged.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'triggered by findings');
  await eventually(() => expect(triggers()).toMatchObject([{ findings: [finding], queue: 'alert' }]));
  accept[0]!();
  await eventually(() => expect(accept).toHaveLength(2));
  accept[1]!();
  await eventually(() => expect(sink.mails).toHaveLength(2));
});

test('an alerter is stuck when it has not begun a turn for 15 minutes; one whose turns fail is not', async () => {
  const clock = performance.now.bind(performance);
  let ahead = 0;
  const minutes = (n: number) => {
    ahead += n * 60_000;
  };
  vi.spyOn(performance, 'now').mockImplementation(() => clock() + ahead);
  await b.db.query('alter table ruawatch.locks rename to gone');
  const { service } = b.alerter(url());
  await eventually(() => expect(service.waitingFor!()).toContain('ruawatch.locks'));
  minutes(14);
  expect(service.stuck!()).toBeNull();
  await eventually(() => {
    minutes(16);
    expect(service.stuck!()).toMatch(/^sending alerts has not moved for \d+ seconds$/);
  });
  await eventually(() => expect(service.stuck!()).toBeNull());
  vi.restoreAllMocks();
});

test('without a mail server webhooks get what happens to findings and requests, and what waits for others is given up', async () => {
  const posted: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      posted.push(JSON.parse(body).type);
      response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const env = { WEBHOOK_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
  await syncGroups(b.db, { groups: GROUPS, deputies: [] });
  await opened(b.db, TWO);
  await b.event({});
  const warnings = ({ logged }: Alerter) =>
    logged.map((line) => JSON.parse(line)).filter(({ msg }) => msg.startsWith('dropped requests'));
  const first = b.alerter(null, {}, env);
  await eventually(() => expect(posted.sort()).toEqual(['finding.opened', 'request.open']));
  await eventually(async () => expect((await b.outbox()).map(({ state }) => state)).toEqual(['sent', 'sent']));
  await first.stop();
  expect(warnings(first)).toEqual([]);
  await b.db.query("update ruawatch.outbox set state = 'pending', webhook = 'gone' where kind = 'event'");
  const second = b.alerter(null, {}, env);
  await eventually(() => expect(warnings(second)).toMatchObject([{ posts: 1, level: 40 }]));
  server.closeAllConnections();
  server.close();
});

test('people are mailed what a request asks of them; what is refused is counted, and said', async () => {
  b.now = START;
  await syncGroups(b.db, { groups: GROUPS, deputies: [] });
  await opened(b.db, TWO);
  sink.behaviour.recipient = (address) => (address === ADA ? null : reply(550, 'no'));
  for (const domain of ['a.example', 'b.example', 'c.example', 'd.example']) await b.event({ domain });
  const { service, metrics } = b.alerter(url());
  await eventually(() => expect(service.waitingFor!()).toContain('could not be mailed about 4 findings and about 1 request: '));
  expect(sink.mails.map(({ to }) => to)).toEqual([[ADA]]);
  await b.db.query(
    `insert into ruawatch.digests (due_at, recipients, made_at, domains, retry_at) values ($1, '{x}', $1, '{}', $2), ($1, '{y}', $1, '{}', $2)`,
    [START, new Date(START.getTime() + 3_600_000)],
  );
  await eventually(() => expect(service.waitingFor!()).toContain('about 1 request and with the weekly digest: '));
  expect(await metrics.registry.metrics()).toMatch(/^ruawatch_alerts_refused 7$/m);
});

test('digests that were refused are not made again once digests are off', async () => {
  await b.db.query(
    `insert into ruawatch.digests (due_at, recipients, made_at, domains, refused_for, retry_at)
     values ('2026-10-05T07:00Z', '{admin@example.org}', '2026-10-05T07:00Z', '{}', '{admin@example.org}', $1)`,
    [new Date(b.now.getTime() + 3_600_000)],
  );
  b.alerter(url(), { digest: 'off' });
  await b.event({});
  await eventually(() => expect(sink.mails).toHaveLength(1));
  expect((await b.db.query('select retry_at from ruawatch.digests')).rows).toEqual([{ retry_at: null }]);
  expect((await b.outbox()).map(({ kind }) => kind)).toEqual(['finding']);
});

test('a mail server that is down is a warning once, however often it is tried', async () => {
  await sink.stop();
  const alerter = b.alerter(url());
  const levels = () =>
    alerter.logged
      .map((line) => JSON.parse(line) as { msg: string; level: number })
      .filter(({ msg }) => msg === 'alerts are waiting for the mail server')
      .map(({ level }) => (level >= 40 ? 'warning' : 'debug'));
  await b.event({});
  await eventually(() => expect(levels()).toEqual(['warning']));
  b.later(60);
  await eventually(() => expect(levels()).toEqual(['warning', 'debug']));
});

test('recipients of held mails, and who signs in from elsewhere, are mailed as well; a key that cannot be read keeps no alert', async () => {
  b.now = new Date(Date.now() + 1000);
  await syncGroups(b.db, { groups: GROUPS, deputies: [] });
  const rules = rulesOf({ name: 'held', stages: [{ group: 'mail' }] });
  await holdMessage(b.db, heldOf({ recipients: ['ben@example.com'] }), { rules, key: KEY, most: 9 });
  const ada = await addPerson(b.db, { name: 'ada', email: 'ada@example.com', role: 'viewer', domains: null }, 'test', b.now);
  await signIn(b.db, { person_key: ada, name: 'ada', how: 'password', address: '192.0.2.7', agent: 'Firefox' }, b.now);
  const about = () => sink.mails.map((mail) => `${mail.to.join()} ${mail.headers.get('subject')}`);
  const first = b.alerter(url());
  const [signed, held] = [
    'ada@example.com [ruawatch] New sign-in to the console',
    'ben@example.com [ruawatch] 1 mail to you is held',
  ];
  await eventually(() => expect(about()).toEqual(expect.arrayContaining([signed, held])));
  await first.stop();
  await b.event({});
  const second = b.alerter(url(), {}, {}, ({ milter }) => {
    milter.hold.keyFile = '/nowhere/key';
  });
  await eventually(() => expect(about().join()).toContain('example.com: mail from 8 networks'));
  expect(about().filter((one) => one === signed || one === held)).toHaveLength(2);
  await eventually(() => expect(second.logged.join('')).toContain('recipients could not be notified of what is held for them'));
});

test('what keeps mails from being noted as sent is said until it is over', async () => {
  await b.db.query(
    `create function public.closed() returns trigger language plpgsql as $$ begin raise exception 'the outbox is closed'; end $$`,
  );
  await b.db.query('create trigger closed before update on ruawatch.outbox for each row execute function public.closed()');
  await b.event({});
  const { service } = b.alerter(url());
  await eventually(() => expect(service.waitingFor!()).toContain('the outbox is closed'));
  await b.db.query('drop trigger closed on ruawatch.outbox');
  await eventually(() => expect(service.waitingFor!()).toBeNull());
  expect((await b.outbox()).map(({ state }) => state)).toEqual(['sent']);
});

test('what was refused is made due by the start of an alerter, and by none of its later turns', async () => {
  const later = new Date(b.now.getTime() + 3_600_000);
  const due = new Date('2026-10-05T07:00:00Z');
  const refused = (recipient: string) =>
    b.db.query('insert into ruawatch.digests (due_at, recipients, made_at, domains, retry_at) values ($1, $2, $1, $3, $4)', [
      due,
      [recipient],
      [],
      later,
    ]);
  const waiting = async () =>
    (await b.db.query('select recipients, retry_at from ruawatch.digests where retry_at is not null')).rows;
  await refused('a@example.org');
  b.alerter(url());
  await b.event({});
  await eventually(() => expect(sink.mails.length).toBeGreaterThan(0));
  expect(await waiting()).toEqual([]);
  await refused('b@example.org');
  const before = sink.mails.length;
  await b.event({ domain: 'b.example' });
  await eventually(() => expect(sink.mails.length).toBeGreaterThan(before));
  expect(await waiting()).toEqual([{ recipients: ['b@example.org'], retry_at: later }]);
});

test('a digest that is refused is made again when it is due, and by none of the turns before', async () => {
  // A Monday, an hour after the digest is due.
  b.now = new Date('2026-10-05T08:00:00Z');
  await b.db.query("update ruawatch.migrations set applied_at = '2026-01-01'");
  const weekly = { digest: 'weekly', digest_day: 'monday', digest_hour: 7 } as const;
  const made = async () => (await b.outbox()).map(({ kind, state }) => `${kind} ${state}`);
  const turns = async (count: number) => {
    const before = sink.mails.length;
    for (let i = 0; i < count; i++) {
      await b.event({ domain: `turn-${before}-${i}.example` });
      await eventually(() => expect(sink.mails.length).toBeGreaterThan(before + i));
    }
  };
  sink.behaviour.accept = ({ headers }) => (headers.get('subject')!.includes('Week to') ? reply(554, 'no thanks') : null);
  const { service } = b.alerter(url(), { ...weekly, per_hour: 100 });
  await eventually(() => expect(service.waitingFor!()).toContain('admin@example.org could not be mailed with the weekly digest'));
  await turns(2);
  await eventually(async () => expect(await made()).toEqual(['weekly failed', 'finding sent', 'finding sent']));
  sink.behaviour = {};
  b.later(24 * 60);
  await eventually(() => expect(service.waitingFor!()).toBeNull());
  await turns(2);
  const all = ['weekly failed', 'finding sent', 'finding sent', 'weekly sent', 'finding sent', 'finding sent'];
  await eventually(async () => expect(await made()).toEqual(all));
});

test('an alerter with nowhere to send to says at once what to set', () => {
  const start = (part: Partial<Config>) => () =>
    startAlerter({ config: { ...loadConfig({}, '/nowhere'), ...part }, log: createLog('silent') } as Context);
  const wanted = /^The alerter needs SMTP_URL and ALERT_FROM, or a webhook: set one, or leave the alerter out\.$/;
  expect(start({})).toThrow(wanted);
  expect(start({ smtpUrl: 'smtp://127.0.0.1' })).toThrow(wanted);
  expect(start({ alertFrom: 'ruawatch@example.org' })).toThrow(wanted);
});
