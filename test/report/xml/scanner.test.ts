import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Listener, releaseText, strictParser, type Tokenizer } from '../../../services/report/xml/saxes.ts';
import { Scanner } from '../../../services/report/xml/scanner.ts';
import { draws } from '../../helpers/full.ts';
import { METADATA, POLICY, recordXml, reportXml } from '../build.ts';

type Make = (listener: Listener) => Tokenizer;
const strict: Make = (listener) => strictParser(listener);
const scanner: Make = (listener) => new Scanner(listener);

class Stop extends Error {}

/** All a listener is told, with the position that counts. */
function traceOf(make: Make, pieces: readonly string[]): unknown[] {
  const events: unknown[] = [];
  let depth = 0;
  const listener: Listener = {
    opened: (name) => {
      depth++;
      events.push(['opened', name, tokens.position]);
    },
    closed: () => {
      depth--;
      events.push(['closed', tokens.position]);
    },
    // Outside the root, saxes itself reports it before the error or not at all, as the pieces are.
    text: (text) => depth > 0 && events.push(['text', text]),
    // The scanner reports an attribute with its tag.
    attribute: (length) => events.push(['attribute', length]),
    doctype: () => {
      events.push(['doctype']);
      throw new Stop();
    },
    malformed: (message) => {
      events.push(['malformed', message]);
      throw new Stop();
    },
  };
  const tokens = make(listener);
  try {
    for (const piece of pieces) tokens.write(piece);
    tokens.close();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
  }
  return events;
}

function cut(text: string, size: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += size) pieces.push(text.slice(at, at + size));
  return pieces;
}

function expectEqual(pieces: readonly string[]): unknown[] {
  const wanted = traceOf(strict, pieces);
  expect(JSON.stringify(traceOf(scanner, pieces))).toBe(JSON.stringify(wanted));
  return wanted;
}

/**
 * Tokens of documents, right and wrong, put together at random: most of it regular, so that scanning goes on
 * for a while.
 */
const name = fc.constantFrom('a', 'b', 'record', 'x:y', 'row.1', '_-');
const gap = fc.constantFrom('', '', '', '\n  ', ' ', '\r\n', '\t', '\r');
const value = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom('example.com', '7', 'a b', ' é日 ', 'x > y', "it's", '1\r\n2', '3\r4', 'longer than all the rest'),
  },
  { weight: 3, arbitrary: fc.constantFrom('&amp;', 'a&lt;b&gt;c', '&quot;&apos;', ']', 'a]]b') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '🙂',
      '&#65;',
      '&#x1F642;',
      '&#xD;',
      '<![CDATA[x]]>',
      '<![CDATA[a ]] > <b>\r\n🙂]]>',
      '<![CDATA[]]>',
      '<!-- c -->',
      '<!---->',
      'a<!-- <b> & ]]> -\r- 🙂-->b',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '<!-- a -- b -->',
      '<!-- \u0001 -->',
      '<!-- \ud800 -->',
      '<![CDATA[\u0001]]>',
      '<![CDATA[\udc00]]>',
      '&#0;',
      '&#xD800;',
      '&#x110000;',
      '&#99999999;',
      '&#x;',
      '<!ELEMENT a ANY>',
      '\u0001',
      '\ufffe',
      ']]>',
      '&',
      '&x;',
      '&amp',
      '<?pi x?>',
    ),
  },
);
const attributes = fc.oneof(
  { weight: 20, arbitrary: fc.constant('') },
  {
    weight: 4,
    arbitrary: fc.constantFrom(' ', ' a="1"', ' a=\'1\' b="2 > 1"', '\n xmlns:d="u"', ' a=""', '\t a="1"\r\n'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ' a="1" a="2"',
      ' a',
      ' a=1',
      ' a="&lt;é&amp;&amp;"',
      " a='&quot;&apos;'",
      ' a="&#60;"',
      ' a="&x;"',
      ' a="&lt"',
      ' a="\ufffe"',
      ' a="\ud800"',
      ' a="<"',
      ' a = "1"',
      ' a="é\n"',
      ' a="1"b="2"',
      '/ ',
      '$',
    ),
  },
);
const { element } = fc.letrec<{ element: string; content: string }>((tie) => ({
  content: fc
    .array(
      fc.oneof(
        { maxDepth: 4 },
        fc.tuple(gap, value).map((parts) => parts.join('')),
        tie('element'),
        tie('element'),
      ),
      { maxLength: 4 },
    )
    .map((parts) => parts.join('')),
  element: fc.tuple(name, attributes, gap, tie('content'), gap, fc.nat(60)).map(([tag, extra, before, inner, after, how]) => {
    if (how < 6) return `<${tag}${extra}/>`;
    if (how < 9) return `<${tag}${extra}>${inner}</${tag}${how === 8 ? ' ' : '\r\n'}>`;
    if (how === 9) return `<${tag}${extra}>${inner}</x>`;
    if (how === 10) return `<${tag}>${inner}`;
    return `<${tag}${extra}>${before}${inner}${after}</${tag}>`;
  }),
}));
const head = fc.constantFrom(
  '',
  '',
  '<?xml version="1.0"?>',
  '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n',
  "<?xml version='1.0' encoding='utf-8' ?>\r\n",
  '<?xml version="1.1"?>',
  '<?xml version="1.0" encoding=""?>',
  '<?xml version="1.0"?>x',
  '<?xml version="1.0"?><?xml version="1.0"?>',
  '<?xml?>',
  '<!DOCTYPE a>',
  '<!-- c -->\n',
  '<!-- c --><?xml version="1.0"?>',
  '<?xml version="1.0"?><!-- c -->\r\n<!---->',
  '<![CDATA[x]]>',
  'x',
  ' ',
  '\ufeff',
);
const tail = fc.constantFrom(
  '',
  '',
  '',
  '\n',
  '\r',
  ' \r\n',
  'x',
  '<a/>',
  '</a>',
  '<',
  '<?xml version="1.0"?><a/>',
  '<!-- c -->',
  '<!-- c -->\n<!-- d -->',
  '<![CDATA[x]]>',
  '&amp;',
  '\u0001',
);
/** Where nothing long was scanned before, what is irregular is left to saxes for a while. */
const credit = fc.constantFrom('', '', '', '', `<x>${'y'.repeat(1_500)}</x>`);
/** Children that come again with other values are recognised as a whole: each is there more than once. */
const anyDocument = fc
  .tuple(head, attributes, credit, fc.array(element, { minLength: 1, maxLength: 3 }), fc.nat(4), gap, tail)
  .map(([before, extra, long, children, times, between, after]) => {
    const again = Array.from({ length: times + 1 }, (_, i) =>
      children
        .map((child) =>
          child.replace(/7|example\.com/g, (found) => `${found}${i}`).replaceAll('row.1', i < 3 ? 'row.1' : 'row-1'),
        )
        .join(between),
    );
    return `${before}<root${extra}>${long}${again.join(between)}</root>${after}`;
  });

describe('the scanner tells the same as saxes', () => {
  test('for any document, in pieces of any size', () => {
    let whole = 0;
    fc.assert(
      fc.property(anyDocument, fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 }), fc.constant(10_000)), (xml, size) => {
        const events = expectEqual(cut(xml, size));
        if (!(events.at(-1) as unknown[]).includes('malformed')) whole++;
      }),
      { numRuns: draws(9_000, 1_500) },
    );
    expect(whole).toBeGreaterThan(draws(1_000, 150));
  });

  test('for a report cut in two or three anywhere', () => {
    const record = recordXml({ inner: '<x/><y a="1">&amp;</y>' });
    const xml = reportXml(record.replace(/></g, '>\r\n<') + recordXml().repeat(3) + record);
    for (let at = 0; at <= xml.length; at++) {
      expectEqual([xml.slice(0, at), xml.slice(at)]);
      expectEqual([xml.slice(0, at), xml.slice(at, at + 1), xml.slice(at + 1)]);
    }
  });

  test('for what is irregular, and all that follows', () => {
    for (const odd of [
      '<?x a="<b>"?>',
      '<x a="&lt;>"/>',
      '<é>1</é>',
      '<x\na = "1">2</x>',
      '<![CDATA[\ud83d\ude42>]]>',
      '<!-- > -->',
    ]) {
      for (const between of ['', '1 > 2', ' \r\n', '\r']) {
        const xml = reportXml((odd + between + recordXml({ inner: odd })).repeat(4));
        for (const size of [101, 10_000]) expectEqual(cut(xml, size));
      }
    }
  });

  test('for a value, a tag and white space longer than is carried over', () => {
    for (const long of [
      `<x>${'y'.repeat(9_000)}</x>`,
      `<${'x'.repeat(9_000)}/>`,
      `<x a="${'y'.repeat(9_000)}"/>`,
      ' '.repeat(9_000),
    ]) {
      expectEqual(cut(reportXml(recordXml({ inner: long })), 1_000));
    }
  });
});

/** Elements that saxes reads of a report whose records are taken as a whole. */
function elementsOfSaxes(xml: string): number {
  let elements = 0;
  let depth = 0;
  const nothing = () => undefined;
  const fails = (message?: string): never => {
    throw new Error(message);
  };
  const END = '</record>';
  const tokens = new Scanner({
    opened: () => {
      elements++;
      depth++;
    },
    closed: () => void depth--,
    mayTake: () => depth === 1,
    record: ({ text }, start) => {
      const end = text.indexOf(END, start);
      return end < 0 || !text.startsWith('<record', start) ? 0 : end + END.length - start;
    },
    text: nothing,
    attribute: nothing,
    doctype: fails,
    malformed: fails,
  });
  for (const piece of cut(xml, 65_536)) tokens.write(piece);
  tokens.close();
  return elements;
}

describe('saxes reads no more than it has to', () => {
  const RECORDS = 500;
  const around = elementsOfSaxes(reportXml(''));

  test.each([
    ['as it is', (records: string) => reportXml(records)],
    ['before the root', (records: string) => reportXml(records).replace('<feedback>', '<?x?><!-- > --><feedback>')],
    ['in each record', (records: string) => reportXml(records.replaceAll('</row>', '</row><x a="&#60;"/>'))],
    ['between records', (records: string) => reportXml(records.replaceAll('<record>', '\r\n<?x?> <!-- <record> -->\t<record>'))],
    ['in the metadata', (records: string) => reportXml(records).replace('<org_name>', '<é/><org_name>')],
  ])('what is irregular %s', (_where, report) => {
    expect(elementsOfSaxes(report(recordXml().repeat(RECORDS)))).toBeLessThanOrEqual(around + 1);
  });

  test('and all else once', () => {
    for (const unknown of ['<é/>', `<x>${'>'.repeat(100)}</x>`])
      expect(elementsOfSaxes(reportXml(unknown.repeat(2_000)))).toBe(around + 2_000);
  });
});

const fixtures = path.resolve(import.meta.dirname, '../../fixtures');
const samples = path.resolve(import.meta.dirname, '../../../../shared/samples');
function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => path.join(folder, file))
    .filter((file) => statSync(file).isFile())
    .sort();
}

/** What reading yields, by the scanner or by saxes alone. */
async function reader(alone: boolean) {
  vi.resetModules();
  if (alone) {
    vi.doMock('../../../services/report/xml/scanner.ts', () => ({
      Scanner: class {
        constructor(listener: Listener) {
          const parser = strictParser(listener);
          // biome-ignore lint/correctness/noConstructorReturn: saxes stands in for the scanner
          return Object.assign(parser, { release: () => releaseText(parser, listener) }) as never;
        }
      },
    }));
  } else {
    vi.doUnmock('../../../services/report/xml/scanner.ts');
  }
  const { readMessage } = await import('../../../services/report/read-mail.ts');
  return async (bytes: Uint8Array, batch = 5_000, limits = {}): Promise<string> => {
    let outcome = '';
    for await (const event of readMessage(bytes, { name: 'r!d!1700000000!1700086399', batch, limits })) {
      // Records before a refusal are stored by nobody; how many there are is a matter of pieces.
      if (event.type === 'refused') outcome = '';
      outcome += `${JSON.stringify(event)}\n`;
    }
    return outcome;
  };
}

/** A generator of numbers below 2^32 (xorshift), the same for the same seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

describe('reading comes out the same with the scanner and with saxes alone', () => {
  afterEach(() => {
    vi.doUnmock('../../../services/report/xml/scanner.ts');
    vi.resetModules();
  });

  test.each([
    ['fixture', fixtures],
    ['sample', samples],
  ])('for every %s', async (_what, folder) => {
    const withScanner = await reader(false);
    const alone = await reader(true);
    for (const file of filesBelow(folder)) {
      const bytes = readFileSync(file);
      expect(await withScanner(bytes), file).toBe(await alone(bytes));
    }
  });

  test('for fixtures with bytes changed at random', async () => {
    const withScanner = await reader(false);
    const alone = await reader(true);
    const next = numbers(20_260_115);
    const originals = filesBelow(fixtures)
      .filter((file) => file.endsWith('.xml'))
      .map((file) => readFileSync(file))
      .concat(
        Buffer.from(reportXml(recordXml().repeat(4))),
        Buffer.from(reportXml(recordXml().replace(/></g, '>\n  <').repeat(4))),
      )
      .filter(({ length }) => length > 100 && length < 20_000);
    const letters = Buffer.from('<>/&;]"= \r\nax!-?\x00\x1f\xc3\xf0\xed\xff', 'latin1');
    for (let run = 0; run < draws(4_000, 500); run++) {
      const bytes = Buffer.from(originals[run % originals.length] as Buffer);
      for (let edits = 1 + (next() % 3); edits > 0; edits--) {
        const at = next() % bytes.length;
        const how = next() % 3;
        if (how === 0) bytes[at] = letters[next() % letters.length] as number;
        else if (how === 1) bytes.copyWithin(at, next() % bytes.length, bytes.length - (next() % 40));
        else bytes.fill(letters[next() % letters.length] as number, at, at + (next() % 3));
      }
      const batch = 1 + (next() % 3);
      expect(await withScanner(bytes, batch), bytes.toString('latin1')).toBe(await alone(bytes, batch));
    }
  }, 120_000);

  test('for long reports that say the same of many addresses, with oddities late in them', async () => {
    const withScanner = await reader(false);
    const alone = await reader(true);
    const next = numbers(20_260_116);
    const pick = <T>(list: readonly T[]): T => list[next() % list.length] as T;
    const addresses = [
      '192.0.2.7',
      '2001:DB8:0::1',
      '::ffff:192.0.2.1',
      '01.2.3.4',
      'x',
      '',
      ' 192.0.2.8 ',
      '&#49;.2.3.4',
      '192.0.2.1\n',
    ];
    const counts = [
      7,
      '',
      ' 3 ',
      '+3',
      '3.0',
      '-1',
      'many',
      '9007199254740991',
      '99999999999999999999',
      '&#49;',
      `1.${'0'.repeat(90)}`,
    ];
    const inners = [
      '',
      '<x/>',
      '<x a="1"/>',
      '<!-- x -->',
      '<row><count>2</count></row>',
      '<row/>',
      '<auth_results/>',
      '&amp;',
      ']]>',
      'é',
    ];
    const froms = ['example.com', 'a.example.com', 'A.example.com', 'b.example', '', 'a&amp;b'];
    const letters = Buffer.from('<>/&;]"= \r\nax!-?\x00\x1f\xc3\xf0\xed\xff', 'latin1');
    const codes = new Set<string>();
    for (let run = 0; run < draws(400, 200); run++) {
      const early = recordXml().repeat(66) + recordXml({ from: 'b.example' }).repeat(2);
      let late = '';
      for (let n = 0; n < 12; n++) {
        const odd = next() % 2 === 0;
        late += recordXml({
          ip: odd ? pick(addresses) : `192.0.2.${n}`,
          count: next() % 3 === 0 ? pick(counts) : n,
          from: pick(froms),
          inner: next() % 4 === 0 ? pick(inners) : '',
        });
      }
      const spaced = next() % 2 === 0 ? pick(['\n', '\r\n  ', '\t']) : '';
      const bytes = Buffer.from(reportXml((early + late).replaceAll('><', `>${spaced}<`)));
      for (let edits = next() % 3; edits > 0; edits--) bytes[bytes.length - 1 - (next() % 6_000)] = pick([...letters]);
      const limits = pick([
        {},
        {},
        { records: 70 + (next() % 9) },
        { textLength: 60 },
        { recordLength: 110 + (next() % 30) },
        { children: 1 },
      ]);
      const batch = 1 + (next() % 7);
      const outcome = await alone(bytes, batch, limits);
      expect(await withScanner(bytes, batch, limits), bytes.toString('latin1')).toBe(outcome);
      for (const [, code] of outcome.matchAll(/"code":"(\w+)"/g)) codes.add(code as string);
    }
    expect([...codes]).toEqual(
      expect.arrayContaining([
        'record_count_invalid',
        'source_ip_invalid',
        'several_rows',
        'too_many_records',
        'record_too_long',
      ]),
    );
  }, 120_000);

  test('for records with markup anywhere in them', async () => {
    const withScanner = await reader(false);
    const alone = await reader(true);
    const next = numbers(20_261_128);
    const markup = [
      ...['<!-- x -->', '<!---->', '<!-- & < ]]> -->', '<!--', '-->', '<!-- a -- b -->', '<!xx-->', '<!-x-->', '<!>'],
      ...['<![CDATA[x]]>', '<![CDATA[]]>', '<![CDATA[a & b < c]]>', '<![CDATA[\r\n🙂]]>', '<![CDATA[ a-->', '<![CDATA[', ']]>'],
      ...[
        '<?x?>',
        '<?x a="1"?>',
        '<x/>',
        '<x a="&amp;1"/>',
        "<x a='é'>t</x>",
        '<x a="&#38;"/>',
        '<x a="&"/>',
        '<e:count>9</e:count>',
      ],
      ...[
        '<count xmlns="urn:x">8</count>',
        '<x xmlns="urn:dmarc">',
        '<?xml-a?>',
        '<?XML?>',
        '<?a ??>',
        '<?a??>',
        '<?a \ufffe?>',
        '<x a = "&#x41;"/>',
      ],
      ...['&amp;', '&', ' ', '\r\n', 'text', '</x>', '<x>', '<', '>'],
    ];
    let read = 0;
    for (let run = 0; run < draws(6_000, 900); run++) {
      let record = recordXml();
      for (let edits = 1 + (next() % 3); edits > 0; edits--) {
        // Between two tokens, or within a text.
        const places = [...record.matchAll(next() % 3 === 0 ? /\w(?=\w*<)/g : /[<>]/g)];
        const place = places[next() % places.length]!;
        const at = place.index + (place[0] === '<' ? 0 : 1);
        record = record.slice(0, at) + markup[next() % markup.length] + record.slice(at);
      }
      const bytes = Buffer.from(reportXml(recordXml() + record + recordXml({ ip: '192.0.2.99' })));
      const outcome = await alone(bytes, 3);
      if (outcome.includes('"records":3')) read++;
      expect(await withScanner(bytes, 3), bytes.toString()).toBe(outcome);
    }
    // Otherwise the draws would be all of one kind.
    expect(read).toBeGreaterThan(200);
  }, 120_000);

  test('at and beyond the limits', async () => {
    const withScanner = await reader(false);
    const alone = await reader(true);
    const odd = recordXml({ count: 'many' });
    const documents = [
      `<feedback>${METADATA}${POLICY}${recordXml().repeat(6)}${'<x>'.repeat(9)}${'</x>'.repeat(9)}</feedback>`,
      reportXml(recordXml().repeat(3) + recordXml({ inner: '<x a="1" b="2" c="3"/>' }) + recordXml()),
      reportXml(recordXml().repeat(3) + recordXml({ inner: `<x>${'y'.repeat(200)}</x>` })),
      reportXml(recordXml({ from: 'a&amp;b' }).repeat(4)),
      reportXml(
        recordXml()
          .replace('</auth_results>', `${'<dkim/>'.repeat(5)}</auth_results>`)
          .repeat(3),
      ),
      reportXml(odd.repeat(3) + recordXml()),
    ];
    const outcomes = new Set<string>();
    for (const document of documents) {
      for (let n = 1; n < 12; n++) {
        for (const limits of [
          { elementDepth: n },
          { attributes: n },
          { textLength: 20 * n },
          { recordLength: 30 * n },
          { references: n },
          { children: n },
          { records: n },
        ]) {
          const outcome = await alone(Buffer.from(document), 2, limits);
          expect(await withScanner(Buffer.from(document), 2, limits)).toBe(outcome);
          for (const [, code] of outcome.matchAll(/"code":"(\w+)"/g)) outcomes.add(code as string);
        }
      }
    }
    expect([...outcomes]).toEqual(
      expect.arrayContaining([
        'xml_too_deep',
        'too_many_attributes',
        'text_too_long',
        'record_too_long',
        'too_many_references',
        'too_many_children',
        'too_many_records',
      ]),
    );
  });
});
