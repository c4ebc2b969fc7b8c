import { describe, expect, test } from 'vitest';
import { AggregateBuilder } from '../../../services/report/aggregate/report-builder.ts';
import { DEFAULT_LIMITS, EXCERPT_LENGTH, type Limits } from '../../../services/report/limits.ts';
import { XmlReader } from '../../../services/report/xml/reader.ts';
import { METADATA, POLICY, readAll, recordXml, reportXml } from '../build.ts';

/** The problems of a document that comes in these pieces, or the code of its refusal. */
function problemsOf(pieces: readonly string[], limits: Partial<Limits> = {}): unknown {
  const all = { ...DEFAULT_LIMITS, ...limits };
  const builder = new AggregateBuilder(all, 100, null);
  const reader = new XmlReader(builder, all);
  try {
    for (const piece of pieces) reader.write(piece);
    reader.end();
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).name;
  }
  return builder.problems.list();
}

describe('each limit is what a document may hold, and one more is refused', () => {
  const named = (name: string) => reportXml().replace('receiver.example</org_name>', `${name}</org_name>`);

  test.each<[string, string, Partial<Limits>, string[]]>([
    ['attributes of the first element', reportXml().replace('<feedback>', '<feedback a="1" b="2">'), { attributes: 2 }, []],
    ['attributes of it', reportXml().replace('<feedback>', '<feedback a="1" b="2">'), { attributes: 1 }, ['too_many_attributes']],
    [
      'attributes of each',
      reportXml().replace('<feedback>', '<feedback a="1">').replace('<org_name>', '<org_name b="2">'),
      { attributes: 1 },
      [],
    ],
    ['references', named('a&amp;b&amp;c'), { references: 2 }, []],
    ['references', named('a&amp;b&amp;c'), { references: 1 }, ['too_many_references']],
    ['references that are none', named('a&&c'), { references: 1 }, ['too_many_references']],
  ])('%s', async (_what, text, limits, codes) => {
    expect((await readAll(text, limits)).codes).toEqual(codes);
  });

  test('references at the beginning of a piece count', () => {
    const pieces = ['<feedback><report_metadata><org_name>', '&amp;', '&lt;', '</org_name></report_metadata></feedback>'];
    expect(problemsOf(pieces, { references: 2 })).toEqual([]);
    expect(problemsOf(pieces, { references: 1 })).toBe('too_many_references');
  });
});

describe('a record that is set aside stands in the problems', () => {
  const aside = (text: string) => [
    { code: 'record_without_row', message: `A record was set aside: it has no row, so no count. Its text: ${text}` },
  ];

  test('with its text from its start tag to its end tag, wherever a piece ends', () => {
    const document = `<feedback>${METADATA}${POLICY}<record><x>é</x></record>${recordXml()}</feedback>`;
    const whole = problemsOf([document]);
    expect(whole).toEqual(aside('<x>é</x></record>'));
    for (let at = 1; at < document.length; at++) expect(problemsOf([document.slice(0, at), document.slice(at)])).toEqual(whole);
    expect(problemsOf([...document])).toEqual(whole);
  });

  test('with what is in memory of a long one', () => {
    const pieces = [`<feedback><record><x>${'a'.repeat(9_000)}`, 'b'.repeat(9_000), '</x></record></feedback>'];
    expect(problemsOf(pieces)).toEqual(aside(`${'b'.repeat(EXCERPT_LENGTH)}…`));
  });
});

test('nothing but white space is no document', () => {
  for (const pieces of [[], [''], [' \n', '\ufeff']]) expect(problemsOf(pieces)).toBe('NotWellFormed');
});
