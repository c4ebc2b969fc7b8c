import { base64Lines, entity, mailDate, multipart } from '../mime.ts';
import type { Dialect } from '../report.ts';
import { el, record, renderXml } from '../xml.ts';

const ORG = 'ashgrove-clinics.example';

/**
 * A company's own mail gateway of the Cisco kind: report ids in angle brackets with `$` and `@`, a day that
 * starts when the box did and lasts some seconds too long, empty `<sp></sp>` and contact.
 */
export const gateway: Dialect = {
  submitter: ORG,
  org_name: ORG,
  org_email: `postmaster@${ORG}`,
  container: 'gzip',
  range: (midnight, random) => {
    const begin = midnight + 600 + random.int(1, 9);
    return { begin, end: begin + 86_400 + random.int(1, 20) };
  },
  reportId: (random) => `<${random.hex(6)}$${random.hex(7)}=${random.hex(16)}@${ORG}>`,
  xml: ({ report_id, domain, policy, begin, end, rows }) =>
    renderXml(
      el('feedback', [
        el('version', '1.0'),
        el('report_metadata', [
          el('org_name', ORG),
          el('email', `postmaster@${ORG}`),
          el('extra_contact_info', null),
          el('report_id', report_id),
          el('date_range', [el('begin', begin), el('end', end)]),
        ]),
        el('policy_published', [
          el('domain', domain),
          el('adkim', policy.adkim),
          el('aspf', policy.aspf),
          el('p', policy.p),
          el('sp', policy.sp),
          el('pct', 100),
        ]),
        ...rows.map((row) =>
          record(row, {
            identifiers: ['header_from', 'envelope_from'],
            dkim: ['domain', 'selector', 'result'],
            spf: ['domain', 'scope', 'result'],
          }),
        ),
      ]),
      { declaration: '<?xml version="1.0" encoding="UTF-8" ?>', indent: '  ', eol: '\n', empty: 'pair' },
    ),
  fileStem: ({ domain, begin, end }) => `${ORG}!${domain}!${begin}!${end}`,
  mail: ({ report, to, date, fileName, payload, random }) => {
    const boundary = `===============${random.digits(19)}==`;
    return entity(
      [
        ['Content-Type', `multipart/mixed; boundary="${boundary}"`],
        ['MIME-Version', '1.0'],
        ['From', `postmaster@${ORG}`],
        ['To', to],
        ['Subject', `Report Domain: ${report.domain} Submitter: ${ORG}\r\n Report-ID: ${report.report_id}`],
        ['Date', mailDate(date)],
        ['Message-ID', report.report_id],
      ],
      multipart(boundary, [
        entity(
          [
            ['Content-Type', 'text/plain; charset="us-ascii"'],
            ['MIME-Version', '1.0'],
            ['Content-Transfer-Encoding', '7bit'],
          ],
          `This is an aggregate DMARC report for domain: ${report.domain} from ${ORG}\r\n`,
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
