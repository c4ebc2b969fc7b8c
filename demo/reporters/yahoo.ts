import { base64Lines, entity, mailDate, multipart } from '../mime.ts';
import type { Dialect } from '../report.ts';
import { el, record, renderXml } from '../xml.ts';

/**
 * Yahoo: no `version`, `sp` only when published, DKIM selectors, no envelope; the subject and the mail's id
 * carry the angle brackets.
 */
export const yahoo: Dialect = {
  submitter: 'yahoo.com',
  org_name: 'Yahoo',
  org_email: 'noreply@dmarc.yahoo.com',
  container: 'gzip',
  range: (midnight) => ({ begin: midnight, end: midnight + 86_399 }),
  reportId: (random, { end }) => `${end + random.int(3_000, 30_000)}.${random.digits(6)}`,
  xml: ({ report_id, domain, policy, begin, end, rows }) =>
    renderXml(
      el('feedback', [
        el('report_metadata', [
          el('org_name', 'Yahoo'),
          el('email', 'dmarchelp@yahooinc.com'),
          el('report_id', report_id),
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
          record(row, { identifiers: ['header_from'], dkim: ['domain', 'selector', 'result'], spf: ['domain', 'result'] }),
        ),
      ]),
      { declaration: '<?xml version="1.0"?>', indent: '  ', eol: '\n', empty: 'pair' },
    ),
  fileStem: ({ domain, begin, end }) => `yahoo.com!${domain}!${begin}!${end}`,
  mail: ({ report, to, date, fileName, payload, random }) => {
    const boundary = `_----------=_${random.digits(16)}`;
    return entity(
      [
        ['MIME-Version', '1.0'],
        ['Content-Transfer-Encoding', 'binary'],
        ['Content-Type', `multipart/mixed; boundary="${boundary}"`],
        ['X-Mailer', 'MIME::Lite 3.030 (F2.84; T1.38; A2.18; B3.13; Q3.13)'],
        ['Date', mailDate(date)],
        ['From', 'noreply@dmarc.yahoo.com'],
        ['To', to],
        ['Subject', `Report Domain: ${report.domain} Submitter: yahoo.com Report-ID: <${report.report_id}>`],
        ['Message-Id', `<${Math.floor(date.getTime() / 1000)}.${random.digits(6)}@dmarc.yahoo.com>`],
      ],
      multipart(
        boundary,
        [
          entity(
            [
              ['Content-Disposition', 'inline'],
              ['Content-Length', '39'],
              ['Content-Transfer-Encoding', 'binary'],
              ['Content-Type', 'text/plain'],
            ],
            'This is an aggregate report from Yahoo.',
          ),
          entity(
            [
              ['Content-Disposition', `attachment; filename="${fileName}"`],
              ['Content-Transfer-Encoding', 'base64'],
              ['Content-Type', `application/gzip; name="${fileName}"`],
            ],
            `${base64Lines(payload)}\r\n`,
          ),
        ],
        'This is a multi-part message in MIME format.\r\n\r\n',
      ),
    );
  },
};
