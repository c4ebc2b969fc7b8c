import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { redactFailure } from '../../services/report/failure/redact.ts';
import { BATCH_LENGTH, DEFAULT_LIMITS, PROBLEMS_PER_CODE } from '../../services/report/limits.ts';
import type { FailureReport } from '../../services/report/model.ts';
import { overlappingZip, tarOf, zipOf } from './archives.ts';
import { METADATA, mailWith, POLICY, problemCodes, readAll, recordXml, reportXml } from './build.ts';

const xml = reportXml();
const MIB = 1024 * 1024;

/** Each limit of docs/reading.md: `at` the limit it is read, one `beyond` it is refused with the code. */
describe('limits', () => {
  const records = (n: number): string => Array.from({ length: n }, () => recordXml()).join('');

  test('mail size', async () => {
    const mail = mailWith(gzipSync(xml));
    expect((await readAll(mail, { mailBytes: mail.length })).reports).toHaveLength(1);
    expect((await readAll(mail, { mailBytes: mail.length - 1 })).codes).toEqual(['mail_too_large']);
  });

  test('decompressed bytes of all members together', async () => {
    const zip = await zipOf([
      { name: 'a.xml', data: xml },
      { name: 'b.xml', data: xml },
    ]);
    expect((await readAll(zip, { unpackedBytes: 2 * xml.length })).reports).toHaveLength(2);
    const beyond = await readAll(zip, { unpackedBytes: 2 * xml.length - 1 });
    expect(beyond.reports).toHaveLength(1);
    expect(beyond.codes).toEqual(['unpacked_too_large']);
  });

  test('decompressed bytes of one stream too large for one go', async () => {
    const large = reportXml(recordXml({ inner: `<x>${'y'.repeat(9)}</x>`.repeat(500_000) }));
    const gz = gzipSync(large, { level: 1 });
    expect(large.length).toBeGreaterThan(6 * MIB);
    const at = await readAll(gz, { unpackedBytes: large.length, ratio: 1e6 });
    expect(at.codes).toEqual([]);
    expect(at.reports).toHaveLength(1);
    expect((await readAll(gz, { unpackedBytes: large.length - 1, ratio: 1e6 })).codes).toEqual(['unpacked_too_large']);
  });

  test('ratio, once there is enough to judge', async () => {
    const gz = gzipSync(reportXml(records(200)));
    const size = reportXml(records(200)).length;
    const ratio = size / gz.length;
    expect((await readAll(gz, { ratio, ratioFloorBytes: 0 })).reports).toHaveLength(1);
    expect((await readAll(gz, { ratio: ratio - 0.01, ratioFloorBytes: 0 })).codes).toEqual(['ratio_too_high']);
    expect((await readAll(gz, { ratio: 1, ratioFloorBytes: size })).reports).toHaveLength(1);
  });

  test('members, of zip, tar and gzip', async () => {
    const zip = await zipOf([{ name: 'a/' }, { name: 'b', data: 'x' }, { name: 'c.xml', data: xml }]);
    expect((await readAll(zip, { members: 3 })).reports).toHaveLength(1);
    expect((await readAll(zip, { members: 2 })).codes).toEqual(['too_many_members']);
    const tar = tarOf([{ name: 'a' }, { name: 'c.xml', data: xml }]);
    expect((await readAll(tar, { members: 2 })).reports).toHaveLength(1);
    expect((await readAll(tar, { members: 1 })).codes).toEqual(['too_many_members']);
    const gzip = Buffer.concat([gzipSync(xml), ...Array.from({ length: 30 }, () => gzipSync(''))]);
    expect((await readAll(gzip, { members: 30 })).reports).toHaveLength(1);
    expect((await readAll(gzip, { members: 29 })).codes).toEqual(['too_many_members']);
  });

  test('nesting', async () => {
    const twice = gzipSync(gzipSync(xml));
    expect((await readAll(twice, { nesting: 2 })).reports).toHaveLength(1);
    expect((await readAll(twice, { nesting: 1 })).codes).toEqual(['nested_too_deep']);
  });

  test('bytes of a container held whole', async () => {
    // Bytes that hardly compress, so that the outer stream is too large for one go.
    const noise = Buffer.from(Array.from({ length: 5 * MIB }, (_, i) => Math.imul(i ^ (i >>> 7), 2654435761) >>> 24));
    const inner = await zipOf([
      { name: 'noise', data: noise, stored: true },
      { name: 'c.xml', data: xml },
    ]);
    const outer = gzipSync(inner, { level: 1 });
    expect((await readAll(outer, { heldBytes: inner.length })).reports).toHaveLength(1);
    expect((await readAll(outer, { heldBytes: inner.length - 1 })).codes).toEqual(['unpacked_too_large']);
  });

  test('records', async () => {
    expect((await readAll(reportXml(records(3)), { records: 3 })).records).toHaveLength(3);
    expect((await readAll(reportXml(records(4)), { records: 3 })).codes).toEqual(['too_many_records']);
  });

  test('element depth', async () => {
    const nested = (n: number): string => reportXml(recordXml({ inner: '<x>'.repeat(n) + '</x>'.repeat(n) }));
    expect((await readAll(nested(8), { elementDepth: 10 })).reports).toHaveLength(1);
    expect((await readAll(nested(9), { elementDepth: 10 })).codes).toEqual(['xml_too_deep']);
  });

  test('attributes', async () => {
    const element = (n: number): string => `<x ${Array.from({ length: n }, (_, i) => `a${i}="1"`).join(' ')}/>`;
    expect((await readAll(reportXml(recordXml({ inner: element(5) })), { attributes: 5 })).reports).toHaveLength(1);
    expect((await readAll(reportXml(recordXml({ inner: element(6) })), { attributes: 5 })).codes).toEqual([
      'too_many_attributes',
    ]);
  });

  test('text, in pieces too', async () => {
    const named = (text: string): string => reportXml().replace('receiver.example', text);
    expect((await readAll(named('x'.repeat(100)), { textLength: 100 })).reports).toHaveLength(1);
    for (const text of ['x'.repeat(101), `${'x'.repeat(60)}<!-- -->${'x'.repeat(41)}`, `<![CDATA[${'x'.repeat(101)}]]>`]) {
      const outcome = await readAll(named(text), { textLength: 100 });
      expect(problemCodes(outcome)).toEqual(['text_too_long']);
    }
  });

  test.each([
    ['a comment', (n: number) => `<!--${'x'.repeat(n)}`],
    ['a tag name', (n: number) => `<${'x'.repeat(n)}`],
    ['an attribute', (n: number) => `<x y="${'x'.repeat(n)}`],
    ['a processing instruction', (n: number) => `<?x ${'x'.repeat(n)}`],
    ['a document type', (n: number) => `<!DOCTYPE feedback [${'x'.repeat(n)}`],
  ])('%s without an end', async (_name, open) => {
    const start = _name === 'a document type' ? '' : '<feedback>';
    const outcome = await readAll(start + open(3 * MIB));
    expect(outcome.codes).toEqual(['text_too_long']);
  });

  test('text without an end costs that text', async () => {
    for (const open of ['<report_metadata><org_name>', '<report_metadata><org_name><![CDATA[']) {
      expect((await readAll(`<feedback>${open}${'x'.repeat(3 * MIB)}`)).codes).toEqual(['metadata_missing']);
    }
  });

  test('text of one record, and of one batch', async () => {
    const signed = (n: number): string =>
      recordXml().replace(
        '</auth_results>',
        `${`<dkim><human_result>${'x'.repeat(100)}</human_result></dkim>`.repeat(n)}</auth_results>`,
      );
    const plain = recordXml().replace(/<[^>]*>/g, '').length;
    expect((await readAll(reportXml(signed(5)), { recordLength: 500 + plain })).reports).toHaveLength(1);
    expect((await readAll(reportXml(signed(5)), { recordLength: 499 + plain })).codes).toEqual(['record_too_long']);
    const heavy = recordXml().replace('<result>pass', `<human_result>${'x'.repeat(60_000)}</human_result><result>pass`);
    const outcome = await readAll(reportXml(heavy.repeat(600)));
    expect(outcome.records).toHaveLength(600);
    const batches = outcome.events.flatMap((event) => (event.type === 'records' ? [event.records.length] : []));
    expect(Math.max(...batches)).toBeLessThanOrEqual(Math.ceil(BATCH_LENGTH / 60_000));
  });

  test('references', async () => {
    const named = (n: number): string => reportXml().replace('receiver.example', '&amp;'.repeat(n));
    expect((await readAll(named(7), { references: 7 })).reports[0]?.org_name).toBe('&&&&&&&');
    expect((await readAll(named(8), { references: 7 })).codes).toEqual(['too_many_references']);
  });

  test('repeated children of one record', async () => {
    const signed = (n: number): string =>
      reportXml(recordXml().replace('</auth_results>', `${'<dkim/>'.repeat(n)}</auth_results>`));
    expect((await readAll(signed(4), { children: 5 })).records[0]?.auth.dkim).toHaveLength(5);
    expect((await readAll(signed(5), { children: 5 })).codes).toEqual(['too_many_children']);
  });

  test('MIME parts', async () => {
    const mail = (n: number): string =>
      `Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(n)}--b\n\n${xml}\n--b--\n`;
    expect((await readAll(mail(3), { mimeParts: 5 })).reports).toHaveLength(1);
    expect((await readAll(mail(4), { mimeParts: 5 })).codes).toEqual(['too_many_parts']);
  });

  test('MIME depth, of multiparts and of forwarded mails', async () => {
    const nested = (n: number): string =>
      n === 0
        ? `Content-Type: text/xml\n\n${xml}`
        : `Content-Type: multipart/mixed; boundary=b${n}\n\n--b${n}\n${nested(n - 1)}\n--b${n}--\n`;
    expect((await readAll(nested(4), { mimeDepth: 4 })).reports).toHaveLength(1);
    expect((await readAll(nested(5), { mimeDepth: 4 })).codes).toEqual(['mime_too_deep']);
    const forwarded = (n: number): string => `${'Content-Type: message/rfc822\n\n'.repeat(n)}Content-Type: text/xml\n\n${xml}`;
    expect((await readAll(forwarded(4), { mimeDepth: 4 })).reports).toHaveLength(1);
    expect((await readAll(forwarded(5), { mimeDepth: 4 })).codes).toEqual(['mime_too_deep']);
  });

  test('header length, of the mail and of a part', async () => {
    const mail = (n: number): string => `X: ${'x'.repeat(n)}\n\n${xml}`;
    expect((await readAll(mail(20_000 - 5), { headerLength: 20_000 })).reports).toHaveLength(1);
    expect((await readAll(mail(20_000 - 4), { headerLength: 20_000 })).codes).toEqual(['header_too_long']);
    const part = (n: number): string => `Content-Type: multipart/mixed; boundary=b\n\n--b\n${mail(n)}\n--b--\n`;
    expect((await readAll(part(20_000 - 5), { headerLength: 20_000 })).reports).toHaveLength(1);
    expect((await readAll(part(20_000 - 4), { headerLength: 20_000 })).codes).toEqual(['header_too_long']);
  });

  test('records held back until metadata and policy are known', async () => {
    const late = (n: number): string => `<feedback>${METADATA}${records(n)}${POLICY}</feedback>`;
    expect((await readAll(late(5), { heldRecords: 5 })).records).toHaveLength(5);
    expect((await readAll(late(6), { heldRecords: 5 })).codes).toEqual(['records_before_policy']);
    expect((await readAll(late(6), { heldBytes: 100 })).codes).toEqual(['records_before_policy']);
  });

  describe('TLS reports', () => {
    const session = { 'result-type': 'certificate-expired', 'failed-session-count': 1 };
    const tlsReport = (more: Record<string, unknown> = {}): string =>
      JSON.stringify({
        'organization-name': 'receiver.example',
        'date-range': { 'start-datetime': '2026-05-01T00:00:00Z', 'end-datetime': '2026-05-01T23:59:59Z' },
        'report-id': 'x',
        policies: [{ policy: { 'policy-type': 'sts', 'policy-domain': 'example.com' }, 'failure-details': [session] }],
        ...more,
      });
    const policies = (n: number): Record<string, unknown> => ({
      policies: Array.from({ length: n }, () => ({ policy: { 'policy-domain': 'example.com' }, 'failure-details': [session] })),
    });

    test('size', async () => {
      const json = tlsReport();
      expect((await readAll(json, { jsonBytes: json.length })).tls).toHaveLength(1);
      expect((await readAll(json, { jsonBytes: json.length - 1 })).codes).toEqual(['json_too_large']);
    });

    test('depth', async () => {
      const nested = (n: number): string => tlsReport({ x: JSON.parse('['.repeat(n) + ']'.repeat(n)) as unknown });
      expect((await readAll(nested(9), { elementDepth: 10 })).tls).toHaveLength(1);
      expect((await readAll(nested(10), { elementDepth: 10 })).codes).toEqual(['json_too_deep']);
    });

    test('values', async () => {
      const json = tlsReport({ x: new Array(80).fill(0) });
      const values = json.replace(/"[^"]*"/g, '').replace(/[^[{,]/g, '').length;
      expect((await readAll(json, { jsonValues: values })).tls).toHaveLength(1);
      expect((await readAll(json, { jsonValues: values - 1 })).codes).toEqual(['too_many_values']);
    });

    test('policies, and failure details of all of them', async () => {
      expect((await readAll(tlsReport(policies(5)), { tlsPolicies: 5, tlsDetails: 5 })).tls).toHaveLength(1);
      expect((await readAll(tlsReport(policies(6)), { tlsPolicies: 5 })).codes).toEqual(['too_many_policies']);
      expect((await readAll(tlsReport(policies(6)), { tlsDetails: 5 })).codes).toEqual(['too_many_details']);
    });

    test('text', async () => {
      const named = (n: number): string => tlsReport({ 'contact-info': 'x'.repeat(n) });
      expect((await readAll(named(100), { textLength: 100 })).tls).toHaveLength(1);
      const beyond = await readAll(named(101), { textLength: 100 });
      expect(beyond.tls).toMatchObject([{ contact_info: null, problems: [{ code: 'text_too_long' }] }]);
    });

    test('documents in one file', async () => {
      expect((await readAll(tlsReport().repeat(3), { members: 3 })).tls).toHaveLength(3);
      const beyond = await readAll(tlsReport().repeat(4), { members: 3 });
      expect(beyond.tls).toHaveLength(3);
      expect(beyond.codes).toEqual(['too_many_members']);
    });

    test('millions of empty arrays cost one refusal and little memory', async () => {
      const outcome = await readAll(`{"policies":[${'[],'.repeat(5_000_000)}[]]}`);
      expect(outcome.codes).toEqual(['too_many_values']);
    });
  });

  test('failure reports, with fields and in words', async () => {
    const fields = (n: number): string => `Feedback-Type: auth-failure\nReported-Domain: example.com\nX: ${'x'.repeat(n)}`;
    const arf = (n: number): string =>
      `Subject: x\nContent-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\n${fields(n)}\n--b--\n`;
    const feedbackLength = fields(100).length;
    expect((await readAll(arf(100), { feedbackLength })).failures).toHaveLength(1);
    expect((await readAll(arf(101), { feedbackLength })).codes).toEqual(['feedback_too_long']);
    const words = 'A message claiming to be from you has failed the published DMARC policy.\nSender Domain: example.com\n';
    expect((await readAll(`Subject: x\n\n${words}`, { feedbackLength: words.length })).failures).toHaveLength(1);
    expect((await readAll(`Subject: x\n\n${words}`, { feedbackLength: words.length - 1 })).codes).toEqual(['feedback_too_long']);
  });

  test('failure reports: what is repeated without end takes no longer for it', async () => {
    for (const text of ['a@', '"', '(', '<', ' ', 'x"@', '@"', '=?', 'smtp.mailfrom=']) {
      const long = text.repeat(Math.floor(60_000 / text.length));
      const fields = `Feedback-Type: auth-failure\nReported-Domain: example.com\nDKIM-Domain: ${long}\nSource-IP: ${long}\nAuthentication-Results: ${long}\nOriginal-Mail-From: ${long}`;
      const mail = `Subject: x\nContent-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\n${fields}\n--b--\n`;
      const { failures } = await readAll(mail);
      expect(failures).toHaveLength(1);
      expect(redactFailure(failures[0] as FailureReport).redacted).toBe(true);
    }
  });

  test('problems of one kind are told a few times and counted', async () => {
    const odd = Array.from({ length: 100 }, (_, i) => recordXml({ ip: `bad-${i}` })).join('');
    const outcome = await readAll(reportXml(odd));
    expect(problemCodes(outcome)).toHaveLength(PROBLEMS_PER_CODE);
    expect(outcome.reports[0]?.problems.at(-1)?.message).toContain('(80 more of this kind.)');
  });
});

describe('hostile documents', () => {
  test.each([
    ['a DOCTYPE', '<!DOCTYPE feedback><feedback/>'],
    ['an entity', '<!DOCTYPE feedback [<!ENTITY a "aaaa">]><feedback>&a;</feedback>'],
    ['an external entity', '<!DOCTYPE feedback [<!ENTITY x SYSTEM "file:///etc/passwd">]><feedback>&x;</feedback>'],
  ])('with %s are refused', async (_name, document) => {
    expect((await readAll(document)).codes).toEqual(['doctype_refused']);
    expect((await readAll(gzipSync(document))).codes).toEqual(['doctype_refused']);
  });

  test('an entity that nobody declared is text, not a value', async () => {
    const outcome = await readAll(reportXml().replace('receiver.example', 'a&unknown;b'));
    expect(outcome.reports).toMatchObject([{ org_name: 'a&unknown;b', salvaged: true }]);
  });

  test('a bomb costs one refusal and little memory', async () => {
    // A hundred and sixty MiB of zeros in 160 KB, once as it is and once behind the beginning of a report.
    const zeros = Buffer.alloc(16 * MIB);
    const deflated = Array<Buffer>(10).fill(gzipSync(zeros));
    const before = process.memoryUsage().rss;
    expect((await readAll(Buffer.concat(deflated))).codes).toEqual(['not_a_report']);
    const begun = Buffer.concat([gzipSync(`<feedback>${METADATA}${POLICY}`), ...deflated]);
    expect((await readAll(begun)).codes).toEqual(['ratio_too_high']);
    const spaces = Buffer.alloc(16 * MIB, '<a/>');
    const elements = Buffer.concat([gzipSync(`<feedback>${METADATA}${POLICY}`), ...Array<Buffer>(10).fill(gzipSync(spaces))]);
    expect((await readAll(elements)).codes).toEqual(['ratio_too_high']);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * MIB);
  });

  test('many members that each decompress to little are bounded by their sum', async () => {
    const zip = await zipOf(Array.from({ length: 40 }, (_, i) => ({ name: `${i}`, data: Buffer.alloc(MIB, ' ') })));
    expect((await readAll(zip, { unpackedBytes: 30 * MIB, ratio: 1e6 })).codes).toEqual(['unpacked_too_large']);
    expect((await readAll(zip)).codes).toEqual(['ratio_too_high']);
  });
});

/**
 * Small inputs that once took minutes each: what they cost must grow with their size, not with its square.
 */
describe('input made to be slow', () => {
  const broken = (text: string): string => `<feedback>${METADATA}${POLICY}${recordXml()}<record>&</record>${text}`;

  test.each([
    ['beginnings of records', broken('<record '.repeat(300_000))],
    ['records that never end', broken('<record>'.repeat(300_000))],
    ['end tags of something else', broken(`<record>${'</report_metadata>'.repeat(100_000)}`)],
    ['comments that never end', broken(`<report_metadata>${'<!--'.repeat(250_000)}</feedback>`)],
    ['CDATA that never ends', broken(`<policy_published>${'<![CDATA['.repeat(100_000)}</feedback>`)],
    ['depth with wrong end tags', broken(`<report_metadata>${'<a>'.repeat(150_000)}${'<c></b>'.repeat(70_000)}</feedback>`)],
  ])('salvage: %s', async (_name, document) => {
    expect((await readAll(document)).reports).toMatchObject([{ salvaged: true, records: 1 }]);
  });

  test('MIME: a boundary of a dash in a body of dashes', async () => {
    const mail = `Content-Type: multipart/mixed; boundary=-\n\nx${'-'.repeat(3 * MIB)}`;
    expect((await readAll(mail)).codes).toEqual(['no_report']);
  });

  test('headers: lines with a blank and no colon', async () => {
    const part = `--b\nContent-Type: text/plain\n${'a =1\n'.repeat(50_000)}\n`;
    const mail = `Content-Type: multipart/mixed; boundary=b\n\n${part.repeat(40)}--b--\n`;
    expect((await readAll(mail)).codes).toEqual(['no_report']);
  });

  test('zip: many members that are little by themselves', async () => {
    const data = Buffer.alloc(100_000, ' ');
    const zip = await zipOf(Array.from({ length: 200 }, (_, i) => ({ name: `${i}`, data })));
    expect((await readAll(zip, { members: 500, ratioFloorBytes: MIB })).codes).toEqual(['ratio_too_high']);
  });

  test('zip: a directory that names one member many times', async () => {
    const zip = overlappingZip(Buffer.alloc(100_000, ' '), 200);
    expect((await readAll(zip, { members: 500, ratioFloorBytes: MIB })).codes).toEqual(['empty_payload']);
    expect((await readAll(zip, { members: 100, ratioFloorBytes: MIB })).codes).toEqual(['too_many_members']);
  });
});

test('the defaults are in bytes of whole KiB and MiB', () => {
  expect(DEFAULT_LIMITS).toMatchObject({
    mailBytes: 67_108_864,
    unpackedBytes: 2_147_483_648,
    ratioFloorBytes: 8_388_608,
    textLength: 65_536,
  });
});
