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
  expect(JSON.stringify(parse(junit([bad], { strict: false, tool: 'ruawatch dns check' })))).toContain('spf_several');
  expect(junit([bad], { strict: false, tool: 'ruawatch dns check' })).toMatch(/<failure/);
  expect(junit([good], { strict: false, tool: 'ruawatch dns check' })).not.toMatch(/<failure/);
});

test('what zones hold is escaped', () => {
  const hostile = { ...bad, findings: bad.findings.map((one) => ({ ...one, message: '</failure><evil a="&">\u0000' })) };
  expect(junit([hostile], { strict: false, tool: 'ruawatch dns check' })).not.toContain('<evil');
  expect(junit([hostile], { strict: false, tool: 'ruawatch dns check' })).not.toContain('\u0000');
});

test('SARIF names the tool, its version, and each finding by its code', () => {
  const log = sarif([bad], { version: '1.2.3', tool: 'ruawatch dns check' }) as {
    version: string;
    runs: { tool: { driver: { version?: string } }; results: { ruleId: string }[] }[];
  };
  expect(log.version).toBe('2.1.0');
  expect(JSON.stringify(log.runs[0]!.tool)).toContain('1.2.3');
  expect(log.runs[0]!.results.map(({ ruleId }) => ruleId)).toContain('spf_several');
  expect((sarif([good], { version: '1', tool: 'ruawatch dns check' }) as typeof log).runs[0]!.results).toEqual([]);
});
