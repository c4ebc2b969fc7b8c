import { describe, expect, test } from 'vitest';
import { checkDomain } from '../../../services/dns/check/check.ts';
import type { ReportMonth, SenderMonth } from '../../../services/dns/posture/month.ts';
import { postureOf, STAGES } from '../../../services/dns/posture/posture.ts';
import { subdomainAbuse } from '../../../services/findings/kinds/subdomain_abuse.ts';
import { GOOD, GOOD_WEB, KEY, spf, webOf } from '../check/fixtures.ts';
import { dnsOf, type Zone } from '../zone.ts';

const MAILBOX = 'dmarc@example.com';
const sender = (more: Partial<SenderMonth> = {}): SenderMonth => ({
  source: 'mail.example.com',
  class: 'authorized',
  messages: 4_000,
  passed: 4_000,
  dkim_aligned: 4_000,
  spf_aligned: 4_000,
  ...more,
});
const month = (...senders: SenderMonth[]): ReportMonth => ({
  from: '2026-10-28',
  to: '2026-11-26',
  days: 30,
  reporters: 4,
  senders,
});
const record = (text: string) => ({ '_dmarc.example.com': spf(text) });
const RUA = 'rua=mailto:dmarc@example.com';
const at = async (zone: Zone, reports: ReportMonth | null, without: string[] = []) => {
  const all: Zone = { ...GOOD, ...zone };
  for (const name of without) delete all[name];
  const options = { selectors: ['sel'], mailboxes: [MAILBOX], web: webOf(GOOD_WEB) };
  return postureOf(await checkDomain('example.com', dnsOf(all), options), reports, MAILBOX);
};
const NONE = record(`v=DMARC1; p=none; ${RUA}`);
/** An SPF record that receivers cannot read. */
const FAULT: Zone = {
  'example.com': { ...(GOOD['example.com'] as object), ...spf('v=spf1 ip4:192.0.2.300 -all') },
};
const QUARANTINE = record(`v=DMARC1; p=quarantine; ${RUA}`);

describe('the stage', () => {
  test('rises with the records that are there and right', async () => {
    const open = { 'example.com': { MX: [{ preference: 10, exchange: 'mx.example.com' }] } };
    const gone = ['_dmarc.example.com', 'sel._domainkey.example.com', 'default._bimi.example.com'];
    const bare = ['default._bimi.example.com'];
    const stages = [
      await at(open, null, gone),
      await at({}, null, gone),
      await at({}, null, ['_dmarc.example.com', ...bare]),
      await at(NONE, null, bare),
      await at(QUARANTINE, null, bare),
      await at({}, null, bare),
      await at({}, null),
    ];
    expect(stages.map(({ stage }) => stage)).toEqual(STAGES);
  });
});

describe('the next step', () => {
  test('is to mend DNSSEC where it is broken, whatever else is known', async () => {
    const { stage, next } = await at({ '_dmarc.example.com': { ...spf('v=DMARC1; p=reject'), bogus: '' } }, month(sender()));
    expect({ stage, action: next.action }).toEqual({ stage: 'unknown', action: 'fix_records' });
    expect(next.sentence).toContain('DNSSEC is broken at _dmarc.example.com');
  });

  test('is to ask again where nobody can say what policy is published', async () => {
    const { stage, next } = await at({ '_dmarc.example.com': 'unknown' }, null);
    expect({ stage, action: next.action }).toEqual({ stage: 'unknown', action: 'fix_records' });
    expect(next.sentence).toContain('"ruawatch dns check example.com" asks again.');
  });

  test('is p=none where nobody can say what a registry publishes above the domain', async () => {
    const away = { ...GOOD, '_dmarc.com': 'unknown' as const };
    const without = (name: string) => Object.fromEntries(Object.entries(away).filter(([one]) => one !== name)) as Zone;
    const options = { selectors: ['sel'], mailboxes: [MAILBOX], web: webOf(GOOD_WEB), registrable: () => 'example.com' };
    const of = async (domain: string, zone: Zone) => postureOf(await checkDomain(domain, dnsOf(zone), options), null, MAILBOX);
    expect((await of('example.com', without('_dmarc.example.com'))).next).toMatchObject({
      action: 'publish_dmarc',
      publish: { value: `v=DMARC1; p=none; ${RUA}` },
    });
    // The domain's own people may have published something that nobody could say.
    const unsaid = { ...away, '_dmarc.example.com': 'unknown' as const };
    expect((await of('example.com', unsaid)).next.action).not.toBe('publish_dmarc');
    expect((await of('mx.example.com', unsaid)).next.action).not.toBe('publish_dmarc');
  });

  test('is p=none without a place for reports that the domain itself cannot have', async () => {
    const none: Zone = { 'mx.example.com': { A: ['192.0.2.1'] }, 'example.com': { TXT: [['hello']] } };
    const { next } = postureOf(await checkDomain('example.com', dnsOf(none)), null, null);
    expect(next.publish).toEqual({ name: '_dmarc.example.com', value: 'v=DMARC1; p=none' });
    expect(next.sentence).toContain('takes no mail: add rua=mailto:');
  });

  test('is p=none with reports wherever there is no DMARC record, even without SPF', async () => {
    const { next } = await at({ 'example.com': { A: ['192.0.2.1'] } }, null, ['_dmarc.example.com']);
    expect(next).toMatchObject({
      action: 'publish_dmarc',
      publish: { name: '_dmarc.example.com', value: `v=DMARC1; p=none; rua=mailto:${MAILBOX}` },
    });
  });

  test('is to ask for reports where they go nowhere, or somewhere else', async () => {
    expect((await at(record('v=DMARC1; p=reject'), null)).next.action).toBe('ask_for_reports');
    const elsewhere = await at(record('v=DMARC1; p=reject; rua=mailto:other@example.com'), null);
    expect(elsewhere.next).toMatchObject({ action: 'ask_for_reports', publish: { value: expect.stringContaining(MAILBOX) } });
  });

  test('is to mend what is wrong, before anything that the reports ask for', async () => {
    const { next } = await at({ ...NONE, 'sel._domainkey.example.com': spf('v=DKIM1; p=broken!') }, month(sender()));
    expect(next.action).toBe('fix_records');
  });

  test('is SPF with the senders that the reports name', async () => {
    const zone = { ...NONE, 'example.com': { MX: [{ preference: 10, exchange: 'mx.example.com' }] } };
    const { next } = await at(zone, month(sender({ source: 'postbird.example' })));
    expect(next).toMatchObject({
      action: 'publish_spf',
      sentence: expect.stringContaining('postbird.example (4,000 messages in 30 days)'),
    });
  });

  test('is to align a misaligned sender, by name and volume', async () => {
    const { next } = await at(
      NONE,
      month(
        sender(),
        sender({ source: 'postbird.example', class: 'misaligned', messages: 18_866, passed: 0, dkim_aligned: 0, spf_aligned: 0 }),
      ),
    );
    expect(next).toMatchObject({
      action: 'align_senders',
      sentence: expect.stringContaining('postbird.example (18,866 messages in 30 days)'),
    });
  });

  test('asks no more about senders that a person has approved, and names those that nobody has', async () => {
    const unaligned = { class: 'misaligned', messages: 18_866, passed: 0, dkim_aligned: 0, spf_aligned: 0 } as const;
    const postbird = sender({ source: 'postbird.example', ...unaligned });
    const saidOf = async (...more: SenderMonth[]) => (await at(NONE, month(sender(), ...more))).next.sentence;
    expect(await saidOf(postbird)).toContain("One that nobody of yours uses is somebody else's: deny it instead.");
    const approved = await saidOf({ ...postbird, approved: true });
    expect(approved).toContain('Align these senders first');
    expect(approved).not.toContain('deny');
    const both = await saidOf({ ...postbird, approved: true }, sender({ source: 'x.example', ...unaligned, messages: 9000 }));
    expect(both).toContain(
      'The others are approved. Of x.example, nobody has said whose they are: deny what nobody of yours uses.',
    );
  });

  test('is a stricter policy when the reports of a month say that it costs nothing', async () => {
    expect((await at(NONE, month(sender()))).next).toMatchObject({
      action: 'enforce_quarantine',
      publish: { name: '_dmarc.example.com', value: `v=DMARC1; p=quarantine; ${RUA}` },
    });
    expect((await at(QUARANTINE, month(sender()))).next).toMatchObject({ action: 'enforce_reject' });
  });

  test('names the mail of lists and forwarders that p=reject would refuse', async () => {
    const lists = sender({
      source: 'lists.other.test',
      class: 'forwarded',
      messages: 300,
      passed: 0,
      dkim_aligned: 0,
      spf_aligned: 0,
    });
    const { next } = await at(QUARANTINE, month(sender(), lists));
    expect(next).toMatchObject({
      action: 'enforce_reject',
      sentence: expect.stringContaining('Mailing lists and forwarders broke 300 messages in 30 days, which would be refused'),
    });
    const one = (await at(QUARANTINE, month(sender(), { ...lists, messages: 1 }))).next.sentence;
    expect(one).toContain('broke 1 message in 30 days, which');
  });

  test('is DKIM before p=reject where mail passes by SPF alone', async () => {
    const alone = month(sender({ dkim_aligned: 2_000 }));
    expect((await at(QUARANTINE, alone)).next).toMatchObject({
      action: 'sign_with_dkim',
      sentence: expect.stringContaining('mail.example.com'),
    });
    expect((await at(NONE, alone)).next.action).toBe('enforce_quarantine');
  });

  test.each([
    ['too few days', { days: 12 }, 'Reports cover 12 of the last 30 days'],
    ['too few reporters', { reporters: 1 }, '1 of the 3 regular reporters'],
  ])('is to wait with %s', async (_, more, why) => {
    const { next, blocked_by } = await at(NONE, { ...month(sender()), ...more });
    expect(next.action).toBe('gather_reports');
    expect(blocked_by.join(' ')).toContain(why);
  });

  test('is to wait with too little mail, too much that fails, and too much that nobody knows', async () => {
    expect((await at(NONE, month(sender({ messages: 100, passed: 100 })))).blocked_by[0]).toContain('100 messages');
    expect((await at(NONE, month(sender({ passed: 3_900 })))).blocked_by[0]).toContain('97.5%');
    const unknown = sender({
      source: '203.0.113.0/24',
      class: 'unknown',
      messages: 100,
      passed: 0,
      dkim_aligned: 0,
      spf_aligned: 0,
    });
    expect((await at(NONE, month(sender(), unknown))).next.action).toBe('explain_unknown');
  });

  test('ends a trial (t=y) that costs nothing, and closes open subdomains', async () => {
    const trial = await at(record(`v=DMARC1; p=quarantine; t=y; ${RUA}`), month(sender()));
    expect(trial.next).toMatchObject({ action: 'end_testing', publish: { value: `v=DMARC1; p=quarantine; ${RUA}` } });
    // A playbook may take it on, as any step of the policy.
    expect(trial.ready_for).toBe('quarantine');
    const open = await at(record(`v=DMARC1; p=reject; sp=none; ${RUA}`), month(sender()));
    expect(open.next.action).toBe('protect_subdomains');
  });

  test('closes subdomains as the finding about them says: np first, which costs no mail, and sp last', async () => {
    const facts = { rule: 'subdomain_abuse' as const, used: [], used_in_all: 0, looked_at: 2 };
    const advice = (published: { p: string; sp: string; np: string }) =>
      subdomainAbuse.words(
        {
          domain: 'example.com',
          evidence: { messages: 7, senders: 1, since: '2026-10-01', delivered: 7, names_in_all: 2 },
        } as never,
        { ...facts, published: { ...published, testing: false } },
      ).advice;
    const first = await at(record(`v=DMARC1; p=reject; sp=none; ${RUA}`), month(sender()));
    expect(first.next.publish?.value).toBe(`v=DMARC1; p=reject; np=reject; sp=none; ${RUA}`);
    for (const said of advice({ p: 'reject', sp: 'none', np: 'none' }).slice(-2)) expect(first.next.sentence).toContain(said);
    const last = await at(record(`v=DMARC1; p=reject; sp=none; np=reject; ${RUA}`), month(sender()));
    expect(last.next.publish?.value).toBe(`v=DMARC1; p=reject; sp=reject; np=reject; ${RUA}`);
    expect(last.next.sentence).toContain(advice({ p: 'reject', sp: 'none', np: 'reject' }).at(-1));
    expect(last.next.sentence).not.toContain('Publish np');
  });

  test('is to close names that do not exist where forged mail of them is delivered, unless own mail is being lost', async () => {
    const open = record(`v=DMARC1; p=reject; sp=none; ${RUA}`);
    const withIncident = (severity: string) => ({
      ...month(sender()),
      contested: [{ kind: 'subdomain_abuse', name: 'Forged mail under subdomains' }],
      incidents: [{ finding_key: 2, summary: 'The SPF record of example.com asks too much', severity }],
    });
    expect((await at(open, withIncident('medium'))).next).toMatchObject({
      action: 'protect_subdomains',
      publish: { value: `v=DMARC1; p=reject; np=reject; sp=none; ${RUA}` },
    });
    // It is the cure that the finding names, and no reason for a milder policy.
    expect((await at(open, withIncident('medium'))).blocked_by).toEqual([]);
    expect((await at(QUARANTINE, withIncident('medium'))).blocked_by.join(' ')).toContain('Forged mail is being delivered');
    expect((await at(open, withIncident('critical'))).next.action).toBe('mend_senders');
    expect((await at(open, { ...withIncident('medium'), contested: [] })).next.action).toBe('mend_senders');
    // A record that is at fault may wait where that costs little.
    const fault = { ...open, ...FAULT };
    expect((await at(fault, withIncident('medium'))).next.action).toBe('protect_subdomains');
    expect((await at(fault, withIncident('critical'))).next.action).toBe('fix_records');
    const closed = record(`v=DMARC1; p=reject; sp=none; np=reject; ${RUA}`);
    expect((await at(closed, withIncident('medium'))).next.action).toBe('mend_senders');
  });

  test('is to take away what lets mail of a denied sender pass, unless others rest on it', async () => {
    const key = { name: 'th1._domainkey.example.com', others: [] as string[] };
    const denied = { finding_key: 7, source: 'tickets.test', messages: 842, passes: true, keys: [key], terms: [] as string[] };
    const withDenied = (more: Partial<typeof denied>) => ({ ...month(sender()), denied: [{ ...denied, ...more }] });
    expect((await at({}, withDenied({}))).next).toEqual({
      action: 'stop_denied',
      sentence:
        'tickets.test is denied, and its mail still passes DMARC (finding 7): remove the key th1._domainkey.example.com, with which nobody else signs.',
      publish: { name: 'th1._domainkey.example.com', value: null },
    });
    // It comes before a fault that costs little: mail of a denied sender is delivered everywhere.
    expect((await at(FAULT, withDenied({}))).next.action).toBe('stop_denied');
    const shared = await at({}, withDenied({ keys: [{ ...key, others: ['192.0.2.0/24'] }] }));
    expect(shared.next).toMatchObject({ action: 'stop_denied', publish: null });
    expect(shared.next.sentence).toContain('whether it forwards mail of 192.0.2.0/24');
    const admitted = await at({}, withDenied({ keys: [], terms: ['include:spf.tickets.test'] }));
    expect(admitted.next.sentence).toContain('take include:spf.tickets.test out of the SPF record of example.com.');
  });

  test('is the policy where mail of a denied sender is delivered because of it, with what that would hit', async () => {
    const denied = [{ finding_key: 8, source: 'postbird.test', messages: 2_021, passes: false, keys: [], terms: [] }];
    const { next } = await at(NONE, { ...month(sender()), denied });
    expect(next).toMatchObject({
      action: 'stop_forged',
      sentence:
        'postbird.test is denied, and 2,021 messages of postbird.test were delivered under p=none (finding 8): publish p=quarantine. By the reports it costs no mail of your own.',
      publish: { value: `v=DMARC1; p=quarantine; ${RUA}` },
    });
    // Somebody weakened it: back to what it was.
    const policies = [
      { p: 'reject', reports: 170 },
      { p: 'none', reports: 35 },
    ];
    const back = await at(NONE, { ...month(sender()), denied, policies });
    expect(back.next).toMatchObject({ action: 'stop_forged', publish: { value: `v=DMARC1; p=reject; ${RUA}` } });
    // One answer: nothing beside it says that this has to wait.
    expect(back.blocked_by).toEqual([]);
    expect((await at(NONE, { ...month(sender()), policies })).blocked_by).toEqual([
      expect.stringContaining('If nobody of yours weakened it on purpose, publish that again.'),
    ]);
    const own = sender({ source: 'a.test', class: 'misaligned', messages: 1_000, passed: 0, dkim_aligned: 0, spf_aligned: 0 });
    const hit = await at(NONE, { ...month(sender(), own), denied });
    expect(hit.next).toMatchObject({ action: 'stop_forged', publish: null });
    expect(hit.next.sentence).toContain('It would stop mail of your own as well: a.test (1,000 messages in 30 days)');
    const few = await at(NONE, { ...month(sender()), denied, days: 12 });
    expect(few.next).toMatchObject({ action: 'stop_forged', publish: null });
    expect(few.next.sentence).toContain('Before p=quarantine: Reports cover 12 of the last 30 days');
    expect(few.ready_for).toBeNull();
    // A policy that is enforced stops it, as far as the domain can.
    expect((await at(QUARANTINE, { ...month(sender()), denied })).next.action).not.toBe('stop_forged');
  });

  test('is the open finding about own mail that fails, before any record that could be added', async () => {
    const incidents = [{ finding_key: 4, summary: 'Mail of example.com through a.test stopped passing DMARC on 2026-11-20' }];
    const broken = {
      ...month(sender({ passed: 2_000, dkim_aligned: 2_000 })),
      against: [{ kind: 'authentication_regression', name: 'Authentication that broke' }],
      incidents,
    };
    const enforced = await at({}, broken, ['_mta-sts.example.com', '_smtp._tls.example.com']);
    expect(enforced.next).toEqual({
      action: 'mend_senders',
      sentence:
        'Act on finding 4 first, as p=reject stops this mail: Mail of example.com through a.test stopped passing DMARC on 2026-11-20.',
      publish: null,
    });
    expect(enforced.blocked_by).toContain('Open findings say that the policy costs mail: “Authentication that broke”.');
    const open = await at(NONE, broken);
    expect(open.next.sentence).toMatch(/^Act on finding 4 first: Mail of/);
    expect(open.blocked_by).toContain('Open findings say that it would cost mail now: “Authentication that broke”.');
  });

  test('says of misaligned senders that their mail is stopped where the policy does so', async () => {
    const service = sender({ source: 'a.test', class: 'misaligned', passed: 0, dkim_aligned: 0, spf_aligned: 0 });
    expect((await at({}, month(sender(), service))).next.sentence).toContain('first, as p=reject stops their mail: a.test');
    expect((await at(NONE, month(sender(), service))).next.sentence).toContain('or their mail is lost under a stricter policy');
  });

  test('of a domain that sends nothing is the short way', async () => {
    const silent = { 'example.com': spf('v=spf1 -all') };
    expect((await at({ ...silent, ...NONE }, null)).next).toMatchObject({
      action: 'park',
      publish: { value: 'v=DMARC1; p=reject' },
    });
    expect((await at(silent, null)).next.action).toBe('keep');
  });

  test('after p=reject is TLS-RPT, MTA-STS and BIMI, in this order, and then nothing', async () => {
    const all = ['_smtp._tls.example.com', '_mta-sts.example.com', 'default._bimi.example.com'];
    const actions = [];
    for (let n = 0; n <= all.length; n++) actions.push((await at({}, month(sender()), all.slice(n))).next.action);
    expect(actions).toEqual(['publish_tls_rpt', 'publish_mta_sts', 'publish_bimi', 'keep']);
  });

  test('is never enforcement while a blocker is known, whatever else is drawn', async () => {
    for (const days of [5, 25])
      for (const passed of [3_000, 3_990])
        for (const reporters of [2, 3])
          for (const zone of [NONE, QUARANTINE]) {
            const { next, blocked_by } = await at(zone, { ...month(sender({ passed, dkim_aligned: passed })), days, reporters });
            expect(next.action.startsWith('enforce_'), JSON.stringify({ days, passed, reporters, next })).toBe(
              blocked_by.length === 0,
            );
          }
  });
});

test('a key is what the stage dkim rests on', async () => {
  const revoked = await at({ 'sel._domainkey.example.com': spf('v=DKIM1; p=') }, null, ['_dmarc.example.com']);
  expect(revoked.stage).toBe('spf');
  expect((await at({ 'sel._domainkey.example.com': spf(`v=DKIM1; p=${KEY}`) }, null, ['_dmarc.example.com'])).stage).toBe('dkim');
});
