import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PLAYBOOKS } from '../../../services/approver/playbooks/index.ts';
import type { PlaybookFinding, PlaybookMeans } from '../../../services/approver/playbooks/playbook.ts';
import { readEvidence } from '../../../services/findings/evidence.ts';
import type { Plan } from '../../../services/requests/plan.ts';
import { changeLines } from '../../../services/requests/plans/text.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { DOMAIN, REPORTERS, span } from '../../analyzer/rows.ts';
import { zone } from '../../requests/plans/zone.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

const finding = (kind: string, facts: object): PlaybookFinding => ({
  finding_key: 7,
  domain: DOMAIN,
  kind,
  subject: 'x',
  severity: 'medium',
  summary: 'What is wrong.',
  evidence: readEvidence({ v: 1, facts: { rule: kind, ...facts } }),
});
const means = (text: string): PlaybookMeans => ({
  db: f.t.db,
  dns: zone(text.replaceAll('@', `${DOMAIN}.`)),
  now: f.context.clock.now(),
  registrable: (name) => name,
  asking: { budget: { left: 400 } },
  halfStepShare: null,
});
const plan = async (kind: string, facts: object, text = ''): Promise<Plan | null> => {
  const given = finding(kind, facts);
  expect(given.evidence.facts?.rule).toBe(kind);
  const playbook = PLAYBOOKS.find(({ kinds }) => kinds.includes(kind))!;
  return playbook.plan(given, means(text));
};
const lines = async (...given: Parameters<typeof plan>) => {
  const made = await plan(...given);
  return made === null ? null : changeLines(made);
};
const ours = (name: string) =>
  f.t.db.query(
    `with r as (insert into ruawatch.requests (kind, domain, summary, plan, digest, rule, requester, requester_kind, why, state, created_at, changed_at)
       values ('dns.change', $1, 'x', '{}', $3, '{}', 'ada@example.com', 'person', 'x', 'done', now(), now()) returning request_key)
     insert into ruawatch.changes (request_key, position, forward, target, name, before, after, state, intended_at)
     select request_key, 0, true, 'primary', $2, '[]', '[]', 'applied', $4 from r`,
    [DOMAIN, name, 'a'.repeat(64), f.context.clock.now()],
  );

test('a kind of finding has one playbook at most', () => {
  const kinds = PLAYBOOKS.flatMap((playbook) => playbook.kinds);
  expect(new Set(kinds).size).toBe(kinds.length);
});

describe('a service that does not align', () => {
  const facts = {
    bare: false,
    approved_by: null,
    signer: 'mailchimp.com',
    small: false,
    p: 'none',
    strict_spf: false,
    service: {
      name: 'Mailchimp',
      align: 'Publish the CNAMEs.',
      source: null,
      publish: [
        { name: `k2._domainkey.${DOMAIN}`, type: 'CNAME', value: 'dkim2.mcsv.net' },
        { name: `k3._domainkey.${DOMAIN}`, type: 'CNAME', value: 'dkim3.mcsv.net' },
      ],
    },
  };

  test('gets all the records of its documentation at once', async () => {
    const made = (await plan('alignment_failure', facts))!;
    expect(changeLines(made)).toEqual([
      `+ k2._domainkey.${DOMAIN}. 3600 CNAME dkim2.mcsv.net.`,
      `+ k3._domainkey.${DOMAIN}. 3600 CNAME dkim3.mcsv.net.`,
    ]);
    expect(made).toMatchObject({ kind: 'dns.change', summary: expect.stringMatching(/^Publish the records of Mailchimp for /) });
    // What it puts right follows.
    expect(made.why.slice(0, 2)).toEqual([
      'What is wrong.',
      `Nobody has approved Mailchimp as a sender of ${DOMAIN}: make sure that it sends for you, since its customers may sign as ${DOMAIN} from then on.`,
    ]);
    const approved = (await plan('alignment_failure', { ...facts, approved_by: 'ada@example.com' }))!;
    expect(approved.why.slice(0, 2)).toEqual(['What is wrong.', 'Mailchimp was approved by ada@example.com.']);
  });

  test('gets those that are missing', async () => {
    expect(await lines('alignment_failure', facts, `k2._domainkey.@ CNAME dkim2.mcsv.net.`)).toEqual([
      `+ k3._domainkey.${DOMAIN}. 3600 CNAME dkim3.mcsv.net.`,
    ]);
  });

  test('is left to people where its records are not known, or it only forwards', async () => {
    expect(await plan('alignment_failure', { ...facts, service: null })).toBeNull();
    expect(await plan('alignment_failure', { ...facts, service: { ...facts.service, publish: [] } })).toBeNull();
    expect(await plan('alignment_failure', { ...facts, relayed_by: 'envelope' })).toBeNull();
    expect(await plan('alignment_failure', { ...facts, scattered: 12 })).toBeNull();
  });

  test('whose name is taken by a key of another kind is no plan', async () => {
    await expect(plan('alignment_failure', facts, 'k2._domainkey.@ TXT "v=DKIM1; p=AAAA"')).rejects.toMatchObject({
      code: 'occupied',
    });
  });
});

test('a record with faults is corrected as the check says', async () => {
  const problem = { code: 'spf_after_all', message: 'Terms follow all.', text: null, publish: 'v=spf1 mx -all' };
  const facts = { name: DOMAIN, problems: [problem], lookups: null, over: null };
  expect(await lines('record_invalid', facts, '@ TXT "v=spf1 -all mx"')).toEqual([
    `- ${DOMAIN}. 0 TXT "v=spf1 -all mx"`,
    `+ ${DOMAIN}. 3600 TXT "v=spf1 mx -all"`,
  ]);
  expect(await plan('record_invalid', facts, '@ TXT "v=spf1 -all mx"')).toMatchObject({
    kind: 'dns.change',
    summary: `Correct the record at ${DOMAIN}.`,
    why: ['What is wrong.'],
  });
  const only = { ...problem, publish: null };
  expect(await plan('record_invalid', { ...facts, problems: [only] })).toBeNull();
  const more = { ...problem, publish: 'v=spf1 a mx -all' };
  const made = await plan('record_invalid', { ...facts, problems: [only, problem, only, more] }, '@ TXT "v=spf1 -all mx"');
  expect(made!.why).toEqual(['What is wrong.', 'It has 1 more fault, each with a correction of its own.']);
  expect(changeLines(made!)[1]).toBe(`+ ${DOMAIN}. 3600 TXT "v=spf1 mx -all"`);
});

test('what a playbook is not for is left to people, whatever the facts say', async () => {
  for (const [name, rule] of [
    ['correct-record', 'spf_limit'],
    ['restore-record', 'dns_drift'],
    ['restore-declared', 'dns_broken'],
    ['align-sender', 'new_source'],
  ] as const) {
    const given = { ...finding(rule, {}), evidence: { facts: { rule } } } as unknown as PlaybookFinding;
    const playbook = PLAYBOOKS.find((one) => one.name === name)!;
    expect(await playbook.plan(given, means(''))).toBeNull();
    expect(await playbook.plan({ ...given, evidence: { facts: null } } as unknown as PlaybookFinding, means(''))).toBeNull();
  }
});

describe('SPF over ten lookups', () => {
  const facts = { name: DOMAIN, problems: [], lookups: 12, over: null };
  const inner = (n: number) => `i${n}.@ TXT "v=spf1 exists:%{i}.x.@ exists:%{i}.y.@ ip4:192.0.2.${n} -all"`;
  const text = `@ TXT "v=spf1 include:i1.@ include:i2.@ include:i3.@ include:i4.@ -all"\n${[1, 2, 3, 4].map(inner).join('\n')}`;
  const SPF = text
    .replaceAll('@', `${DOMAIN}`)
    .replace(new RegExp(`^${DOMAIN} `), '@ ')
    .replaceAll(/^(i\d)\.\S+ /gm, '$1.@ ');

  /** Mail from three of the four, over some days. */
  const sent = async (days: number) => {
    const hosts = [1, 2, 4];
    await f.t.db.query(
      `insert into ruawatch.domain_reporters (domain, reporter, standing, decides) select $1, r, 'known', true from unnest($2::text[]) r`,
      [DOMAIN, REPORTERS],
    );
    await f.put(hosts.flatMap((n) => span(days, 0, 'spf', 50, REPORTERS, { source: `192.0.2.${n}` })));
    await f.t.db.query(
      `insert into ruawatch.records (report_key, n, begin_at, source_ip, count, disposition, auth, dkim_aligned, spf_aligned, forwarded, source)
       select report_key, n, begin_at, ('192.0.2.' || n)::inet, 50, 'none', '{}', false, true, false, '192.0.2.' || n
         from (select report_key, begin_at from ruawatch.reports order by begin_at desc limit 1) r cross join unnest($1::int[]) n`,
      [hosts],
    );
  };

  test('loses the include that no mail of the last months passed by', async () => {
    await sent(60);
    const made = await plan('spf_limit', facts, SPF);
    expect(made).toMatchObject({
      kind: 'dns.change',
      summary: `Bring SPF of ${DOMAIN} from 12 look-ups to 9: take include:i3.${DOMAIN} out of it.`,
    });
    expect(made!.why.slice(0, 2)).toEqual(['What is wrong.', `No mail of the last 61 days passed by include:i3.${DOMAIN}.`]);
  });

  test.each([
    [29, 30],
    [92, 90],
  ])('is planned with reports of %i days before this one, of which %i count', async (days, counted) => {
    await sent(days);
    expect((await plan('spf_limit', facts, SPF))!.why[1]).toContain(`of the last ${counted} days`);
  });

  test('is left to people with a day less', async () => {
    await sent(28);
    expect(await plan('spf_limit', facts, SPF)).toBeNull();
  });

  test('is left to people where nothing can be taken away', async () => {
    await sent(60);
    expect(await plan('spf_limit', facts, '@ TXT "v=spf1 ip4:192.0.2.0/24 -all"')).toBeNull();
  });

  test('is left to people while there are few days of reports, whatever a stranger says of an old day', async () => {
    await sent(20);
    await f.put(span(60, 60, 'spf', 1, ['stranger.example'], { source: '192.0.2.1' }), { work: false });
    expect(await plan('spf_limit', facts, SPF)).toBeNull();
  });
});

describe('a lost record', () => {
  const name = `s1._domainkey.${DOMAIN}`;
  const facts = {
    loss: 'key_gone',
    name,
    at: '2026-11-20 14:02',
    before: 'v=DKIM1; p=AAAA',
    now: null,
    terms: [],
    rests: [],
    rests_in_all: 0,
  };

  test('is published again as it was', async () => {
    expect(await lines('dkim_key_missing', facts)).toEqual([`+ ${name}. 3600 TXT "v=DKIM1; p=AAAA"`]);
    expect(await lines('dns_broken', { ...facts, before: 'a\\092b' })).toEqual([`+ ${name}. 3600 TXT "a\\\\b"`]);
  });

  test('is left to people when a request took it away, or nobody knows what it was', async () => {
    expect(await plan('dkim_key_missing', { ...facts, before: '' })).toBeNull();
    await ours(name);
    expect(await plan('dns_broken', facts)).toBeNull();
  });
});

test('a record that is not as declared is published as declared, unless a request changed it', async () => {
  const facts = {
    domain: DOMAIN,
    name: DOMAIN,
    part: 'spf',
    at: '2026-11-20 14:02',
    approved: { by: 'guard', environments: ['production'] },
    differences: [
      { code: 'x', message: 'It differs.', wanted: 'v=spf1 mx -all', published: 'v=spf1 -all', publish: 'v=spf1 mx -all' },
    ],
  };
  expect(await lines('dns_drift', facts, '@ TXT "v=spf1 -all"')).toEqual([
    `- ${DOMAIN}. 0 TXT "v=spf1 -all"`,
    `+ ${DOMAIN}. 3600 TXT "v=spf1 mx -all"`,
  ]);
  expect(await plan('dns_drift', facts, '@ TXT "v=spf1 -all"')).toMatchObject({
    kind: 'dns.change',
    summary: `Publish ${DOMAIN} as mail-guard.yaml declares it for production.`,
    why: ['What is wrong.', 'No request of ruawatch has changed it.'],
  });
  const none = { ...facts.differences[0]!, publish: null };
  expect(await plan('dns_drift', { ...facts, differences: [none] }, '@ TXT "v=spf1 -all"')).toBeNull();
  expect(await lines('dns_drift', { ...facts, differences: [none, ...facts.differences] }, '@ TXT "v=spf1 -all"')).toHaveLength(
    2,
  );
  await ours(DOMAIN);
  expect(await plan('dns_drift', facts, '@ TXT "v=spf1 -all"')).toBeNull();
});
