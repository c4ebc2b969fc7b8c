import { expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../../services/report/limits.ts';
import { MailLimits } from '../../../services/report/mail-limits.ts';
import { Problems } from '../../../services/report/problem-list.ts';
import { readMessage } from '../../../services/report/read-mail.ts';
import { readDocuments } from '../../../services/report/xml/documents.ts';
import { METADATA, POLICY, problemCodes, readAll, recordXml, reportXml } from '../build.ts';

/**
 * Two reports one after the other in one payload, which comes in chunks of these lengths, the last of them
 * again and again.
 */
async function read(lengths: readonly number[], { limits = DEFAULT_LIMITS, seen = { open: 0 } } = {}): Promise<unknown[]> {
  const report = (id: string) =>
    `<feedback>${METADATA.replace(/<report_id>[^<]*/, `<report_id>${id}`)}${POLICY}${recordXml().repeat(9)}</feedback>`;
  const bytes = Buffer.from(`${report('first')}\n${report('second')}`);
  const open = function* () {
    seen.open++;
    try {
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const end = at + lengths[Math.min(i, lengths.length - 1)]!;
        yield bytes.subarray(at, end);
        at = end;
      }
    } finally {
      seen.open--;
    }
  };
  const payload = {
    type: 'payload',
    kind: 'xml',
    name: null,
    head: bytes.subarray(0, 512),
    depth: 0,
    whole: null,
    problems: new Problems(),
    open,
  } as const;
  const options = { limits, totals: new MailLimits(limits), batch: 100, charset: null, hint: null };
  const found: unknown[] = [];
  for await (const event of readDocuments(payload, options)) {
    if (event.type === 'report')
      found.push([event.report.report_id, event.report.records, event.report.problems.map(({ code }) => code)]);
    else if (event.type !== 'records') found.push(event.type);
  }
  return found;
}

const FIRST = recordXml().length * 9 + METADATA.length + POLICY.length;

test.each([
  ['one chunk', [1_000_000]],
  ['a long and a short chunk', [FIRST + 1_500, 100_000]],
  ['a long chunk and many short ones', [FIRST - 10, 7]],
  ['short chunks', [301]],
  ['single bytes', [1]],
])('another report in the same payload is read as well, in %s', async (_how, lengths) => {
  expect(await read(lengths)).toEqual([
    ['first', 9, ['several_documents']],
    ['second', 9, []],
  ]);
});

test('a character that the end of a broken report cuts off counts as replaced, wherever the break is', async () => {
  const cut = Buffer.concat([
    Buffer.from(`<feedback>${METADATA}${POLICY}${recordXml()}</x>${recordXml().repeat(20)}`),
    Buffer.from([0xc3]),
  ]);
  const codes: string[] = [];
  for await (const event of readMessage(cut, { name: 'r.xml' })) {
    if (event.type === 'report') codes.push(...event.report.problems.map(({ code }) => code));
  }
  expect(codes).toContain('bytes_replaced');
});

test('what is read from is closed, also where the payload is refused before its end', async () => {
  const seen = { open: 0 };
  const limits = { ...DEFAULT_LIMITS, elementDepth: 2 };
  expect(await read([301], { limits, seen })).toEqual(['refused']);
  expect(seen.open).toBe(0);
});

test('half a character behind a whole report is something that follows it', async () => {
  const outcome = await readAll(Buffer.concat([Buffer.from(reportXml()), Buffer.from([0xc3])]));
  expect(outcome.reports).toMatchObject([{ records: 1, salvaged: true }]);
  expect(problemCodes(outcome)).toEqual(['trailing_data', 'bytes_replaced']);
});
