import { base64Lines, entity, mailDate, multipart } from '../mime.ts';
import type { Dialect } from '../report.ts';
import { el, record, renderXml } from '../xml.ts';

/**
 * Mail.ru: one line, a declaration in single quotes, no `version`, and `nil` for an `sp` that is not
 * published.
 */
export const mailru: Dialect = {
  submitter: 'mail.ru',
  org_name: 'Mail.Ru',
  org_email: 'dmarc_support@corp.mail.ru',
  container: 'gzip',
  range: (midnight) => ({ begin: midnight, end: midnight + 86_400 }),
  reportId: (random, { begin }) => `${random.digits(19)}${begin}`,
  xml: ({ report_id, domain, policy, begin, end, rows }) =>
    renderXml(
      el('feedback', [
        el('report_metadata', [
          el('org_name', 'Mail.Ru'),
          el('email', 'dmarc_support@corp.mail.ru'),
          el('extra_contact_info', 'http://help.mail.ru/mail-help'),
          el('report_id', report_id),
          el('date_range', [el('begin', begin), el('end', end)]),
        ]),
        el('policy_published', [
          el('domain', domain),
          el('adkim', policy.adkim),
          el('aspf', policy.aspf),
          el('p', policy.p),
          el('sp', policy.sp ?? 'nil'),
          el('pct', 100),
        ]),
        ...rows.map((row) =>
          record(row, {
            identifiers: ['header_from'],
            dkim: ['domain', 'selector', 'result'],
            spf: ['domain', 'scope', 'result'],
          }),
        ),
      ]),
      { declaration: "<?xml version='1.0' encoding='utf-8'?>", indent: '', eol: '', empty: 'self-closed' },
    ),
  fileStem: ({ domain, begin, end }) => `mail.ru!${domain}!${begin}!${end}`,
  mail: ({ report, to, date, fileName, payload, random }) => {
    const boundary = `===============${random.digits(19)}==`;
    return entity(
      [
        ['Content-Type', `multipart/mixed; boundary="${boundary}"`],
        ['MIME-Version', '1.0'],
        ['From', 'dmarc_support@corp.mail.ru'],
        ['To', to],
        ['Subject', `Report Domain: ${report.domain}; Submitter: Mail.Ru; Report-ID: ${report.report_id}`],
        ['Date', mailDate(date, 3 * 60)],
        ['Message-ID', `<${random.hex(8).toUpperCase()}.${random.hex(8).toUpperCase()}@corp.mail.ru>`],
        ['Auto-Submitted', 'auto-generated'],
      ],
      multipart(boundary, [
        entity(
          [
            ['Content-Type', 'text/plain; charset="us-ascii"'],
            ['MIME-Version', '1.0'],
            ['Content-Transfer-Encoding', '7bit'],
          ],
          'This is an aggregate report from Mail.Ru.\r\n',
        ),
        entity(
          [
            ['Content-Type', 'application/gzip'],
            ['MIME-Version', '1.0'],
            ['Content-Transfer-Encoding', 'base64'],
            ['Content-Disposition', `attachment; filename="${fileName}"`],
          ],
          `${base64Lines(payload)}\r\n`,
        ),
      ]),
    );
  },
};
