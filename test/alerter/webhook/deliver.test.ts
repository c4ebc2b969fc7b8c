import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { composePosts, deliverNextPost } from '../../../services/alerter/webhook/deliver.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { createMetrics } from '../../../services/shared/runtime/metrics.ts';
import type { Webhook } from '../../../services/shared/settings/webhook.ts';
import { installation, lockComposing } from '../../../services/store/alerts/outbox.ts';
import { type Bench, bench, eventually } from '../setup.ts';

let logged: { level: number; msg: string; events?: number; posts?: number; held?: number; [field: string]: unknown }[];
let metrics: ReturnType<typeof createMetrics>;
const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
const LIMITS = { budget: { perHour: 2, perDomain: 2 }, firstStart: 3 };
const DAYS_5 = 5 * 24 * 60;

let b: Bench;
let server: Server;
let status: number;
let retryAfter: string | null;
let hook: Webhook;

beforeEach(async () => {
  logged = [];
  metrics = createMetrics();
  status = 204;
  retryAfter = null;
  server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(status, retryAfter === null ? {} : { 'retry-after': retryAfter }).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  hook = { name: 'hook', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, format: 'slack', key: null };
  b = await bench();
});
afterEach(async () => {
  await b.close();
  server.closeAllConnections();
  server.close();
});

const compose = (hooks = [hook], limits = LIMITS) => composePosts({ db: b.db, log }, hooks, limits, b.now);
const deliver = () => deliverNextPost({ db: b.db, hook, metrics, log }, b.now);
/** Errors of the log, and how often there was each outcome. */
const noted = async () => ({
  errors: logged.filter(({ level }) => level >= 50).map(({ err, webhook, finding }) => ({ err, webhook, finding })),
  outcomes: Object.fromEntries((await metrics.alerts.get()).values.map(({ labels, value }) => [labels.outcome, value])),
});
const posts = async () =>
  (
    await b.db.query(
      'select kind, subject, urgent, state, attempts, last_error, next_at from ruawatch.outbox order by outbox_key',
    )
  ).rows;

/** The ids of the posts, without what is the same in all. */
const names = async () => {
  const { rows } = await b.db.query('select message_id, webhook from ruawatch.outbox order by outbox_key');
  const own = await installation(b.db);
  return rows.map(({ message_id, webhook }) => message_id.replace(`.${own}.${webhook}`, ''));
};
const gathered = (what: string, keys: string) => `${what}-${createHash('sha256').update(keys).digest('hex').slice(0, 16)}`;

describe('posts of a text webhook', () => {
  test('that are beyond the hour by one are sent alone all the same when nothing can be gathered with it', async () => {
    for (let i = 0; i < 3; i++) await b.event({ domain: `d${i}.example`, severity: 'critical' });
    expect(await compose()).toBe(3);
    expect((await posts()).map(({ kind, urgent }) => [kind, urgent])).toEqual(Array(3).fill(['event', true]));
  });

  test('that are urgent keep a post of their own: what gathers the rest takes no place of theirs', async () => {
    for (let i = 0; i < 4; i++) await b.event({ domain: `d${i}.example`, severity: 'critical' });
    expect(await compose()).toBe(3);
    expect((await posts()).map(({ kind, urgent }) => [kind, urgent])).toEqual([
      ['event', true],
      ['event', true],
      ['events', true],
    ]);
    expect((await posts())[2].subject).toBe('2 findings');
  });

  test('count those of the hour before them', async () => {
    const two = async () => {
      for (let i = 0; i < 2; i++) await b.event({ severity: 'critical' });
      return compose();
    };
    expect([await two(), await two()]).toEqual([2, 1]);
    expect((await posts()).map(({ kind, subject }) => [kind, subject])).toEqual([
      ['event', expect.stringContaining('8 networks')],
      ['event', expect.stringContaining('8 networks')],
      ['events', '2 findings'],
    ]);
    expect(await names()).toEqual(['finding-1-1-opened', 'finding-2-1-opened', gathered('events', '3-1-opened\n4-1-opened')]);
  });

  test('that are not urgent give a place up to what gathers the rest; an end is never urgent', async () => {
    for (let i = 0; i < 4; i++) await b.event({ domain: `d${i}.example`, severity: 'critical', event: 'resolved' });
    expect(await compose()).toBe(2);
    expect((await posts()).map(({ kind, urgent }) => [kind, urgent])).toEqual([
      ['event', false],
      ['events', false],
    ]);
    expect((await posts())[1].subject).toBe('3 findings');
  });
});

describe('what stands at a first start', () => {
  const json = () => ({ ...hook, name: 'json', format: 'json' as const });
  const stand = async (n: number, over: object = {}) => {
    for (let i = 0; i < n; i++)
      await b.event({ domain: `d${i}.example`, severity: i === 2 ? 'high' : 'medium', standing: true, ...over });
  };
  const bodies = async () =>
    (await b.db.query<{ raw: Buffer }>('select raw from ruawatch.outbox order by outbox_key')).rows.map(({ raw }) =>
      JSON.parse(raw.toString()),
    );

  test('up to the limit is posted one by one', async () => {
    await stand(3);
    expect(await compose([json()])).toBe(3);
  });

  test('more than that is one post to each webhook, the gravest first', async () => {
    await stand(60);
    await b.event({ domain: 'later.example' });
    expect(await compose([json(), hook])).toBe(4);
    const [document, , text] = await bodies();
    expect(document).toMatchObject({
      version: 1,
      type: 'findings.standing',
      timestamp: b.now.toISOString(),
      data: { count: 60, severities: { high: 1, medium: 59 } },
    });
    expect(document.data.findings).toHaveLength(50);
    expect(document.data.findings[0]).toMatchObject({ domain: 'd2.example', severity: 'high', kind: 'unauthorized_source' });
    expect(text.text).toContain('60 findings in 60 domains, at the first analysis');
    expect(await compose([json(), hook])).toBe(0);
  });

  test('is one post of one finding where none is posted one by one', async () => {
    await stand(1);
    expect(await compose([json()], { ...LIMITS, firstStart: 0 })).toBe(1);
    expect((await bodies()).map(({ type }) => type)).toEqual(['findings.standing']);
    expect(await names()).toEqual([gathered('standing', '1-1-opened')]);
  });

  test('waits while the history is read, and what becomes of it waits with it', async () => {
    await stand(5);
    const key = await b.event({ domain: 'grown.example', standing: true });
    await b.event({ finding: key, event: 'changed', revision: 2 });
    await b.db.query("insert into ruawatch.analysis_work (domain, source) values ('d1.example', 'a.example')");
    await b.event({ domain: 'grave.example', severity: 'critical', standing: true });
    expect(await compose([json()])).toBe(1);
    await b.db.query('delete from ruawatch.analysis_work');
    expect(await compose([json()])).toBe(2);
    expect((await bodies()).map(({ type }) => type)).toEqual(['finding.opened', 'findings.standing', 'finding.changed']);
  });
});

test('events are marked as posted once, with or without a webhook', async () => {
  await b.event({ domain: 'none.example' });
  expect(await compose([])).toBe(0);
  expect(await compose()).toBe(0);
  await b.event({ domain: 'quiet.example', notify: false });
  expect(await compose()).toBe(0);
  expect(await posts()).toEqual([]);
  await b.event({ domain: 'two.example' });
  expect(await compose([hook, { ...hook, name: 'second' }])).toBe(2);
  // The log tells of posts alone.
  expect(logged.map(({ events, posts, held }) => ({ events, posts, held }))).toEqual([{ events: 1, posts: 2, held: 0 }]);
  // As after a restore: the posts are there, the mark is not.
  await b.db.query('update ruawatch.finding_events set posted_at = null where notify');
  await b.db.query('delete from ruawatch.finding_events where finding_key = 1');
  expect(await compose([hook, { ...hook, name: 'second' }])).toBe(0);
});

test('what waits for the history is told in the log, and marked when it is posted', async () => {
  for (let i = 0; i < 2; i++) await b.event({ domain: `d${i}.example`, standing: true });
  await b.event({ domain: 'new.example' });
  await b.db.query("insert into ruawatch.analysis_work (domain, source) values ('d1.example', 'a.example')");
  expect(await compose()).toBe(1);
  expect(logged).toMatchObject([{ level: 30, msg: 'queued webhook requests in the outbox', events: 1, posts: 1, held: 2 }]);
  const { rows } = await b.db.query('select posted_at from ruawatch.finding_events order by event_key');
  expect(rows).toEqual([{ posted_at: null }, { posted_at: null }, { posted_at: b.now }]);
});

test('composing waits for whoever composes', async () => {
  const waiting = () =>
    b.db.query("select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'");
  let composing: Promise<unknown> = Promise.resolve();
  await transaction(b.db, async (tx) => {
    await lockComposing(tx);
    composing = compose();
    await eventually(async () => expect((await waiting()).rows).toHaveLength(1));
  });
  expect(await composing).toBe(0);
});

test('an error that nobody foresaw changes nothing, and is thrown', async () => {
  await b.event({});
  await compose();
  await b.db.query(
    `create function public.closed() returns trigger language plpgsql as $$ begin raise exception 'the outbox is closed'; end $$`,
  );
  await b.db.query('create trigger closed before update on ruawatch.outbox for each row execute function public.closed()');
  await expect(deliver()).rejects.toThrow('the outbox is closed');
  expect(await noted()).toEqual({ errors: [], outcomes: {} });
});

test('a post that is put off waits as long as it is asked to, at least our own time, and is given up after five days', async () => {
  await b.event({});
  await compose();
  status = 503;
  retryAfter = '1800';
  expect(await deliver()).toMatchObject({ kind: 'down' });
  expect((await posts())[0]).toMatchObject({ state: 'pending', attempts: 1, next_at: new Date(b.now.getTime() + 1_800_000) });
  expect(await deliver()).toEqual({ kind: 'idle' });
  retryAfter = '0';
  b.later(30);
  expect(await deliver()).toMatchObject({ kind: 'down' });
  expect((await posts())[0].next_at.getTime()).toBeGreaterThan(b.now.getTime());

  b.later(DAYS_5 - 30);
  expect(await deliver()).toMatchObject({ kind: 'down' });
  b.later(31);
  expect(await deliver()).toEqual({ kind: 'failed' });
  expect((await posts())[0]).toMatchObject({
    state: 'failed',
    last_error: 'given up after five days: The webhook hook puts it off: status 503.',
  });
  expect(await deliver()).toEqual({ kind: 'idle' });
  expect(await noted()).toEqual({
    errors: [{ err: 'given up after five days: The webhook hook puts it off: status 503.', webhook: 'hook', finding: 1 }],
    outcomes: { delayed: 3, failed: 1 },
  });
});

test('a refused post fails at once, whatever its age, and a taken one is sent', async () => {
  await b.event({ domain: 'a.example' });
  await b.event({ domain: 'b.example' });
  await compose();
  status = 410;
  expect(await deliver()).toEqual({ kind: 'failed' });
  status = 200;
  expect(await deliver()).toEqual({ kind: 'sent' });
  expect((await posts()).map(({ state, last_error }) => [state, last_error])).toEqual([
    ['failed', 'The webhook hook refuses it with status 410: correct its url, format or secret.'],
    ['sent', null],
  ]);
  expect(await noted()).toEqual({
    errors: [{ err: expect.stringMatching(/^The webhook hook refuses it with status 410: /), webhook: 'hook', finding: 1 }],
    outcomes: { failed: 1, sent: 1 },
  });
});
