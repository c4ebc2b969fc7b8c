import { base64Lines, entity, mailDate } from '../mime.ts';
import type { Dialect } from '../report.ts';
import { el, record, renderXml } from '../xml.ts';

/**
 * Google: RFC 7489 layout with `np` added, `sp` always written out, no envelope, and a mail that is one
 * application/zip part.
 */
export const google: Dialect = {
  submitter: 'google.com',
  org_name: 'google.com',
  org_email: 'noreply-dmarc-support@google.com',
  container: 'zip',
  range: (midnight) => ({ begin: midnight, end: midnight + 86_399 }),
  reportId: (random) => random.digits(random.chance(0.5) ? 19 : 20),
  xml: ({ report_id, domain, policy, begin, end, rows }) =>
    renderXml(
      el('feedback', [
        el('version', '1.0'),
        el('report_metadata', [
          el('org_name', 'google.com'),
          el('email', 'noreply-dmarc-support@google.com'),
          el('extra_contact_info', 'https://support.google.com/a/answer/2466580'),
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
          el('np', policy.sp ?? policy.p),
        ]),
        ...rows.map((row) =>
          record(row, { identifiers: ['header_from'], dkim: ['domain', 'result', 'selector'], spf: ['domain', 'result'] }),
        ),
      ]),
      { declaration: '<?xml version="1.0" encoding="UTF-8" ?>', indent: '  ', eol: '\n', empty: 'pair' },
    ),
  fileStem: ({ domain, begin, end }) => `google.com!${domain}!${begin}!${end}`,
  mail: ({ report, to, date, fileName, payload, random }) =>
    entity(
      [
        ['MIME-Version', '1.0'],
        ['Message-ID', `<${random.digits(20)}@google.com>`],
        ['Date', mailDate(date, -7 * 60)],
        ['Subject', `Report domain: ${report.domain} Submitter: google.com Report-ID: ${report.report_id}`],
        ['From', 'noreply-dmarc-support@google.com'],
        ['To', to],
        ['Content-Type', `application/zip; \r\n\tname="${fileName}"`],
        ['Content-Disposition', `attachment; \r\n\tfilename="${fileName}"`],
        ['Content-Transfer-Encoding', 'base64'],
      ],
      `${base64Lines(payload)}\r\n`,
    ),
};
