import { expect, test } from 'vitest';
import { checkDomain, correctedRecords, DECISIONS, needsDecision } from '../../../services/dns/check/check.ts';
import { CODES, type Code } from '../../../services/dns/check/codes.ts';
import { type Finding, webForm, zoneLine } from '../../../services/dns/check/finding.ts';
import { withPlanned } from '../../../services/dns/planned.ts';
import { add, parseZoneFile, stringsOf } from '../../../services/dns/zonefile.ts';
import { organizationalDomain } from '../../../services/report/orgdomain.ts';
import { dnsOf, type Zone } from '../zone.ts';
import { CASES, type Case } from './cases.ts';
import { FIXTURES, type Fixture, GOOD, GOOD_WEB, KEY, MARKS, spf, webOf } from './fixtures.ts';

const check = (
  zone: Zone,
  domain = 'example.com',
  selectors = ['sel'],
  mailboxes: string[] = [],
  { web = GOOD_WEB, stsBefore, seen }: Pick<Fixture, 'web' | 'stsBefore' | 'seen'> = {},
) =>
  checkDomain(domain, dnsOf(zone), {
    selectors,
    mailboxes,
    registrable: organizationalDomain,
    web: webOf(web),
    marks: MARKS,
    stsBefore,
    seen,
  });
const codesOf = (findings: readonly Finding[]) => findings.map(({ code }) => code);

test('of a domain where all is right there is nothing to say', async () => {
  expect((await check(GOOD)).findings).toEqual([]);
});

test('every code has its fixture, and each fixture is of a code', () => {
  expect(Object.keys(FIXTURES).sort()).toEqual(Object.keys(CODES).sort());
});

test.each(Object.keys(CODES) as Code[])('%s is found, and not in the corrected twin', async (code) => {
  const fixture = FIXTURES[code];
  const zone = { ...GOOD, ...fixture.zone };
  const { findings, domain } = await check(zone, fixture.domain, fixture.selectors, fixture.mailboxes, {
    web: { ...GOOD_WEB, ...fixture.web },
    ...(fixture.stsBefore && { stsBefore: fixture.stsBefore }),
    ...(fixture.seen && { seen: fixture.seen }),
  });
  const found = findings.find((one) => one.code === code)!;
  expect(found, codesOf(findings).join()).toBeDefined();
  expect(found).toMatchObject({ severity: CODES[code].severity, section: CODES[code].section, domain });
  expect(found.message).toMatch(/^[A-Z"a-z0-9_+?~-].*\.$/s);
  if (found.record !== null && found.place !== null) {
    expect(found.record.text.slice(found.place.at, found.place.at + found.place.text.length)).toBe(found.place.text);
  }
  // What is to be published instead mends it, laid over what is there as `--records` does; else the twin of
  // the fixture does.
  const { publish } = found;
  const twin = { ...zone, ...fixture.twin };
  expect(
    publish !== null ||
      fixture.twin !== undefined ||
      fixture.twinWeb !== undefined ||
      fixture.twinSelectors !== undefined ||
      fixture.twinSeen !== undefined,
  ).toBe(true);
  let dns = dnsOf(twin) as ReturnType<typeof withPlanned>;
  if (publish !== null) {
    const planned: Parameters<typeof withPlanned>[0] = new Map();
    add(planned, publish.name, 'TXT', stringsOf(publish.value!));
    dns = withPlanned(planned, dns);
  }
  const corrected = await checkDomain(domain, dns, {
    selectors: fixture.twinSelectors ?? fixture.selectors ?? ['sel'],
    mailboxes: fixture.mailboxes ?? [],
    registrable: organizationalDomain,
    web: webOf({ ...GOOD_WEB, ...fixture.web, ...fixture.twinWeb }),
    marks: MARKS,
    stsBefore: fixture.stsBefore,
    seen: fixture.twinSeen ?? fixture.seen,
  });
  expect(codesOf(corrected.findings)).not.toContain(code);
  // Nothing worse comes of it.
  const worse = corrected.findings.filter(({ severity, code }) => severity === 'error' && !codesOf(findings).includes(code));
  expect(codesOf(worse)).toEqual([]);
});

const AREAS = {
  spf: 'spf',
  dkim: 'dkim',
  dmarc: 'dmarc',
  mx: 'mx',
  mta_sts: 'mtaSts',
  tlsrpt: 'tlsRpt',
  bimi: 'bimi',
  ptr: 'ptr',
  dnssec: 'dnssec',
} as const;
const ofArea = (area: string, { code }: Finding) => code === area || code.startsWith(`${area}_`);

/** What is found in an area, and what was read for it. */
async function shown(area: keyof typeof AREAS, { zone = {}, domain, selectors, mailboxes, web }: Case): Promise<string> {
  const all = await check({ ...GOOD, ...zone }, domain, selectors, mailboxes, { web: { ...GOOD_WEB, ...web } });
  const read = all[AREAS[area]];
  const lines = all.findings
    .filter((one) => ofArea(area, one) || (read === null && one.code === 'domain_missing'))
    .map(({ domain: _, ...one }) => JSON.stringify(one));
  if (read === null) return lines.join('\n');
  const { findings: _, ...rest } = read;
  // How a record is read into terms is for test/dns/spf/record.test.ts.
  const brief = (name: string, value: unknown) =>
    name === 'svg' || (name === 'record' && area === 'spf')
      ? undefined
      : name === 'term'
        ? (value as { text: string }).text
        : value;
  return [...lines, JSON.stringify(rest, brief)].join('\n').replaceAll(KEY, '(key)');
}

test.each(Object.keys(CASES) as (keyof typeof AREAS)[])('all that is said about %s is in golden/', async (area) => {
  const parts: string[] = [];
  for (const [name, one] of Object.entries(CASES[area]!)) parts.push(`# ${name}\n${await shown(area, one)}\n`);
  await expect(parts.join('\n')).toMatchFileSnapshot(`golden/${area}.txt`);
});

test('an SPF term behind the cliff of ten look-ups is named', async () => {
  const includes = Object.fromEntries(
    ['a', 'b', 'c'].map((name) => [`${name}.example`, spf(`v=spf1 ${[1, 2, 3].map((n) => `a:h${n}.example`).join(' ')} -all`)]),
  );
  const hosts = Object.fromEntries([1, 2, 3].map((n) => [`h${n}.example`, { A: ['198.51.100.1'] }]));
  const zone = {
    ...GOOD,
    ...includes,
    ...hosts,
    'example.com': spf('v=spf1 include:a.example include:b.example include:c.example ip4:192.0.2.0/24 -all'),
  };
  const { findings, spf: told } = await check(zone);
  expect(told!.tree.lookups).toBe(12);
  const [finding] = findings.filter(({ code }) => code === 'spf_lookups');
  expect(finding).toMatchObject({ place: { text: 'include:c.example' } });
  expect(finding!.message).toContain('only include:c.example ip4:192.0.2.0/24 allows');
});

test('a name service that is away is unknown, and never "missing"', async () => {
  const away: Zone = {
    ...GOOD,
    'example.com': 'unknown',
    '_dmarc.example.com': 'unknown',
    'sel._domainkey.example.com': 'unknown',
  };
  const { findings } = await check(away);
  expect(new Set(findings.map(({ severity }) => severity))).toEqual(new Set(['unknown']));
});

test('what an include says of everybody counts only where its pass is a pass', async () => {
  const zone = (record: string) => ({ ...GOOD, 'example.com': spf(record), 'other.example': spf('v=spf1 +all') });
  expect(codesOf((await check(zone('v=spf1 include:other.example -all'))).findings)).toContain('spf_pass_all');
  expect(codesOf((await check(zone('v=spf1 -include:other.example -all'))).findings)).not.toContain('spf_pass_all');
});

test('a hostile zone costs a bounded number of questions', async () => {
  const dns = dnsOf({});
  let asked = 0;
  dns.ask = async (name, type) => {
    asked++;
    const told = { name, aliases: [], ttl: 60, authenticated: false };
    if (type !== 'TXT') return { state: 'nodata', ...told };
    const includes = Array.from({ length: 30 }, (_, i) => `include:x${asked}-${i}.test`).join(' ');
    return { state: 'records', records: [[`v=spf1 ${includes} -all`]] as never, ...told };
  };
  await checkDomain('example.com', dns, { selectors: ['a', 'b'] });
  expect(asked).toBeLessThan(200);
});

test('what is to be published is given as a zone file and a web form take it', () => {
  const value = `v=DKIM1; n="a\\b"; p=${'A'.repeat(300)}`;
  const line = zoneLine({ name: 'sel._domainkey.example.com', value });
  expect(line).toMatch(/^sel\._domainkey\.example\.com\. TXT "v=DKIM1; n=\\"a\\\\b\\"; p=A+" "A+"$/);
  expect(parseZoneFile(line).get('sel._domainkey.example.com')!.TXT![0]!.join('')).toBe(value);
  expect(webForm({ name: 'example.com', value }, 'example.com')).toEqual({ host: '@', value });
  expect(webForm({ name: 'sel._domainkey.example.com', value }, 'example.com').host).toBe('sel._domainkey');
  expect(webForm({ name: 'example.com._report._dmarc.other.test', value }, 'example.com').host).toBe(
    'example.com._report._dmarc.other.test.',
  );
});

test('corrections come together in one record each, and mend all that needs no decision', async () => {
  const zone: Zone = {
    ...GOOD,
    'example.com': {
      ...(GOOD['example.com'] as object),
      ...spf('v=spf1 a:x.example ip4:10.0.0.0/8 include:gone.example ip4:192.0.2.0/24 ip4:1.2.3 ptr ?all ip4:192.0.2.0/24'),
    },
    '_dmarc.example.com': spf('v=DMARC1; pct=50; rua=dmarc@example.com; p=reject; p=none; x=1'),
    'sel._domainkey.example.com': spf(`p=${KEY}; v=DKIM1; t=y; g=*`),
  };
  const options = { selectors: ['sel'], registrable: organizationalDomain };
  const found = await checkDomain('example.com', dnsOf(zone), options);
  const corrected = await correctedRecords(found, dnsOf(zone), options);
  expect(Object.fromEntries(corrected.map(({ name, value }) => [name, value]))).toEqual({
    'example.com': 'v=spf1 ip4:192.0.2.0/24 ptr ~all',
    '_dmarc.example.com': 'v=DMARC1; p=reject; rua=mailto:dmarc@example.com',
    'sel._domainkey.example.com': `v=DKIM1; p=${KEY}`,
  });
  const planned: Parameters<typeof withPlanned>[0] = new Map();
  for (const { name, value } of corrected) add(planned, name, 'TXT', stringsOf(value!));
  const { findings } = await checkDomain('example.com', withPlanned(planned, dnsOf(zone)), options);
  expect(codesOf(findings).filter((code) => !DECISIONS.includes(code))).toEqual([]);
});

test('a name service that never answers costs a bounded time', async () => {
  const dns = dnsOf(GOOD);
  dns.ask = (_name, _type, options) =>
    new Promise((resolve) => {
      const end = () => resolve({ state: 'unknown', reason: 'cancelled', message: 'The question was ended.' });
      if (options!.signal!.aborted) end();
      options!.signal!.addEventListener('abort', end);
    });
  // Without a bound it would wait until the test's own time-out.
  const { findings } = await checkDomain('example.com', dns, { selectors: ['sel'], timeoutMs: 100 });
  expect(new Set(findings.map(({ severity }) => severity))).toEqual(new Set(['unknown']));
});

const record = (text: string) => ({ name: 'example.com', text });
const publish = (value: string | null) => ({ name: 'example.com', value });
const OPEN = record('v=DMARC1; p=reject; sp=none');
test.each<[string, Parameters<typeof needsDecision>[0], boolean]>([
  ...DECISIONS.map((code): [string, Parameters<typeof needsDecision>[0], boolean] => [
    'who may send and where reports go',
    { code, record: null, publish: null },
    true,
  ]),
  ['closing names that exist', { code: 'dmarc_subdomains_open', record: OPEN, publish: publish('v=DMARC1; p=reject') }, true],
  [
    'closing names that nobody has',
    { code: 'dmarc_subdomains_open', record: OPEN, publish: publish('v=DMARC1; p=reject; sp = NONE; np=reject') },
    false,
  ],
  [
    'names that were closed before',
    { code: 'dmarc_subdomains_open', record: record('v=DMARC1; p=reject; np=none'), publish: publish('v=DMARC1; p=reject') },
    false,
  ],
  ['names of no record', { code: 'dmarc_subdomains_open', record: null, publish: publish('v=DMARC1; p=reject') }, false],
  ['names without a correction', { code: 'dmarc_subdomains_open', record: OPEN, publish: null }, false],
  ['names whose record is to go', { code: 'dmarc_subdomains_open', record: OPEN, publish: publish(null) }, false],
  [
    'SPF that would let nobody send',
    { code: 'spf_syntax', record: record('v=spf1 ipv4:x.example -all'), publish: publish('v=spf1 -all') },
    true,
  ],
  [
    'SPF that lets somebody send',
    { code: 'spf_syntax', record: record('v=spf1 ipv4:x.example mx -all'), publish: publish('v=spf1 mx -all') },
    false,
  ],
  ['SPF of no record', { code: 'spf_syntax', record: null, publish: publish('v=spf1 -all') }, false],
  ['SPF without a correction', { code: 'spf_syntax', record: record('v=spf1 ipv4:x.example -all'), publish: null }, false],
  ['SPF that is to go', { code: 'spf_syntax', record: record('v=spf1 ipv4:x.example -all'), publish: publish(null) }, false],
  [
    'another record, whatever it lets',
    { code: 'dmarc_syntax', record: record('v=spf1 ipv4:x.example -all'), publish: publish('v=spf1 -all') },
    false,
  ],
])('is it for people to decide: %s', (_, found, expected) => {
  expect(needsDecision(found)).toBe(expected);
});

test('what stands behind "all" is not looked at', async () => {
  const terms = async (text: string) =>
    codesOf((await check({ ...GOOD, 'example.com': { ...(GOOD['example.com'] as object), ...spf(text) } })).findings).filter(
      (code) => code === 'spf_ptr' || code === 'spf_private',
    );
  expect(await terms('v=spf1 ptr ip4:10.0.0.1 -all')).toEqual(['spf_ptr', 'spf_private']);
  expect(await terms('v=spf1 ip4:192.0.2.0/24 -all ptr ip4:10.0.0.1')).toEqual([]);
});

test.each<[string, Zone, string[]]>([
  ['says nothing of all others', { 'b.example': spf('v=spf1 ip4:192.0.2.0/24') }, ['spf_no_all']],
  ['says ?all', { 'b.example': spf('v=spf1 ip4:192.0.2.0/24 ?all') }, ['spf_neutral_all']],
  ['says ~all', { 'b.example': spf('v=spf1 ip4:192.0.2.0/24 ~all') }, []],
  [
    'leads on to such a record',
    { 'b.example': spf('v=spf1 redirect=c.example'), 'c.example': spf('v=spf1 ?all') },
    ['spf_neutral_all'],
  ],
  ['leads on to nobody knows what', { 'b.example': spf('v=spf1 redirect=c.example'), 'c.example': 'unknown' }, []],
  ['is wrong', { 'b.example': spf('v=spf1 ip4:192.0.2.0/24 ip4:x') }, []],
])('of a redirect to a record that %s', async (_, zone, codes) => {
  const published = {
    ...GOOD,
    ...zone,
    'example.com': { ...(GOOD['example.com'] as object), ...spf('v=spf1 redirect=b.example') },
  };
  const { findings } = await check(published as Zone);
  expect(findings.flatMap(({ code, place }) => (/_all$/.test(code) ? [[code, place?.text]] : []))).toEqual(
    codes.map((code) => [code, 'redirect=b.example']),
  );
});

test('a check that is called off calls off its questions', async () => {
  const stop = new AbortController();
  const signals = new Set<AbortSignal | undefined>();
  const dns = dnsOf(GOOD);
  const asking = {
    ask: (async (name, type, options) => {
      signals.add(options?.signal);
      return await dns.ask(name, type, options);
    }) as typeof dns.ask,
  };
  await checkDomain('example.com', asking, { signal: stop.signal });
  stop.abort();
  expect([signals.size > 0, [...signals].filter((signal) => signal?.aborted !== true)]).toEqual([true, []]);
});
