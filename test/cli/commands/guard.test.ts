import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GuardCheckOptions, runGuardCheck } from '../../../services/cli/commands/guard.ts';
import { zoneLine } from '../../../services/dns/check/finding.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { knotPresent, type NameServer, startKnot } from '../../helpers/knot.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-guard-'));
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string) => {
  writeFileSync(path.join(folder, name), text, { mode: 0o600 });
  return path.join(folder, name);
};

const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const [production, staging] = [pair(), pair()];
const recordOf = ({ publicKey }: typeof production) =>
  `v=DKIM1; p=${publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}`;
const stringsOf = (record: string) => zoneLine({ name: 'x', value: record }).replace('x. TXT ', '');
write('production.pem', production.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
write('staging.pem', staging.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());

const GUARD = `
version: 1
environments:
  production:
    egress: { nat: { addresses: [192.0.2.10] } }
    domains:
      kestrel.test:
        spf: { sources: ["ip4:192.0.2.0/24"], all: -all, forbid: [ptr] }
        dkim: { selectors: { s1: { private_key: production.pem } } }
        dmarc: { policy: reject, rua: ["mailto:d@kestrel.test"] }
        workloads: [{ name: shop, egress: [nat] }]
  staging:
    may_differ: [dkim.keys, spf.sources]
    egress: { nat: { addresses: [198.51.100.10] } }
    domains:
      staging.kestrel.test:
        dkim: { selectors: { s1: { private_key: staging.pem } } }
        workloads: [{ name: shop, egress: [nat] }]
`;
const ZONE = [
  '@ TXT "v=spf1 ip4:192.0.2.0/24 -all"',
  '@ MX 10 mx',
  'mx A 192.0.2.1',
  `s1._domainkey TXT ${stringsOf(recordOf(production))}`,
  '_dmarc TXT "v=DMARC1; p=reject; rua=mailto:d@kestrel.test"',
  'staging TXT "v=spf1 ip4:198.51.100.0/24 -all"',
  'staging MX 10 mx',
  `s1._domainkey.staging TXT ${stringsOf(recordOf(staging))}`,
  '_dmarc.staging TXT "v=DMARC1; p=reject; rua=mailto:d@kestrel.test"',
];
const change = (from: string, to: string) => ZONE.map((line) => (line.startsWith(from) ? to : line)).filter(Boolean);

const run = async (file: string, options: GuardCheckOptions = {}) => {
  const lines: string[] = [];
  const code = await runGuardCheck(loadConfig({}, folder), file, { web: false, ...options }, { out: (line) => lines.push(line) });
  return { code, text: lines.join('\n') };
};
const planned = (lines: readonly string[]) => write('planned.zone', `$ORIGIN kestrel.test.\n${lines.join('\n')}\n`);
const offline = (lines: readonly string[], options: GuardCheckOptions = {}, guard = GUARD) =>
  run(write('mail-guard.yaml', guard), { records: planned(lines), offline: true, ...options });

test('a record has one correction: the one that makes it as declared', async () => {
  const everybody = change('@ TXT', '@ TXT "v=spf1 ip4:192.0.2.0/24 +all"');
  const found = JSON.parse((await offline(everybody, { json: true })).text)[0].findings as {
    code: string;
    publish: { name: string; value: string } | null;
  }[];
  expect(found.map(({ code }) => code)).toEqual(expect.arrayContaining(['guard_spf_all', 'spf_pass_all']));
  const values = found.flatMap(({ publish }) => (publish?.name === 'kestrel.test' ? [publish.value] : []));
  expect([...new Set(values)]).toEqual(['v=spf1 ip4:192.0.2.0/24 -all']);
  // Where nothing is declared of the record, the correction of `dns check` is there.
  const undeclared = GUARD.replace(/spf: .*\n/, '\n');
  const other = JSON.parse((await offline(everybody, { json: true }, undeclared)).text)[0].findings as typeof found;
  expect(other.find(({ code }) => code === 'spf_pass_all')?.publish?.value).toContain('~all');
});

/** What a pipeline must catch, with the records that show it, and its code. */
const FAULTS: [string, string[], string][] = [
  [
    'the key of another at the selector',
    change('s1._domainkey.staging', `s1._domainkey.staging TXT ${stringsOf(recordOf(production))}`),
    'guard_signature',
  ],
  [
    'the key under another selector',
    change('s1._domainkey ', `s2._domainkey TXT ${stringsOf(recordOf(production))}`),
    'guard_dkim_missing',
  ],
  ['an egress that SPF does not admit', change('staging TXT', 'staging TXT "v=spf1 ip4:203.0.113.0/24 -all"'), 'guard_egress'],
  [
    'a source that nobody declared',
    change('@ TXT', '@ TXT "v=spf1 ip4:192.0.2.0/24 ip4:203.0.113.9 -all"'),
    'guard_spf_source_extra',
  ],
  ['a weaker policy', change('_dmarc TXT', '_dmarc TXT "v=DMARC1; p=none; rua=mailto:d@kestrel.test"'), 'guard_dmarc_policy'],
  [
    'environments that differ',
    change('_dmarc.staging', '_dmarc.staging TXT "v=DMARC1; p=quarantine; rua=mailto:d@kestrel.test"'),
    'guard_differs',
  ],
  ['what dns check finds', change('@ MX', '@ MX 10 gone'), 'mx_no_address'],
];

describe('with a zone file, offline', () => {
  test('what is as declared is nothing, and the matrix and the trials are shown', async () => {
    const { code, text } = await offline(ZONE);
    expect(text).toContain('2 domains in 2 environments: 0 errors, 0 warnings, 0 unknown results.');
    expect(code).toBe(0);
    expect(text).toMatch(/shop +nat +192\.0\.2\.10 +kestrel\.test +pass +s1 +pass +pass +delivered/);
    expect(text).toMatch(/sample +signed as s1: DKIM pass/);
    expect(text).toMatch(/dkim\.keys +may differ/);
    expect(text).toMatch(/dmarc\.policy +same/);
  });

  test.each(FAULTS)('%s', async (_name, lines, expected) => {
    const { code, text } = await offline(lines);
    expect(text).toContain(`${expected} (`);
    expect(code).toBe(2);
  });

  test('unsigned mail', async () => {
    const { code, text } = await offline(
      ZONE,
      {},
      GUARD.replace('workloads: [{ name: shop, egress: [nat] }]', 'workloads: [{ name: shop, egress: [nat], selectors: [] }]'),
    );
    expect(text).toContain('guard_unsigned');
    expect(code).toBe(2);
  });

  test('what the file does not hold is unknown, and --strict counts warnings', async () => {
    expect(
      await offline(change('staging TXT', 'staging TXT "v=spf1 ip4:198.51.100.0/24 include:_spf.lettercraft.example -all"')),
    ).toMatchObject({ code: 3 });
    const mild = change('_dmarc.staging', '_dmarc.staging TXT "v=DMARC1; p=reject; pct=100; rua=mailto:d@kestrel.test"');
    expect(await offline(mild)).toMatchObject({ code: 0 });
    expect(await offline(mild, { strict: true })).toMatchObject({ code: 1 });
  });

  test('single addresses, whose reverse names are in no plan', async () => {
    const guard = GUARD.replace('ip4:192.0.2.0/24', 'ip4:192.0.2.10');
    expect(await offline(change('@ TXT', '@ TXT "v=spf1 ip4:192.0.2.10 -all"'), {}, guard)).toMatchObject({ code: 0 });
  });

  test('one environment alone', async () => {
    const lines = change('_dmarc.staging', '_dmarc.staging TXT "v=DMARC1; p=none"');
    expect(await offline(lines, { environment: ['production'] })).toMatchObject({ code: 0 });
    expect(await offline(lines, { environment: ['staging'] })).toMatchObject({ code: 2 });
    await expect(offline(lines, { environment: ['test'] })).rejects.toThrow('it has production, staging');
  });

  test('JUnit, SARIF and JSON say the same', async () => {
    const [, lines] = FAULTS[4]!;
    const { text: xml, code } = await offline(lines, { junit: true });
    expect(code).toBe(2);
    expect(XMLValidator.validate(xml)).toBe(true);
    const { testsuites } = new XMLParser({ ignoreAttributes: false }).parse(xml);
    expect(testsuites['@_name']).toBe('ruawatch guard check');
    const suites = testsuites.testsuite as { '@_name': string; '@_tests': string; '@_failures': string; testcase: object[] }[];
    expect(suites.map((suite) => suite['@_name'])).toEqual(['production kestrel.test', 'staging staging.kestrel.test']);
    for (const suite of suites) {
      expect(Number(suite['@_tests'])).toBe(suite.testcase.length);
      expect(Number(suite['@_failures'])).toBe(suite.testcase.filter((one) => 'failure' in one).length);
    }
    const log = JSON.parse((await offline(lines, { sarif: true })).text);
    const [{ tool, results }] = log.runs;
    expect(tool.driver.name).toBe('ruawatch guard check');
    for (const result of results) expect(tool.driver.rules[result.ruleIndex].id).toBe(result.ruleId);
    expect(results).toContainEqual(expect.objectContaining({ ruleId: 'guard_dmarc_policy', level: 'error' }));
    const [of] = JSON.parse((await offline(lines, { json: true })).text);
    expect(of).toMatchObject({
      environment: 'production',
      domain: 'kestrel.test',
      compared: null,
      samples: [{ selector: 's1', result: 'pass' }],
    });
    expect(of.workloads[0]).toMatchObject({ envelope_from: 'kestrel.test', dkim_aligned: true, dmarc: 'pass' });
    await expect(offline(lines, { sarif: true, json: true })).rejects.toThrow('keep one');
  });
});

test('a file with mistakes names each, one that is missing says so, and --offline needs records', async () => {
  await expect(run(write('wrong.yaml', 'version: 2\nenvironments: {p: {domains: {}}}'))).rejects.toThrow(
    /wrong\.yaml has 2 mistakes:\n {2}- version/,
  );
  await expect(run(path.join(folder, 'gone.yaml'))).rejects.toThrow('gone.yaml cannot be read');
  await expect(run(write('mail-guard.yaml', GUARD), { offline: true })).rejects.toThrow('--offline needs --records');
  await expect(run(write('mail-guard.yaml', GUARD), { resolver: ['nowhere'] })).rejects.toThrow('--resolver "nowhere"');
  await expect(run(write('mail-guard.yaml', GUARD), { records: path.join(folder, 'gone.zone') })).rejects.toThrow(
    'gone.zone cannot be read',
  );
});

describe.skipIf(!knotPresent)(`with Knot${knotPresent ? '' : ' (SKIPPED: knot is not installed)'}`, () => {
  let knot: NameServer;
  const live = (options: GuardCheckOptions = {}) => run(write('mail-guard.yaml', GUARD), { resolver: [knot.server], ...options });

  beforeAll(async () => {
    knot = await startKnot({ test: [], 'kestrel.test': ZONE, 'dead.test': null, '.': [] });
  });
  afterAll(() => knot.stop());

  test('what is published is compared', async () => {
    await knot.setZone('kestrel.test', ZONE);
    expect(await live()).toMatchObject({ code: 0 });
  });

  test.each(FAULTS)('%s', async (_name, lines, expected) => {
    await knot.setZone('kestrel.test', lines);
    const { code, text } = await live();
    expect(text).toContain(`${expected} (`);
    expect(code).toBe(2);
    // Planned records over the same zone mend it.
    expect(await live({ records: planned(ZONE) })).toMatchObject({ code: 0 });
  });

  test('a server without the zone is unknown', async () => {
    const dead = write('dead.yaml', 'version: 1\nenvironments: {production: {domains: {dead.test: {spf: {all: "-all"}}}}}');
    expect(await run(dead, { resolver: [knot.server] })).toMatchObject({ code: 3 });
  });
});
