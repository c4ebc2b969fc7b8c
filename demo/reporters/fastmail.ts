import { base64Lines, entity, mailDate, multipart } from '../mime.ts';
import type { Dialect } from '../report.ts';
import { el, record, renderXml } from '../xml.ts';

/**
 * Fastmail, written by Mail::DMARC: tabs, `report_id` before the name, the report as an inline part after a
 * summary in words.
 */
export const fastmail: Dialect = {
  submitter: 'fastmail.com',
  org_name: 'Fastmail Pty Ltd',
  org_email: 'dmarc@fastmail.com',
  container: 'gzip',
  range: (midnight) => ({ begin: midnight, end: midnight + 86_399 }),
  reportId: (random) => random.digits(9),
  xml: ({ report_id, domain, policy, begin, end, rows }) =>
    renderXml(
      el('feedback', [
        el('version', '1.0'),
        el('report_metadata', [
          el('report_id', report_id),
          el('org_name', 'Fastmail Pty Ltd'),
          el('email', 'dmarc@fastmail.com'),
          el('extra_contact_info', 'https://fastmail.com/'),
          el('date_range', [el('begin', begin), el('end', end)]),
        ]),
        el('policy_published', [
          el('domain', domain),
          el('adkim', policy.adkim),
          el('aspf', policy.aspf),
          el('p', policy.p),
          policy.sp ? el('sp', policy.sp) : null,
          el('pct', 100),
        ]),
        ...rows.map((row) =>
          record(row, {
            identifiers: ['envelope_to', 'envelope_from', 'header_from'],
            dkim: ['domain', 'selector', 'result'],
            spf: ['domain', 'scope', 'result'],
          }),
        ),
      ]),
      { declaration: '<?xml version="1.0"?>', indent: '\t', eol: '\n', empty: 'pair' },
    ),
  fileStem: ({ domain, begin, end, report_id }) => `fastmail.com!${domain}!${begin}!${end}!${report_id}`,
  mail: ({ report, to, date, fileName, payload, random }) => {
    const boundary = `${Math.floor(date.getTime() / 1000)}.${random.hex(12)}.${random.digits(5)}`;
    const day = new Date(report.begin * 1000).toISOString().slice(0, 10).replaceAll('-', '.');
    const passed = report.rows.filter((row) => row.dkim === 'pass' || row.spf === 'pass').length;
    const own: [string, string][] = [
      ['Date', mailDate(date, -4 * 60)],
      ['MIME-Version', '1.0'],
    ];
    return entity(
      [
        ['From', 'dmarc@fastmail.com'],
        ['To', to],
        ['Date', mailDate(date, -4 * 60)],
        ['Subject', `Report Domain: ${report.domain} Submitter: fastmail.com Report-ID:\r\n ${day}.${report.report_id}`],
        ['MIME-Version', '1.0'],
        ['Content-Type', `multipart/mixed; boundary="${boundary}"; charset="us-ascii"`],
        ['Message-Id', `<${random.digits(14)}.${random.hex(11).toUpperCase()}@frontend1.nyi.internal>`],
      ],
      multipart(boundary, [
        entity(
          [...own, ['Content-Type', 'text/plain; charset="US-ASCII"'], ['Content-Disposition', 'inline']],
          `\r\nThis is a DMARC aggregate report for ${report.domain}\r\n\r\n${report.rows.length} records.\r\n${passed} passed.\r\n` +
            `${report.rows.length - passed} failed.\r\n\r\nSubmitted by Fastmail Pty Ltd\r\nGenerated with Mail::DMARC 1.20240214\r\n`,
        ),
        entity(
          [
            ...own,
            ['Content-Type', `application/gzip; name="${fileName}"`],
            ['Content-Transfer-Encoding', 'base64'],
            ['Content-Disposition', `inline;\r\n filename="${fileName}"`],
          ],
          `${base64Lines(payload)}\r\n`,
        ),
      ]),
    );
  },
};
