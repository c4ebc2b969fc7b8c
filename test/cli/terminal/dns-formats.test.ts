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

const SPF = { name: 'example.com', text: 'v=spf1 <all>' };
const finding = (severity: string, code: string, record: object | null) =>
  ({
    ...{ severity, code, domain: 'example.com', section: `RFC of ${code}`, message: `${code} & more`, record },
    publish: null,
  }) as unknown as (typeof bad.findings)[number];
const each = {
  domain: 'example.com',
  findings: [finding('unknown', 'd', null), finding('error', 'a', SPF), finding('warning', 'c', SPF), finding('hint', 'b', null)],
};
const none = { domain: 'quiet.example', findings: [] };

test.each([
  [false, 1, 'system-out'],
  [true, 2, 'failure'],
])('each finding is a case of JUnit, and so is that there is none (strict: %s)', (strict, failures, warned) => {
  const warning =
    warned === 'failure'
      ? '<failure message="c &amp; more" type="c">RFC of c\nexample.com: v=spf1 &lt;all&gt;</failure>'
      : '<system-out>c &amp; more</system-out>';
  expect(junit([each, none], { strict, tool: 'tool <x>' })).toBe(
    [
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<testsuites name="tool &lt;x&gt;">',
      `  <testsuite name="example.com" tests="4" failures="${failures}" errors="1">`,
      '    <testcase classname="example.com" name="d"><error message="d &amp; more" type="d">RFC of d</error></testcase>',
      '    <testcase classname="example.com" name="a"><failure message="a &amp; more" type="a">RFC of a\nexample.com: v=spf1 &lt;all&gt;</failure></testcase>',
      `    <testcase classname="example.com" name="c">${warning}</testcase>`,
      '    <testcase classname="example.com" name="b"><system-out>b &amp; more</system-out></testcase>',
      '  </testsuite>',
      '  <testsuite name="quiet.example" tests="1" failures="0" errors="0">',
      '    <testcase classname="quiet.example" name="nothing to say"/>',
      '  </testsuite>',
      '</testsuites>',
    ].join('\n'),
  );
});

test('each finding is a result of SARIF, of the rule with its code', () => {
  const result = (ruleId: string, ruleIndex: number, level: string, kind: string, record: string | null) => ({
    ...{ ruleId, ruleIndex, level, kind, message: { text: `${ruleId} & more` } },
    locations: [{ logicalLocations: [{ fullyQualifiedName: 'example.com', kind: 'resource' }] }],
    properties: { domain: 'example.com', section: `RFC of ${ruleId}`, record, publish: null },
  });
  const rule = (id: string, level: string) => ({
    ...{ id, shortDescription: { text: `RFC of ${id}` }, defaultConfiguration: { level } },
  });
  expect(sarif([each, none], { version: '1.2.3', tool: 'tool' })).toEqual({
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'tool',
            semanticVersion: '1.2.3',
            rules: [rule('a', 'error'), rule('b', 'note'), rule('c', 'warning'), rule('d', 'none')],
          },
        },
        results: [
          result('d', 3, 'none', 'open', null),
          result('a', 0, 'error', 'fail', SPF.text),
          result('c', 2, 'warning', 'fail', SPF.text),
          result('b', 1, 'note', 'fail', null),
        ],
      },
    ],
  });
});
