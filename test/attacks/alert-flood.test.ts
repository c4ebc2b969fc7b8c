import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bench, bench, eventually } from '../alerter/setup.ts';
import { type Sink, startSink } from '../alerter/sink.ts';

/**
 * Whoever can raise many small findings must not keep the one that matters from being told, nor make any get
 * lost.
 */
let b: Bench;
let sink: Sink;
beforeEach(async () => {
  sink = await startSink();
  b = await bench();
});
afterEach(async () => {
  await b.close();
  await sink.stop();
});
const url = () => `smtp://${sink.at}?tls=none`;
const subjects = () => sink.mails.map((mail) => mail.headers.get('subject')!);
const unhandled = async () =>
  (await b.db.query<{ n: number }>('select count(*) as n from ruawatch.finding_events where handled_at is null')).rows[0]!.n;
const floodOf = async (count: number, over: (i: number) => object) => {
  for (let i = 0; i < count; i++) await b.event({ severity: 'medium', ...over(i) });
};

test('a critical finding is mailed at once, though mediums of many domains have filled the hour', async () => {
  await floodOf(40, (i) => ({ domain: `d${i}.example` }));
  b.alerter(url());
  await eventually(() => expect(sink.mails).toHaveLength(10));
  await b.event({ domain: 'own.example', severity: 'critical', summary: 'THE attack' });
  await eventually(() => expect(subjects().at(-1)).toContain('THE attack'));
  expect(sink.mails).toHaveLength(11);
  expect(await unhandled()).toBe(30);
  // Nothing is lost: the rest is gathered when the hour is over.
  b.later(61);
  await eventually(async () => expect(await unhandled()).toBe(0));
  await eventually(() => expect(subjects().some((s) => s.includes('30 findings in 30 domains'))).toBe(true));
});

test('one domain cannot use up the hour of the others', async () => {
  await floodOf(40, () => ({ domain: 'flooded.example' }));
  b.alerter(url(), { per_hour: 10, per_domain_hour: 3 });
  await eventually(() => expect(sink.mails).toHaveLength(3));
  await floodOf(4, (i) => ({ domain: `quiet${i}.example` }));
  await eventually(() => expect(sink.mails).toHaveLength(7));
  expect(subjects().filter((s) => s.includes('flooded.example'))).toHaveLength(3);
  expect(await unhandled()).toBe(37);
  b.later(61);
  await eventually(async () => expect(await unhandled()).toBe(0));
  await eventually(() => expect(subjects().at(-1)).toContain('37 findings in 1 domain, combined'));
  expect(sink.mails.at(-1)!.raw.replace(/=\r?\n/g, '')).toContain('more than 3 about one domain');
});

test('a flood of criticals is bounded too, and leaves those of another domain alone', async () => {
  await floodOf(40, () => ({ domain: 'flooded.example', severity: 'critical' }));
  b.alerter(url(), { per_hour: 10, per_domain_hour: 3 });
  await eventually(() => expect(sink.mails).toHaveLength(3));
  await b.event({ domain: 'own.example', severity: 'critical' });
  await eventually(() => expect(subjects().at(-1)).toContain('own.example'));
  expect(await unhandled()).toBe(37);
  b.later(61);
  await eventually(async () => expect(await unhandled()).toBe(0));
  expect(sink.mails.length).toBeLessThanOrEqual(5);
});

test('what waits in the outbox is sent by severity, the order within a thread kept', async () => {
  sink.behaviour.accept = () => Object.assign(new Error('later'), { responseCode: 451 });
  const first = b.alerter(url());
  await floodOf(3, (i) => ({ domain: `d${i}.example` }));
  await eventually(async () => expect((await b.outbox()).filter((m) => m.attempts > 0)).toHaveLength(3));
  const key = await b.event({ domain: 'own.example', severity: 'medium', summary: 'it begins' });
  await eventually(async () => expect((await b.outbox()).filter((m) => m.attempts > 0)).toHaveLength(4));
  await b.event({
    finding: key,
    domain: 'own.example',
    severity: 'critical',
    event: 'changed',
    revision: 2,
    summary: 'it got worse',
  });
  await b.event({ domain: 'other.example', severity: 'critical', summary: 'at once' });
  await eventually(async () => expect(await b.outbox()).toHaveLength(6));
  await first.stop();
  delete sink.behaviour.accept;
  sink.mails.length = 0;
  b.later(600);
  b.alerter(url());
  await eventually(() => expect(sink.mails).toHaveLength(6));
  const order = subjects();
  expect(order[0]).toContain('at once');
  const began = order.findIndex((s) => s.includes('it begins') && !s.includes('Changed: '));
  const worse = order.findIndex((s) => s.startsWith('[ruawatch] Changed: '));
  expect(began).toBeGreaterThan(0);
  expect(worse).toBeGreaterThan(began);
});

test('a backlog beyond what one turn looks at does not hide the critical one', async () => {
  await b.db.query(
    `with f as (insert into ruawatch.findings (domain, kind, subject, severity, state, confidence, opened_at, changed_at, first_day, last_day, summary, evidence)
                select 'd' || n || '.example', 'new_source', n::text, 'medium', 'open', 0.9, $1, $1, '2026-10-03', '2026-10-05', 'x', '{}'
                  from generate_series(1, 21000) n returning finding_key)
     insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify)
     select finding_key, 1, 'opened', $1, 'medium', 'x', '{"who": [], "advice": []}', true from f`,
    [b.now],
  );
  await b.event({ domain: 'own.example', severity: 'critical', summary: 'THE attack' });
  b.alerter(url(), { per_hour: 1 });
  await eventually(() => expect(subjects().join()).toContain('THE attack'));
});

test('a text for Slack tells the critical one alone, and gathers what is beyond the budget of a domain', async () => {
  const got: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (data) => {
      body += data;
    });
    request.on('end', () => {
      got.push((JSON.parse(body) as { text: string }).text);
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await floodOf(8, () => ({ domain: 'flooded.example' }));
    await b.event({ domain: 'own.example', severity: 'critical' });
    await b.event({ domain: 'quiet.example', severity: 'low' });
    const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
    b.alerter(null, { per_hour: 10, per_domain_hour: 3 }, { WEBHOOK_URL: at, WEBHOOK_FORMAT: 'slack' });
    await eventually(() => expect(got.some((text) => text.includes('combined'))).toBe(true));
    expect(got[0]).toMatch(/^\*Critical: own\.example/);
    expect(got.filter((text) => /^\*Medium: flooded/.test(text)).length).toBeLessThanOrEqual(3);
    expect(got.find((text) => text.includes('combined'))).toMatch(/^\*\d findings? in [12] domains?, combined/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
