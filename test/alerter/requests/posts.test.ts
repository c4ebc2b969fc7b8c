import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { composeRequestPosts } from '../../../services/alerter/requests/posts.ts';
import { deliverNextPost } from '../../../services/alerter/webhook/deliver.ts';
import { createMetrics } from '../../../services/shared/runtime/metrics.ts';
import type { Webhook } from '../../../services/shared/settings/webhook.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { GROUPS } from '../../requests/sample.ts';
import { type Bench, bench } from '../setup.ts';
import { ADA, BEN, dnsPlan, opened, START, TWO, vote } from './setup.ts';

let b: Bench;
let server: Server;
let got: { headers: IncomingHttpHeaders; body: string }[];
let hook: Webhook;
beforeEach(async () => {
  got = [];
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

const log = pino({ level: 'silent' });
const compose = (perHour = 10) =>
  composeRequestPosts({ db: b.db, log, console: 'https://ruawatch.example.org' }, [hook], perHour, b.now);
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
