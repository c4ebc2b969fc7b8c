import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { problemCodes, readAll, recordXml, reportXml } from '../build.ts';

const LONG = 'x'.repeat(70_000);
const VERY_LONG = 'yes & no '.replace('&', '&amp;').repeat(300_000);
const pieces = (record: string) => reportXml(record + recordXml({ ip: '192.0.2.2', count: 5 }));

describe('a report with a text over the limit loses that text', () => {
  test.each<[string, (text: string) => string]>([
    ['org_name', (text) => pieces(recordXml()).replace('receiver.example', text)],
    [
      'extra_contact_info',
      (text) => pieces(recordXml()).replace('</email>', `</email><extra_contact_info>${text}</extra_contact_info>`),
    ],
    ['error', (text) => pieces(recordXml()).replace('</report_metadata>', `<error>${text}</error></report_metadata>`)],
    [
      'human_result',
      (text) => pieces(recordXml().replace('</result></dkim>', `</result><human_result>${text}</human_result></dkim>`)),
    ],
    [
      'a comment of a reason',
      (text) =>
        pieces(
          recordXml().replace(
            '</policy_evaluated>',
            `<reason><type>other</type><comment>${text}</comment></reason></policy_evaluated>`,
          ),
        ),
    ],
    ['an unknown element', (text) => pieces(recordXml({ inner: `<x>${text}</x>` }))],
    ['an extension of feedback', (text) => pieces(`<extension><y>${text}</y></extension>${recordXml()}`)],
    ['CDATA', (text) => pieces(recordXml()).replace('receiver.example', `<![CDATA[${text}]]>`)],
    ['a text after a character reference', (text) => pieces(recordXml()).replace('receiver.example', `&#65;${text}`)],
    ['a text with comments in it', (text) => pieces(recordXml()).replace('receiver.example', `${text}<!-- -->${text}`)],
  ])('%s', async (name, make) => {
    for (const text of [LONG, VERY_LONG]) {
      const bytes = Buffer.from(make(text));
      for (const raw of [bytes, gzipSync(bytes, { level: 1 })]) {
        const outcome = await readAll(raw, { ratio: 1e9, references: 1e7 });
        expect(outcome.codes).toEqual([]);
        expect(outcome.reports).toMatchObject([
          { report_id: 'r-1', domain: 'example.com', salvaged: false, records: 2, messages: 6 },
        ]);
        const ignored = name === 'an unknown element' || name === 'an extension of feedback';
        expect([...new Set(problemCodes(outcome))]).toEqual(ignored ? [] : ['text_too_long']);
        expect(outcome.records.map(({ source_ip }) => source_ip)).toEqual(['192.0.2.1', '192.0.2.2']);
        expect(outcome.records[0]!.dkim_aligned).toBe(true);
      }
    }
  });

  test('the texts beside it stay, and count', async () => {
    const long = recordXml().replace('</result></dkim>', `</result><human_result>${LONG}</human_result></dkim>`);
    const { records } = await readAll(pieces(long));
    expect(records[0]!.auth.dkim).toEqual([{ domain: 'example.com', selector: 's1', result: 'pass', human_result: null }]);
    // Each alone is within the limit of a text, and all of them are beyond that of a record.
    const many = recordXml({ inner: '' }).replace(
      '</auth_results>',
      `${`<spf><human_result>${'x'.repeat(60_000)}</human_result></spf>`.repeat(20)}</auth_results>`,
    );
    expect((await readAll(pieces(many))).codes).toEqual(['record_too_long']);
  });

  test('takes no memory for it', async () => {
    const xml = Buffer.from(pieces(recordXml()).replace('receiver.example', '\0'));
    const at = xml.indexOf(0);
    const bytes = gzipSync(Buffer.concat([xml.subarray(0, at), Buffer.alloc(200_000_000, 'ab'), xml.subarray(at + 1)]), {
      level: 1,
    });
    const before = process.memoryUsage().rss;
    const outcome = await readAll(bytes, { ratio: 1e9 });
    expect(outcome.reports).toMatchObject([{ org_name: null, records: 2 }]);
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
  });

  test('in a TLS report', async () => {
    const report = {
      'organization-name': 'r.example',
      'report-id': 'x',
      'contact-info': LONG,
      'date-range': { 'start-datetime': '2026-01-01T00:00:00Z', 'end-datetime': '2026-01-01T23:59:59Z' },
      policies: [{ policy: { 'policy-type': 'sts', 'policy-domain': 'example.com', 'policy-string': [LONG, 'mode: enforce'] } }],
    };
    const { tls, codes } = await readAll(JSON.stringify(report));
    expect(codes).toEqual([]);
    expect(tls).toMatchObject([{ report_id: 'x', contact_info: null, policies: [{ policy_string: ['mode: enforce'] }] }]);
    expect(tls[0]!.problems.map(({ code }) => code)).toEqual(['text_too_long']);
  });

  test('rests on saxes 6.0.0, whose inner states it knows', () => {
    const manifest = readFileSync(path.resolve(import.meta.dirname, '../../../node_modules/saxes/package.json'), 'utf8');
    expect((JSON.parse(manifest) as { version: string }).version).toBe('6.0.0');
  });
});
