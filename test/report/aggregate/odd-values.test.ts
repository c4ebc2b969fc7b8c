import { describe, expect, test } from 'vitest';
import { METADATA, POLICY, problemCodes, readAll, recordXml, reportXml } from '../build.ts';

const withReason = (reason: string) => recordXml().replace('</policy_evaluated>', `${reason}</policy_evaluated>`);

describe('a reason', () => {
  test.each([
    ['<reason>mailing_list</reason>', { type: 'mailing_list', comment: null }],
    ['<reason>\n  mailing_list\n</reason>', { type: 'mailing_list', comment: null }],
    ['<reason><![CDATA[Mailing_List]]></reason>', { type: 'mailing_list', comment: null }],
    ['<reason>forwarded<comment>by us</comment></reason>', { type: 'forwarded', comment: 'by us' }],
    ['<reason><comment>by us</comment>forwarded</reason>', { type: 'forwarded', comment: 'by us' }],
    ['<reason>local_policy<type/></reason>', { type: 'local_policy', comment: null }],
    ['<reason><type>mailing_list</type></reason>', { type: 'mailing_list', comment: null }],
  ])('%s', async (xml, reason) => {
    const outcome = await readAll(reportXml(withReason(xml)));
    expect(outcome.records[0]!.reasons).toEqual([reason]);
    expect(problemCodes(outcome)).toEqual([]);
  });

  test('that says forwarded in its own text is forwarded', async () => {
    expect((await readAll(reportXml(withReason('<reason>mailing_list</reason>')))).records[0]!.forwarded).toBe(true);
  });

  test('with a type and a text beside it keeps both', async () => {
    const outcome = await readAll(reportXml(withReason('<reason><type>other</type>because</reason>')));
    expect(outcome.records[0]!.reasons).toEqual([{ type: 'other', comment: 'because' }]);
    expect(outcome.reports[0]!.problems).toEqual([
      { code: 'stray_text', message: 'The element reason holds a text of its own: because.' },
    ]);
  });

  test('in many records, some of them so', async () => {
    const records = Array.from({ length: 500 }, (_, i) =>
      withReason(i % 3 === 0 ? '<reason>mailing_list</reason>' : '<reason><type>forwarded</type></reason>').replace(
        '192.0.2.1',
        `10.0.${i >> 8}.${i & 255}`,
      ),
    );
    const outcome = await readAll(reportXml(records.join('\n')));
    expect(outcome.records.map(({ reasons }) => reasons[0]!.type)).toEqual(
      records.map((_, i) => (i % 3 === 0 ? 'mailing_list' : 'forwarded')),
    );
  });
});

test.each([
  ['feedback', reportXml().replace('<record>', 'hello<record>')],
  ['report_metadata', reportXml().replace('<org_name>', 'hello<org_name>')],
  ['date_range', reportXml().replace('<begin>', 'hello<begin>')],
  ['policy_published', reportXml().replace('<adkim>', 'hello<adkim>')],
  ['record', reportXml().replace('<row>', 'hello<row>')],
  ['row', reportXml().replace('<count>', 'hello<count>')],
  ['policy_evaluated', reportXml().replace('</policy_evaluated>', 'hello</policy_evaluated>')],
  ['identifiers', reportXml().replace('<header_from>', 'hello<header_from>')],
  ['auth_results', reportXml().replace('<auth_results>', '<auth_results>hello')],
  ['dkim', reportXml(recordXml().replace('<selector>', 'hello<selector>'))],
  ['spf', reportXml().replace('<scope>', 'hello<scope>')],
])('text in %s is kept among the problems, and costs nothing else', async (element, xml) => {
  const outcome = await readAll(xml);
  expect(outcome.codes).toEqual([]);
  expect(outcome.reports[0]!.problems).toEqual([
    { code: 'stray_text', message: `The element ${element} holds a text of its own: hello.` },
  ]);
  const { problems: _, ...wanted } = (await readAll(reportXml())).reports[0]!;
  expect(outcome.reports[0]).toMatchObject(wanted);
});

describe('a source address', () => {
  test.each([
    ['[192.0.2.7]', '192.0.2.7'],
    ['192.0.2.7:25', '192.0.2.7'],
    ['[192.0.2.7]:25', '192.0.2.7'],
    ['IPv6:2001:db8::1', '2001:db8::1'],
    ['ip4:192.0.2.1', '192.0.2.1'],
    ['ip6:2001:db8::1', '2001:db8::1'],
    ['inet6:2001:db8::1', '2001:db8::1'],
    ['ip:192.0.2.1', '192.0.2.1'],
    ['192.0.2.1.', '192.0.2.1'],
    ['192.0.2.1\u200b', '192.0.2.1'],
    ['\u2060192.0.2.1:25', '192.0.2.1'],
    ['[IPv6:2001:DB8::1]', '2001:db8::1'],
    ['[2001:db8::1]:587', '2001:db8::1'],
    ['IPv4:192.0.2.7', '192.0.2.7'],
    ['192.0.2.7/32', '192.0.2.7'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['&lt;192.0.2.7&gt;', '192.0.2.7'],
    ['"192.0.2.7"', '192.0.2.7'],
    ['192.0.2.7,', '192.0.2.7'],
    ['mail.example (192.0.2.7)', '192.0.2.7'],
    ['mail.example[192.0.2.7]', '192.0.2.7'],
    ['[::ffff:192.0.2.7]', '192.0.2.7'],
  ])('%s', async (written, address) => {
    const outcome = await readAll(reportXml(recordXml({ ip: written, count: 2 }) + recordXml({ count: 3 })));
    expect(outcome.records.map(({ source_ip, count }) => [source_ip, count])).toEqual([
      [address, 2],
      ['192.0.2.1', 3],
    ]);
    expect(problemCodes(outcome)).toEqual(['source_ip_odd']);
    expect(outcome.reports[0]!.problems[0]!.message).toContain(address);
  });

  test.each([
    '192.0.2.0/24',
    '192.0.2.1 192.0.2.2',
    '192.0.2.256',
    '192.0.2',
    '192.000.002.001',
    '2001:db8::/32',
    'localhost',
    '-',
  ])('%s is none', async (written) => {
    const outcome = await readAll(reportXml(recordXml({ ip: written })));
    expect(outcome.records[0]!.source_ip).toBeNull();
    expect(problemCodes(outcome)).toEqual(['source_ip_invalid']);
  });
});

describe('salvage', () => {
  const broken = (record: string, policy = POLICY) => `<feedback>${METADATA}${policy}${record}<record></feedback>`;

  test.each(['example.com<<<', 'example.com<', '<<example.com', 'example.com&', 'example.com&gt;', ' example.com <<'])(
    'gives the domain in %s',
    async (written) => {
      const record = recordXml().replaceAll('example.com', written).replace('<selector>', '<selector><');
      const outcome = await readAll(broken(record));
      expect(outcome.reports).toMatchObject([{ salvaged: true, domain: 'example.com' }]);
      const [found] = outcome.records;
      expect(found).toMatchObject({ header_from: 'example.com', dkim_aligned: true });
      expect([found!.auth.dkim[0]!.domain, found!.auth.spf[0]!.domain]).toEqual(['example.com', 'example.com']);
      expect(problemCodes(outcome)).toContain('value_repaired');
    },
  );

  test('of the policy too, and of nothing but markup none', async () => {
    const policy = POLICY.replace('example.com', 'example.com<<<');
    expect((await readAll(broken(recordXml(), policy))).reports).toMatchObject([{ domain: 'example.com', salvaged: true }]);
    const nothing = await readAll(broken(recordXml({ from: '<<<' })));
    expect(nothing.records[0]).toMatchObject({ header_from: null });
  });
});

test('a policy domain of a whole document loses the remains of markup, too', async () => {
  const outcome = await readAll(reportXml(recordXml(), { policy: POLICY.replace('example.com', 'example.com>>') }));
  expect(outcome.reports).toMatchObject([{ domain: 'example.com', salvaged: false }]);
  expect(problemCodes(outcome)).toEqual(['value_repaired']);
});

test.each(['<source_ip></source_ip>', ''])('a record without an address is told: %j', async (address) => {
  const outcome = await readAll(reportXml(recordXml().replace(/<source_ip>[^<]*<\/source_ip>/, address)));
  expect(outcome.records).toMatchObject([{ source_ip: null }]);
  expect(problemCodes(outcome)).toEqual(['source_ip_missing']);
});
