import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { crookedZip, tarOf, zipOf } from './archives.ts';
import { mailWith, readAll, recordXml, reportXml } from './build.ts';

const NAMED = 'Content-Type: application/gzip; name="receiver.example!example.com!1700000000!1700086399.xml.gz"';
const NEUTRAL = 'Content-Type: application/octet-stream';
const records = Array.from({ length: 200 }, (_, i) => recordXml({ ip: `192.0.2.${i}`, count: (i * 7919) % 1000 })).join('');
const xml = reportXml(records);
const gz = gzipSync(xml);
const json = JSON.stringify({ 'organization-name': 'x', 'report-id': '1', 'date-range': {}, policies: [{ policy: {} }] });

/** What became of the bytes as a file, and attached under a neutral and a telling name. */
async function outcomes(bytes: Uint8Array) {
  return Promise.all([readAll(bytes), readAll(mailWith(bytes, NEUTRAL)), readAll(mailWith(bytes, NAMED))]);
}

/** Damaged bytes are a report with the problem, or are refused; never passed over. */
async function checkDamaged(bytes: Uint8Array, what: string): Promise<void> {
  for (const outcome of await outcomes(bytes)) {
    const kinds = outcome.events.map(({ type }) => type);
    expect(kinds, what).not.toContain('nothing');
    for (const { problems } of outcome.reports)
      expect(
        problems.map(({ code }) => code),
        what,
      ).toContain('archive_damaged');
    if (outcome.reports.length === 0) expect(outcome.codes, what).toContain('archive_damaged');
    const said = outcome.events.flatMap((event) => ('problem' in event ? [event.problem.message] : []));
    expect(said.join(' '), what).not.toContain('neither XML nor JSON');
  }
}

describe('a gzip is never passed over', () => {
  test.each([1, 2, 5, 9, 10, 11, 12, 18, 19, 40, 200])('cut off after %i bytes', async (n) => {
    // One byte alone does not tell that it begins a gzip; its name or type does.
    if (n > 1) await checkDamaged(gz.subarray(0, n), `${n}`);
    else expect((await readAll(mailWith(gz.subarray(0, n), NAMED))).codes).toEqual(['archive_damaged']);
  });

  test('replaced by a text, as filters of mail do', async () => {
    const mail = mailWith(Buffer.from('The attachment was removed.'), 'Content-Type: application/gzip; name=a.xml.gz');
    expect((await readAll(mail)).codes).toEqual(['report_not_found']);
  });

  test.each(Array.from({ length: 40 }, (_, i) => 2 + i * 3))('with noise at %i', async (at) => {
    const bytes = Buffer.from(gz);
    bytes.fill(0xa5, at, at + 3);
    const [file] = await outcomes(bytes);
    // Noise in the header's time is no damage.
    if (at >= 4 && at + 3 <= 10) expect(file!.reports).toHaveLength(1);
    else if (file!.reports[0]?.problems.length !== 0) await checkDamaged(bytes, `${at}`);
  });

  test('in zip, in tar, in gzip, in a mail inside a zip', async () => {
    const broken = Buffer.from(gz);
    broken.fill(0, 12, 60);
    await checkDamaged(await zipOf([{ name: 'a.xml.gz', data: broken }]), 'zip');
    await checkDamaged(gzipSync(broken), 'gzip');
    await checkDamaged(tarOf([{ name: 'a.xml.gz', data: broken }]), 'tar');
    await checkDamaged(await zipOf([{ name: 'a.eml', data: mailWith(broken, NEUTRAL) }]), 'eml');
    await checkDamaged(gzipSync(tarOf([{ name: 'a.xml', data: xml }])).subarray(0, 300), 'tar in a gzip that is cut off');
  });

  test('of a TLS report, cut off', async () => {
    const whole = gzipSync(json);
    for (const n of [11, 14, 20, 40, whole.length - 9]) await checkDamaged(whole.subarray(0, n), `${n}`);
  });

  test('that is empty, and whole, is empty', async () => {
    expect((await readAll(gzipSync(''))).codes).toEqual(['empty_payload']);
    expect((await readAll(mailWith(gzipSync('  \r\n'), NEUTRAL))).codes).toEqual(['empty_payload']);
  });

  test('without its first bytes, by its name or type', async () => {
    for (const bytes of [gz.subarray(2), Buffer.concat([Buffer.from('??'), gz.subarray(2)])]) {
      expect((await readAll(mailWith(bytes, 'Content-Type: application/gzip'))).codes).toEqual(['archive_damaged']);
      expect((await readAll(mailWith(bytes, 'Content-Type: application/x; name=a.xml.gz'))).codes).toEqual(['archive_damaged']);
      expect((await readAll(bytes, {}, 'a.xml.gz')).codes).toEqual(['archive_damaged']);
      expect((await readAll(await zipOf([{ name: 'a.xml.gz', data: bytes }]))).codes).toEqual(['archive_damaged']);
    }
  });
});

describe('a zip is never passed over', () => {
  const two = () =>
    zipOf([
      { name: 'a.xml', data: xml },
      { name: 'b.xml', data: reportXml().replace('>r-1<', '>r-2<') },
    ]);

  test('cut off anywhere', async () => {
    const whole = await two();
    for (let n = 4; n < whole.length; n += Math.max(1, Math.floor(whole.length / 60))) {
      await checkDamaged(whole.subarray(0, n), `cut at ${n}`);
    }
  });

  test('with noise anywhere', async () => {
    const whole = await two();
    const silent: number[] = [];
    for (let at = 0; at < whole.length - 4; at += Math.max(1, Math.floor(whole.length / 150))) {
      const bytes = Buffer.from(whole);
      for (let i = at; i < at + 4; i++) bytes[i] = ((bytes[i] as number) ^ 0x5a) & 0xff;
      const outcome = await readAll(bytes);
      expect(
        outcome.events.map(({ type }) => type),
        `${at}`,
      ).not.toContain('nothing');
      const clean = outcome.reports.filter(({ problems }) => problems.length === 0).map(({ report_id }) => report_id);
      const hurt = outcome.reports.length - clean.length + outcome.codes.length;
      if (hurt === 0 && clean.length < 2) silent.push(at);
    }
    expect(silent).toEqual([]);
  });

  test('without its directory, all of its members', async () => {
    const whole = await two();
    const directory = whole.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
    for (const bytes of [whole.subarray(0, directory), Buffer.concat([whole.subarray(0, directory), Buffer.alloc(60)])]) {
      const outcome = await readAll(bytes);
      expect(outcome.reports.map(({ report_id }) => report_id)).toEqual(['r-1', 'r-2']);
      expect(outcome.reports.every(({ problems }) => problems.some(({ code }) => code === 'archive_damaged'))).toBe(true);
    }
  });

  test('whose first bytes are lost', async () => {
    const whole = await two();
    for (const [from, to] of [
      [0, 2],
      [0, 4],
      [0, 26],
    ] as const) {
      const bytes = Buffer.from(whole);
      bytes.fill(0, from, to);
      const outcome = await readAll(bytes);
      expect(
        outcome.reports.map(({ report_id }) => report_id),
        `${to}`,
      ).toEqual(['r-1', 'r-2']);
    }
    for (const n of [1, 4, 8]) await checkDamaged(whole.subarray(n), `without ${n}`);
  });

  test('stored, with a damaged member', async () => {
    for (const at of [0, 1, 3, 20]) {
      const data = Buffer.from(xml);
      data.fill(0x7f, at, at + 5);
      await checkDamaged(crookedZip('a.xml', data, { method: 0, crc: crc32(xml) }), `${at}`);
    }
  });

  test('with a deflated member that breaks at once', async () => {
    const zip = crookedZip('a.txt', Buffer.from(xml), { crc: crc32(xml) });
    const body = zip.indexOf(deflateRawSync(Buffer.from(xml)).subarray(0, 8));
    zip.fill(0xff, body, body + 20);
    await checkDamaged(zip, 'at once');
  });
});

describe('a tar', () => {
  test('with a damaged header gives the members after it', async () => {
    const tar = tarOf([
      { name: 'a.xml', data: reportXml() },
      { name: 'b.xml', data: reportXml().replace('>r-1<', '>r-2<') },
    ]);
    const second = tar.indexOf('b.xml');
    const bytes = Buffer.from(tar);
    bytes.fill(0x39, 124, 136);
    const outcome = await readAll(bytes);
    expect(outcome.codes).toEqual(['archive_damaged']);
    expect(outcome.reports.map(({ report_id }) => report_id)).toEqual(['r-2']);
    expect(second).toBeGreaterThan(0);
  });

  test('of the kind before POSIX, by its checksum', async () => {
    const tar = tarOf([{ name: 'a.xml', data: reportXml() }]);
    tar.fill(0, 257, 265);
    tar.fill(32, 148, 156);
    const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    expect((await readAll(tar)).reports).toHaveLength(1);
  });
});

test('an archive that cannot be opened is refused under a neutral name too', async () => {
  for (const [begin, format] of [
    ['7z\xbc\xaf\x27\x1c', '7z'],
    ['Rar!\x1a\x07\x01\0', 'RAR'],
    ['\xfd7zXZ\0', 'xz'],
    ['BZh91AY&SY', 'bzip2'],
    ['\x28\xb5\x2f\xfd', 'Zstandard'],
  ] as const) {
    const bytes = Buffer.concat([Buffer.from(begin, 'latin1'), Buffer.alloc(200, 7)]);
    for (const outcome of [await readAll(bytes), await readAll(mailWith(bytes, NEUTRAL)), await readAll(gzipSync(bytes))]) {
      expect(outcome.codes).toEqual(['archive_method_unknown']);
      expect(outcome.events[0]).toMatchObject({ problem: { message: expect.stringContaining(format) } });
    }
  }
});

test('subjects and names that tell of a report push towards quarantine, in forwarded mails too', async () => {
  const text = (subject: string) => `From: a@example.net\r\nSubject: ${subject}\r\n\r\nsee the attachment\r\n`;
  const claims = 'Report Domain: example.com Submitter: receiver.example Report-ID: <1>';
  expect((await readAll(text(claims))).codes).toEqual(['report_not_found']);
  const forwarded = mailWith(Buffer.from(text(claims)), 'Content-Type: message/rfc822');
  expect((await readAll(forwarded)).codes).toEqual(['report_not_found']);
  expect((await readAll(await zipOf([{ name: 'a.eml', data: text(claims) }]))).codes).toEqual(['report_not_found']);
  expect((await readAll(text('Lunch?'))).codes).toEqual(['no_report']);
  for (const name of [
    'r.example!example.com!1700000000!1700086399.txt',
    'r_example_1700000000_1700086399.dat',
    'dmarc-report.xml',
  ]) {
    const mail = mailWith(Buffer.from('oops'), `Content-Type: application/octet-stream; name="${name}"`);
    expect((await readAll(mail)).codes, name).toEqual(['report_not_found']);
  }
});
