import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { reportXml } from '../helpers/report.ts';
import { dkimKey, dkimSigned, knotPresent, startWorld, titled, USUAL_HEADERS, type World } from './harness.ts';

const key = dkimKey();
/** As Google and Yahoo sign: without Content-Type, without Content-Transfer-Encoding. */
const FEW = ['from', 'to', 'subject', 'date', 'message-id', 'mime-version'];
const xml = (id: string, count = 1) => reportXml({ id, rows: [{ count }] });
const gz = (id: string, count = 1) => gzipSync(xml(id, count)).toString('base64').replace(/.{76}/g, '$&\r\n');

/** Quoted-printable in which all is of the alphabet of base64. */
const hex = (id: string) =>
  xml(id).replace(/[^A-Za-z0-9]/g, (c) => `=${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
/** In base64, with a letter that each charset has elsewhere. */
const umlaut = (id: string, declared: boolean) =>
  Buffer.from(
    xml(id)
      .replace('<report_id>', '<extra_contact_info>S\u00FCd</extra_contact_info><report_id>')
      .replace(' encoding="UTF-8"', declared ? ' encoding="UTF-8"' : ''),
  ).toString('base64');

/** A mail of these fields and this body, from the reporter. */
function mail(fields: string[], body: string): Buffer {
  const head = [
    'From: dmarc@reporter.example',
    'To: rua@example.com',
    'Subject: Report Domain: example.com',
    'Date: Wed, 02 Sep 2026 00:00:00 GMT',
  ];
  return Buffer.from([...head, 'MIME-Version: 1.0', ...fields, '', body.replace(/\r?\n/g, '\r\n')].join('\r\n'), 'latin1');
}
const signed = (raw: Buffer, headers: readonly string[] = FEW) => dkimSigned(raw, { domain: 'reporter.example', key, headers });
/** Changes fields after signing, as whoever passes a mail on can. */
const changed = (raw: Buffer, from: string | RegExp, to: string) =>
  Buffer.from(raw.toString('latin1').replace(from, to), 'latin1');

const part = (boundary: string, content: string, close = true) =>
  `--${boundary}\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n${content}\r\n${close ? `--${boundary}--\r\n` : ''}`;
const multipart = (id: string, before = '') =>
  `${before}--b1\r\nContent-Type: text/plain\r\n\r\nA report.\r\n${part('b1', gz(id))}`;
const MIXED = 'Content-Type: multipart/mixed; boundary="b1"';
/** The reporter quotes what somebody wrote to it: that is signed too, and no part of its report. */
const QUOTING = `--b1\r\nContent-Type: text/plain\r\n\r\nSomebody wrote:\r\n${part('evil', gz('lie', 9_000))}\r\n${part('b1', gz('true'))}`;

describe.skipIf(!knotPresent)(titled('fields that steer reading and are not signed'), () => {
  let world: World;
  afterEach(() => world.close());
  const proven = async (mails: Buffer[]) => {
    world = await startWorld();
    await world.publish('reporter.example', key);
    await world.bring(mails);
    return (await world.reports()).filter((r) => r.trust === 'ok').map((r) => r.report_id);
  };

  test('a body that they could make another of is not proven', async () => {
    const single = 'Content-Type: text/xml\r\nContent-Transfer-Encoding: 7bit';
    const echo = xml('echo').replace('</org_name>', '</org_name><extra_contact_info>=3Cx=3E</extra_contact_info>');
    expect(
      await proven([
        changed(signed(mail([MIXED], QUOTING)), 'boundary="b1"', 'boundary="evil"'),
        changed(signed(mail([MIXED], QUOTING)), MIXED, 'Content-Type: text/plain'),
        changed(signed(mail([MIXED], multipart('gone'))), `${MIXED}\r\n`, ''),
        changed(signed(mail([single], echo)), '7bit', 'quoted-printable'),
        signed(mail([single], echo)),
        signed(
          mail(
            ['Content-Type: text/xml; charset=iso-2022-jp'],
            xml('charset').replace(' encoding="UTF-8"', '').replace('reporter.example<', 'reporter.example\x1b(J<'),
          ),
        ),
        changed(
          signed(mail(['Content-Type: text/xml', 'Content-Transfer-Encoding: 7bit'], hex('hex'))),
          '7bit',
          'quoted-printable',
        ),
        changed(
          signed(mail(['Content-Type: text/xml; charset=utf-8', 'Content-Transfer-Encoding: base64'], umlaut('base64', false))),
          'utf-8',
          'gb18030',
        ),
        signed(mail([MIXED], `${multipart('after')}--evil\r\n\r\nx\r\n--evil--\r\n`)),
      ]),
    ).toEqual([]);
  });

  test('a bare document is that document, whatever delimiters stand in it and whatever it is called on its way', async () => {
    const hidden = `<extra_contact_info><![CDATA[\n--evil\n\n${xml('lie', 9_000).replace(/<\?.*\?>/, '')}\n--evil--\n]]></extra_contact_info>`;
    const document = (id: string) =>
      `<!-- of today\n-->\n${xml(id)
        .replace(/<\?.*\?>/, '')
        .replace('</org_name>', `</org_name>${hidden}<!-- <record>\n-->`)}`;
    const sent = (id: string) => signed(mail(['Content-Type: text/xml'], document(id)));
    expect(
      await proven([
        sent('as-sent'),
        changed(sent('evil'), 'text/xml', 'multipart/mixed; boundary=evil'),
        changed(sent('arrow'), 'text/xml', 'multipart/mixed; boundary=">"'),
        changed(sent('guessed'), 'text/xml', 'multipart/mixed'),
        changed(sent('none'), 'Content-Type: text/xml\r\n', ''),
        changed(sent('mail'), 'text/xml', 'message/rfc822'),
      ]),
    ).toEqual(['as-sent', 'evil', 'arrow', 'guessed', 'none']);
    expect((await world.reports()).map((r) => r.report_id)).not.toContain('lie');
  });

  test('one whose only part has its dates from its name alone is not proven', async () => {
    const undated = gzipSync(xml('undated').replace(/<date_range>.*<\/date_range>/, '')).toString('base64');
    const fields = [
      'Content-Type: application/gzip',
      'Content-Transfer-Encoding: base64',
      'Content-Disposition: attachment; filename="a!example.com!1788220800!1788307199.xml.gz"',
    ];
    expect(await proven([signed(mail(fields, undated))])).toEqual([]);
    expect((await world.reports()).map((r) => r.trust_reason)).toEqual([
      expect.stringMatching(/dates of the report come from the name/),
    ]);
  });

  test('what a body itself says once and for all is proven, as Google, Yahoo and others sign it', async () => {
    const zip = [
      'Content-Type: application/gzip; name="r.gz"',
      'Content-Transfer-Encoding: base64',
      'Content-Disposition: attachment; filename="r.gz"',
    ];
    const nested = `--b1\r\nContent-Type: multipart/alternative; boundary=b2\r\n\r\n--b2\r\n\r\nText -- with dashes\r\n--b2--\r\n${part('b1', gz('nested'))}`;
    expect(
      await proven([
        signed(mail(zip, gz('google'))),
        signed(mail([MIXED, 'Content-Transfer-Encoding: binary'], multipart('yahoo'))),
        signed(mail([MIXED], multipart('preamble', 'This is a multi-part message in MIME format.\r\n\r\n'))),
        signed(mail([MIXED], nested)),
        signed(mail(['Content-Type: text/xml'], xml('plain'))),
        signed(
          mail(['Content-Type: text/xml', 'Content-Transfer-Encoding: base64'], Buffer.from(xml('base64')).toString('base64')),
        ),
        signed(mail(['Content-Type: text/xml', 'Content-Transfer-Encoding: base64'], umlaut('umlaut', true))),
        signed(mail([MIXED], QUOTING.replaceAll('true', 'quoting')), USUAL_HEADERS),
        signed(
          mail(['Content-Type: text/xml', 'Content-Transfer-Encoding: quoted-printable'], xml('qp').replaceAll('=', '=3D')),
          [...USUAL_HEADERS, 'content-transfer-encoding'],
        ),
      ]),
    ).toEqual(['google', 'yahoo', 'preamble', 'nested', 'plain', 'base64', 'umlaut', 'true', 'qp']);
  });
});
