import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { composeRequestPosts } from '../../../services/alerter/requests/posts.ts';
import { deliverNextPost } from '../../../services/alerter/webhook/deliver.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { createMetrics } from '../../../services/shared/runtime/metrics.ts';
import type { Webhook } from '../../../services/shared/settings/webhook.ts';
import { installation, lockComposing } from '../../../services/store/alerts/outbox.ts';
import { override } from '../../../services/store/requests/decide.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { GROUPS } from '../../requests/sample.ts';
import { type Bench, bench, eventually } from '../setup.ts';
import { ADA, BEN, DORA, dnsPlan, opened, START, TWO, vote } from './setup.ts';

let b: Bench;
let server: Server;
let got: { headers: IncomingHttpHeaders; body: string }[];
let hook: Webhook;
beforeEach(async () => {
  got = [];
  logged = [];
  server = createServer((request, response) => {
    let body = '';
    request
      .on('data', (chunk) => {
        body += chunk;
      })
      .on('end', () => {
        got.push({ headers: request.headers, body });
        response.writeHead(204).end();
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  hook = { name: 'hook', url, format: 'json', key: Buffer.from('secret of twenty-four octets') };
  b = await bench();
  b.now = START;
  await syncGroups(b.db, { groups: GROUPS, deputies: [] });
});
afterEach(async () => {
  await b.close();
  server.closeAllConnections();
  server.close();
});

let logged: { msg: string; events: number; posts: number }[];
const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
const compose = (perHour = 10, hooks = [hook]) =>
  composeRequestPosts({ db: b.db, log, console: 'https://ruawatch.example.org' }, hooks, perHour, b.now);
const deliverAll = async () => {
  while ((await deliverNextPost({ db: b.db, hook, metrics: createMetrics(), log }, b.now)).kind === 'sent');
};

test('every event is a signed JSON document with the plan, its digest and the audit head', async () => {
  const key = await opened(b.db);
  await vote(b.db, key, ADA);
  await vote(b.db, key, BEN);
  expect(await compose()).toBe(3);
  expect(await compose()).toBe(0);
  await deliverAll();
  expect(got.map(({ body }) => JSON.parse(body).type)).toEqual(['request.open', 'request.vote', 'request.approve']);
  const { headers, body } = got[2]!;
  const mac = createHmac('sha256', hook.key!).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`);
  expect(headers['webhook-signature']).toBe(`v1,${mac.digest('base64')}`);
  const { data } = JSON.parse(body);
  expect(data).toMatchObject({
    request_key: key,
    event: 'approve',
    actor: BEN,
    state: 'approved',
    kind: 'policy.step',
    domain: 'example.com',
    url: `https://ruawatch.example.org/requests/${key}`,
    digest: (await loadRequest(b.db, key)).digest,
    audit_head: expect.stringMatching(/^\d+:[0-9a-f]{64}$/),
    decisions: [{ person: ADA, decision: 'approve' }, { person: BEN }],
    plan: { changes: [{ name: '_dmarc.example.com', after: [{}, { text: 'v=DMARC1; p=reject' }] }] },
  });
});

test('a text has the change, and nobody can put a link or a mention into it', async () => {
  hook = { ...hook, format: 'slack' };
  await opened(b.db, TWO, { plan: dnsPlan({ summary: 'Ping <!channel> at https://evil.example' }) });
  await compose();
  await deliverAll();
  const { text } = JSON.parse(got[0]!.body);
  expect(text).toContain('+ _dmarc.example.com. 300 TXT "v=DMARC1; p=reject"');
  expect(text).toContain('https://ruawatch.example.org/requests/1');
  expect(text).not.toContain('<!channel>');
  expect(text).not.toContain('https://evil.example');
});

test('texts beyond the hourly budget are gathered in one; JSON has every event', async () => {
  hook = { ...hook, format: 'slack' };
  for (let i = 0; i < 5; i++) await opened(b.db);
  expect(await compose(3)).toBe(3);
  await deliverAll();
  expect(JSON.parse(got.at(-1)!.body).text).toMatch(/^\*3 events of requests, combined\*/);
});

describe('what stands in the outbox', () => {
  const sha = (text: string) => createHash('sha256').update(text).digest('hex');
  const rows = async () => {
    const own = await installation(b.db);
    const { rows: all } = await b.db.query(
      `select message_id, kind, finding_key, recipients, subject, urgent, created_at, webhook, request_key, request_events
         from ruawatch.outbox order by outbox_key`,
    );
    return all.map(({ message_id, request_events, ...row }) => ({
      ...row,
      name: message_id.replace(`.${own}.hook`, ''),
      request_events: request_events.map(Number),
    }));
  };
  const posted = (name: string, subject: string, over: object) => ({
    ...{ kind: 'request', finding_key: null, recipients: ['hook'], webhook: 'hook', urgent: false, created_at: START },
    ...{ name, subject, ...over },
  });
  const open = (key: number, event = key) =>
    posted(`request-${key}-${event}`, `Request ${key} open: policy of example.com`, {
      request_key: key,
      request_events: [event],
    });

  test('of a text: those that the hour has room for, and the rest together', async () => {
    hook = { ...hook, format: 'slack' };
    for (let i = 0; i < 5; i++) await opened(b.db);
    expect(await compose(3)).toBe(3);
    const first = [
      open(1),
      open(2),
      posted(`requests-${sha('3 4 5').slice(0, 16)}`, '3 events of requests', { request_key: null, request_events: [3, 4, 5] }),
    ];
    expect(await rows()).toEqual(first);
    // There is no room for one more: it is posted all the same.
    await opened(b.db);
    expect(await compose(3)).toBe(1);
    expect(await rows()).toEqual([...first, open(6)]);
    expect(logged).toMatchObject([
      { msg: 'queued webhook requests about approvals in the outbox', events: 5, posts: 3 },
      { events: 1, posts: 1 },
    ]);
  });

  test('of a text, when the hour has room for all: each event by itself', async () => {
    hook = { ...hook, format: 'slack' };
    for (let i = 0; i < 2; i++) await opened(b.db);
    expect(await compose(3)).toBe(2);
    expect(await rows()).toEqual([open(1), open(2)]);
  });

  test('of JSON: each event; what is urgent goes first', async () => {
    const key = await opened(b.db);
    const { digest } = await loadRequest(b.db, key);
    const emergency = { group: 'security', ends_hours: 4, review: 'mail' };
    await override(b.db, key, { person: DORA, why: 'fire', digest, via: 'test', at: START }, emergency);
    expect(await compose(1)).toBe(3);
    expect((await rows()).map(({ name, urgent, request_key }) => [name, urgent, request_key])).toEqual([
      ['request-1-1', true, 1],
      ['request-1-2', true, 1],
      ['request-2-3', false, 2],
    ]);
  });

  test('nothing without a webhook, now or later, and nothing twice; the log tells of posts alone', async () => {
    await opened(b.db);
    expect(await compose(10, [])).toBe(0);
    expect(await compose()).toBe(0);
    expect(await rows()).toEqual([]);
    expect((await b.db.query('select posted_at from ruawatch.request_events')).rows).toEqual([{ posted_at: START }]);
    expect(logged).toEqual([]);
  });

  test('only once whoever composes has ended', async () => {
    await opened(b.db);
    const waiting = () =>
      b.db.query("select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'");
    let composing: Promise<unknown> = Promise.resolve();
    await transaction(b.db, async (tx) => {
      await lockComposing(tx);
      composing = compose();
      await eventually(async () => expect((await waiting()).rows).toHaveLength(1));
    });
    expect(await composing).toBe(1);
  });
});
