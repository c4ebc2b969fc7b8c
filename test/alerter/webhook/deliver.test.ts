import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { composePosts, deliverNextPost } from '../../../services/alerter/webhook/deliver.ts';
import { createMetrics } from '../../../services/shared/runtime/metrics.ts';
import type { Webhook } from '../../../services/shared/settings/webhook.ts';
import { type Bench, bench } from '../setup.ts';

const log = pino({ level: 'silent' });
const LIMITS = { budget: { perHour: 2, perDomain: 2 }, firstStart: 3 };
const DAYS_5 = 5 * 24 * 60;

let b: Bench;
let server: Server;
let status: number;
let retryAfter: string | null;
let hook: Webhook;

beforeEach(async () => {
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

const compose = (hooks = [hook]) => composePosts({ db: b.db, log }, hooks, LIMITS, b.now);
const deliver = () => deliverNextPost({ db: b.db, hook, metrics: createMetrics(), log }, b.now);
const posts = async () =>
  (
    await b.db.query(
      'select kind, subject, urgent, state, attempts, last_error, next_at from ruawatch.outbox order by outbox_key',
    )
  ).rows;

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
});
