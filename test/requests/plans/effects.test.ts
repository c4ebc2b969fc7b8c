import { expect, test } from 'vitest';
import type { DnsChange } from '../../../services/requests/plan.ts';
import { type EffectOptions, effectsOf } from '../../../services/requests/plans/effects.ts';
import { aliasOf, txtOf } from '../../../services/requests/plans/members.ts';
import { SILENT, zone } from './zone.ts';

const NOBODY: EffectOptions = { seen: [], keys: new Map() };
const KEY = 'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA';

const change = (name: string, before: string[], after: string[], given: Partial<DnsChange> = {}): DnsChange => ({
  target: 'dns',
  name,
  type: 'TXT',
  ttl: { before: 60, after: 60 },
  before: before.map(given.type === 'CNAME' ? aliasOf : txtOf),
  after: after.map(given.type === 'CNAME' ? aliasOf : txtOf),
  ...given,
});
const shown = async (changes: DnsChange[], text: string, options = NOBODY) => {
  const { warnings, gains } = await effectsOf('example.com', changes, zone(text), options);
  return [...warnings, ...gains];
};

/** What a policy in place of another does, at the domain or a name below it. */
const policy = (before: string | null, after: string | null, at = '') => {
  const name = `_dmarc.${at}example.com`;
  const text = (value: string | null, of = name) => (value === null ? '' : `${of}. TXT "v=DMARC1; ${value}"\n`);
  const own = at === '' ? '' : text('p=quarantine', '_dmarc.example.com');
  const members = (value: string | null) => (value === null ? [] : [`v=DMARC1; ${value}`]);
  return shown([change(name, members(before), members(after))], `@ TXT "v=spf1 -all"\n${own}${text(before)}`);
};

test.each<[string | null, string | null, string[]]>([
  ['p=reject', 'p=reject', []],
  ['p=none', 'p=reject', []],
  ['p=reject', 'p=quarantine', ['It weakens the policy from p=reject to p=quarantine.']],
  ['p=reject', 'p=none', ['It weakens the policy from p=reject to p=none.']],
  ['p=reject', 'p=reject; t=y', ['It weakens the policy: with t=y, receivers should not apply it.']],
  ['p=reject; t=y', 'p=quarantine', ['It weakens the policy from p=reject to p=quarantine.']],
  ['p=reject; t=y', 'p=reject', []],
  [
    'p=reject',
    'p=reject; sp=quarantine',
    [
      'It weakens the policy for names below the domain from reject to quarantine.',
      'It weakens the policy for names below the domain that do not exist from reject to quarantine.',
    ],
  ],
  ['p=reject', 'p=reject; np=none', ['It weakens the policy for names below the domain that do not exist from reject to none.']],
  ['p=reject; sp=none', 'p=reject', []],
  ['p=reject; sp=none', 'p=quarantine; sp=none', ['It weakens the policy from p=reject to p=quarantine.']],
  [
    'p=reject',
    'p=reject; adkim=s',
    ['It demands strict alignment (adkim=s): mail that passes by another name of the domain would fail DMARC.'],
  ],
  [
    'p=reject',
    'p=reject; aspf=s',
    ['It demands strict alignment (aspf=s): mail that passes by another name of the domain would fail DMARC.'],
  ],
  ['p=reject; adkim=s; aspf=s', 'p=reject; adkim=s; aspf=s', []],
  ['p=reject; adkim=s; aspf=s', 'p=reject; adkim=r', []],
  [
    'p=reject',
    'p=reject; psd=y',
    ['It says psd=y: names below would be of another organization, and mail that passes by one of them would fail DMARC.'],
  ],
  ['p=reject', 'p=reject; psd=n', []],
  ['p=reject; psd=y', 'p=reject; psd=y', []],
  ['p=reject; psd=y', 'p=reject', []],
  [
    'p=none; rua=mailto:a@example.com,mailto:b@example.com',
    'p=none; rua=mailto:a@example.com',
    ['Reports no longer go to mailto:b@example.com.'],
  ],
  [
    'p=none; rua=mailto:a@example.com,mailto:b@example.com',
    'p=none',
    ['Reports no longer go to mailto:a@example.com, mailto:b@example.com.'],
  ],
  ['p=none; rua=mailto:a@example.com', 'p=none; rua=mailto:a@example.com,mailto:b@example.com', []],
  [null, 'p=none', []],
])('a policy %j and then %j', async (before, after, warnings) => {
  const told = await policy(before, after);
  expect(told.filter((one) => !one.startsWith('It fixes: '))).toEqual(warnings);
});

test.each<[string | null, string | null, string[]]>([
  [null, 'p=none', ['It weakens the policy of news.example.com from p=quarantine to p=none.']],
  [null, 'p=quarantine', []],
  ['p=reject', 'p=none', ['It weakens the policy of news.example.com from p=reject to p=none.']],
  ['p=reject', null, ['It weakens the policy of news.example.com from p=reject to p=quarantine.']],
  [
    'p=reject',
    'p=reject; sp=none',
    [
      'It weakens the policy for names below news.example.com from reject to none.',
      'It weakens the policy for names below news.example.com that do not exist from reject to none.',
    ],
  ],
  ['p=reject', 'p=reject; t=y', ['It weakens the policy of news.example.com: with t=y, receivers should not apply it.']],
  [
    'p=reject',
    'p=reject; adkim=s',
    [
      'It demands strict alignment of news.example.com (adkim=s): mail that passes by another name of the domain would fail DMARC.',
    ],
  ],
  [
    'p=reject',
    'p=reject; psd=n',
    [
      'It says psd=n of news.example.com: names below would be of another organization, and mail that passes by one of them would fail DMARC.',
    ],
  ],
  ['p=reject; psd=n', 'p=reject; psd=n', []],
])('the policy of a name below, %j and then %j', async (before, after, warnings) => {
  expect(await policy(before, after, 'news.')).toEqual(warnings);
});

test('where nobody says which policy applies, only the strictest is known not to be weaker', async () => {
  const told = async (after: string) => {
    const name = '_dmarc.news.example.com';
    const { warnings } = await effectsOf('example.com', [change(name, [], [after])], SILENT, NOBODY);
    return warnings.filter((one) => one.startsWith('Nobody could say which DMARC policy'));
  };
  expect(await told('v=DMARC1; p=reject')).toEqual([]);
  for (const weaker of ['p=quarantine', 'p=reject; sp=none', 'p=reject; np=none', 'p=reject; t=y'])
    expect(await told(`v=DMARC1; ${weaker}`)).toEqual([
      expect.stringMatching(/^Nobody could say which DMARC policy applies to news\.example\.com now: .*\.$/),
    ]);
});

test.each<[string, string[], string[], string[]]>([
  ['*.example.com', [], ['v=DMARC1; p=none'], ['from quarantine to none.']],
  ['*.app.example.com', [], ['v=DMARC1; p=none'], ['from quarantine to none.']],
  ['*.example.com', [], ['v=DMARC1; p=quarantine'], []],
  ['*.example.com', [], ['v=DMARC1'], ['from quarantine to none.']],
  ['*.example.com', [], ['anything'], []],
  ['*.example.com', ['v=DMARC1; p=none'], ['v=DMARC1; p=none'], []],
  ['news.example.com', [], ['v=DMARC1; p=none'], []],
])('a text at %s: %j and then %j', async (name, before, after, ends) => {
  const told = await shown([change(name, before, after)], '@ TXT "v=spf1 -all"\n_dmarc TXT "v=DMARC1; p=quarantine"');
  expect(told.filter((one) => one.startsWith('It weakens'))).toEqual(
    ends.map((end) => `It weakens the policy for names below ${name.slice(2)} that do not exist ${end}`),
  );
});

test.each<[string, string[], string[], Partial<DnsChange>, string[]]>([
  [
    '_dmarc.example.com',
    [],
    ['d.evil.test'],
    {},
    ['The DMARC policy of example.com would be what d.evil.test publishes, now and later.'],
  ],
  [
    '*.example.com',
    [],
    ['d.evil.test'],
    {},
    ['The DMARC policy of names below example.com that do not exist would be what d.evil.test publishes, now and later.'],
  ],
  [
    'shared.example.com',
    [],
    ['d.evil.test'],
    { stands_for: ['_dmarc.shop.example'] },
    ['The DMARC policy of shop.example would be what d.evil.test publishes, now and later.'],
  ],
  ['_dmarc.example.com', ['d.evil.test'], ['d.evil.test'], {}, []],
  ['_dmarc.example.com', ['d.evil.test'], [], {}, []],
  ['_dmarc.example.com', [], ['policy.example.com'], {}, []],
  ['www.example.com', [], ['d.evil.test'], {}, []],
])('an alias at %s: %j and then %j', async (name, before, after, given, warnings) => {
  const told = await shown([change(name, before, after, { type: 'CNAME', ...given })], '@ TXT "v=spf1 -all"');
  expect(told.filter((one) => one.startsWith('The DMARC policy of'))).toEqual(warnings);
});

test.each<[string[], string[], string[]]>([
  [[], [' v=spf1 -all'], ['SPF']],
  [[], ['"v=spf1 -all"'], ['SPF']],
  [[], ['v = spf1 -all'], ['SPF']],
  [[], ['v=spf1\t-all'], ['SPF']],
  [[], ['v=spf1 -all'], []],
  [[], ['v=spf1'], []],
  [[], ['v=spf10 -all'], []],
  [[], [' v=DMARC1; p=none'], ['DMARC']],
  [[], ['v=DMARC1, p=none'], ['DMARC']],
  [[], ['v=DMARC1'], []],
  [[], ['v = DMARC1 ; p=none'], []],
  [[' v=spf1 -all'], [' v=spf1 -all', 'x'], []],
])('texts that look like records, %j and then %j', async (before, after, kinds) => {
  const told = await shown([change('h.example.com', before, after)], '@ TXT "v=spf1 -all"');
  expect(told.filter((one) => one.includes('looks like'))).toEqual(
    kinds.map(
      (kind) =>
        `What it publishes at h.example.com looks like ${kind} and is none, for a blank or a quote in it: most receivers pass it over, and others take it for a second record.`,
    ),
  );
});

test.each<[string, string[], string[], string[]]>([
  ['_mta-sts.example.com', ['v=STSv1; id=1'], [], ['It takes MTA-STS away: mail to the domain may be sent without TLS.']],
  [
    '_mta-sts.example.com',
    ['v=STSv1; id=1'],
    ['v=STSv1; id=1', 'v=STSv1; id=2'],
    ['It takes MTA-STS away: mail to the domain may be sent without TLS.'],
  ],
  ['_mta-sts.example.com', ['v=STSv1; id=1'], ['v=STSv1; id=2', 'x'], []],
  ['_mta-sts.example.com', ['x'], [], []],
  ['_smtp._tls.example.com', ['v=TLSRPTv1; rua=mailto:t@example.com'], ['x'], ['It takes TLS reports away.']],
  ['_smtp._tls.example.com', ['v=TLSRPTv1; rua=mailto:t@example.com'], ['v=TLSRPTv1; rua=mailto:u@example.com'], []],
  ['www.example.com', ['v=STSv1; id=1', 'v=TLSRPTv1; rua=mailto:t@example.com'], [], []],
])('what asks for TLS at %s: %j and then %j', async (name, before, after, warnings) => {
  const told = await shown([change(name, before, after)], '@ TXT "v=spf1 -all"');
  expect(told.filter((one) => one.startsWith('It takes'))).toEqual(warnings);
});

test.each<[string, string[], string[], Partial<DnsChange>, string[]]>([
  ['s1', [`v=DKIM1; p=${KEY}`], [], {}, ['It withdraws a key in use: 900 messages of the last week were signed with it.']],
  [
    's1',
    [`v=DKIM1; p=${KEY}`],
    ['v=DKIM1; p='],
    {},
    ['It withdraws a key in use: 900 messages of the last week were signed with it.'],
  ],
  [
    's1',
    [`v=DKIM1; p=${KEY}`],
    ['v=DKIM1; p=MIIB'],
    {},
    ['It replaces a key in use: 900 messages of the last week were signed with it, and mail under way fails.'],
  ],
  ['s1', [`v=DKIM1; p=${KEY}`], [`v=DKIM1; p=${KEY}`, 'v=DKIM1; p=MIIB'], {}, []],
  ['s1', ['v=DKIM1; p='], [], {}, []],
  ['s1', [], [`v=DKIM1; p=${KEY}`], {}, []],
  ['s2', [`p=${KEY}`], [], {}, ['It withdraws a key in use: 1 message of the last week were signed with it.']],
  ['s3', [`v=DKIM1; p=${KEY}`], [], {}, []],
  [
    's3',
    [`v=DKIM1; p=${KEY}`],
    [],
    { stands_for: ['s1._domainkey.example.com', 's2._domainkey.example.com'] },
    ['It withdraws a key in use: 901 messages of the last week were signed with it.'],
  ],
  [
    's1',
    ['k.vendor.example'],
    [],
    { type: 'CNAME' },
    ['It takes away the alias of a key in use: 900 messages of the last week were signed with it.'],
  ],
  [
    's1',
    ['k.vendor.example'],
    ['l.vendor.example'],
    { type: 'CNAME' },
    ['It changes the alias of a key in use: 900 messages of the last week were signed with it.'],
  ],
])('the key of %s, %j and then %j', async (selector, before, after, given, warnings) => {
  const keys = new Map([
    ['s1._domainkey.example.com', 900],
    ['s2._domainkey.example.com', 1],
  ]);
  const told = await shown([change(`${selector}._domainkey.example.com`, before, after, given)], '@ TXT "v=spf1 -all"', {
    seen: [],
    keys,
  });
  expect(told.filter((one) => one.includes('a key in use'))).toEqual(warnings);
});

const SPF = 'v=spf1 ip4:192.0.2.0/24 -all';
test.each<[string, string, string[]]>([
  [
    SPF,
    'v=spf1 ip4:192.0.2.0/25 -all',
    [
      'It locks out old: SPF admits it now and would not any more (1 message in the last week).',
      'It locks out both: SPF admits it now and would not any more (2,000 messages in the last week, of which 1 message pass by SPF alone and would fail DMARC).',
    ],
  ],
  [SPF, SPF, []],
  [SPF, 'v=spf1 ip4:192.0.2.0/23 -all', []],
  ['v=spf1 -all', 'v=spf1 -all', []],
])('who is locked out by SPF, %j and then %j', async (before, after, warnings) => {
  const seen = [
    { name: 'old', addresses: ['192.0.2.200'], messages: 1, spf_alone: 0 },
    { name: 'both', addresses: ['192.0.2.1', '192.0.2.201'], messages: 2000, spf_alone: 1 },
    { name: 'never', addresses: ['203.0.113.1'], messages: 5, spf_alone: 5 },
    { name: 'still', addresses: ['192.0.2.2'], messages: 5, spf_alone: 5 },
  ];
  const told = await shown([change('example.com', [before], [after])], `@ TXT "${before}"`, { ...NOBODY, seen });
  expect(told).toEqual(warnings);
});

test('a policy that is taken away is said first', async () => {
  expect((await policy('p=none', null))[0]).toBe(
    'It takes the DMARC policy away (p=none): anybody may send as the domain, and no reports come.',
  );
});

test('what it breaks and what it puts right is what a check says of it', async () => {
  const broken = '@ TXT "v=spf1 ip4:192.0.2.0/24"\n@ TXT "v=spf1 -all"';
  const [fixed, ...others] = await shown([change('example.com', ['v=spf1 ip4:192.0.2.0/24', 'v=spf1 -all'], [SPF])], broken);
  expect(others).toEqual([]);
  expect(fixed).toMatch(/^It fixes: .*\.$/);
  const [worse, ...more] = await shown([change('example.com', [SPF], [SPF, 'v=spf1 -all'])], `@ TXT "${SPF}"`);
  expect(more).toEqual([]);
  expect(worse).toBe(fixed!.slice('It fixes: '.length));
});

const PASSES = (name: string, share: string) =>
  `It lets very many addresses pass SPF as ${name} (${share}): whoever has one of them may pass DMARC as example.com.`;
const ASKED = (who: string, name: string, term: string) =>
  `It lets whoever answers for ${who} say of each address whether it passes SPF as ${name} (${term}).`;
const AT = (name: string) =>
  `It has SPF at ${name}, from which no mail is sent: whoever it lets pass may pass DMARC as example.com.`;
const TWICE = 'ip4:0.0.0.0/1 ip4:0.0.0.0/1 ip4:0.0.0.0/1';
test.each<[string, string, string, string[]]>([
  ['n.example.com', 'v=spf1 -all', 'v=spf1 ip4:0.0.0.0/1 -all', [PASSES('n.example.com', '50% of IPv4')]],
  ['n.example.com', 'v=spf1 -all', 'v=spf1 ip6:8000::/1 -all', [PASSES('n.example.com', '50% of IPv6')]],
  [
    'n.example.com',
    'v=spf1 -all',
    'v=spf1 ip4:192.0.2.1 ip6:8000::/1 -all',
    [PASSES('n.example.com', 'under 0.1% of IPv4, 50% of IPv6')],
  ],
  ['n.example.com', 'v=spf1 -all', `v=spf1 ${TWICE} -all`, [PASSES('n.example.com', '100% of IPv4')]],
  ['n.example.com', 'v=spf1 -all', `v=spf1 ip6:8000::/1 +all`, [PASSES('n.example.com', '100% of IPv4, 100% of IPv6')]],
  // What was as wide before is not said, nor what is less wide now.
  ['n.example.com', 'v=spf1 ip4:0.0.0.0/1 -all', 'v=spf1 ip4:0.0.0.0/1 mx -all', []],
  ['n.example.com', 'v=spf1 +all', 'v=spf1 ip4:0.0.0.0/1 -all', []],
  [
    'n.example.com',
    'v=spf1 ip4:0.0.0.0/1 -all',
    'v=spf1 ip4:0.0.0.0/2 ip6:8000::/1 -all',
    [PASSES('n.example.com', '25% of IPv4, 50% of IPv6')],
  ],
  ['n.example.com', 'v=spf1 ip6:8000::/1 -all', 'v=spf1 ip4:0.0.0.0/1 -all', [PASSES('n.example.com', '50% of IPv4')]],
  ['n.example.com', 'v=spf1 -all', 'v=spf1 ip4:192.0.2.0/24 -all', []],
  [
    'n.example.com',
    'v=spf1 exists:%{i}.a.test -all',
    'v=spf1 exists:%{i}.a.test exists:%{i}.b.test exists:%{i}.own.example.com -all',
    [ASKED('b.test', 'n.example.com', 'exists:%{i}.b.test')],
  ],
  [
    'n.example.com',
    'v=spf1 -all',
    'v=spf1 exists:%{i} -all',
    [ASKED('a name that the sender chooses', 'n.example.com', 'exists:%{i}')],
  ],
  ['_acme-challenge.example.com', 'x', 'v=spf1 a -all', [AT('_acme-challenge.example.com')]],
  ['_acme-challenge.example.com', 'v=spf1 a -all', 'v=spf1 mx -all', []],
  ['_acme-challenge.example.com', 'x', 'v=spf1 -all', []],
  ['n.example.com', 'x', 'v=spf1 a -all', []],
])('whom SPF at %s lets pass, %j and then %j', async (name, before, after, warnings) => {
  const told = await shown([change(name, [before], [after])], `@ TXT "v=spf1 -all"\n${name}. TXT "${before}"`);
  expect(told.filter((one) => /^It (?:lets|has)/.test(one))).toEqual(warnings);
});

test('an alias may lead to SPF of others', async () => {
  const text = '@ TXT "v=spf1 -all"\nwide TXT "v=spf1 +all"\n';
  const one = change('n.example.com', [], ['wide.example.com'], { type: 'CNAME' });
  expect((await shown([one], text)).filter((said) => said.startsWith('It lets'))).toEqual([
    PASSES('n.example.com', '100% of IPv4, 100% of IPv6'),
  ]);
});

test('changes of several names are looked at together, each by what it is', async () => {
  const text = '@ TXT "v=spf1 -all"\n_dmarc TXT "v=DMARC1; p=quarantine"\nnews TXT "v=spf1 -all"\n';
  const told = await shown(
    [
      change('*.example.com', [], ['v=DMARC1; p=none']),
      change('_dmarc.news.example.com', [], ['v=DMARC1; p=reject']),
      change('_dmarc.shop.example.com', [], ['v=DMARC1; p=none']),
      // What is wrong with SPF of a name below is not looked for.
      change('news.example.com', ['v=spf1 -all'], ['v=spf1 -all', 'v=spf1 a -all']),
    ],
    text,
  );
  expect(told.filter((one) => !one.startsWith('It fixes'))).toEqual([
    'It weakens the policy for names below example.com that do not exist from quarantine to none.',
    'It weakens the policy of shop.example.com from p=quarantine to p=none.',
  ]);
});

test('a key is looked at where its selector is known, and none of another domain', async () => {
  const key = 's1._domainkey.example.com';
  const broken = change(key, [`v=DKIM1; p=${KEY}`], ['v=DKIM1; p=x!']);
  const text = `@ TXT "v=spf1 -all"\ns1._domainkey TXT "v=DKIM1; p=${KEY}"\ns2._domainkey TXT "v=DKIM1; p=x!"\n`;
  const worse = async (changes: DnsChange[], keys: string[]) =>
    (await shown(changes, text, { seen: [], keys: new Map(keys.map((name) => [name, 0])) })).filter(
      (one) => !one.startsWith('It fixes'),
    );
  expect(await worse([broken], [])).toEqual(await worse([broken], ['s9._domainkey.example.org']));
  expect((await worse([broken], [])).length).toBeGreaterThan(0);
  // A key that is as broken as before is none that the change breaks.
  expect(await worse([change('x.example.com', [], ['y'])], ['s2._domainkey.example.com'])).toEqual([]);
});
