import { expect, test } from 'vitest';
import { isBetweenTags, type Listener, releaseText, strictParser } from '../../../services/report/xml/saxes.ts';

/** Feeds a document character by character; what it says after each, and the text that was reported. */
function fed(xml: string, whole = true) {
  let said = '';
  let between = '';
  let text = '';
  const listener = {
    opened: () => undefined,
    closed: () => undefined,
    text: (piece: string) => {
      text += piece;
    },
    attribute: () => undefined,
    doctype: () => {
      throw new Error('doctype');
    },
    malformed: (message: string) => {
      throw new Error(message);
    },
  } as unknown as Listener;
  const parser = strictParser(listener);
  for (const c of xml) {
    parser.write(c);
    between += isBetweenTags(parser) ? '^' : '.';
    said += releaseText(parser, listener) ? '^' : '.';
  }
  if (whole) parser.close();
  return { said, between, text };
}

test.each([
  ['<a>one</a>', '..^^^^...^', '..^......^', 'one'],
  ['<a>x&amp;y</a>', '..^^^^^^^^...^', '..^..........^', 'x&y'],
  ['<a><![CDATA[x]]y]]]></a>', '..^........^^^^^^^^^...^', '..^................^...^', 'x]]y]'],
  ['<a x="1">b<!-- c -->d</a>', '........^^.........^^...^', '........^..........^....^', 'bd'],
])('the text of %s is released wherever it is cut, and markup may begin between tags', (xml, said, between, text) => {
  expect(fed(xml)).toEqual({ said, between, text });
});

test('a reference is waited for as long as one may be', () => {
  expect(fed(`<a>x&${'y'.repeat(70)}`, false).said).toBe(`..${'^'.repeat(66)}.......`);
});

test('XML 1.1 is left to the library', () => {
  expect(fed('<?xml version="1.0"?><a>x</a>').between).toContain('^');
  expect(fed('<?xml version="1.1"?><a>x</a>').between).not.toContain('^');
});
