import { describe, expect, test } from 'vitest';
import {
  attributes,
  external,
  fragment,
  type Html,
  html,
  localAddress,
  path,
  type Value,
  withFragment,
  withQuery,
} from '../../services/console/html.ts';

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

test('what is wrong with a template is said', () => {
  const address = path`/y`;
  const some = attributes({ open: true });
  const wrong: (() => unknown)[] = [
    () => html`<p title=${'x'}>x</p>`,
    () => html`<p title='${'x'}'>x</p>`,
    () => html`<p title ="${'x'}">x</p>`,
    () => html`<p ="${'x'}">x</p>`,
    () => html`<${'x'}>x</p>`,
    () => html`<p${some}>x</p>`,
    () => html`<p ${'x'}>x</p>`,
    () => html`<p ${1}="x">x</p>`,
    () => html`<p ${html`<b>x</b>`}>x</p>`,
    () => html`<p ONCLICK="${'x'}">x</p>`,
    () => html`<p data-a="b" style="color: ${'x'}">x</p>`,
    () => html`<p hx-vals="${'x'}">x</p>`,
    () => html`<a href="/x${address}">x</a>`,
    () => html`<a HREF="${'x'}">x</a>`,
    () => html`<a href="${address}?${address}">x</a>`,
    () => html`<p title="${html`<b>x</b>`}">x</p>`,
    () => html`<p title="${some}">x</p>`,
    () => html`<p>${some}</p>`,
    () => html`<SCRIPT>${'x'}</SCRIPT>`,
    () => html`${'x'}<base href="${address}">`,
    () => path`https://example.org/${'x'}`,
    () => path`//${'x'}`,
    () => attributes({ href: '/x' }),
    () => attributes({ 'hx-on-load': 'x' }),
    () => attributes({ Title: 'x' }),
    () => attributes({ onclick: null }),
  ];
  expect(
    wrong.map((make) => {
      try {
        return String(make());
      } catch (error) {
        return `${(error as Error).name}: ${(error as Error).message}`;
      }
    }),
  ).toMatchInlineSnapshot(`
    [
      "TypeError: A template of the console is wrong: a value may not stand in <p title=.",
      "TypeError: A template of the console is wrong: attributes are in double quotes.",
      "TypeError: A template of the console is wrong: a value must have the form name="…": <p title =".",
      "TypeError: A template of the console is wrong: a value must have the form name="…": <p =".",
      "TypeError: A template of the console is wrong: a value may not stand in <.",
      "TypeError: A template of the console is wrong: a value may not stand in <p.",
      "TypeError: A template of the console is wrong: no text may stand among attributes.",
      "TypeError: A template of the console is wrong: no text may stand among attributes.",
      "TypeError: A template of the console is wrong: no text may stand among attributes.",
      "TypeError: A template of the console is wrong: the attribute ONCLICK takes no value.",
      "TypeError: A template of the console is wrong: the attribute style takes no value.",
      "TypeError: A template of the console is wrong: the attribute hx-vals takes no value.",
      "TypeError: A template of the console is wrong: the whole of href is one address.",
      "TypeError: A template of the console is wrong: an address is made by path or external.",
      "TypeError: A template of the console is wrong: the whole of href is one address.",
      "TypeError: A template of the console is wrong: markup may not stand in an attribute.",
      "TypeError: A template of the console is wrong: attributes stand in a tag alone.",
      "TypeError: A template of the console is wrong: attributes stand in a tag alone.",
      "TypeError: A template of the console is wrong: a template with a value may not have an element whose content is not text.",
      "TypeError: A template of the console is wrong: a template with a value may not have an element whose content is not text.",
      "TypeError: A template of the console is wrong: "https://example.org/x" is no path.",
      "TypeError: A template of the console is wrong: "//x" is no path.",
      "TypeError: A template of the console is wrong: the attribute href takes no value.",
      "TypeError: A template of the console is wrong: the attribute hx-on-load takes no value.",
      "TypeError: A template of the console is wrong: the attribute Title takes no value.",
      "TypeError: A template of the console is wrong: the attribute onclick takes no value.",
    ]
  `);
});

test('values stand in all places that take them', () => {
  const to = path`/y`;
  const made: Html[] = [
    html`plain`,
    html`<a href="${to}" title="${'a'} and ${'b'}">${'c'}</a> ${'d'}`,
    html`<a title="${'a'}" href="${to}">a > b "c" 'd'</a>`,
    html`<p title="it's <b> ${'a'}">${0}${''}${[['x'], [html`<i>${'y'}</i>`, null]]}</p>`,
    html`<p title="/${'a'}" class="b"><b>${'c'}</b></p>`,
    html`<p title="${null}" class="${['a', ' ', 'b', undefined]}"></p>`,
    html`<form action="${to}" ${attributes({})}><img src="${to}"><video poster="${external('https://example.org/p')}"></video></form>`,
    html`<p ${attributes({ title: '&' })} ${attributes({ open: true })}>x</p>`,
    html`<p ${attributes({ title: false })} class="${'x'}">x</p>`,
    html`${html`a`}${html`<b>`}${'<b>'}`,
    html`<p>${'é\u00ad\n"\u202e"\ttab &'}</p>`,
    html`<p data-href="${'javascript:x'}">x</p>`,
  ];
  expect(made.map(String)).toMatchInlineSnapshot(`
    [
      "plain",
      "<a href="/y" title="a and b">c</a> d",
      "<a title="a" href="/y">a > b "c" 'd'</a>",
      "<p title="it's <b> a">0x<i>y</i></p>",
      "<p title="/a" class="b"><b>c</b></p>",
      "<p title="" class="a b"></p>",
      "<form action="/y"><img src="/y"><video poster="https://example.org/p"></video></form>",
      "<p title="&amp;" open>x</p>",
      "<p class="x">x</p>",
      "a<b>&lt;b&gt;",
      "<p>é\\u00ad
    &quot;\\u202e&quot;\\u0009tab &amp;</p>",
      "<p data-href="javascript:x">x</p>",
    ]
  `);
  // Text is joined, so that a page is few parts.
  expect(made.map(({ parts }) => parts.length)).toEqual(made.map(() => 1));
});

test('an address has its parameters, its part of the page, or both', () => {
  const page = path`/a/${1}/${'b/c'}`;
  const all = { q: 'x y&', n: 0, none: null, not: undefined, empty: '' };
  expect(
    [
      page,
      withQuery(page, all),
      withQuery(page, { empty: '' }),
      withQuery(path`/a?b=${'c'}`, all),
      withFragment(page, 'e f'),
      fragment('g h'),
    ].map(String),
  ).toEqual(['/a/1/b%2Fc', '/a/1/b%2Fc?q=x+y%26&n=0', '/a/1/b%2Fc', '/a?b=c&q=x+y%26&n=0', '/a/1/b%2Fc#e%20f', '#g%20h']);
  expect(String(path`/`)).toBe('/');
  expect(String(localAddress('/a?b=c#d'))).toBe('/a?b=c#d');
  for (const text of ['a', 'https://user@example.org/', 'https://:pass@example.org/', 'https://example.org/a b', 'https://[']) {
    expect(localAddress(text), text).toBeNull();
    expect(external(text), text).toBeNull();
  }
  expect(String(external('https://EXAMPLE.org'))).toBe('https://example.org/');
});
