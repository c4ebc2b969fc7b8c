import { describe, expect, test } from 'vitest';
import { attributes, external, html, localAddress, path, type Value, withQuery } from '../../services/console/html.ts';

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</title><script>alert(1)</script>',
  '&lt;script&gt;',
  'javascript:alert(1)',
  '<!--',
  '\u202egnp.exe',
  'a\u0000b\u0007',
  '\ud800',
];

describe('html', () => {
  test.each(HOSTILE)('shows %j as text, in elements and in attributes', (text) => {
    for (const page of [String(html`<p>${text}</p>`), String(html`<p title="${text}">x</p>`), String(html`<p>${[text]}</p>`)]) {
      expect(page.replace(/<\/?p(?: title="[^"<>]*")?>/g, '')).not.toMatch(/[<>]/);
      expect(page).not.toMatch(/[\u0000\u0007\u202e\ud800]/);
    }
    const [, value] = /title="([^"]*)"/.exec(String(html`<p title="${text}">x</p>`))!;
    expect(value).not.toMatch(/["'<>]/);
  });

  test('escapes what looks escaped, and not what html made', () => {
    expect(String(html`<p>${'&amp;'}</p>`)).toBe('<p>&amp;amp;</p>');
    expect(String(html`<p>${html`<b>${'<'}</b>`}</p>`)).toBe('<p><b>&lt;</b></p>');
    expect(String(html`${[html`<i>1</i>`, 'a', 2, null, undefined, false]}`)).toBe('<i>1</i>a2');
    expect(String(html`<pre>${'a\nb'}</pre>`)).toBe('<pre>a\nb</pre>');
  });

  test('addresses are made, never written', () => {
    expect(String(html`<a href="${path`/findings/${'../x?y=<'}`}">a</a>`)).toBe('<a href="/findings/..%2Fx%3Fy%3D%3C">a</a>');
    expect(String(html`<a href="${withQuery(path`/`, { q: 'a&"b', page: null })}">a</a>`)).toBe('<a href="/?q=a%26%22b">a</a>');
    for (const text of ['javascript:alert(1)', '/ok', 'https://example.org'])
      expect(() => html`<a href="${text}">a</a>`).toThrow(TypeError);
    expect(() => html`<a href="/x${path`/y`}">a</a>`).toThrow(TypeError);
  });

  test.each<[string, (value: Value) => unknown]>([
    ['without quotes', (value) => html`<p title=${value}>x</p>`],
    ['in single quotes', (value) => html`<p title='${value}'>x</p>`],
    ['as the name of an element', (value) => html`<${value}>x</p>`],
    ['in a handler', (value) => html`<p onclick="${value}">x</p>`],
    ['in a style', (value) => html`<p style="color: ${value}">x</p>`],
    ['in a script', (value) => html`<script>${value}</script>`],
    ['in a style sheet', (value) => html`<style>${value}</style>`],
    ['in a document of a frame', (value) => html`<iframe srcdoc="${value}"></iframe>`],
    ['as the name of an attribute', (value) => html`<p ${value}="x">x</p>`],
    ['among attributes, as text', (value) => html`<p ${value}>x</p>`],
  ])('refuses a value %s', (_, template) => {
    expect(() => template('x')).toThrow(TypeError);
  });

  test('attributes stand in a tag, those without a value too, and none that a browser runs or follows', () => {
    const some = (selected: boolean) => attributes({ selected, value: '"><', size: 0, title: null, id: undefined });
    expect(String(html`<option ${some(true)}>a</option>`)).toBe('<option selected value="&quot;&gt;&lt;" size="0">a</option>');
    expect(String(html`<option ${some(false)}>a</option>`)).toBe('<option value="&quot;&gt;&lt;" size="0">a</option>');
    expect(String(html`<summary ${attributes({ title: null })}>a</summary>`)).toBe('<summary>a</summary>');
    expect(() => html`<p>${attributes({ open: true })}</p>`).toThrow(TypeError);
    for (const name of ['onclick', 'style', 'href', 'action', 'x y', 'x=""'])
      expect(() => attributes({ [name]: 'x' }), name).toThrow(TypeError);
  });
});

test.each([
  ['/findings/1?a=b', true],
  ['//evil.example', false],
  ['/\\evil.example', false],
  ['/a\\b', false],
  ['https://evil.example', false],
  ['javascript:alert(1)', false],
  ['/a\nb', false],
  ['', false],
])('%j is a path of ours: %s', (text, ours) => {
  expect(localAddress(text) !== null).toBe(ours);
});

test.each([
  ['https://example.org/a', true],
  ['http://example.org/a', false],
  ['https://user:pass@example.org/', false],
  ['javascript:alert(1)', false],
  ['https://', false],
])('%s is a page elsewhere: %s', (text, page) => {
  expect(external(text) !== null).toBe(page);
});
