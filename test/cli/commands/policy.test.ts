import { afterAll, beforeAll, expect, test } from 'vitest';
import { runPolicyStatus } from '../../../services/cli/commands/policy.ts';
import { REPORTER_DAYS } from '../../../services/dns/posture/blockers.ts';
import { putOwn } from '../../../services/store/domains/domains.ts';
import { loadReportMonth } from '../../../services/store/domains/report-month.ts';
import { endSender, putSender } from '../../../services/store/sources/sender-list.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { ago, DOMAIN, span, TODAY } from '../../analyzer/rows.ts';
import { type FakeServer, soa, startFake } from '../../helpers/dns.ts';

const NOW = new Date(`${TODAY}T12:00:00Z`);
let f: Fixture;
let server: FakeServer;
beforeAll(async () => {
  f = await fixture();
  await f.put([
    ...span(29, 0, 'both', 40, undefined, { source: 'own.example' }),
    ...span(29, 0, 'foreign', 20, undefined, { source: 'postbird.example' }),
    // Below, from somebody whom nobody knows: it counts for nothing.
    ...span(29, 0, 'both', 9_000, ['stranger.test'], { source: 'flood.example' }),
  ]);
  await f.analyze();
  await f.t.db.query("update ruawatch.domain_reporters set decides = false, standing = 'new' where reporter = 'stranger.test'");
  await f.t.db.query("delete from ruawatch.domains where domain <> 'com'");
  await putOwn(f.t.db, [DOMAIN], 'added', { now: NOW, ignored: true });
  await f.t.db.query("delete from ruawatch.domains where domain = 'com'");
  server = await startFake(({ name, sent, type }) => {
    const text = (data: string) => ({ answers: [{ name: sent, type: 'TXT' as const, ttl: 60, data }] });
    if (type === 'TXT' && name === `_dmarc.${DOMAIN}`) return text(`v=DMARC1; p=none; rua=mailto:dmarc@${DOMAIN}`);
    if (type === 'TXT' && name === DOMAIN) return text('v=spf1 ip4:192.0.2.0/24 -all');
    const address = (type: 'A', data: string) => ({ answers: [{ name: sent, type, ttl: 60, data }] });
    if (type === 'A') return address('A', '192.0.2.1');
    return { authorities: [soa('com', 60)] };
  });
});
afterAll(async () => {
  await server.stop();
  await f.close();
});

const run = async (domains: string[], options = {}) => {
  const lines: string[] = [];
  const given = { resolver: [`127.0.0.1:${server.port}`], now: NOW, ...options };
  const code = await runPolicyStatus(f.context.config, domains, given, (line) => lines.push(line));
  return { code, text: lines.join('\n') };
};

test('a month of reports is summed by sender, of reporters whose word decides', async () => {
  const month = await loadReportMonth(f.t.db, { domain: DOMAIN, from: ago(29), to: TODAY, reporterDays: REPORTER_DAYS });
  expect(month).toMatchObject({ days: 30, reporters: 3 });
  expect(month!.senders.map(({ source, class: kind, messages, passed }) => [source, kind, messages, passed])).toEqual([
    ['own.example', 'authorized', 3_600, 3_600],
    ['postbird.example', 'misaligned', 1_800, 0],
  ]);
  expect(
    await loadReportMonth(f.t.db, { domain: 'other.test', from: ago(29), to: TODAY, reporterDays: REPORTER_DAYS }),
  ).toBeNull();
});

test('policy status says the stage, the next step with its sender, and the shares of each sender', async () => {
  const { code, text } = await run([DOMAIN]);
  expect(code).toBe(0);
  expect(text).toMatch(/^example\.com {3}stage: none$/m);
  expect(text).toMatch(/next: Align these senders first.*postbird\.example \(1,800 messages in 30 days\)/);
  expect(text).toMatch(/own\.example +authorized +3,600 +100% +100% +100%/);
  expect(text).toContain('What none of these records prevents');
});

test('a sender that a person has approved, by its service for all domains, is known as approved', async () => {
  const word = { by: 'ada', why: 'our newsletter' };
  const subject = { domain: '*', source: 'postbird.example', service: { domains: [] } };
  await f.t.db.query("update ruawatch.sources set grouped_as = 'postbird.example' where source = 'postbird.example'");
  await putSender(f.t.db, subject, { verdict: 'approved', word, until: null }, NOW);
  const { text } = await run([DOMAIN]);
  expect(text).toMatch(/next: Align these senders first.*postbird\.example/);
  expect(text).not.toContain('deny');
  await endSender(f.t.db, subject, word, NOW);
  expect((await run([DOMAIN])).text).toContain('deny it instead');
});

test('without a name every own domain is looked at, and JSON holds the same', async () => {
  const { text } = await run([], { json: true });
  const all = JSON.parse(text);
  expect(all.map(({ domain }: { domain: string }) => domain)).toContain(DOMAIN);
  expect(all.find((one: { domain: string }) => one.domain === DOMAIN)).toMatchObject({
    stage: 'none',
    next: { action: 'align_senders' },
    reports: { days: 30 },
  });
  await expect(run(['localhost'])).rejects.toMatchObject({ code: 'usage' });
});

test('a record that asks for reports at another organization comes with the one that accepts them', async () => {
  const [mailbox] = f.context.config.mailboxes;
  const config = { ...f.context.config, mailboxes: [{ ...mailbox!, addresses: ['rua@in.mail.com'] }] };
  const lines: string[] = [];
  const options = { resolver: [`127.0.0.1:${server.port}`], now: NOW };
  await runPolicyStatus(config, ['fresh.com', 'fresh.mail.com'], options, (line) => lines.push(line));
  const text = lines.join('\n');
  expect(text).toContain('zone file: _dmarc.fresh.com. TXT "v=DMARC1; p=none; rua=mailto:rua@in.mail.com"');
  expect(text).toContain('and at the domain of that mailbox, or no reports are sent to it (RFC 9990 section 4):');
  expect(text).toContain('zone file: fresh.com._report._dmarc.in.mail.com. TXT "v=DMARC1"');
  expect(text).toContain('web form:  fresh.com._report._dmarc.in   TXT   v=DMARC1');
  expect(text).not.toContain('fresh.mail.com._report');
});
