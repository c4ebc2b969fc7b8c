import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DnsCheckOptions, runDnsCheck } from '../../../services/cli/commands/dns.ts';
import { zoneLine } from '../../../services/dns/check/finding.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { KEY } from '../../dns/check/fixtures.ts';
import { knotPresent, type NameServer, startKnot } from '../../helpers/knot.ts';

const KEY_STRINGS = zoneLine({ name: 'x', value: `v=DKIM1; p=${KEY}` }).replace('x. TXT ', '');

describe.skipIf(!knotPresent)(`dns check${knotPresent ? '' : ' (SKIPPED: knot is not installed)'}`, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-dns-'));
  let knot: NameServer;
  const check = async (domains: string[], options: DnsCheckOptions = {}, colors = false) => {
    const lines: string[] = [];
    const code = await runDnsCheck(
      loadConfig({}, folder),
      domains,
      { resolver: [knot.server], ...options },
      { out: (line) => lines.push(line), colors },
    );
    return { code, text: lines.join('\n') };
  };

  beforeAll(async () => {
    knot = await startKnot({
      test: [],
      'good.test': [
        '@ TXT "v=spf1 ip4:192.0.2.0/24 -all"',
        '@ MX 10 mx',
        'mx A 192.0.2.1',
        `s1._domainkey TXT ${KEY_STRINGS}`,
        '_dmarc TXT "v=DMARC1; p=reject; rua=mailto:d@good.test"',
      ],
      'mild.test': [
        '@ TXT "v=spf1 ip4:192.0.2.0/24 ?all"',
        '@ MX 10 mx',
        'mx A 192.0.2.1',
        '_dmarc TXT "v=DMARC1; p=reject; rua=mailto:d@mild.test"',
      ],
      'bad.test': [
        '@ TXT "v=spf1 include:_spf.post.test include:gone.post.test ptr -all"',
        '_dmarc TXT "v=DMARC1; p=none; pct=20; rua=mailto:a@reports.test"',
      ],
      'post.test': ['_spf TXT "v=spf1 a:nothing.post.test +all"'],
      'reports.test': ['@ MX 10 mx', 'mx A 192.0.2.1'],
      'evil.test': [
        '@ TXT "v=spf1 include:\\027[31m.evil.test \\226\\128\\174 -all"',
        '_dmarc TXT "v=DMARC1; p=none; \\027]0;owned\\007"',
      ],
      'broken.test': null,
    });
  });
  afterAll(async () => {
    await knot.stop();
    rmSync(folder, { recursive: true });
  });

  test('good, warnings, errors and what is unknown have their exit codes', async () => {
    expect(await check(['good.test'], { selector: ['s1'], strict: true })).toMatchObject({ code: 0 });
    expect(await check(['mild.test'])).toMatchObject({ code: 0 });
    expect(await check(['mild.test'], { strict: true })).toMatchObject({ code: 1 });
    expect(await check(['bad.test'])).toMatchObject({ code: 2 });
    expect(await check(['a.broken.test'])).toMatchObject({ code: 3 });
    expect(await check(['good.test', 'a.broken.test', 'bad.test'])).toMatchObject({ code: 2 });
  });

  test('a person sees the records, the tree of includes with its look-ups, and what to publish', async () => {
    const { text } = await check(['bad.test']);
    expect(text).toContain('4 of 10 look-ups, 1 of 2 that find nothing');
    expect(text).toMatch(/ 1 include:_spf\.post\.test\n {12} 2 a:nothing\.post\.test {3}finds nothing\n/);
    expect(text).toContain('include:gone.post.test   does not exist');
    expect(text).toContain('spf_pass_all (RFC 7208 section 5.1)');
    expect(text).toContain('zone file:  bad.test._report._dmarc.reports.test. TXT "v=DMARC1"');
    // All that needs no decision, in one record; whether to drop ptr and an include is for people.
    expect(text).toContain('zone file:  bad.test. TXT "v=spf1 include:_spf.post.test ptr -all"');
    expect(text).toContain('web form:   @   TXT   v=spf1 include:gone.post.test ptr -all');
    expect(text).not.toContain('\x1b');
    expect((await check(['bad.test'], {}, true)).text).toContain('\x1b[31merror');
  });

  test('what a hostile zone holds reaches the terminal escaped, in text and in JSON', async () => {
    for (const options of [{}, { json: true }]) {
      const { text } = await check(['evil.test'], options);
      expect(text).toContain('\\u001b');
      expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
  });

  test('JSON has every finding with its code, place and what to publish', async () => {
    const { text } = await check(['bad.test', 'good.test'], { json: true });
    const [bad, good] = JSON.parse(text);
    expect(bad.findings.map(({ code }: { code: string }) => code)).toContain('spf_include_gone');
    expect(bad.findings.find(({ code }: { code: string }) => code === 'dmarc_tag_historic')).toMatchObject({
      severity: 'warning',
      record: { name: '_dmarc.bad.test' },
      place: { text: 'pct=20' },
      publish: { name: '_dmarc.bad.test', value: 'v=DMARC1; p=none; rua=mailto:a@reports.test' },
    });
    expect(good).toMatchObject({
      domain: 'good.test',
      spf: { lookups: 0, voids: 0 },
      dmarc: { policy: 'reject', at: 'good.test' },
    });
  });

  test('JUnit and SARIF say the same, for machines', async () => {
    const { text, code } = await check(['bad.test', 'good.test', 'a.broken.test', 'evil.test'], {
      junit: true,
      selector: ['s1'],
    });
    expect(code).toBe(2);
    const { testsuites } = new XMLParser({ ignoreAttributes: false }).parse(text);
    const [bad, good, broken] = testsuites.testsuite;
    expect(XMLValidator.validate(text)).toBe(true);
    expect(Number(bad['@_failures'])).toBe(bad.testcase.filter((one: object) => 'failure' in one).length);
    expect(bad.testcase.map((one: Record<string, string>) => one['@_name'])).toContain('spf_include_gone');
    expect(good).toMatchObject({ '@_tests': '3', '@_failures': '0' });
    expect(good.testcase.map((one: Record<string, string>) => one['@_name'])).toEqual([
      'mta_sts_missing',
      'tlsrpt_missing',
      'bimi_missing',
    ]);
    expect(Number(broken['@_errors'])).toBeGreaterThan(0);
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    const { runs } = JSON.parse((await check(['bad.test', 'good.test'], { sarif: true })).text);
    const { tool, results } = runs[0];
    for (const result of results) expect(tool.driver.rules[result.ruleIndex].id).toBe(result.ruleId);
    expect(results.find((one: { ruleId: string }) => one.ruleId === 'dmarc_tag_historic')).toMatchObject({
      level: 'warning',
      locations: [{ logicalLocations: [{ fullyQualifiedName: '_dmarc.bad.test' }] }],
    });
    await expect(check(['good.test'], { sarif: true, json: true })).rejects.toThrow('keep one');
  });

  test('what is planned is laid over what is published, from a zone file and from YAML', async () => {
    const zone = path.join(folder, 'planned.zone');
    writeFileSync(
      zone,
      '@ 300 IN TXT ( "v=spf1 ip4:192.0.2.0/24" ; the office\n  " -all" )\n_dmarc TXT "v=DMARC1; p=reject; rua=mailto:d@good.test"\nbad.test._report._dmarc.good.test. TXT "v=DMARC1"\n',
    );
    expect((await check(['bad.test'], { records: zone })).code).toBe(0);
    const yaml = path.join(folder, 'planned.yaml');
    writeFileSync(yaml, 'good.test:\n  TXT: v=spf1 +all\n_dmarc.good.test: { TXT: [] }\n');
    const { text, code } = await check(['good.test'], { records: yaml });
    expect(code).toBe(2);
    expect(text).toMatch(/spf_pass_all[\s\S]*dmarc_missing/);
  });

  test('options may stand in front of the domains, and several times', { timeout: 60_000 }, async () => {
    const main = fileURLToPath(new URL('../../../dist/services/cli/main.js', import.meta.url));
    const args = [
      'dns',
      'check',
      '--resolver',
      knot.server,
      '--selector',
      's1',
      '--selector',
      'a,b',
      'good.test',
      '--json',
      'mild.test',
    ];
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH },
    }).catch((error: { stdout: string }) => error);
    const checks = JSON.parse(stdout) as { domain: string; dkim: { selector: string; state: string }[] }[];
    expect(checks.map(({ domain }) => domain)).toEqual(['good.test', 'mild.test']);
    expect(checks[0]!.dkim.map(({ selector, state }) => `${selector} ${state}`)).toEqual(['s1 key', 'a missing', 'b missing']);
  });

  test('wrong arguments and files are one sentence', async () => {
    await expect(check(['nodomain'])).rejects.toThrow('"nodomain" is not a domain.');
    await expect(check(['192.0.2.1'])).rejects.toThrow('"192.0.2.1" is not a domain.');
    await expect(check(['good.test'], { resolver: ['ns.example'] })).rejects.toThrow(
      '--resolver "ns.example" is not an address or address:port.',
    );
    await expect(check(['good.test'], { selector: ['a b'] })).rejects.toThrow('--selector "a b" is not a selector.');
    await expect(check(['good.test'], { records: 'missing.zone' })).rejects.toThrow(/^missing\.zone cannot be read: /);
    const file = path.join(folder, 'wrong.zone');
    for (const [content, message] of [
      ['a TXT "x\n', 'line 1: a quoted string does not end.'],
      ['\na BOGUS x\n', 'line 2: "BOGUS" is no type of records.'],
      ['a A 192.0.2\n', 'line 1: "192.0.2" is no IPv4 address.'],
      [`a TXT ${'x'.repeat(256)}\n`, 'line 1: a string has 256 octets, and 255 are allowed: cut it into several.'],
      ['a TXT ( "x"\n', 'line 1: a parenthesis is not closed.'],
    ]) {
      writeFileSync(file, content!);
      await expect(check(['good.test'], { records: file })).rejects.toThrow(message);
    }
  });
});
