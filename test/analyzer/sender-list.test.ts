import { afterEach, beforeEach, expect, test } from 'vitest';
import { startAnalyzer } from '../../services/analyzer/index.ts';
import { deniedSource } from '../../services/analyzer/rules/denied_source.ts';
import { runSendersExpire, runSendersList, runSendersPut } from '../../services/cli/commands/senders.ts';
import type { SourceDay } from '../../services/store/analysis/window-reads.ts';
import { until } from '../helpers/services.ts';
import { type Fixture, fixture } from './fixture.ts';
import { ago, DOMAIN, REPORTERS, sourceWindow, span, TODAY } from './rows.ts';

let f: Fixture;
let lines: string[];
beforeEach(async () => {
  f = await fixture();
  lines = [];
});
afterEach(() => f.close());

const OWN = '192.0.2.0/24';
const NET = '198.18.4.0/24';
const BY = { by: 'Ada', why: 'our newsletter' };
const out = (line: string) => {
  lines.push(line);
};
const put = (verdict: 'approved' | 'denied', source: string, options: object = {}, domain = DOMAIN) =>
  runSendersPut(f.context.config, { verdict, domain, source }, { ...BY, ...options }, { out, now: f.context.clock.now() });
const expire = (source: string, domain = DOMAIN) =>
  runSendersExpire(f.context.config, { domain, source }, BY, { out, now: f.context.clock.now() });
const classes = async () => {
  const { rows } = await f.t.db.query<{ source: string; class: string }>('select source, class from dmarc.sources');
  return Object.fromEntries(rows.map((row) => [row.source, row.class]));
};
const open = async () => (await f.findings()).filter((x) => x.state === 'open').map((x) => [x.kind, x.subject]);

beforeEach(async () => {
  await f.put([
    ...span(20, 0, 'both', 500, REPORTERS, { source: OWN }),
    ...span(8, 0, 'unauthenticated', 40, REPORTERS, { source: NET }),
    ...span(8, 0, 'foreign', 60),
  ]);
  await f.analyze();
});

test('an approved source that fails is a rightful service to mend, and never unauthorized', async () => {
  expect(await classes()).toEqual({ [OWN]: 'authorized', [NET]: 'unauthorized', 'service.example': 'misaligned' });
  expect(await open()).toEqual([
    ['alignment_failure', 'service.example'],
    ['unauthorized_source', DOMAIN],
  ]);
  await put('approved', '198.18.4.77');
  expect(lines).toEqual([
    `${NET} as a sender of ${DOMAIN} is approved; 1 source is analyzed again within seconds if the analyzer is running.`,
  ]);
  await f.analyze();
  expect((await classes())[NET]).toBe('misaligned');
  expect(await open()).toContainEqual(['alignment_failure', NET]);
  const finding = (await f.findings()).find((x) => x.subject === NET)!;
  expect(finding.evidence.what).toMatch(/neither a passing SPF nor a passing DKIM; the list of senders approves it \(Ada\)/);
  expect(finding.evidence.messages).toBe(9 * 3 * 40);

  // It is set up: authorized. A person takes the word back: what the reports tell decides again.
  await f.t.db.query('delete from ruawatch.source_days where source = $1', [NET]);
  await f.put(span(3, 0, 'dkim', 40, REPORTERS, { source: NET }));
  await f.analyze();
  expect((await classes())[NET]).toBe('authorized');
});

test('a denied source is unauthorized even when it passes, and nobody is advised to mend it', async () => {
  await put('denied', OWN);
  await put('denied', 'Service.Example.');
  await f.analyze();
  expect(await classes()).toMatchObject({ [OWN]: 'unauthorized', 'service.example': 'unauthorized' });
  expect(await open()).toEqual([['unauthorized_source', DOMAIN]]);
  const { rows } = await f.t.db.query('select why, confidence from dmarc.sources where source = $1', [OWN]);
  expect(rows[0].why).toMatch(/^Denied by Ada \(our newsletter\)\. [\d,]+ of [\d,]+ messages .* pass DMARC/);
  expect(rows[0].confidence).toBe(1);
  await expire('service.example');
  await f.analyze();
  expect((await classes())['service.example']).toBe('misaligned');
});

test('a denied source that goes on to pass is told, with what lets it pass; mail before the denial is not', async () => {
  f.setNow(new Date(Date.parse(`${ago(5)}T09:00:00Z`)));
  await put('denied', OWN, { why: 'left in May' });
  f.setNow(new Date(Date.parse(`${TODAY}T00:00:00Z`) + 32 * 3_600_000));
  await f.analyze();
  const finding = (await f.findings()).find((x) => x.subject === OWN)!;
  expect(finding).toMatchObject({
    kind: 'unauthorized_source',
    severity: 'high',
    state: 'open',
    first_day: ago(4),
    last_day: TODAY,
    evidence: { messages: 5 * 3 * 500, delivered: 5 * 3 * 500, reporters: REPORTERS, missing: [] },
  });
  expect(finding.evidence.what).toBe(
    `7,500 messages from ${OWN} in the name of ${DOMAIN} passed DMARC by SPF and DKIM, although Ada denied it on ${ago(5)} (left in May).`,
  );
  expect(finding.evidence.advice).toMatchObject([/^Withdraw what lets it sign/, /SPF record/, /senders approve/]);
  expect(await f.events()).toContainEqual(
    expect.objectContaining({ kind: 'unauthorized_source', event: 'opened', notify: true }),
  );

  // It is not the finding of the domain, and neither ends with the other.
  expect(await open()).toContainEqual(['unauthorized_source', DOMAIN]);
  await expire(OWN);
  await f.analyze();
  expect(await open()).not.toContainEqual(['unauthorized_source', OWN]);
  expect((await f.findings()).find((x) => x.subject === OWN)!.evidence.resolved_why).toMatch(/no longer denies it/);
  expect(await open()).toContainEqual(['unauthorized_source', DOMAIN]);
});

test('a few stray messages of a denied source, and what receivers say it only passed on, are nothing', () => {
  const listed = {
    entry_key: 1,
    domain: DOMAIN,
    source: OWN,
    is_service: false,
    verdict: 'denied' as const,
    by_name: 'Ada',
    why: 'left',
    since: new Date(`${ago(9)}T09:00:00Z`),
    until: null,
  };
  const told = (rows: SourceDay[]) => deniedSource.find(sourceWindow(rows, { listed })).length;
  expect(told(span(2, 0, 'both', 1, REPORTERS.slice(0, 1), { source: OWN }))).toBe(0);
  expect(told(span(2, 0, 'both', 1, REPORTERS, { source: OWN }))).toBe(1);
  expect(told(span(8, 0, 'forwardedPass', 50, REPORTERS, { source: OWN }))).toBe(0);
  expect(told(span(8, 0, 'unauthenticated', 50, REPORTERS, { source: OWN }))).toBe(0);
  expect(told(span(20, 9, 'both', 50, REPORTERS, { source: OWN }))).toBe(0);
});

test("a domain's own word goes before that for every domain, a source's before its service's", async () => {
  await f.put(span(8, 0, 'foreignSpf', 60, REPORTERS, { source: 'sendgrid.net' }));
  await put('denied', 'SendGrid', {}, '*');
  await f.analyze();
  expect((await classes())['sendgrid.net']).toBe('unauthorized');
  await put('approved', 'sendgrid');
  await f.analyze();
  expect((await classes())['sendgrid.net']).toBe('misaligned');
  await put('denied', 'sendgrid.net');
  await f.analyze();
  expect((await classes())['sendgrid.net']).toBe('unauthorized');
  // Not on its list under this name.
  await expect(expire('mailchimp')).rejects.toMatchObject({ code: 'no_entry' });
});

test('an entry ends by itself, its source is judged again, and the history stays', async () => {
  const now = f.context.clock.now();
  await put('approved', NET, { for: '2d' });
  f.context.config.sweep = { every_seconds: 0.05, after_seconds: 1 };
  const service = startAnalyzer(f.context);
  try {
    await f.t.db.query("update ruawatch.analysis_work set queued_at = now() - interval '1 hour'");
    await until(async () => (await classes())[NET] === 'misaligned');
    f.setNow(new Date(now.getTime() + 49 * 3_600_000));
    // The sweep leaves fresh work to jobs for some seconds.
    await until(async () => (await f.t.db.query('select from ruawatch.sender_list where ended_at is not null')).rowCount);
    await f.t.db.query("update ruawatch.analysis_work set queued_at = now() - interval '1 hour'");
    await until(async () => (await classes())[NET] === 'unauthorized');
  } finally {
    await service.stop();
  }
  await put('denied', NET);
  lines = [];
  await runSendersList(f.context.config, { all: true, json: true }, out);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { source: NET, verdict: 'denied', ended_at: null, by_name: 'Ada', why: 'our newsletter' },
    {
      source: NET,
      verdict: 'approved',
      ended_why: 'its time was over',
      ended_at: new Date(now.getTime() + 2 * 86_400_000).toJSON(),
    },
  ]);
  lines = [];
  await runSendersList(f.context.config, { domain: DOMAIN }, out);
  expect(lines.join('\n')).toContain('denied');
  expect(lines.join('\n')).not.toContain('approved');
});

test('two words at once leave one that stands', async () => {
  await Promise.all([put('approved', NET), put('denied', NET), put('approved', NET)]);
  const { rows } = await f.t.db.query('select ended_at is null as stands from ruawatch.sender_list order by 1');
  expect(rows).toEqual([{ stands: false }, { stands: false }, { stands: true }]);
});

test('a source without trusted mail in the window keeps the word', async () => {
  await f.put(span(60, 60, 'both', 10, REPORTERS, { source: '203.0.113.0/24' }), { work: false });
  await put('approved', '203.0.113.0/24');
  await f.analyze();
  expect((await classes())['203.0.113.0/24']).toBe('authorized');
});

test.each(['nonsense', '192.0.2.0/16', 'a b.example', ''])('"%s" is refused as a source', async (source) => {
  await expect(put('approved', source)).rejects.toMatchObject({ code: 'usage' });
});
