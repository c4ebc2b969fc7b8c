import { base64Lines, encodedWords, entity, mailDate, multipart } from '../mime.ts';
import type { Dialect } from '../report.ts';
import { el, record, renderXml } from '../xml.ts';

const day = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10);

/**
 * Microsoft (Exchange Online): unused schema namespaces on the root, `envelope_to` first, everything on one
 * line without a line end, a range that ends at the next midnight, an encoded subject, and a mail whose only
 * text is HTML; its plain alternative is empty.
 */
export const microsoft: Dialect = {
  submitter: 'enterprise.protection.outlook.com',
  org_name: 'Enterprise Outlook',
  org_email: 'dmarcreport@microsoft.com',
  container: 'gzip',
  range: (midnight) => ({ begin: midnight, end: midnight + 86_400 }),
  reportId: (random) => random.hex(32),
  xml: ({ report_id, domain, policy, begin, end, rows }) =>
    renderXml(
      el(
        'feedback',
        [
          el('version', '1.0'),
          el('report_metadata', [
            el('org_name', 'Enterprise Outlook'),
            el('email', 'dmarcreport@microsoft.com'),
            el('report_id', report_id),
            el('date_range', [el('begin', begin), el('end', end)]),
          ]),
          el('policy_published', [
            el('domain', domain),
            el('adkim', policy.adkim),
            el('aspf', policy.aspf),
            el('p', policy.p),
            el('sp', policy.sp ?? policy.p),
            el('pct', 100),
            el('fo', 0),
          ]),
          ...rows.map((row) =>
            record(row, {
              identifiers: ['envelope_to', 'envelope_from', 'header_from'],
              dkim: ['domain', 'selector', 'result'],
              spf: ['domain', 'scope', 'result'],
            }),
          ),
        ],
        { 'xmlns:xsd': 'http://www.w3.org/2001/XMLSchema', 'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance' },
      ),
      { declaration: '<?xml version="1.0"?>', indent: '', eol: '', empty: 'self-closed' },
    ),
  fileStem: ({ domain, begin, end }) => `enterprise.protection.outlook.com!${domain}!${begin}!${end}`,
  mail: ({ report, to, date, fileName, payload, random }) => {
    const tail = `${random.hex(32)}exchangecorpm_`;
    const html =
      '<div style ="font-family:Segoe UI; font-size:14px;">This is a DMARC aggregate report from Microsoft Corporation.' +
      ` For Emails received between ${day(report.begin)} 00:00:00 UTC to ${day(report.end)} 00:00:00 UTC.</ div><br />`;
    const alternative = multipart(`_av_${tail}`, [
      '\r\n',
      entity(
        [
          ['Content-Type', 'text/html; charset=us-ascii'],
          ['Content-Transfer-Encoding', 'base64'],
        ],
        // One line, however long: this is how the mails come.
        `${base64Lines(html, Number.MAX_SAFE_INTEGER)}\r\n`,
      ),
    ]);
    const related = multipart(`_rv_${tail}`, [
      entity([['Content-Type', `multipart/alternative;\r\n\tboundary="_av_${tail}"`]], alternative),
    ]);
    const attachment = entity(
      [
        ['Content-Type', 'application/gzip'],
        ['Content-Transfer-Encoding', 'base64'],
        ['Content-ID', `<${random.hex(8)}-${random.hex(4)}-${random.hex(4)}-${random.hex(4)}-${random.hex(12)}>`],
        ['Content-Description', fileName],
        ['Content-Disposition', `attachment; filename="${fileName}";`],
      ],
      `${base64Lines(payload)}\r\n`,
    );
    return entity(
      [
        ['Message-ID', `<${report.report_id}@microsoft.com>`],
        ['X-Sender', '<dmarcreport@microsoft.com> XATTRDIRECT=Originating'],
        ['MIME-Version', '1.0'],
        ['From', '"DMARC Aggregate Report" <dmarcreport@microsoft.com>'],
        ['To', `<${to}>`],
        [
          'Subject',
          encodedWords(`Report Domain: ${report.domain} Submitter: ${microsoft.submitter} Report-ID: ${report.report_id}`),
        ],
        ['Content-Type', `multipart/mixed;\r\n\tboundary="_mpm_${tail}"`],
        ['Date', mailDate(date)],
      ],
      multipart(`_mpm_${tail}`, [
        entity([['Content-Type', `multipart/related;\r\n\tboundary="_rv_${tail}"`]], related),
        attachment,
      ]),
    );
  },
};
