import { expect, test } from 'vitest';
import { readMessage } from '../../../services/report/read-mail.ts';
import { METADATA, POLICY, recordXml } from '../build.ts';

const DMARC = 'urn:ietf:params:xml:ns:dmarc-2.0';
const OTHER = 'urn:lattice';

const prefixed = (xml: string) => xml.replace(/<(\/?)(?=\w)/g, '<$1f:');

interface Parts {
  /** Attributes of feedback, and of each record. */
  root?: string;
  record?: string;
  /** Elements at the record's end. */
  inner?: string;
  /** All of the report's own elements have the prefix f. */
  prefix?: boolean;
}

function document({ root = '', record = '', inner = '', prefix = false }: Parts, odd: string): Buffer {
  const own = prefix ? prefixed : (xml: string) => xml;
  const one = own(recordXml({ from: 'a.example.com' })).replace(/^<[\w:]+/, `$&${record}`);
  const whole = one.replace(/<\/[\w:]+>$/, (end) => odd + inner + end);
  return Buffer.from(own(`<feedback>${METADATA}${POLICY}`).replace(/^<[\w:]+/, `$&${root}`) + whole + own('</feedback>'));
}

/** The records as sent, by the scanner of records and by the tokenizer; fast-xml-parser must agree. */
async function recordsOf(parts: Parts) {
  const readings = [];
  for (const odd of ['', '<?x?>']) {
    const records = [];
    for await (const event of readMessage(document(parts, odd), { again: () => true })) {
      if (event.type === 'records') records.push(...event.records);
      else if (event.type === 'report') expect(event.report.problems.filter(({ code }) => code === 'readers_differ')).toEqual([]);
    }
    readings.push(records.map(({ source_ip, envelope_from, auth }) => [source_ip, envelope_from, auth.dkim.length]));
  }
  expect(readings[1]).toEqual(readings[0]);
  return readings[0];
}

const PLAIN = [['192.0.2.1', null, 1]];
const NAMESAKES =
  '<row><source_ip>203.0.113.7</source_ip><count>99</count></row><identifiers><envelope_from>evil.example</envelope_from></identifiers>' +
  '<auth_results><dkim><domain>d.example</domain><selector>s</selector><result>pass</result></dkim></auth_results>';
const ALL = [
  ['192.0.2.1', 'evil.example', 2],
  ['203.0.113.7', 'evil.example', 2],
];

test.each<[string, Parts]>([
  ['of the default namespace beside a prefix', { prefix: true, root: ` xmlns:f="${DMARC}" xmlns="${OTHER}"`, inner: NAMESAKES }],
  ['of the default namespace of a record with a prefix', { prefix: true, record: ` xmlns="${OTHER}"`, inner: NAMESAKES }],
  ['of a prefix', { inner: NAMESAKES.replace(/<(\/?)(?=\w)/g, '<$1e:') }],
  ['of another prefix than the own one', { prefix: true, inner: NAMESAKES.replace(/<(\/?)(?=\w)/g, '<$1e:') }],
  ['of a namespace declared on each', { inner: NAMESAKES.replace(/<(row|identifiers|auth_results)>/g, `<$1 xmlns="${OTHER}">`) }],
  [
    'of no namespace within that of DMARC',
    { root: ` xmlns="${DMARC}"`, inner: NAMESAKES.replace(/<(row|identifiers|auth_results)>/g, '<$1 xmlns="">') },
  ],
  ['within an extension', { inner: `<extension>${NAMESAKES}</extension>` }],
])('elements with the names of a report are none of it: %s', async (_where, parts) => {
  expect(await recordsOf(parts)).toEqual(PLAIN);
});

test.each<[string, Parts]>([
  ['without any namespace', { inner: NAMESAKES }],
  ['without any namespace, which they say', { inner: NAMESAKES.replace(/<(row|identifiers|auth_results)>/g, '<$1 xmlns="">') }],
  ['in a namespace of the reporter', { root: ` xmlns="${OTHER}"`, inner: NAMESAKES }],
  ['in a namespace of the record', { record: ` xmlns="${OTHER}"`, inner: NAMESAKES }],
  ['in the default namespace of DMARC beside a prefix', { prefix: true, root: ` xmlns="${DMARC}"`, inner: NAMESAKES }],
  ['without a namespace beside a prefix', { prefix: true, root: ` xmlns:f="${DMARC}"`, inner: NAMESAKES }],
  [
    'with the prefix, whatever the default namespace is there',
    { prefix: true, inner: prefixed(NAMESAKES).replace('<f:row>', `<f:row xmlns="${OTHER}">`) },
  ],
])('elements of the report are its own: %s', async (_where, parts) => {
  expect(await recordsOf(parts)).toEqual(ALL);
});
