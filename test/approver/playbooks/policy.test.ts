import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PLAYBOOKS } from '../../../services/approver/playbooks/index.ts';
import type { PlaybookFinding, PlaybookMeans } from '../../../services/approver/playbooks/playbook.ts';
import type { Dns } from '../../../services/dns/client/types.ts';
import { organizationalDomain } from '../../../services/report/orgdomain.ts';
import type { DnsChange, Plan } from '../../../services/requests/plan.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { REPORTERS, span } from '../../analyzer/rows.ts';
import { SILENT, zone } from '../../requests/plans/zone.ts';

const DOMAIN = 'example.com';
const DAY_MS = 86_400_000;
let f: Fixture;
let now: Date;
beforeAll(async () => {
  f = await fixture();
  now = f.context.clock.now();
  await f.put([...span(6, 0, 'both', 100, REPORTERS, { source: 'mailer.example' })]);
});
afterAll(() => f.close());

const playbook = (name: string) => PLAYBOOKS.find((one) => one.name === name)!;
const means = (dns: Dns): PlaybookMeans => ({
  db: f.t.db,
  dns,
  now,
  registrable: organizationalDomain,
  asking: {},
  halfStepShare: null,
});
const findingOf = (kind: string, facts: object | null, subject = DOMAIN): PlaybookFinding => ({
  finding_key: 7,
  domain: DOMAIN,
  kind,
  subject,
  severity: 'high',
  summary: 'What was found.',
  evidence: { facts } as unknown as PlaybookFinding['evidence'],
});
const record = (text: string) => zone(`_dmarc.${DOMAIN}. TXT "${text}"\n`);
const FINDING = { key: 7, severity: 'high', summary: 'What was found.' };
const planOf = (name: string, finding: PlaybookFinding, dns: Dns) => playbook(name).plan(finding, means(dns));
/** The text that is to be published. */
const published = async (name: string, finding: PlaybookFinding, dns: Dns) => {
  const plan = await planOf(name, finding, dns);
  const [change] = plan!.changes;
  return change!.target === 'dns' ? change!.after.map(({ text }) => text) : null;
};

describe('new-sender', () => {
  test('asks to approve the source, with what reports say of it', async () => {
    expect(await planOf('new-sender', findingOf('new_source', null, 'mailer.example'), SILENT)).toMatchObject({
      kind: 'sender.approve',
      domain: DOMAIN,
      summary: 'Approve mailer.example as a sender of example.com.',
      warnings: [],
      why: [expect.stringMatching(/^\d[\d,]* messages in the last 7 days, of which \d[\d,]* passed DMARC/)],
      changes: [
        {
          target: 'senders',
          domain: DOMAIN,
          source: 'mailer.example',
          is_service: false,
          before: null,
          after: 'approved',
          until: null,
        },
      ],
      finding: { ...FINDING, kind: 'new_source' },
    });
  });

  test('asks to revoke a key that several new senders sign with, and to rotate it first', async () => {
    const name = `s1._domainkey.${DOMAIN}`;
    const facts = { rule: 'new_source', joined: 3, key: { name, age: 'old', others: [] } };
    const dns = zone(`${name}. TXT "v=DKIM1; p=${'A'.repeat(200)}"\n_dmarc.${DOMAIN}. TXT "v=DMARC1; p=none"\n`);
    const plan = (await planOf('new-sender', findingOf('new_source', facts, 'mailer.example'), dns))!;
    expect(plan).toMatchObject({
      kind: 'dns.change',
      summary: `Revoke the DKIM key ${name}, which 3 new senders sign with.`,
      changes: [{ name, after: [{ text: 'v=DKIM1; p=' }] }],
      back: { watch_hours: 72 },
    });
    // What it puts right follows.
    expect(plan.why.slice(0, 3)).toEqual([
      'What was found.',
      `Rotate the key first, so that your own mail is signed with another one: ruawatch dns rotate ${DOMAIN} --why "the key was copied".`,
      'A revoked key makes every signature with it fail at once, yours and theirs.',
    ]);
    expect(plan.risk).not.toBe('low');
  });

  test.each([1, null, undefined])('approves one that signs with an old key alone (%s new ones)', async (joined) => {
    const facts = { rule: 'new_source', joined, key: { name: `s1._domainkey.${DOMAIN}`, age: 'old', others: [] } };
    const plan = await planOf('new-sender', findingOf('new_source', facts, 'mailer.example'), SILENT);
    expect(plan).toMatchObject({ kind: 'sender.approve' });
  });

  test('asks to revoke it for two', async () => {
    const name = `s1._domainkey.${DOMAIN}`;
    const facts = { rule: 'new_source', joined: 2, key: { name, age: 'old', others: [] } };
    const dns = zone(`${name}. TXT "v=DKIM1; p=${'A'.repeat(200)}"\n_dmarc.${DOMAIN}. TXT "v=DMARC1; p=none"\n`);
    expect(await planOf('new-sender', findingOf('new_source', facts, 'mailer.example'), dns)).toMatchObject({
      kind: 'dns.change',
    });
    const other = findingOf('new_source', { ...facts, rule: 'other' }, 'mailer.example');
    expect(await planOf('new-sender', other, SILENT)).toMatchObject({ kind: 'sender.approve' });
  });

  test('approves what signs with a key that nobody used before: a service that was set up', async () => {
    const facts = { rule: 'new_source', joined: 3, key: { name: `s2._domainkey.${DOMAIN}`, age: 'new', others: [] } };
    const plan = await planOf('new-sender', findingOf('new_source', facts, 'mailer.example'), SILENT);
    expect(plan).toMatchObject({ kind: 'sender.approve' });
  });

  test('does not touch a key of another domain', async () => {
    const facts = { rule: 'new_source', joined: 3, key: { name: 's1._domainkey.mailer.example', age: 'old', others: [] } };
    expect(await planOf('new-sender', findingOf('new_source', facts, 'mailer.example'), SILENT)).toBeNull();
  });

  test('asks nothing about a source that somebody has decided about', async () => {
    await f.t.db.query(
      `insert into ruawatch.sender_list (domain, source, is_service, verdict, by_name, why, since)
       values ($1, 'other.example', false, 'denied', 'test', 'not ours', $2)`,
      [DOMAIN, now],
    );
    expect(await planOf('new-sender', findingOf('new_source', null, 'other.example'), SILENT)).toBeNull();
  });
});

describe('protect-subdomains', () => {
  const abuse = (used: number) => findingOf('subdomain_abuse', { rule: 'subdomain_abuse', used_in_all: used });

  test.each([
    ['v=DMARC1; p=none; rua=mailto:a@example.com', 0, 'v=DMARC1; p=none; np=reject; sp=reject; rua=mailto:a@example.com'],
    ['v=DMARC1; p=none; rua=mailto:a@example.com', 1, 'v=DMARC1; p=none; np=reject; rua=mailto:a@example.com'],
    ['v=DMARC1; p=none; SP=quarantine; NP=none', 0, 'v=DMARC1; p=none; SP=reject; NP=reject'],
    ['v=DMARC1; p=none; SP=quarantine; NP=none', 2, 'v=DMARC1; p=none; SP=quarantine; NP=reject'],
    ['v=DMARC1; rua=mailto:a@example.com', 0, 'v=DMARC1; rua=mailto:a@example.com; np=reject; sp=reject'],
  ])('%s with %i subdomains in use', async (before, used, after) => {
    expect(await published('protect-subdomains', abuse(used), record(before))).toEqual([after]);
  });

  test('says of which names mail is refused', async () => {
    const dns = record('v=DMARC1; p=none');
    expect((await planOf('protect-subdomains', abuse(0), dns))!).toMatchObject({
      kind: 'dns.change',
      domain: DOMAIN,
      summary: 'Publish np=reject and sp=reject for example.com, so that receivers refuse mail in the name of any subdomain.',
      finding: { ...FINDING, kind: 'subdomain_abuse' },
      changes: [{ target: 'dns', name: '_dmarc.example.com', type: 'TXT' }],
    });
    expect((await planOf('protect-subdomains', abuse(1), dns))!.summary).toBe(
      'Publish np=reject for example.com, so that receivers refuse mail in the name of subdomains that do not exist.',
    );
    expect((await planOf('protect-subdomains', abuse(1), dns))!.why[0]).toBe('What was found.');
  });

  test('takes subdomains for used when the facts do not say', async () => {
    const dns = record('v=DMARC1; p=none');
    for (const facts of [null, { rule: 'policy_ready', used_in_all: 0 }])
      expect(await published('protect-subdomains', findingOf('subdomain_abuse', facts), dns)).toEqual([
        'v=DMARC1; p=none; np=reject',
      ]);
  });

  test('has no plan without a record, and says when DNS does not answer', async () => {
    expect(await planOf('protect-subdomains', abuse(0), zone(`${DOMAIN}. TXT "x"\n`))).toBeNull();
    expect(await planOf('protect-subdomains', abuse(0), zone('example.org. TXT "x"\n'))).toBeNull();
    await expect(planOf('protect-subdomains', abuse(0), SILENT)).rejects.toMatchObject({
      code: 'unknown',
      message: 'The DMARC record of example.com is not known: No server answered in time.',
    });
  });
});

describe('policy-step', () => {
  const ready = (next: string) => findingOf('policy_ready', { rule: 'policy_ready', next });

  test('raises p and leaves the rest', async () => {
    const dns = record('v=DMARC1; p=none; sp=none; rua=mailto:a@example.com');
    expect(await published('policy-step', ready('quarantine'), dns)).toEqual([
      'v=DMARC1; p=quarantine; sp=none; rua=mailto:a@example.com',
    ]);
    expect(await planOf('policy-step', ready('reject'), dns)).toMatchObject({
      kind: 'policy.step',
      summary: 'Raise the policy of example.com to p=reject.',
      changes: [{ target: 'dns', name: '_dmarc.example.com' }],
      finding: { ...FINDING, kind: 'policy_ready' },
    });
  });

  describe('by way of t=y', () => {
    const halved = (dns: Dns, halfStepShare: number | null = 0.8, next = 'quarantine') =>
      playbook('policy-step').plan(ready(next), { ...means(dns), halfStepShare });
    const knowing = async (reporter: string, share: 'all' | 'none') => {
      await f.t.db.query(
        `update ruawatch.reports set policy_testing = $2, discovery_method = null, messages = 100, begin_at = $4
          where domain = $1 and reporter = $3`,
        [DOMAIN, share === 'all' ? 'n' : null, reporter, new Date(now.getTime() - 3 * DAY_MS)],
      );
    };
    const none = record('v=DMARC1; p=none; rua=mailto:a@example.com');
    const text = (plan: Plan | null) => (plan!.changes[0] as DnsChange).after.map((one) => one.text);

    test('where the reporters that know it cover enough of the mail; the plan says what all others will do', async () => {
      const reporters = (await f.t.db.query('select distinct reporter from ruawatch.reports order by 1')).rows.map(
        (one) => one.reporter,
      );
      expect(reporters.length).toBeGreaterThan(2);
      await f.t.db.query(
        `insert into ruawatch.domain_reporters (domain, reporter, standing, decides) select $1, name, 'known', true from unnest($2::text[]) name
         on conflict (domain, reporter) do update set decides = true`,
        [DOMAIN, reporters],
      );
      for (const one of reporters) await knowing(one, 'all');
      const plan = await halved(none);
      expect(text(plan)).toEqual(['v=DMARC1; p=quarantine; t=y; rua=mailto:a@example.com']);
      expect(plan).toMatchObject({ kind: 'policy.step', warnings: [], risk: 'medium' });
      expect(plan!.summary).toBe('Raise the policy of example.com to p=quarantine, with t=y at first.');
      expect(plan!.why.join(' ')).toMatch(
        /treat failing mail as under p=none until t=y is removed\. They report 100% of [\d,]+ messages of the last 30 days\. Receivers that do not know it quarantine failing mail at once; none of them reports\./,
      );
      // One of them does not know it: a third of the mail and more is not covered.
      await knowing(reporters[0]!, 'none');
      expect(text(await halved(none))).toEqual(['v=DMARC1; p=quarantine; rua=mailto:a@example.com']);
      expect((await halved(none))!.why.at(-1)).toMatch(
        /^It is a whole step, not one with t=y: receivers that know t report \d\d% of the mail/,
      );
      const lower = await halved(none, 0.5);
      expect(text(lower)).toEqual(['v=DMARC1; p=quarantine; t=y; rua=mailto:a@example.com']);
      expect(lower!.why.join(' ')).toContain(`reported by ${reporters[0]}. There is no pct any more (RFC 9989).`);
      for (const one of reporters) await knowing(one, 'all');
    });

    test('never where the settings want none, or it would weaken what is published', async () => {
      expect(text(await halved(none, null))).toEqual(['v=DMARC1; p=quarantine; rua=mailto:a@example.com']);
      const strict = record('v=DMARC1; p=none; sp=reject');
      expect(text(await halved(strict))).toEqual(['v=DMARC1; p=quarantine; sp=reject']);
      // From quarantine to reject with t=y, names below stay at quarantine.
      expect(text(await halved(record('v=DMARC1; p=quarantine'), 0.8, 'reject'))).toEqual(['v=DMARC1; p=reject; t=y']);
    });

    test('whose time is over is made whole', async () => {
      const plan = await halved(record('v=DMARC1; p=quarantine; t=y; rua=mailto:a@example.com'));
      expect(text(plan)).toEqual(['v=DMARC1; p=quarantine; rua=mailto:a@example.com']);
      expect(plan).toMatchObject({
        kind: 'policy.step',
        warnings: [],
        summary: 'Apply p=quarantine of example.com in full: take t=y away.',
      });
    });

    test('that stands before the next step goes with it', async () => {
      const plan = await halved(record('v=DMARC1; p=none; t=y; rua=mailto:a@example.com'), null);
      expect(text(plan)).toEqual(['v=DMARC1; p=quarantine; rua=mailto:a@example.com']);
      expect(plan!.summary).toBe('Raise the policy of example.com to p=quarantine.');
    });

    test('is no word where the settings want none, or nothing was reported', async () => {
      const words = async (share: number | null) => (await halved(none, share))!.why.filter((one) => one.includes('t=y'));
      expect(await words(null)).toEqual([]);
      await f.t.db.query("update ruawatch.reports set begin_at = begin_at - interval '90 days'");
      expect(await words(0.8)).toEqual([]);
      await f.t.db.query("update ruawatch.reports set begin_at = begin_at + interval '90 days'");
    });

    test('is not chosen by the word of strangers', async () => {
      await f.t.db.query('update ruawatch.reports set policy_testing = null, discovery_method = null');
      await f.t.db.query(
        `insert into ruawatch.domain_reporters (domain, reporter, standing, decides) values ($1, 'stranger.example', 'new', false)`,
        [DOMAIN],
      );
      await f.t.db.query(
        `update ruawatch.reports set policy_testing = 'y', messages = 1000000, reporter = 'stranger.example'
          where report_key = (select min(report_key) from ruawatch.reports)`,
      );
      expect(text(await halved(none, 0.5))).toEqual(['v=DMARC1; p=quarantine; rua=mailto:a@example.com']);
    });
  });

  test('has no plan without a record, or without the facts of its rule', async () => {
    expect(await planOf('policy-step', ready('reject'), zone(`${DOMAIN}. TXT "x"\n`))).toBeNull();
    const dns = record('v=DMARC1; p=none');
    expect(await planOf('policy-step', findingOf('policy_ready', null), dns)).toBeNull();
    expect(await planOf('policy-step', findingOf('policy_ready', { rule: 'subdomain_abuse', next: 'reject' }), dns)).toBeNull();
  });
});

describe('policy-back', () => {
  const changed = findingOf('policy_change', null);
  const name = `_dmarc.${DOMAIN}`;
  const dns = record('v=DMARC1; p=none');

  test('has no plan while the record before is not known', async () => {
    expect(await planOf('policy-back', changed, dns)).toBeNull();
  });

  test('puts the newest record before it back, unless a request of the last 30 days changed it', async () => {
    await f.t.db.query(
      `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen, gone_at)
       select $1, $2, 'TXT', 'dmarc', value, '{}', $3, $3, gone from (values ('v=DMARC1; p=quarantine', $3::timestamptz - interval '2 days'),
              ('v=DMARC1; p=reject', $3::timestamptz - interval '1 day'), ('v=DMARC1; p=none', null)) as v (value, gone)`,
      [DOMAIN, name, now],
    );
    expect(await planOf('policy-back', changed, dns)).toMatchObject({
      kind: 'dns.change',
      summary: 'Put the DMARC record of example.com back as it was before it changed.',
      why: ['What was found.', 'No request of ruawatch has changed it.'],
      changes: [{ name, before: [{ text: 'v=DMARC1; p=none' }], after: [{ text: 'v=DMARC1; p=reject' }] }],
      finding: { ...FINDING, kind: 'policy_change' },
    });
    const ours = async (at: Date) => {
      await f.t.db.query('delete from ruawatch.changes');
      await f.t.db.query(
        `insert into ruawatch.changes (request_key, position, forward, target, name, before, after, state, intended_at)
         values (1, 0, true, 'dns', $1, '[]', '[]', 'applied', $2)`,
        [name, at],
      );
      return planOf('policy-back', changed, dns);
    };
    await f.t.db.query('alter table ruawatch.changes drop constraint changes_request_key_fkey');
    expect(await ours(new Date(now.getTime() - 30 * DAY_MS))).toBeNull();
    expect(await ours(new Date(now.getTime() - 30 * DAY_MS - 1))).not.toBeNull();
  });
});
