import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluateSpf, type SpfMail, type SpfNode } from '../../../services/dns/spf/evaluate.ts';
import { openDns } from '../../../services/shared/runtime/resolver.ts';
import { knotPresent, type NameServer, startKnot } from '../../helpers/knot.ts';
import { dnsOf, type Zone } from '../zone.ts';

const spf = (...texts: string[]) => ({ TXT: texts.map((text) => [text]) });
const evaluate = (zone: Zone, mail: Partial<SpfMail> = {}) =>
  evaluateSpf({ ip: '192.0.2.1', helo: 'mx.sender.example', mailFrom: 'user@example.com', ...mail }, dnsOf(zone), {
    receiver: 'mx.here.example',
    now: () => new Date(1_700_000_000_000),
  });
const result = async (record: string, zone: Zone = {}, mail: Partial<SpfMail> = {}) =>
  (await evaluate({ 'example.com': spf(record), ...zone }, mail)).result;

test.each(['#', '/', '?', '\\'])('a sender whose domain has a "%s" is not that of the part before it', async (mark) => {
  const mailFrom = `x@example.com${mark}\u00e9.sender.example`;
  expect(await evaluate({ 'example.com': spf('v=spf1 +all') }, { mailFrom })).toMatchObject({ result: 'none' });
});

test.each([
  ['v=spf1 ip4:192.0.2.1 -all', 'pass'],
  ['v=spf1 ip4:192.0.2.0/24 -all', 'pass'],
  ['v=spf1 ip4:192.0.3.0/24 -all', 'fail'],
  ['v=spf1 ip4:192.0.2.1/0 -all', 'pass'],
  ['v=spf1 ~ip4:192.0.2.1', 'softfail'],
  ['v=spf1 ?IP4:192.0.2.1', 'neutral'],
  ['v=spf1 ip6:2001:db8::/32 -all', 'fail'],
  ['v=spf1 ip6:::ffff:192.0.2.1 -all', 'fail'],
  ['v=spf1 ip4:192.0.2.1/33', 'permerror'],
  ['v=spf1 ip4:192.0.2.1/08', 'permerror'],
  ['v=spf1 ip4:192.0.2.01', 'permerror'],
  ['v=spf1 ip4:192.0.2', 'permerror'],
  ['v=spf1 ip4', 'permerror'],
  ['v=spf1 ip4:192.0.2.1:25', 'permerror'],
  ['v=spf1 ip6:2001:db8::1%eth0', 'permerror'],
  ['v=spf1 ip6:2001:db8::1/129', 'permerror'],
  ['v=spf1 ip4:192.0.2.1 -all nonsense', 'permerror'],
  ['v=spf1 include=example.net -all', 'fail'],
  ['v=spf1 redirect=a.example redirect=b.example', 'permerror'],
  ['v=spf1 x=1 x=2 ip4:192.0.2.1', 'pass'],
  ['v=spf1 exists:%{d0}.example', 'permerror'],
  ['v=spf1 exists:%{c}.example', 'permerror'],
  ['v=spf1 exists:%{d', 'permerror'],
  ['v=spf1 a:%{d}%%', 'neutral'],
  ['v=spf1 a:host.1a ?all', 'neutral'],
  ['v=spf1 a:host.example./24 ?all', 'neutral'],
  ['v=spf1 a:host.example/024', 'permerror'],
  ['v=spf1 a:host.example//', 'permerror'],
  ['v=spf1 exists', 'permerror'],
  ['v=spf1 ptr/24', 'permerror'],
  ['v=spf1 -all/24', 'permerror'],
  ['v=spf1\tip4:192.0.2.1', 'none'],
  ['v=spf1 ip4:192.0.2.1\t-all', 'permerror'],
  ['v=spf1', 'neutral'],
  ['v=spf10 +all', 'none'],
  ['v=spf1 ', 'neutral'],
  ['V=SPF1 -ALL', 'fail'],
])('%s: %s', async (record, expected) => {
  expect(await result(record)).toBe(expected);
});

test('the domain checked is that of MAIL FROM, else that of HELO; what is no domain has none', async () => {
  const zone = { 'example.com': spf('v=spf1 +all'), 'mx.sender.example': spf('v=spf1 -all') };
  expect((await evaluate(zone)).result).toBe('pass');
  expect((await evaluate(zone, { mailFrom: '' })).result).toBe('fail');
  expect((await evaluate(zone, { mailFrom: 'a@b@Example.COM.' })).result).toBe('pass');
  for (const mailFrom of [
    'a@[192.0.2.1]',
    'a@localhost',
    'a@b..example',
    `a@${'x'.repeat(64)}.example`,
    `a@${'x.'.repeat(130)}example`,
  ])
    expect((await evaluate(zone, { mailFrom })).result, mailFrom).toBe('none');
  expect((await evaluate({ 'xn--mnchen-3ya.example': spf('v=spf1 +all') }, { mailFrom: 'a@münchen.example' })).result).toBe(
    'pass',
  );
  await expect(evaluate(zone, { ip: 'nowhere' })).rejects.toThrow('"nowhere" is no IP address');
});

test('a domain of 253 octets is one, with a dot behind it as well; a longer one is none', async () => {
  const rest = `${'x'.repeat(63)}.${'x'.repeat(63)}.${'x'.repeat(63)}.${'x'.repeat(48)}.example.com`;
  const zone = { [rest]: spf('v=spf1 +all'), [`b.${rest.slice(1)}`]: spf('v=spf1 +all') };
  const of = async (domain: string) => (await evaluate(zone, { mailFrom: `x@${domain}` })).result;
  expect(rest).toHaveLength(252);
  expect([await of(`b.${rest.slice(1)}`), await of(`b.${rest.slice(1)}.`), await of(`b.${rest}`)]).toEqual([
    'pass',
    'pass',
    'none',
  ]);
});

test('several records, no answer, and none are told apart, outside and in an include', async () => {
  const of = (zone: Zone) => result('v=spf1 include:other.example -all', zone);
  expect(await of({ 'other.example': spf('v=spf1 +all', 'v=spf1 -all') })).toBe('permerror');
  expect(await of({ 'other.example': 'unknown' })).toBe('temperror');
  expect(await of({ 'other.example': spf('something') })).toBe('permerror');
  expect(await of({})).toBe('permerror');
  expect(await of({ 'other.example': spf('v=spf1 -all') })).toBe('fail');
  expect(await of({ 'other.example': spf('v=spf1 redirect=nothing.example') })).toBe('permerror');
  expect((await evaluate({ 'example.com': 'unknown' })).result).toBe('temperror');
});

test('what is over an include is not passed to it: each term has its number, and the cliff is seen', async () => {
  const zone: Zone = {
    'example.com': spf('v=spf1 include:a.example include:b.example exists:%{i}.c.example a mx ip4:192.0.2.1 -all'),
    'a.example': spf('v=spf1 a:one.example a:two.example ?all'),
    'b.example': spf('v=spf1 ip4:198.51.100.0/24 a:three.example'),
    'one.example': { A: ['198.51.100.1'] },
    'two.example': { A: ['198.51.100.1'] },
    'three.example': { A: ['198.51.100.1'] },
    '192.0.2.1.c.example': { TXT: [['no address']] },
  };
  const told = await evaluate(zone);
  const flat = (node: SpfNode): string[] =>
    node.steps.flatMap(({ text, lookup, inner }) => [`${lookup ?? '-'} ${text}`, ...(inner ? flat(inner) : [])]);
  expect(flat(told.tree)).toEqual([
    '1 include:a.example',
    '2 a:one.example',
    '3 a:two.example',
    '- ?all',
    '4 include:b.example',
    '- ip4:198.51.100.0/24',
    '5 a:three.example',
    '6 exists:%{i}.c.example',
    '7 a',
    '8 mx',
  ]);
  expect(told).toMatchObject({ result: 'permerror', lookups: 8, voids: 3 });
  expect(told.reason).toBe('More than 2 terms find nothing in DNS; the last is mx.');
});

test('the eleventh look-up and the third void are the end, whichever record they are in', async () => {
  const hosts = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`h${i}.example`, { A: ['198.51.100.1'] }]));
  const terms = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `a:h${from + i}.example`).join(' ');
  expect(await result(`v=spf1 ${terms(0, 10)} ip4:192.0.2.1`, hosts)).toBe('pass');
  expect(await result(`v=spf1 ${terms(0, 11)} ip4:192.0.2.1`, hosts)).toBe('permerror');
  const split = { ...hosts, 'other.example': spf(`v=spf1 ${terms(5, 10)} ?all`) };
  expect(await result(`v=spf1 ${terms(0, 4)} include:other.example ip4:192.0.2.1`, split)).toBe('pass');
  expect(await result(`v=spf1 ${terms(0, 5)} include:other.example ip4:192.0.2.1`, split)).toBe('permerror');
  expect(await result('v=spf1 redirect=example.com')).toBe('permerror');
  expect(await result('v=spf1 include:example.com')).toBe('permerror');
  expect(await result('v=spf1 a:x.example a:y.example ip4:192.0.2.1')).toBe('pass');
  expect(await result('v=spf1 a:x.example a:y.example a:z.example ip4:192.0.2.1')).toBe('permerror');
  // An address is looked up by the client's family alone, once.
  expect(await result('v=spf1 a:h0.example a:h1.example a:h2.example ip4:192.0.2.1', hosts)).toBe('pass');
});

test('mx: ten hosts, in any order; a host that does not exist is passed over and is no void', async () => {
  const mx = (count: number) => ({
    MX: Array.from({ length: count }, (_, i) => ({ preference: i, exchange: `m${i}.example` })),
    TXT: [['v=spf1 mx -all']],
  });
  expect((await evaluate({ 'example.com': mx(10), 'm9.example': { A: ['192.0.2.1'] } })).result).toBe('pass');
  expect((await evaluate({ 'example.com': mx(11), 'm9.example': { A: ['192.0.2.1'] } })).result).toBe('permerror');
  expect((await evaluate({ 'example.com': mx(10) })).result).toBe('fail');
  expect((await evaluate({ 'example.com': mx(2), 'm0.example': 'unknown' })).result).toBe('temperror');
  const none: Zone = { 'example.com': { TXT: [['v=spf1 mx -all']], MX: [{ preference: 0, exchange: '.' }] } };
  expect((await evaluate(none)).result).toBe('fail');
});

test('ptr: names that have the address in turn, at or below the domain; no error of DNS counts', async () => {
  const ptr = (...names: string[]) => ({ '1.2.0.192.in-addr.arpa': { PTR: names } });
  const good = { 'mail.example.com': { A: ['192.0.2.1'] }, 'evilexample.com': { A: ['192.0.2.1'] } };
  expect(await result('v=spf1 ptr -all', { ...ptr('mail.example.com'), ...good })).toBe('pass');
  expect(await result('v=spf1 ptr -all', { ...ptr('evilexample.com'), ...good })).toBe('fail');
  expect(await result('v=spf1 ptr -all', { ...ptr('other.example.com'), 'other.example.com': { A: ['192.0.2.9'] } })).toBe(
    'fail',
  );
  expect(
    await result('v=spf1 ptr -all', { ...ptr('x.example.com', 'mail.example.com'), ...good, 'x.example.com': 'unknown' }),
  ).toBe('pass');
  expect(await result('v=spf1 ptr -all', { '1.2.0.192.in-addr.arpa': 'unknown' })).toBe('fail');
  const many = Array.from({ length: 10 }, (_, i) => `n${i}.example`);
  expect(await result('v=spf1 ptr -all', { ...ptr(...many, 'mail.example.com'), ...good })).toBe('fail');
});

test('a name that a macro looks for costs no look-up, and is no void when there is none', async () => {
  const zone = { 'example.com': spf('v=spf1 exists:%{p}.a.example -all'), 'unknown.a.example': { A: ['127.0.0.2'] } };
  expect(await evaluate(zone)).toMatchObject({ result: 'pass', lookups: 1, voids: 0 });
});

test('macros', async () => {
  const asked = async (record: string, mail: Partial<SpfMail> = {}) => {
    const dns = dnsOf({
      'mail.example.com': spf(record),
      '1.2.0.192.in-addr.arpa': { PTR: ['a.test', 'b.example.com'] },
      'b.example.com': { A: ['192.0.2.1'] },
    });
    await evaluateSpf({ ip: '192.0.2.1', helo: 'mx.sender.example', mailFrom: 'strong-bad@mail.example.com', ...mail }, dns);
    return dns.asked.filter((one) => one.startsWith('A ') && one.endsWith('.x.example'))[0]?.slice(2);
  };
  // RFC 7208 section 7.4, with a domain of three labels.
  for (const [macro, text] of [
    ['%{s}', 'strong-bad@mail.example.com'],
    ['%{o}', 'mail.example.com'],
    ['%{d}', 'mail.example.com'],
    ['%{d4}', 'mail.example.com'],
    ['%{d3}', 'mail.example.com'],
    ['%{d2}', 'example.com'],
    ['%{d1}', 'com'],
    ['%{dr}', 'com.example.mail'],
    ['%{d2r}', 'example.mail'],
    ['%{l}', 'strong-bad'],
    ['%{l-}', 'strong.bad'],
    ['%{lr}', 'strong-bad'],
    ['%{lr-}', 'bad.strong'],
    ['%{l1r-}', 'strong'],
    ['%{ir}.%{v}._spf.%{d2}', '1.2.0.192.in-addr._spf.example.com'],
    ['%{lr-}.lp._spf.%{d2}', 'bad.strong.lp._spf.example.com'],
    ['%{h}', 'mx.sender.example'],
    ['%{p}', 'b.example.com'],
    ['%{L}', 'strong-bad'],
    ['a%%b%_c%-d', 'a%b\\032c%20d'],
  ])
    expect(await asked(`v=spf1 exists:${macro}.x.example`), macro).toBe(`${text}.x.example`);
  expect(await asked('v=spf1 exists:%{ir}.%{v}.x.example', { ip: '2001:db8::cb01' })).toBe(
    '1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.x.example',
  );
  expect(await asked('v=spf1 exists:%{S}.x.example', { mailFrom: 'a b/c@mail.example.com' })).toBe(
    'a%20b%2fc%40mail.example.com.x.example',
  );
  // Octets that no host name has are no name to ask for, and match nothing.
  expect(await asked('v=spf1 exists:%{l}.x.example', { mailFrom: 'jürgen@mail.example.com' })).toBeUndefined();
  expect(
    await asked(`v=spf1 exists:${'y'.repeat(60)}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.x.example`),
  ).toBe(`${'mail.example.com.'.repeat(13)}x.example`);
});

test('an explanation comes of the record that failed, and of nothing that is not as it should be', async () => {
  const explain = async (text: string | string[] | undefined, record = 'v=spf1 -all exp=why.example') =>
    (await evaluate({ 'example.com': spf(record), 'why.example': text === undefined ? {} : { TXT: [[text].flat()] } }))
      .explanation;
  expect(await explain(['%{i} is not one of ', "%{d}'s servers, says %{r} at %{t}."])).toBe(
    "192.0.2.1 is not one of example.com's servers, says mx.here.example at 1700000000.",
  );
  expect(await explain('nice', 'v=spf1 ~all exp=why.example')).toBeNull();
  expect(await explain('%{x}')).toBeNull();
  expect(await explain('\x1b[31m')).toBeNull();
  expect(await explain('ü')).toBeNull();
  expect(await explain(undefined)).toBeNull();
  expect(
    (await evaluate({ 'example.com': spf('v=spf1 -all exp=why.example'), 'why.example': 'unknown' })).explanation,
  ).toBeNull();
  expect(
    (await evaluate({ 'example.com': spf('v=spf1 -all exp=why.example'), 'why.example': spf('a', 'b') })).explanation,
  ).toBeNull();
});

test('questions are bounded, and a silent name service ends in a temperror', async () => {
  const dns = dnsOf({ 'example.com': spf('v=spf1 a -all') });
  const mail = { ip: '192.0.2.1', helo: 'x', mailFrom: 'a@example.com' };
  const ask = dns.ask;
  dns.ask = (name, type, options) => {
    if (options!.budget!.left-- <= 0)
      return Promise.resolve({ state: 'unknown', reason: 'budget', message: 'Too many questions.' });
    return ask(name, type, options);
  };
  expect(await evaluateSpf(mail, dns, { budget: { left: 1 } })).toMatchObject({
    result: 'temperror',
    reason: 'Too many questions.',
  });
});

describe.skipIf(!knotPresent)(`with a real name server${knotPresent ? '' : ' (SKIPPED: knot is not installed)'}`, () => {
  let knot: NameServer;
  beforeAll(async () => {
    knot = await startKnot({
      'example.com': [
        '@ TXT "v=spf1 include:_s" "pf.other.test exists:%{l}.users.example.com exp=why.example.com -all"',
        'a\\032b.users A 127.0.0.2',
        'why TXT "%{i} may not send as %{s}"',
      ],
      'other.test': ['_spf TXT "v=spf1 mx:other.test ?all"', ...Array.from({ length: 300 }, (_, i) => `@ MX ${i} m${i}`)],
      'few.test': ['@ TXT "v=spf1 mx -all"', '@ MX 10 m', 'm A 192.0.2.1', 'm AAAA 2001:db8::1'],
    });
  });
  afterAll(() => knot.stop());
  const check = (mailFrom: string, ip = '192.0.2.1') =>
    evaluateSpf({ ip, helo: 'mx.example', mailFrom }, openDns([knot.server], { tries: 1 }));

  test('strings are joined without a blank, 300 hosts are too many, odd local parts are asked for', async () => {
    expect(await check('x@example.com')).toMatchObject({
      result: 'permerror',
      reason: 'mx:other.test finds 300 mail hosts; 10 are allowed.',
    });
    expect(await check('x@few.test')).toMatchObject({ result: 'pass', lookups: 1 });
    expect(await check('x@few.test', '2001:0DB8::1')).toMatchObject({ result: 'pass' });
    expect(await check('x@few.test', '::ffff:192.0.2.1')).toMatchObject({ result: 'pass' });
    await knot.setZone('other.test', ['_spf TXT "v=spf1 ?all"']);
    expect(await check('a b@example.com')).toMatchObject({ result: 'pass', decidedBy: 'exists:%{l}.users.example.com' });
    expect(await check('x@example.com')).toMatchObject({
      result: 'fail',
      explanation: '192.0.2.1 may not send as x@example.com',
    });
  });
});

test('a fault of this program is no result of SPF', async () => {
  const broken = { ask: () => Promise.reject(new TypeError('broken')) };
  await expect(evaluateSpf({ ip: '192.0.2.1', helo: 'example.com', mailFrom: 'a@example.com' }, broken)).rejects.toThrow(
    'broken',
  );
});
