import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decidedAs } from '../../../services/requests/decided-as.ts';
import { type DnsChange, seal } from '../../../services/requests/plan.ts';
import { type DnsWish, planDns, type WishedRecord } from '../../../services/requests/plans/dns.ts';
import { effectsOf, type SeenSender } from '../../../services/requests/plans/effects.ts';
import { aliasOf, stringsIn, txtMember, txtOf } from '../../../services/requests/plans/members.ts';
import { changeLines } from '../../../services/requests/plans/text.ts';
import { SILENT, zone } from './zone.ts';

const ZONE = `
@ TXT "v=spf1 ip4:192.0.2.0/24 include:mail.example.com -all"
@ TXT "site-verification=1"
@ MX 10 mx.example.com.
mx A 192.0.2.25
mail TXT "v=spf1 ip4:198.51.100.0/24 -all"
_dmarc TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.com"
s1._domainkey TXT "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"
www CNAME host.example.com.
`;
const SEEN: SeenSender[] = [
  { name: 'our servers', addresses: ['192.0.2.9'], messages: 4402, spf_alone: 0 },
  { name: 'newsletter', addresses: ['198.51.100.7', '198.51.100.8'], messages: 1200, spf_alone: 372 },
];
const plan = ({ name = 'example.com', value = null, ...wish }: Partial<DnsWish & WishedRecord>, text = ZONE, seen = SEEN) =>
  planDns(
    {
      kind: 'dns.change',
      domain: 'example.com',
      records: [{ name, value }],
      summary: 'A change.',
      why: ['Because.'],
      finding: null,
      ...wish,
    },
    zone(text),
    { seen, keys: new Map([['s1._domainkey.example.com', 900]]) },
  );

test('one record is replaced, and what else the name has stays', async () => {
  const made = await plan({ value: 'v=spf1 ip4:192.0.2.0/24 include:mail.example.com ~all' });
  expect(changeLines(made)).toEqual([
    '- example.com. 0 TXT "v=spf1 ip4:192.0.2.0/24 include:mail.example.com -all"',
    '+ example.com. 3600 TXT "v=spf1 ip4:192.0.2.0/24 include:mail.example.com ~all"',
    '  example.com. 3600 TXT "site-verification=1"',
  ]);
  expect(made).toMatchObject({
    warnings: [],
    risk: 'medium',
    risk_because: ['It changes who may send as the domain.'],
  });
  expect(seal(made).digest).toMatch(/^[0-9a-f]{64}$/);
});

test('an include that is taken away locks out whoever the reports show behind it', async () => {
  const { warnings, risk } = await plan({ value: 'v=spf1 ip4:192.0.2.0/24 -all' });
  expect(warnings).toEqual([
    'It locks out newsletter: SPF admits it now and would not any more (1,200 messages in the last week, of which 372 messages pass by SPF alone and would fail DMARC).',
  ]);
  expect(risk).toBe('high');
});

test('a change of what SPF leads to locks out in the same way', async () => {
  const { warnings } = await plan({ name: 'mail.example.com', value: 'v=spf1 -all' });
  expect(warnings[0]).toMatch(/^It locks out newsletter/);
});

describe('says first what is bad about a change', () => {
  const key = 's1._domainkey.example.com';
  const dmarc = '_dmarc.example.com';
  test.each<[string, Partial<DnsWish & WishedRecord>, RegExp]>([
    [
      'a weaker policy for subdomains',
      { name: dmarc, value: 'v=DMARC1; p=quarantine; sp=none; rua=mailto:dmarc@example.com' },
      /^It weakens the policy for names below the domain from quarantine to none\.$/,
    ],
    [
      'a weaker policy for names that do not exist',
      { name: dmarc, value: 'v=DMARC1; p=reject; np=none; rua=mailto:dmarc@example.com' },
      /^It weakens the policy for names below the domain that do not exist from quarantine to none\.$/,
    ],
    [
      'a weaker policy',
      { name: dmarc, value: 'v=DMARC1; p=none; rua=mailto:dmarc@example.com' },
      /^It weakens the policy from p=quarantine to p=none\.$/,
    ],
    ['a policy on trial', { name: dmarc, value: 'v=DMARC1; p=quarantine; t=y; rua=mailto:dmarc@example.com' }, /t=y/],
    ['no policy', { name: dmarc, value: null }, /takes the DMARC policy away \(p=quarantine\)/],
    [
      'reports that go elsewhere',
      { name: dmarc, value: 'v=DMARC1; p=reject; rua=mailto:x@example.com' },
      /no longer go to mailto:dmarc@example\.com/,
    ],
    ['a key in use that goes', { name: key, value: null }, /withdraws a key in use: 900 messages/],
    ['a key in use that is revoked', { name: key, value: 'v=DKIM1; p=' }, /withdraws a key in use/],
    ['a key in use that is replaced', { name: key, value: 'v=DKIM1; p=MIIBIjAN' }, /replaces a key in use/],
    [
      'SPF that cannot be read',
      { value: 'v=spf1 ip4:192.0.2.0/24 include:mail.example.com nonsense -all' },
      /nonsense|locks out/,
    ],
    [
      'eleven lookups',
      {
        value: `v=spf1 ip4:192.0.2.0/24 ${Array.from({ length: 11 }, (_, i) => `a:h${i}.example.com`).join(' ')} include:mail.example.com -all`,
      },
      /lookups|locks out/,
    ],
  ])('%s', async (_, wish, first) => {
    const { warnings, risk } = await plan(wish);
    expect(warnings[0]).toMatch(first);
    expect(risk).toBe('high');
  });
});

describe('a change that bears on mail by another name than its own', () => {
  const ALIASES = ZONE.replace(
    /^_dmarc TXT .*$/m,
    '_dmarc CNAME policy.example.com.\npolicy TXT "v=DMARC1; p=reject; rua=mailto:dmarc@example.com"',
  ).replace(/^s1\._domainkey TXT (.*)$/m, 's1._domainkey CNAME key1.example.com.\nkey1 TXT $1');

  test('what a policy is an alias of is replaced as a policy, warned about and decided as one', async () => {
    const made = await plan({ name: 'policy.example.com', value: 'v=DMARC1; p=none; rua=mailto:dmarc@example.com' }, ALIASES);
    expect(made.warnings[0]).toBe('It weakens the policy from p=reject to p=none.');
    expect(made.risk).toBe('high');
    expect(decidedAs(made)).toBe('policy.step');
    const [change] = made.changes as DnsChange[];
    expect(change!.after.map(({ text }) => text)).toEqual(['v=DMARC1; p=none; rua=mailto:dmarc@example.com']);
    expect(change!.stands_for).toEqual(['_dmarc.example.com']);
  });

  test('what a key is an alias of is a key', async () => {
    const made = await plan({ name: 'key1.example.com', value: 'v=DKIM1; p=' }, ALIASES);
    expect(made.warnings).toContainEqual(expect.stringMatching(/^It withdraws a key in use: 900 messages/));
    expect(decidedAs(made)).toBe('dkim.rotate');
  });

  test('so is what another own domain has led to, by what the watcher saw', async () => {
    const aliases = [{ name: '_dmarc.shop.example', aliases: ['shared.example.com'] }];
    const wish = { kind: 'dns.change' as const, domain: 'example.com', summary: 'x', why: [], finding: null };
    const records = [{ name: 'shared.example.com', value: 'v=DMARC1; p=none' }];
    const made = await planDns({ ...wish, records }, zone(ZONE), { seen: [], keys: new Map(), aliases });
    expect(decidedAs(made)).toBe('policy.step');
  });

  test.each<[string, Partial<DnsWish & WishedRecord>, RegExp]>([
    [
      'the policy of a name below that has one of its own',
      { name: '_dmarc.sub.example.com', value: 'v=DMARC1; p=none; rua=mailto:x@example.org' },
      /^It weakens the policy of sub\.example\.com from p=reject to p=none\.$/,
    ],
    [
      'that policy taken away',
      { name: '_dmarc.sub.example.com', value: null },
      /^It weakens the policy of sub\.example\.com from p=reject to p=quarantine\.$/,
    ],
    [
      'SPF of a name below that lets anybody pass',
      { name: 'news.example.com', value: 'v=spf1 +all' },
      /^It lets very many addresses pass SPF as news\.example\.com \(100% of IPv4, 100% of IPv6\): whoever has one of them may pass DMARC as example\.com\.$/,
    ],
    [
      'SPF at a name that is made for something else',
      { name: '_acme-challenge.example.com', value: 'v=spf1 +all' },
      /^It lets very many addresses pass SPF as _acme-challenge\.example\.com/,
    ],
    [
      'the policy of a name below that does not exist',
      { name: '_dmarc.gone.example.com', value: 'v=DMARC1; p=none; rua=mailto:dmarc@example.com' },
      /^It weakens the policy of gone\.example\.com from p=quarantine to p=none\.$/,
    ],
    [
      'the policy of a name below that somebody else publishes',
      { records: [{ name: '_dmarc.news.example.com', type: 'CNAME', value: 'd.evil.test' }] },
      /^The DMARC policy of news\.example\.com would be what d\.evil\.test publishes, now and later\.$/,
    ],
    [
      'SPF where a certificate is asked for',
      { name: '_acme-challenge.example.com', value: 'v=spf1 ip4:203.0.113.66 -all' },
      /^It has SPF at _acme-challenge\.example\.com, from which no mail is sent: whoever it lets pass may pass DMARC as example\.com\.$/,
    ],
    [
      'SPF at the name of a key',
      { name: 's9._domainkey.example.com', value: 'v=spf1 +all' },
      /^It has SPF at s9\._domainkey\.example\.com/,
    ],
    [
      'SPF of all names below that do not exist',
      { name: '*.app.example.com', value: 'v=spf1 +all' },
      /^It lets very many addresses pass SPF as \*\.app\.example\.com/,
    ],
    [
      'the Internet in two halves',
      { value: 'v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 include:mail.example.com -all' },
      /^It lets very many addresses pass SPF as example\.com \(100% of IPv4\)/,
    ],
    [
      'a wide network behind an include',
      { name: 'mail.example.com', value: 'v=spf1 ip4:198.0.0.0/7 -all' },
      /^It lets very many addresses pass SPF as example\.com/,
    ],
    [
      'a stranger who is asked about each address',
      { value: 'v=spf1 ip4:192.0.2.0/24 include:mail.example.com exists:%{i}.allow.evil.test -all' },
      /^It lets whoever answers for allow\.evil\.test say of each address whether it passes SPF as example\.com/,
    ],
    [
      'a stranger whose name ends as the domain does',
      { value: 'v=spf1 ip4:192.0.2.0/24 include:mail.example.com exists:%{l}example.com -all' },
      /^It lets whoever answers for com say of each address/,
    ],
    [
      'a name that the sender chooses',
      { value: 'v=spf1 ip4:192.0.2.0/24 include:mail.example.com exists:%{i}.%{h} -all' },
      /^It lets whoever answers for a name that the sender chooses say of each address/,
    ],
  ])('%s', async (_, wish, warning) => {
    const { warnings, risk } = await plan(wish, `${ZONE}_dmarc.sub TXT "v=DMARC1; p=reject; rua=mailto:a@example.com"\n`);
    expect(warnings).toContainEqual(expect.stringMatching(warning));
    expect(risk).toBe('high');
  });

  test.each([
    ['v=spf1 ip4:192.0.2.0/24 include:mail.example.com ip4:203.0.113.0/24 -all'],
    ['v=spf1 ip4:192.0.2.0/24 include:mail.example.com exists:%{i}._spf.%{d} -all'],
    ['v=spf1 ip4:192.0.2.0/24 include:mail.example.com ?all'],
    ['v=spf1 ip4:192.0.2.0/24 include:mail.example.com exists:%{i}.own.example.com -all'],
    ['v=spf1 ip4:192.0.2.0/24 include:mail.example.com ~ip4:0.0.0.0/1 -all'],
  ])('%s has no warning', async (value) => {
    expect((await plan({ value })).warnings).toEqual([]);
  });

  test('a dot inside a label ends none: such a name is no part of the domain', async () => {
    const name = '_dmarc.news.example.com';
    const target = 'evil\\.example.com';
    const change = { target: 'dns' as const, name, type: 'CNAME' as const, ttl: { before: null, after: 60 }, before: [] };
    const effects = (after: string) =>
      effectsOf('example.com', [{ ...change, after: [aliasOf(after)] }], zone(ZONE), { seen: [], keys: new Map() });
    expect((await effects(target)).warnings).toContain(
      `The DMARC policy of news.example.com would be what ${target} publishes, now and later.`,
    );
    expect((await effects('policy.EXAMPLE.com')).warnings.join()).not.toContain('would be what');
  });

  test.each([
    ['_mta-sts._domainkey.example.com', 'v=DKIM1; p=MIIB'],
    ['_smtp._tls._domainkey.example.com', 'v=DKIM1; p=MIIB'],
    ['x._bimi._domainkey.example.com', 'v=DKIM1; p=MIIB'],
    ['_mta-sts._dmarc.example.com', 'v=DMARC1; p=none'],
  ])('%s is not of low risk', async (name, value) => {
    expect((await plan({ name, value })).risk).not.toBe('low');
  });

  test('what nobody has published yet is of low risk where it admits nobody; what replaces something is not', async () => {
    const tls = { name: '_smtp._tls.example.com', value: 'v=TLSRPTv1; rua=mailto:x@example.org' };
    expect((await plan(tls)).risk).toBe('low');
    expect((await plan(tls, `${ZONE}_smtp._tls TXT "v=TLSRPTv1; rua=mailto:own@example.com"\n`)).risk).toBe('medium');
  });
});

test('a stricter policy has no warning, and its TTL is short', async () => {
  const made = await plan({
    kind: 'policy.step',
    name: '_dmarc.example.com',
    value: 'v=DMARC1; p=reject; rua=mailto:dmarc@example.com',
  });
  expect(made).toMatchObject({ warnings: [], risk: 'medium', changes: [{ ttl: { after: 300 } }], back: { watch_hours: 72 } });
});

test('what it puts right is a reason', async () => {
  const broken = ZONE.replace('v=DMARC1; p=quarantine', 'v=DMARC1; p=quarantin');
  const { why } = await plan(
    { name: '_dmarc.example.com', value: 'v=DMARC1; p=quarantine; rua=mailto:dmarc@example.com' },
    broken,
  );
  expect(why.join('\n')).toMatch(/It fixes: /);
});

test.each<[string, Partial<DnsWish & WishedRecord>, string]>([
  ['the record is there already', { value: 'v=spf1 ip4:192.0.2.0/24 include:mail.example.com -all' }, 'nothing_to_do'],
  ['there is none to take away', { name: 'none.example.com', value: null }, 'nothing_to_do'],
  ['the name is an alias', { name: 'www.example.com', value: 'v=spf1 -all' }, 'alias'],
])('no plan when %s', async (_, wish, code) => {
  await expect(plan(wish)).rejects.toMatchObject({ code });
});

test('a name server that does not answer is no empty name', async () => {
  const wish: DnsWish = {
    kind: 'dns.change',
    domain: 'example.com',
    records: [{ name: 'example.com', value: 'v=spf1 -all' }],
    summary: 'x',
    why: [],
    finding: null,
  };
  await expect(planDns(wish, SILENT, { seen: [], keys: new Map() })).rejects.toMatchObject({ code: 'unknown' });
});

test.each([
  ['\u0176=spf1 +all', 'TXT'],
  ['v=spf1\u0120+all', 'TXT'],
  ['v=DMARC1; p=none \u{1F600}', 'TXT'],
  ['ex\u0161mple.net', 'CNAME'],
  ['a..example.net', 'CNAME'],
  [`${'a'.repeat(64)}.example.net`, 'CNAME'],
] as const)('%j is no value of a record', async (value, type) => {
  const wish = { records: [{ name: 'new.example.com', type, value }] };
  await expect(plan(wish)).rejects.toMatchObject({
    code: 'wrong_value',
    message: expect.stringMatching(/^Nothing can be published at/),
  });
});

test('an alias is low in risk nowhere, and a line shows where it leads by its wire form', async () => {
  const made = await plan({ records: [{ name: '_smtp._tls.example.com', type: 'CNAME', value: 'evil.example.net' }] });
  expect(made.risk).toBe('medium');
  const change = made.changes[0] as Extract<(typeof made.changes)[number], { target: 'dns' }>;
  expect(changeLines({ changes: [{ ...change, after: [{ ...change.after[0]!, text: 'good.example' }] }] })).toEqual([
    '+ _smtp._tls.example.com. 3600 CNAME evil.example.net.',
  ]);
});

test('strings of a TXT record keep their bounds and octets on the way to the wire and back', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 255 }), { minLength: 1, maxLength: 5 }),
      (lists) => {
        const strings = lists.map((octets) => Buffer.from(octets).toString('latin1'));
        expect(stringsIn(txtMember(strings))).toEqual(strings);
      },
    ),
  );
  expect(stringsIn(txtOf('x'.repeat(600))).map((one) => one.length)).toEqual([255, 255, 90]);
  expect(() => stringsIn({ text: '', wire: '05aa' })).toThrow(RangeError);
});

test('a zone line escapes what would end it', () => {
  const member = txtMember(['a"b\\c\n\xe9']);
  const lines = changeLines({
    changes: [
      { target: 'dns', name: 'x.example.com', type: 'TXT', ttl: { before: null, after: 60 }, before: [], after: [member] },
    ],
  });
  expect(lines).toEqual(['+ x.example.com. 60 TXT "a\\"b\\\\c\\010\\233"']);
});

test.each([
  ['_smtp._tls.example.com', 'v=TLSRPTv1; rua=mailto:t@example.com', 'low'],
  ['_mta-sts.example.com', 'v=STSv1; id=1', 'low'],
  ['default._bimi.example.com', 'v=BIMI1; l=', 'low'],
  ['x9._domainkey.example.com', 'v=DKIM1; p=AAAA', 'high'],
  ['_acme-challenge.example.com', 'token', 'medium'],
  ['_dmarc.shop.example.com', 'v=DMARC1; p=reject; rua=mailto:dmarc@example.com', 'medium'],
  ['_dmarc.shop.example.com', 'v=DMARC1; p=none; rua=mailto:dmarc@example.com', 'high'],
])('a new record at %s (%s) is of %s risk', async (name, value, risk) => {
  expect(await plan({ name, value })).toMatchObject({ risk });
});

test.each([
  ['mx.example.com', 'A'],
  ['example.com', 'TXT'],
])('an alias at %s, which has %s records, cannot be planned', async (name, type) => {
  const made = planDns(
    {
      kind: 'dns.change',
      domain: 'example.com',
      records: [{ name, type: 'CNAME', value: 'host.example.net' }],
      summary: 'A change.',
      why: ['Because.'],
      finding: null,
    },
    zone(ZONE),
    { seen: SEEN, keys: new Map() },
  );
  await expect(made).rejects.toMatchObject({ code: 'occupied', message: expect.stringContaining(`has ${type} records`) });
});

test.each([
  ['none', 'v=DMARC1; p=none', ['It weakens the policy for names below example.com that do not exist from quarantine to none.']],
  ['as it is', 'v=DMARC1; p=quarantine', []],
  ['no policy at all', 'site-verification=2', []],
])('a wildcard is the policy of names that do not exist: %s', async (_, value, warnings) => {
  expect((await plan({ name: '*.example.com', value })).warnings).toEqual(warnings);
});

test('an alias of all names leads their policies to whoever has its target', async () => {
  const made = await plan({ records: [{ name: '*.example.com', type: 'CNAME', value: 'host.example.net' }] });
  expect(made.warnings).toContain(
    'The DMARC policy of names below example.com that do not exist would be what host.example.net publishes, now and later.',
  );
});

test.each([
  ['_dmarc.example.com', ' v=DMARC1; p=none', 'DMARC'],
  ['_dmarc.example.com', '"v=DMARC1;" " p=none"', 'DMARC'],
  ['example.com', 'V=SPF1\t+all', 'SPF'],
  ['news.example.com', "'v=spf1 -all'", 'SPF'],
])('at %s, %j looks like a record and is none', async (name, value, what) => {
  const { warnings, risk } = await plan({ name, value });
  expect(warnings).toContainEqual(expect.stringContaining(`What it publishes at ${name} looks like ${what} and is none`));
  expect(risk).toBe('high');
});

test('what cannot be checked is said: an include whose name server does not answer', async () => {
  const behind = zone(ZONE);
  const dns: typeof behind = {
    ask: async (name, type, options) =>
      name === 'silent.example.net'
        ? { state: 'unknown', reason: 'timeout', message: 'No server answered in time.' }
        : behind.ask(name, type, options),
  };
  const value = 'v=spf1 ip4:192.0.2.0/24 include:mail.example.com redirect=silent.example.net';
  const wish = { kind: 'dns.change' as const, domain: 'example.com', summary: 'A change.', why: ['Because.'], finding: null };
  const { warnings, risk } = await planDns({ ...wish, records: [{ name: 'example.com', value }] }, dns, {
    seen: SEEN,
    keys: new Map(),
  });
  expect(warnings).toEqual([expect.stringMatching(/^What it leads to could not be checked: /)]);
  expect(risk).toBe('high');
});

describe('the whole plan', () => {
  const WISH = { kind: 'dns.change' as const, domain: 'example.com', summary: 'A change.', why: ['Because.'], finding: null };
  const made = (wish: Partial<DnsWish>, records: WishedRecord[], text = ZONE) =>
    planDns({ ...WISH, ...wish, records }, zone(text), { seen: [], keys: new Map() });
  const BACK =
    'The previous records are restored if mail of authorized senders breaks because of it within 72 hours, unless they have changed again.';

  test('for a record that is new, beside one that is there already', async () => {
    const there = { name: '_mta-sts.example.com', value: 'v=STSv1; id=1' };
    const tls = { name: '_SMTP._tls.example.com', value: 'v=TLSRPTv1; rua=mailto:x@example.org' };
    expect(await made({}, [there, tls], `${ZONE}_mta-sts TXT "v=STSv1; id=1"\n`)).toEqual({
      version: 1,
      kind: 'dns.change',
      domain: 'example.com',
      summary: 'A change.',
      warnings: [],
      why: ['Because.'],
      risk: 'low',
      risk_because: ['Such a record admits nobody: it asks for reports, or for encryption.'],
      changes: [
        {
          target: 'dns',
          name: '_smtp._tls.example.com',
          type: 'TXT',
          ttl: { before: null, after: 3600 },
          before: [],
          after: [txtOf(tls.value)],
        },
      ],
      back: { watch_hours: 72, text: BACK },
      finding: null,
      reviews: null,
    });
  });

  test('for a step of the policy says what becomes of its TTL', async () => {
    const value = 'v=DMARC1; p=reject; rua=mailto:dmarc@example.com';
    const { back, risk_because, changes } = await made({ kind: 'policy.step' }, [{ name: '_dmarc.example.com', value }]);
    expect(back.text).toBe(
      `${BACK} Until then the TTL is 300 seconds at most, so that a rollback is quick; a longer one is restored at the end.`,
    );
    expect(risk_because).toEqual(['Receivers treat failing mail otherwise from then on.']);
    expect(changes).toMatchObject([{ ttl: { before: 0, after: 300 } }]);
  });

  test.each<[string, WishedRecord[], string[]]>([
    ['a warning', [{ name: '_dmarc.example.com', value: null }], ['There is a warning.']],
    ['a record that goes', [{ name: 'old.example.com', value: null }], ['A record is taken away.']],
    ['SPF', [{ name: 'new.example.com', value: 'v=spf1 -all' }], ['It changes who may send as the domain.']],
    [
      'any other record',
      [{ name: 'new.example.com', value: 'proof' }],
      ['The record at that name decides who may send or sign as the domain, or prove to own it.'],
    ],
    [
      'an alias',
      [{ name: '_smtp._tls.example.com', type: 'CNAME', value: 'x.example.net' }],
      ['The record at that name decides who may send or sign as the domain, or prove to own it.'],
    ],
    [
      'a record that admits nobody beside one that may',
      [
        { name: '_smtp._tls.example.com', value: 'v=TLSRPTv1; rua=mailto:x@example.org' },
        { name: 'new.example.com', value: 'proof' },
      ],
      ['The record at that name decides who may send or sign as the domain, or prove to own it.'],
    ],
    [
      'a record that is replaced',
      [{ name: '_mta-sts.example.com', value: 'v=STSv1; id=2' }],
      ['A record that is there is replaced.'],
    ],
  ])('says what gives it its risk: %s', async (_, records, because) => {
    const text = `${ZONE}_mta-sts TXT "v=STSv1; id=1"\nold TXT "v=spf1 -all"\n`;
    expect((await made({}, records, text)).risk_because).toEqual(because);
  });

  test('for what others are aliases of is no harmless one', async () => {
    const aliases = [{ name: '_dmarc.shop.example', aliases: ['_smtp._tls.example.com'] }];
    const records = [{ name: '_smtp._tls.example.com', value: 'v=TLSRPTv1; rua=mailto:x@example.org' }];
    const plan = await planDns({ ...WISH, records }, zone(ZONE), { seen: [], keys: new Map(), aliases });
    expect([plan.risk, plan.risk_because]).toEqual([
      'medium',
      ['The record at that name decides who may send or sign as the domain, or prove to own it.'],
    ]);
    expect(plan.changes).toMatchObject([{ stands_for: ['_dmarc.shop.example'] }]);
  });

  test('without a record is none', async () => {
    await expect(made({}, [])).rejects.toThrow('A plan needs a record.');
  });

  test.each<[WishedRecord, string, string]>([
    [
      { name: 'mail.example.com', value: 'v=spf1 ip4:198.51.100.0/24 -all' },
      'nothing_to_do',
      'mail.example.com has this record already: nothing is left to do.',
    ],
    [{ name: 'none.example.com', value: null }, 'nothing_to_do', 'none.example.com has no such record: nothing is left to do.'],
    [
      { name: 'www.example.com', value: 'x' },
      'alias',
      'www.example.com is an alias of host.example.com: change the record there, or the alias.',
    ],
    [
      { name: 'two.example.com', value: 'x' },
      'alias',
      'two.example.com is an alias of host.example.com: change the record there, or the alias.',
    ],
    [
      { name: 'mx.example.com', type: 'CNAME', value: 'x.example.net' },
      'occupied',
      'mx.example.com has A records, and an alias can be beside no other record: take those away first.',
    ],
    [
      { name: 'new.example.com', value: '\u0100' },
      'wrong_value',
      'Nothing can be published at new.example.com as it was given: A TXT record holds octets: write it in ASCII.',
    ],
  ])('cannot be made for %j: %s', async (record, code, message) => {
    await expect(made({}, [record], `${ZONE}two CNAME www.example.com.\n`)).rejects.toMatchObject({ code, message });
  });

  test('of several that are there already says it of the first', async () => {
    const records = [
      { name: 'b.example.com', value: null },
      { name: 'a.example.com', value: null },
    ];
    await expect(made({}, records)).rejects.toThrow(/^b\.example\.com has no such record/);
  });

  test.each<[string, string[], string | null, string[]]>([
    ['a text of no protocol replaces none', ['one', 'v=spf1 -all'], 'two', ['one', 'v=spf1 -all', 'two']],
    ['the same text is there once', ['one', 'v=spf1 -all'], 'one', ['v=spf1 -all', 'one']],
    ['a record that goes leaves the others', ['one', 'v=spf1 -all'], null, ['one']],
    ['SPF replaces SPF', ['one', 'v=spf1 -all', 'V=SPF1 a'], 'v=spf1 mx -all', ['one', 'v=spf1 mx -all']],
  ])('%s', async (_, before, value, after) => {
    const text = before.map((one) => `t TXT "${one}"\n`).join('');
    const plan = await made({}, [{ name: 't.example.com', value }], text).catch((error: Error) => error.message);
    if (typeof plan === 'string') expect(plan).toMatch(/has this record already/);
    else expect((plan.changes[0] as DnsChange).after.map((one) => one.text)).toEqual(after);
  });

  test.each([
    ['_dmarc.example.com', 'v=DMARC1; p=none'],
    ['s1._domainkey.example.com', 'anything'],
    ['_mta-sts.example.com', 'v=STSv1; id=1'],
    ['_smtp._tls.example.com', 'v=TLSRPTv1; rua=mailto:a@example.com'],
    ['default._bimi.example.com', 'v=BIMI1; l='],
    ['t.example.com', 'v=spf1 -all'],
  ])('at %s takes away the record of its protocol, and no proof of ownership', async (name, record) => {
    const text = `${name}. TXT "${record}"\n${name}. TXT "proof=1"\n`;
    const plan = await made({}, [{ name, value: null }], text);
    const left = name.includes('_domainkey') ? [] : ['proof=1'];
    expect((plan.changes[0] as DnsChange).after.map((one) => one.text)).toEqual(left);
    expect((plan.changes[0] as DnsChange).ttl).toEqual({ before: 0, after: left.length === 0 ? null : 3600 });
  });
});
