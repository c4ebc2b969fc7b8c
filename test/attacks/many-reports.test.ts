import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { reportXml } from '../helpers/report.ts';
import { knotPresent, startWorld, titled, type World } from './harness.ts';

const wrapped = (data: Buffer | string) => gzipSync(data).toString('base64').replace(/.{76}/g, '$&\r\n');

/** A mail with each of these as an attachment, signed by nobody. */
function mailWith(name: string, files: readonly string[]): Buffer {
  const type = name.includes('json') ? 'application/tlsrpt+gzip' : 'application/gzip';
  const part = (text: string, i: number) =>
    `--b\r\nContent-Type: ${type}; name="${i}.${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${wrapped(text)}\r\n`;
  const header = `From: dmarc@reporter.example\r\nTo: rua@example.com\r\nSubject: Reports\r\nDate: Wed, 02 Sep 2026 00:00:00 +0000\r\nMessage-ID: <${name}@reporter.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n`;
  return Buffer.from(`${header}${files.map(part).join('')}--b--\r\n`);
}

const from = (first: number, n: number) => Array.from({ length: n }, (_, i) => first + i);
const document = (i: number, extra = '') =>
  reportXml({ id: `d${i}`, domain: 'example.com' })
    .replace(/^<\?xml.*\n/, '')
    .replace('<report_id>', `${extra}<report_id>`);
const tls = (i: number, details = 0) => ({
  'organization-name': 'reporter.example',
  'report-id': `t${i}`,
  'date-range': { 'start-datetime': '2026-09-01T00:00:00Z', 'end-datetime': '2026-09-01T23:59:59Z' },
  policies: [
    {
      policy: { 'policy-type': 'sts', 'policy-domain': 'example.com' },
      summary: { 'total-successful-session-count': 1, 'total-failure-session-count': details },
      'failure-details': from(0, details).map(() => ({ 'result-type': 'other' })),
    },
  ],
});

/**
 * Threat: every report is within its limits, and there is no end of them in one mail: rows, memory and work
 * without bound.
 */
describe.skipIf(!knotPresent)(titled('very many reports in one mail'), () => {
  let world: World;
  afterEach(() => world.close());

  const count = async (table: string) =>
    (await world.query<{ n: number }>(`select count(*)::int as n from ruawatch.${table}`))[0]!.n;
  const codes = async () => (await world.messages()).map(({ state, code }) => [state, code]);

  test('hundreds are read, as a provider sends them', async () => {
    world = await startWorld();
    await world.bring([
      mailWith(
        'xml.gz',
        from(0, 300).map((i) => document(i)),
      ),
    ]);
    expect([await count('reports'), await codes()]).toEqual([300, [['stored', null]]]);
  });

  test('of documents beside one another, however they are spread over files, the limit of the mail is read', async () => {
    world = await startWorld();
    const files = [0, 600].map((first) =>
      from(first, 600)
        .map((i) => document(i))
        .join('\n'),
    );
    await world.bring([mailWith('xml.gz', files)]);
    expect([await count('reports'), await codes()]).toEqual([1_000, [['stored', 'too_many_members']]]);
  });

  test('so it is with TLS reports in an array, and with what fails in all of them', async () => {
    world = await startWorld();
    const array = JSON.stringify(from(0, 1_500).map((i) => tls(i)));
    const failing = from(2_000, 12).map((i) => JSON.stringify(tls(i, 9_000)));
    await world.bring([mailWith('array.json.gz', [array]), mailWith('failing.json.gz', failing)]);
    expect([await count('tls_reports'), await count('tls_failures')]).toEqual([1_000 + 11, 99_000]);
    expect(await codes()).toEqual([
      ['stored', 'too_many_members'],
      ['stored', 'too_many_details'],
    ]);
  });

  test('what reports say of themselves is bounded together', async () => {
    world = await startWorld({ settings: { limits: { recordLength: 20_000 } } });
    const chatty = from(0, 60).map((i) => document(i, `<extra_contact_info>${'x'.repeat(9_000)}${i}</extra_contact_info>`));
    await world.bring([mailWith('xml.gz', chatty)]);
    const stored = await count('reports');
    expect(stored).toBeGreaterThan(20);
    expect(stored).toBeLessThan(36);
    expect(await codes()).toEqual([['stored', 'record_too_long']]);
  });
});
