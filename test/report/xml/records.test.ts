import { describe, expect, test } from 'vitest';
import { chunkOf, resolved } from '../../../services/report/xml/characters.ts';
import { RecordScanner } from '../../../services/report/xml/records.ts';
import * as el from '../../../services/report/xml/report-elements.ts';
import { recordXml } from '../build.ts';

const LIMITS = { elementDepth: 12, attributes: 4, textLength: 100, recordLength: 400 };

/**
 * What the scanner reports of the element at the beginning of `xml`; null when it leaves it to the tokenizer.
 */
function scanned(xml: string, limits = LIMITS, outerDepth = 1): { rest: string; values: [number, string][] } | null {
  const scanner = new RecordScanner(limits);
  const chunk = chunkOf(xml);
  const end = scanner.scan(chunk, 0, outerDepth, null);
  if (end < 0) return null;
  const values: [number, string][] = [];
  scanner.report(
    {
      container: () => undefined,
      value: (what, from, to, odd) => {
        values.push([what, odd ? resolved(chunk, from, to)! : xml.slice(from, to)]);
      },
      joined: (what, text) => values.push([what, text]),
    },
    chunk,
  );
  return { rest: xml.slice(end), values };
}

const PLAIN = scanned(recordXml())!.values;

describe('one pass reads a record', () => {
  test.each([
    ['minified', recordXml()],
    ['with white space', recordXml().replaceAll('><', '>\r\n\t <')],
    ['with a prefix', recordXml().replace(/<(\/?)/g, '<$1ns0:')],
    ['in capitals', recordXml().replace(/<[^>]+>/g, (tag) => tag.toUpperCase())],
    ['with attributes', recordXml().replace('<row>', '<row xmlns="urn:ietf:params:xml:ns:dmarc-2.0" a=\'1\' >')],
    ['with elements of another prefix', recordXml({ inner: '<e:row><e:count>500</e:count></e:row><e:identifiers/>' })],
    ['with unknown elements', recordXml({ inner: '<x><y a="1">&amp; text</y><record/></x><z/>' })],
    ['with empty elements', recordXml({ inner: '<identifiers><envelope_to/><envelope_from /></identifiers>' })],
    ['with comments', recordXml({ inner: '<!-- <count>5</count> > é -->' }).replace('<row>', '<!----><row>')],
    ['with attributes that have references', recordXml().replace('<row>', '<row a="&lt;&amp;é">')],
    ['with comments beside its values', recordXml({ from: '<!-- x -->example.com<!----><!-- & -->' })],
    ['with CDATA', recordXml({ from: '<![CDATA[example.com]]>' })],
    ['with processing instructions', recordXml({ inner: '<?x?><?y a="<1>" ?>' }).replace('<row>', '<?z ??><row>')],
    ['with a value in pieces', recordXml({ from: 'ex<!-- x -->am<?x?>pl<![CDATA[e.c]]>o<![CDATA[m]]>' })],
    ['with elements of another namespace', recordXml({ inner: '<row xmlns="urn:x"><count>5</count><a><![CDATA[&]]></a></row>' })],
    ['with spaces in its attributes', recordXml().replace('<row>', '<row a = "&#65;&#x1F642;" b= "">')],
    ['with white space in its end tags', recordXml().replace(/<(\/\w+)/g, '<$1\r\n\t ')],
    ['with a text for the tokenizer after it', `${recordXml()} <!-- comment -->`],
  ])('%s', (_what, xml) => {
    const found = scanned(xml)!;
    expect(found.values).toEqual(PLAIN);
    expect(['', ' <!-- comment -->']).toContain(found.rest);
  });

  test('with CDATA that looks like markup, or is empty', () => {
    const xml =
      '<record><identifiers><header_from><![CDATA[a &amp; </b> ]] > 🙂<c/>]]></header_from><envelope_to><![CDATA[]]></envelope_to></identifiers></record>';
    expect(scanned(xml)!.values).toEqual([[el.HEADER_FROM, 'a &amp; </b> ]] > 🙂<c/>']]);
  });

  test('in any order, with references and line ends in its values', () => {
    const xml =
      '<record><identifiers><header_from>a&amp;b\r\n&#x1F642;&#64;c]</header_from></identifiers><row><count>7</count></row></record>';
    expect(scanned(xml)!.values).toEqual([
      [el.HEADER_FROM, 'a&b\n🙂@c]'],
      [el.COUNT, '7'],
    ]);
  });
});

describe('the tokenizer is left with', () => {
  test.each([
    ['an end tag', '</record>'],
    ['a text of its own', recordXml({ inner: 'text' })],
    ['a comment that is wrong', recordXml({ inner: '<!-- x -- y -->' })],
    ['what only looks like a comment', recordXml({ inner: '<!xx-->' })],
    ['what only looks like a comment in a value', recordXml({ from: 'example.com<!xx-->' })],
    ['CDATA outside of values', recordXml({ inner: '<![CDATA[ a-->' })],
    ['an attribute with a reference that XML does not know', recordXml().replace('<row>', '<row a="&nbsp;">')],
    ['an attribute with an ampersand', recordXml().replace('<row>', '<row a="a & b">')],
    ['a character in a comment that XML does not know', recordXml({ inner: '<!-- \u0001 -->' })],
    ['CDATA with a line end of two characters', recordXml({ from: '<![CDATA[a\r\nb]]>' })],
    ['CDATA that is too long', recordXml({ from: `<![CDATA[${'x'.repeat(101)}]]>` })],
    ['CDATA without an end', '<record><identifiers><header_from><![CDATA[x</header_from></identifiers></record>'],
    ['a declaration within', recordXml({ inner: '<?xml version="1.0"?>' })],
    ['a processing instruction without a name', recordXml({ inner: '<? x?>' })],
    ['a value that is too long in all', recordXml({ from: `${'x'.repeat(60)}<?x?>${'x'.repeat(60)}` })],
    ['an unknown entity', recordXml({ from: '&x;' })],
    ['a reference to no character', recordXml({ from: '&#0;' })],
    ['half a surrogate pair', recordXml({ from: '\ud83d' })],
    ['the end of CDATA', recordXml({ from: ']]>' })],
    ['a control character', recordXml({ from: '\u0001' })],
    ['an element in a value', recordXml({ from: '<b>x</b>' })],
    ['an end tag of another name', recordXml({ inner: '<x></y>' })],
    ['an end tag in another letter case', recordXml({ inner: '<x></X>' })],
    ['an attribute given twice', recordXml({ inner: '<x a="1" a="2"/>' })],
    ['too many attributes', recordXml({ inner: '<x a="1" b="2" c="3" d="4" e="5"/>' })],
    ['a value that is too long', recordXml({ from: 'x'.repeat(101) })],
    ['a record that is too long', recordXml({ from: 'x'.repeat(99), count: '1'.repeat(99) })],
    ['elements too deep', recordXml({ inner: `${'<x>'.repeat(12)}${'</x>'.repeat(12)}` })],
    ['more elements than are noted', recordXml({ inner: '<auth_results></auth_results>'.repeat(3_000) })],
  ])('%s', (_what, xml) => {
    expect(scanned(xml)).toBeNull();
  });

  test('a record that the chunk cuts off anywhere, whatever the buffer held before', () => {
    const xml = recordXml({ from: 'a&amp;b', inner: '<x a="1"/>' }).replaceAll('><', '>\n<');
    for (let cut = 0; cut < xml.length; cut++) {
      chunkOf(xml);
      expect(scanned(xml.slice(0, cut)), xml.slice(0, cut)).toBeNull();
    }
    expect(scanned(xml)).not.toBeNull();
  });
});
