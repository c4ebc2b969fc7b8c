import { describe, expect, test } from 'vitest';
import { keysFrom, type LargePiece, type ReadResult } from '../../../services/parser/reading/protocol.ts';
import { readLarge, readSmall } from '../../../services/parser/reading/read.ts';
import { RecordLines } from '../../../services/store/reports/record-lines.ts';
import { reportMail, reportXml, trusting } from '../../helpers/report.ts';

const LIMITS = { ratio: 1e9 };
const rows = (n: number) => Array.from({ length: n }, (_, i) => ({ ip: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` }));
const report = (id: string, n = 1) => reportMail(reportXml({ id, rows: rows(n) }), { unique: id });
const chat = Buffer.from('From: a@b.example\r\nSubject: lunch\r\n\r\nShall we?\r\n');
const broken = reportMail('<feedback><report_metadata>', { unique: 'broken' });
const TRUST = trusting('off');

/** One mail with several reports. */
function together(...xmls: string[]): Buffer {
  const parts = xmls.map(
    (xml, n) =>
      `--b1\r\nContent-Type: text/xml; name="r${n}.xml"\r\nContent-Disposition: attachment; filename="r${n}.xml"\r\n\r\n${xml}\r\n`,
  );
  const head = 'From: dmarc@reporter.example\r\nTo: rua@example.com\r\nSubject: Report Domain: example.com\r\n';
  return Buffer.from(
    `${head}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b1"\r\n\r\n${parts.join('')}--b1--\r\n`,
  );
}

/** Settings of a thread that has read nothing yet; its keys are 1, 2, 3 and so on. */
function settings() {
  let last = 0;
  return { limits: LIMITS, lines: new RecordLines(), keyOf: async () => ++last };
}
const small = (raw: Buffer, given = settings(), trust: typeof TRUST | null = null) => readSmall(raw, { ...given, trust });
const textOf = (lines: Uint8Array | '') => Buffer.from(lines).toString();
/** Key, id, records and lines of each report. */
const shown = (result: ReadResult | 'large') =>
  result === 'large'
    ? result
    : result.reports.map(({ key, part, doubt, report: { report_id, records }, lines }) => [
        ...[key, part, doubt, report_id, records],
        textOf(lines).trimEnd().split('\n').filter(Boolean).length,
      ]);

describe('a small mail', () => {
  test('is a report with its lines, and who wrote it when that is asked', async () => {
    const found = (await small(report('a', 2))) as ReadResult;
    expect(found).toEqual({
      ...{ tls: [], failures: [], bounces: [], refused: [], other: [], origin: null },
      reports: [
        {
          ...{ type: 'report', part: 0, key: 1, doubt: null, lines: expect.any(Uint8Array) },
          report: expect.objectContaining({ report_id: 'a', records: 2, messages: 2 }),
        },
      ],
    });
    expect([...new Set(textOf(found.reports[0]!.lines).match(/\b10\.0\.0\.\d\b/g))]).toEqual(['10.0.0.0', '10.0.0.1']);
    const asked = (await small(report('a', 2), settings(), TRUST)) as ReadResult;
    expect(asked).toEqual({ ...found, reports: asked.reports, origin: expect.objectContaining({}) });
  });

  test('that has no report is not asked who wrote it', async () => {
    for (const raw of [chat, broken]) {
      const { origin, reports, other, refused } = (await small(raw, settings(), TRUST)) as ReadResult;
      expect([origin, reports, other.length + refused.length]).toEqual([null, [], 1]);
    }
  });

  test('of as many records as a batch is small, of one more it is large', async () => {
    expect(shown(await small(report('a', 5_000)))).toEqual([[1, 0, null, 'a', 5_000, 5_000]]);
    expect(await small(report('a', 5_001))).toBe('large');
    const two = (n: number) => together(reportXml({ id: 'a', rows: rows(3_000) }), reportXml({ id: 'b', rows: rows(n) }));
    expect(shown(await small(two(2_000)))).toEqual([
      [1, 0, null, 'a', 3_000, 3_000],
      [2, 1, null, 'b', 2_000, 2_000],
    ]);
    expect(await small(two(2_001))).toBe('large');
  });

  test('of several reports has a key and lines for each, none where a report has no record', async () => {
    const broken = reportXml({ id: 'x', rows: rows(2) }).replace(/<policy_published>.*<\/policy_published>/, '');
    const raw = together(reportXml({ id: 'a', rows: rows(2) }), broken, reportXml({ id: 'b', rows: [] }), reportXml({ id: 'c' }));
    const given = settings();
    const found = (await small(raw, given)) as ReadResult;
    expect(shown(found)).toEqual([
      [1, 0, null, 'a', 2, 2],
      [2, 1, null, 'x', 2, 2],
      [3, 2, null, 'b', 0, 0],
      [4, 3, null, 'c', 1, 1],
    ]);
    expect(shown(await small(report('d'), given))).toEqual([[5, 0, null, 'd', 1, 1]]);
  });
});

test('what is left of a mail that was not read to its end is no part of the next', async () => {
  const given = settings();
  expect(await small(report('a', 6_000), given)).toBe('large');
  const pieces: LargePiece[] = [];
  for await (const piece of readLarge(report('b', 3), given)) pieces.push(piece);
  expect(pieces).toMatchObject([
    { type: 'lines', records: 3 },
    { type: 'report', report: { report_id: 'b', records: 3 }, lines: '' },
  ]);
  expect(shown(await small(report('c', 2), given))).toMatchObject([[2, 0, null, 'c', 2, 2]]);
});

test('a large mail comes in pieces: first who wrote it, then lines, each report behind its own', async () => {
  const raw = together(
    reportXml({ id: 'a', begin: 1_790_000_000, rows: rows(4_000) }),
    '<feedback><report_metadata>',
    reportXml({ id: 'b', rows: rows(2) }),
  );
  const pieces: LargePiece[] = [];
  const seen: string[] = [];
  for await (const piece of readLarge(raw, { ...settings(), trust: TRUST })) {
    pieces.push(piece);
    if (piece.type === 'lines') seen.push(...textOf(piece.lines).trimEnd().split('\n'));
  }
  const told = pieces.map((piece) =>
    piece.type === 'lines' ? `lines ${piece.key} ${piece.begin}` : piece.type === 'report' ? `report ${piece.key}` : piece.type,
  );
  expect(told.filter((one, at) => one !== told[at - 1])).toEqual([
    'origin',
    'lines 1 1790000000',
    'report 1',
    expect.stringMatching(/^(?:refused|other)/),
    expect.stringMatching(/^lines 2 /),
    'report 2',
  ]);
  const records = pieces.map((piece) => (piece.type === 'lines' ? piece.records : 0));
  expect([seen.length, records.reduce((sum, n) => sum + n, 0)]).toEqual([4_002, 4_002]);
  // Its lines do not wait for its end.
  expect(records.filter((n) => n >= 250).length).toBeGreaterThan(1);
  const unasked = [];
  for await (const piece of readLarge(report('a'), settings())) unasked.push(piece.type);
  expect(unasked).toEqual(['lines', 'report']);
});

test('keys are given one by one, and more of them are taken when they run out', async () => {
  const taken = [[1, 2], [7]];
  let times = 0;
  const keyOf = keysFrom(async () => {
    times += 1;
    return taken.shift()!;
  });
  expect([await keyOf(), await keyOf(), times, await keyOf(), times]).toEqual([1, 2, 1, 7, 2]);
});
