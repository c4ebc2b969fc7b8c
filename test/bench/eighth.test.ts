import { expect, test } from 'vitest';
import { eighthLoad } from '../../bench/eighth.ts';
import { readMessage } from '../../services/report/read-mail.ts';

test('what was drawn for a report of the eighth load is what the reader gives, value by value', async () => {
  const receivers = new Set<string>();
  for await (const { raw, domain, records, messages, head, rows } of eighthLoad({ seed: 5, mails: 60, sources: 'random' })) {
    receivers.add(head.org_name);
    const read = [];
    for await (const event of readMessage(raw)) {
      if (event.type === 'records') read.push(...event.records);
      else expect(event).toMatchObject({ type: 'report', report: { ...head, domain, records, messages, problems: [] } });
    }
    expect(read).toMatchObject(rows);
  }
  expect(receivers.size).toBeGreaterThan(10);
});

/** One record of 12 messages, the names under `prefix`. */
function report(prefix: string, attributes: string, behind = ''): string {
  const xml = `<feedback ${attributes}>
    <report_metadata><org_name>Org</org_name><email>a@org.example</email><report_id>1</report_id>
      <date_range><begin>1768435200</begin><end>1768521599</end></date_range></report_metadata>
    <policy_published><domain>shop.example</domain><p>none</p></policy_published>
    <record><row><source_ip>192.0.2.1</source_ip><count>12</count>
        <policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>
      <identifiers><header_from>shop.example</header_from></identifiers>
      <auth_results><spf><domain>shop.example</domain><result>fail</result></spf></auth_results>|</record></feedback>`;
  return xml.replace(/<(\/?)(?=[a-z])/g, `<$1${prefix}`).replace('|', behind);
}

// Namespaces in XML 1.0 section 4, XML 1.0 section 2.8, RFC 9990 appendix A (RecordType).
test.each([
  ['a prefix of no ASCII letter, without an XML declaration', report('ö:', `xmlns:ö="urn:ietf:params:xml:ns:dmarc-2.0"`)],
  [
    'an extension of no namespace in a record of RFC 9990',
    report('', 'xmlns="urn:ietf:params:xml:ns:dmarc-2.0"', '<row xmlns=""><count>9</count></row>'),
  ],
])('a valid report is read: %s', async (_what, xml) => {
  const reports = [];
  for await (const event of readMessage(Buffer.from(xml), { name: 'r.xml' }))
    if (event.type === 'report') reports.push(event.report);
  expect(reports).toMatchObject([{ domain: 'shop.example', records: 1, messages: 12, problems: [] }]);
});
test('the document of those without what makes them fail is read', async () => {
  for await (const event of readMessage(Buffer.from(report('', '')), { name: 'r.xml' }))
    if (event.type === 'report') expect(event.report).toMatchObject({ records: 1, messages: 12, problems: [] });
  expect.assertions(1);
});
