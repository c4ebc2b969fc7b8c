import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AggregateRecord } from '../../../services/report/model.ts';
import { linesOf } from '../../helpers/lines.ts';

const text = fc
  .string({
    maxLength: 12,
    unit: fc.constantFrom('a', 'B', '"', '\\', '\t', '\n', '\r', '\0', '\u0001', 'é', '日', '🙂', '\ud83d'),
  })
  .filter((value) => value.trim() === value && value !== '');
const maybe = fc.option(text);
const word = fc.option(text.map((value) => value.toLowerCase()));
const record = fc.record({
  source_ip: fc.constantFrom(null, '192.0.2.1', '2001:db8::1'),
  count: fc.constantFrom(0, 7, 1_000_000, 4_000_000_000),
  disposition: word,
  dkim: word,
  spf: word,
  reasons: fc.array(fc.record({ type: word, comment: maybe }), { maxLength: 2 }),
  header_from: maybe,
  envelope_from: maybe,
  envelope_to: maybe,
  auth: fc.record({
    dkim: fc.array(fc.record({ domain: maybe, selector: maybe, result: word, human_result: maybe }), { maxLength: 6 }),
    spf: fc.array(fc.record({ domain: maybe, scope: word, result: word, human_result: maybe }), { maxLength: 2 }),
  }),
  dkim_aligned: fc.boolean(),
  spf_aligned: fc.boolean(),
  source: text,
  forwarded: fc.boolean(),
  foreign_dkim: maybe,
  foreign_spf: maybe,
});

/** COPY's text format as Postgres documents it, undone: null, or the text of each column. */
function columnsOf(line: string): (string | null)[] {
  const escapes: Record<string, string> = { t: '\t', n: '\n', r: '\r', '\\': '\\' };
  return line.split('\t').map((column) => (column === '\\N' ? null : column.replace(/\\(.)/g, (_, c: string) => escapes[c]!)));
}

/** What Postgres cannot hold, replaced. */
const storable = (value: unknown): unknown =>
  typeof value === 'string'
    ? value.replaceAll('\0', '\ufffd').toWellFormed()
    : Array.isArray(value)
      ? value.map(storable)
      : value !== null && typeof value === 'object'
        ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, storable(inner)]))
        : value;

test('a line of COPY has all that a record says, each in its column', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 3 }), (records) => {
      const lines = Buffer.from(linesOf({ key: 12, n: 9, begin: 1_768_435_200 }, records as AggregateRecord[])).toString();
      const found = lines.split('\n').slice(0, -1).map(columnsOf);
      expect(
        found.map((columns) =>
          columns.map((value, at) => ((at === 8 || at === 12) && value !== null ? JSON.parse(value) : value)),
        ),
      ).toEqual(
        records.map((one, at) => {
          const r = storable(one) as typeof one;
          const flags = [r.dkim_aligned, r.spf_aligned, r.forwarded].map((flag) => (flag ? 't' : 'f'));
          const reasons = r.reasons.length === 0 ? null : r.reasons;
          const said = [r.disposition, r.dkim, r.spf, reasons, r.header_from, r.envelope_from, r.envelope_to, r.auth];
          const head = ['12', String(9 + at), '2026-01-15T00:00:00.000Z', r.source_ip, String(r.count)];
          return [...head, ...said, ...flags, r.source, r.foreign_dkim, r.foreign_spf];
        }),
      );
    }),
    { numRuns: 300 },
  );
});
