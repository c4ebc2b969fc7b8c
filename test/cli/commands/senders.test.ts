import { afterEach, beforeEach, expect, test } from 'vitest';
import { startAnalyzer } from '../../../services/analyzer/index.ts';
import { runSendersExpire, runSendersList, runSendersPut } from '../../../services/cli/commands/senders.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { DOMAIN, REPORTERS, span } from '../../analyzer/rows.ts';
import { until } from '../../helpers/services.ts';

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
  expect(await open()).toEqual([
    ['unauthorized_source', DOMAIN],
    ['unauthorized_source', OWN],
    ['unauthorized_source', 'service.example'],
  ]);
  const { rows } = await f.t.db.query('select why, confidence from dmarc.sources where source = $1', [OWN]);
  expect(rows[0].why).toMatch(/^Denied by Ada \(our newsletter\)\. [\d,]+ of [\d,]+ messages .* pass DMARC/);
  expect(rows[0].confidence).toBe(1);
  await expire('service.example');
  await f.analyze();
  expect((await classes())['service.example']).toBe('misaligned');
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

test('a domain that nobody knows asks for --new', async () => {
  // In tests every name below a top-level one is own.
  await f.t.db.query(`update ruawatch.domains set domain = $1 where domain = (select min(domain) from ruawatch.domains)`, [
    DOMAIN,
  ]);
  await f.t.db.query('delete from ruawatch.domains where domain <> $1', [DOMAIN]);
  await expect(put('approved', NET, {}, 'exmaple.net')).rejects.toMatchObject({
    code: 'domain_unknown',
    message: expect.stringContaining('--new'),
  });
  await put('approved', NET, { new: true }, 'exmaple.net');
  await put('approved', NET, {}, `mail.${DOMAIN}`);
  await put('approved', NET, {}, '*');
  expect(lines).toHaveLength(3);
});
