import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sendTestAlerts } from '../../services/alerter/test-alerts.ts';
import { type Config, loadConfig } from '../../services/shared/settings/config.ts';
import { FINDINGS } from './events.ts';
import { htmlIn, textIn } from './requests/setup.ts';
import { reply, type Sink, startSink } from './sink.ts';

const NOW = new Date('2026-10-06T08:00:00Z');
const EVENT = FINDINGS.unauthorized_source!;
let sink: Sink;
beforeEach(async () => {
  sink = await startSink();
});
afterEach(() => sink.stop());

const config = (domains: Config['alerts']['domains'] = {}, alertTo = 'a@example.org,b@example.org', env = {}): Config => {
  const loaded = loadConfig(
    { SMTP_URL: `smtp://${sink.at}?tls=none`, ALERT_FROM: 'ruawatch@Example.ORG', ALERT_TO: alertTo, ...env },
    '/nowhere',
  );
  return { ...loaded, alerts: { ...loaded.alerts, domains } };
};
const run = (of: Config) => sendTestAlerts(of, EVENT, NOW);
const ACCEPTED = 'The mail server accepted it.';

test('an alert and a digest go to each set of recipients once, marked as tests', async () => {
  const tried = await run(config({ 'x.example': ['c@example.org'], 'y.example': ['c@example.org'], 'z.example': [] }));
  expect(tried).toEqual([
    { what: 'test alert to a@example.org, b@example.org', ok: true, said: ACCEPTED },
    { what: 'sample digest to a@example.org, b@example.org', ok: true, said: ACCEPTED },
    { what: 'test alert to c@example.org', ok: true, said: ACCEPTED },
    { what: 'sample digest to c@example.org', ok: true, said: ACCEPTED },
  ]);
  expect(sink.mails.map(({ from, to }) => [from, to])).toEqual([
    ['ruawatch@example.org', ['a@example.org', 'b@example.org']],
    ['ruawatch@example.org', ['a@example.org', 'b@example.org']],
    ['ruawatch@example.org', ['c@example.org']],
    ['ruawatch@example.org', ['c@example.org']],
  ]);
  const ids = sink.mails.map(({ headers }) => headers.get('message-id')!);
  for (const id of ids) expect(id).toMatch(/^<test\.[0-9a-f]{12}@example\.org>$/);
  expect(new Set(ids).size).toBe(4);
  const [alert, digest] = sink.mails;
  expect(alert!.headers.get('subject')).toMatch(/^\[ruawatch\] TEST: /);
  expect(digest!.headers.get('subject')).toBe('[ruawatch] TEST: Week to 2026-10-04: 1 to act on');
  for (const { headers } of sink.mails) {
    expect(headers.get('date')).toBe('Tue, 06 Oct 2026 08:00:00 +0000');
    expect([headers.get('importance'), headers.get('references')]).toEqual([undefined, undefined]);
  }
  await expect(`${textIn(alert!.raw)}\n=====\n${textIn(digest!.raw)}\n=====\n${htmlIn(digest!.raw)}\n`).toMatchFileSnapshot(
    'golden/test-alerts.txt',
  );
});

test('no connection is left behind, so that the command ends at once', async () => {
  const before = sink.connections;
  await run(config());
  expect(sink.connections).toBeGreaterThan(before);
  await vi.waitFor(() => expect(sink.open).toBe(0), 5_000);
});

test('the answer of the server for each recipient is passed on', async () => {
  sink.behaviour.recipient = (address) =>
    address.startsWith('b') ? reply(550, 'no such user') : address.startsWith('c') ? reply(450, 'later') : null;
  const [first] = await run(config({}, 'a@example.org,b@example.org,c@example.org'));
  expect(first).toMatchObject({
    ok: false,
    said: expect.stringMatching(/^b@example\.org: .*no such user.*; c@example\.org is put off; accepted for a@example\.org$/),
  });
  const [none] = await run(config({}, 'b@example.org,c@example.org'));
  expect(none!.said).toMatch(/no such user.*; c@example\.org is put off$/);
  await sink.stop();
  expect(await run(config({}, 'a@example.org'))).toEqual(
    ['test alert', 'sample digest'].map((kind) => ({
      what: `${kind} to a@example.org`,
      ok: false,
      said: expect.stringMatching(/^The mail server of SMTP_URL .* cannot be reached: connection refused\.$/),
    })),
  );
  await sink.again();
});

test('a webhook gets the alert as its receiver reads it, and the mail server is left alone without a sender', async () => {
  const got: { id: string; summary: string }[] = [];
  let status = 204;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      got.push({ id: String(request.headers['webhook-id']), summary: JSON.parse(body).data.summary });
      response.writeHead(status).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const hook = { WEBHOOK_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
  const of = { ...config({}, 'a@example.org', hook), alertFrom: null };
  expect(await run(of)).toEqual([{ what: 'webhook 127.0.0.1', ok: true, said: 'The receiver accepted it.' }]);
  expect(got).toEqual([{ id: expect.stringMatching(/^test-[0-9a-f]{12}$/), summary: `TEST: ${EVENT.summary}` }]);
  status = 401;
  expect(await run({ ...of, smtpUrl: null, alertFrom: 'a@example.org' })).toEqual([
    {
      what: 'webhook 127.0.0.1',
      ok: false,
      said: expect.stringMatching(/^The webhook 127\.0\.0\.1 refuses it with status 401: /),
    },
  ]);
  expect(sink.mails).toEqual([]);
  server.close();
});
