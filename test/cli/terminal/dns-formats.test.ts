import { XMLParser } from 'fast-xml-parser';
import { expect, test } from 'vitest';
import { junit, sarif } from '../../../services/cli/terminal/dns-formats.ts';
import { checkDomain } from '../../../services/dns/check/check.ts';
import { FIXTURES, GOOD } from '../../dns/check/fixtures.ts';
import { dnsOf } from '../../dns/zone.ts';

const good = await checkDomain('example.com', dnsOf(GOOD), { selectors: ['sel'] });
const bad = await checkDomain('example.com', dnsOf({ ...GOOD, ...FIXTURES.spf_several.zone }), { selectors: ['sel'] });

test('JUnit is XML, with a failure for a domain that has errors', () => {
  const parse = (text: string) => new XMLParser({ ignoreAttributes: false }).parse(text);
  expect(JSON.stringify(parse(junit([bad], false)))).toContain('spf_several');
  expect(junit([bad], false)).toMatch(/<failure/);
  expect(junit([good], false)).not.toMatch(/<failure/);
});

test('what zones hold is escaped', () => {
  const hostile = { ...bad, findings: bad.findings.map((one) => ({ ...one, message: '</failure><evil a="&">\u0000' })) };
  expect(junit([hostile], false)).not.toContain('<evil');
  expect(junit([hostile], false)).not.toContain('\u0000');
});

test('SARIF names the tool, its version, and each finding by its code', () => {
  const log = sarif([bad], '1.2.3') as {
    version: string;
    runs: { tool: { driver: { version?: string } }; results: { ruleId: string }[] }[];
  };
  expect(log.version).toBe('2.1.0');
  expect(JSON.stringify(log.runs[0]!.tool)).toContain('1.2.3');
  expect(log.runs[0]!.results.map(({ ruleId }) => ruleId)).toContain('spf_several');
  expect((sarif([good], '1') as typeof log).runs[0]!.results).toEqual([]);
});
