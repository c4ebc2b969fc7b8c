import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runAlertsTest } from '../../../services/cli/commands/alerts.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { reply, type Sink, startSink } from '../../alerter/sink.ts';

let sink: Sink;
beforeEach(async () => {
  sink = await startSink();
});
afterEach(() => sink.stop());

const settings = (more: Record<string, string> = {}) =>
  loadConfig(
    {
      SMTP_URL: `smtp://${sink.at}?tls=none`,
      ALERT_FROM: 'ruawatch@example.org',
      ALERT_TO: 'a@example.org,b@example.org',
      ...more,
    },
    '/nowhere',
  );
async function run(config = settings()): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const code = await runAlertsTest(config, (line) => lines.push(line), new Date('2026-10-06T08:00:00Z'));
  return { code, lines };
}

test('all recipients get a test alert and a sample digest, marked as such, and the answers are shown', async () => {
  const config = settings({ ALERT_TO: 'a@example.org,b@example.org,jörg@example.org' });
  config.alerts = { ...config.alerts, domains: { 'shop.example': ['shop@example.net'] } };
  expect(await run(config)).toEqual({
    code: 0,
    lines: ['a@example.org, b@example.org', 'jörg@example.org', 'shop@example.net'].flatMap((to) => [
      `ok    test alert to ${to}: The mail server accepted it.`,
      `ok    sample digest to ${to}: The mail server accepted it.`,
    ]),
  });
  expect(sink.mails).toHaveLength(6);
  for (const mail of sink.mails) expect(mail.headers.get('subject')).toMatch(/TEST: /);
  expect(new Set(sink.mails.map((mail) => mail.headers.get('message-id'))).size).toBe(6);
});

test('what a server refuses is a line with its words, and exit code 1', async () => {
  sink.behaviour.recipient = (address) => (address.startsWith('b') ? reply(550, 'no such user') : null);
  const { code, lines } = await run();
  expect(code).toBe(1);
  expect(lines[0]).toMatch(
    /^FAIL {2}test alert to a@example\.org, b@example\.org: b@example\.org: 550 no such user.*; accepted for a@example\.org$/,
  );
  await sink.stop();
  expect((await run()).lines[0]).toMatch(/^FAIL {2}test alert .*connection refused/);
  await sink.again();
});

test('webhooks are tried too, and without any channel there is nothing to test', async () => {
  const bodies: string[] = [];
  let status = 204;
  const server = createServer((request, response) => {
    request.on('data', (data) => bodies.push(String(data)));
    request.on('end', () => response.writeHead(status).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const WEBHOOK_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  expect(await run(loadConfig({ WEBHOOK_URL }, '/nowhere'))).toEqual({
    code: 0,
    lines: ['ok    webhook 127.0.0.1: The receiver accepted it.'],
  });
  expect(bodies.join('')).toContain('TEST: ');
  status = 403;
  expect(await run(loadConfig({ WEBHOOK_URL }, '/nowhere'))).toMatchObject({
    code: 1,
    lines: [expect.stringMatching(/^FAIL {2}webhook.*403/)],
  });
  await new Promise((resolve) => server.close(resolve));
  await expect(run(loadConfig({}, '/nowhere'))).rejects.toThrow(/nothing to test/);
});
