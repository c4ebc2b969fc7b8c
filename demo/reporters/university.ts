import { entity, mailDate, multipart } from '../mime.ts';
import type { Dialect } from '../report.ts';
import { el, record, renderXml } from '../xml.ts';

const ORG = 'linden-university.example';

/**
 * A small reporter that follows RFC 9990 to the letter: namespace, generator, `np`, tree walk, disposition
 * `pass`, tags that are not published left out, and the XML plain in the mail (section 3.1.2 allows it), 7bit
 * with CRLF.
 */
export const university: Dialect = {
  submitter: ORG,
  org_name: 'Linden University Postmaster',
  org_email: `dmarc-reports@${ORG}`,
  container: 'plain',
  range: (midnight) => ({ begin: midnight, end: midnight + 86_399 }),
  reportId: (random) => `${random.hex(8)}.${random.hex(16)}`,
  xml: ({ report_id, domain, policy, begin, end, rows }) =>
    renderXml(
      el(
        'feedback',
        [
          el('version', '1.0'),
          el('report_metadata', [
            el('org_name', 'Linden University Postmaster'),
            el('email', `dmarc-reports@${ORG}`),
            el('report_id', report_id),
            el('date_range', [el('begin', begin), el('end', end)]),
            el('generator', 'Linden DMARC Reporter v2.3'),
          ]),
          el('policy_published', [
            el('domain', domain),
            el('p', policy.p),
            policy.sp ? el('sp', policy.sp) : null,
            policy.sp ? el('np', policy.sp) : null,
            el('adkim', policy.adkim),
            el('aspf', policy.aspf),
            el('discovery_method', 'treewalk'),
            el('testing', 'n'),
          ]),
          ...rows.map((row) =>
            record(row, {
              identifiers: ['header_from', 'envelope_from', 'envelope_to'],
              dkim: ['domain', 'selector', 'result'],
              spf: ['domain', 'scope', 'result'],
              disposition: ({ dkim, spf, disposition }) => (dkim === 'pass' || spf === 'pass' ? 'pass' : disposition),
            }),
          ),
        ],
        { xmlns: 'urn:ietf:params:xml:ns:dmarc-2.0' },
      ),
      { declaration: '<?xml version="1.0" encoding="UTF-8"?>', indent: '  ', eol: '\r\n', empty: 'self-closed' },
    ),
  fileStem: ({ domain, begin, end, report_id }) => `${ORG}!${domain}!${begin}!${end}!${report_id}`,
  mail: ({ report, to, date, fileName, payload, random }) => {
    const boundary = `=_${random.hex(24)}`;
    return entity(
      [
        ['From', `Linden University DMARC Reports <dmarc-reports@${ORG}>`],
        ['To', to],
        ['Subject', `Report Domain: ${report.domain} Submitter: ${ORG}\r\n Report-ID: <${report.report_id}>`],
        ['Date', mailDate(date, 60)],
        ['Message-ID', `<${report.report_id}@${ORG}>`],
        ['Auto-Submitted', 'auto-generated'],
        ['MIME-Version', '1.0'],
        ['Content-Type', `multipart/mixed;\r\n boundary="${boundary}"`],
      ],
      multipart(boundary, [
        entity(
          [['Content-Type', 'text/plain; charset=us-ascii']],
          `DMARC aggregate report for ${report.domain}, RFC 9990. Questions: postmaster@${ORG}\r\n`,
        ),
        entity(
          [
            ['Content-Type', `text/xml; charset=UTF-8; name="${fileName}"`],
            ['Content-Transfer-Encoding', '7bit'],
            ['Content-Disposition', `attachment;\r\n filename="${fileName}"`],
          ],
          payload.toString('latin1'),
        ),
      ]),
    );
  },
};
