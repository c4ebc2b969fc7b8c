import { base64Lines, entity, mailDate, multipart } from '../mime.ts';
import type { Dialect } from '../report.ts';
import { el, record, renderXml } from '../xml.ts';

/**
 * GMX, WEB.DE, mail.com: RFC 9990 in its namespace, three blanks of indent, the public suffix list, yet
 * `none` for mail that passed.
 */
export const gmx: Dialect = {
  submitter: 'gmx.net',
  org_name: 'GMX',
  org_email: 'noreply-dmarc@sicher.gmx.net',
  container: 'gzip',
  range: (midnight) => ({ begin: midnight, end: midnight + 86_399 }),
  reportId: (random) => random.hex(32),
  xml: ({ report_id, domain, policy, begin, end, rows }) =>
    renderXml(
      el(
        'feedback',
        [
          el('version', '1.0'),
          el('report_metadata', [
            el('org_name', 'GMX'),
            el('email', 'noreply-dmarc@sicher.gmx.net'),
            el('extra_contact_info', 'https://postmaster.gmx.net/en/case?c=r2002'),
            el('report_id', report_id),
            el('date_range', [el('begin', begin), el('end', end)]),
            el('generator', 'GMX DMARC reporting'),
          ]),
          el('policy_published', [
            el('domain', domain),
            el('discovery_method', 'psl'),
            el('adkim', policy.adkim),
            el('aspf', policy.aspf),
            el('p', policy.p),
            el('sp', policy.sp ?? policy.p),
            el('testing', 'n'),
          ]),
          ...rows.map((row) =>
            record(row, {
              identifiers: ['envelope_from', 'header_from'],
              dkim: ['domain', 'selector', 'result'],
              spf: ['domain', 'scope', 'result'],
            }),
          ),
        ],
        { xmlns: 'urn:ietf:params:xml:ns:dmarc-2.0' },
      ),
      { declaration: '<?xml version="1.0" encoding="UTF-8"?>', indent: '   ', eol: '\n', empty: 'self-closed' },
    ),
  fileStem: ({ domain, begin, end, report_id }) => `gmx.net!${domain}!${begin}!${end}!${report_id}`,
  mail: ({ report, to, date, fileName, payload, random }) => {
    const boundary = `----=_Part_${random.digits(6)}_${random.digits(9)}.${date.getTime()}`;
    return entity(
      [
        ['Date', `${mailDate(date)} (UTC)`],
        ['From', 'noreply-dmarc@sicher.gmx.net'],
        ['To', to],
        ['Message-ID', `<${random.digits(10)}.${random.digits(5)}.${date.getTime()}@sicher.gmx.net>`],
        ['Subject', `Report Domain: ${report.domain} Submitter: gmx.net\r\n Report-ID: ${report.report_id}`],
        ['MIME-Version', '1.0'],
        ['Content-Type', `multipart/mixed; \r\n\tboundary="${boundary}"`],
        ['Auto-Submitted', 'auto-generated'],
      ],
      multipart(boundary, [
        entity(
          [
            ['Content-Type', 'text/plain; charset=UTF-8'],
            ['Content-Transfer-Encoding', '7bit'],
          ],
          `This is a DMARC aggregate report for ${report.domain}.\r\n`,
        ),
        entity(
          [
            ['Content-Type', `application/gzip; name="${fileName}"`],
            ['Content-Transfer-Encoding', 'base64'],
            ['Content-Disposition', `attachment; filename="${fileName}"`],
          ],
          `${base64Lines(payload)}\r\n`,
        ),
      ]),
    );
  },
};
