import { expect, test } from 'vitest';
import { checkLogo } from '../../../services/dns/bimi/svg.ts';

const ROOT = 'xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps"';
const logo = (inside = '', root = `${ROOT} viewBox="0 0 64 64"`) => `<svg ${root}><title>Example</title>${inside}</svg>`;

test('a logo of the profile has no problems', () => {
  expect(checkLogo(logo('<g><path d="M0 0" fill="url(#a)"/><use href="#b"/></g>'))).toEqual({ problems: [], square: true });
});

test('the view box says whether it is a square', () => {
  expect(checkLogo(logo('', `${ROOT} viewBox="0, 0, 64, 32"`)).square).toBe(false);
  expect(checkLogo(logo('', `${ROOT} viewBox="0 0 0 0"`)).square).toBe(false);
  expect(checkLogo(logo('', ROOT)).square).toBeNull();
});

test.each([
  ['another root', '<html/>', /not SVG/],
  ['another root of the namespace', '<g xmlns="http://www.w3.org/2000/svg"/>', /not SVG/],
  ['a root of another namespace', '<svg xmlns="http://example.com/"/>', /not SVG/],
  ['another version', logo('', 'xmlns="http://www.w3.org/2000/svg" baseProfile="tiny-ps"'), /version="1\.2" is missing/],
  ['another profile', logo('', 'xmlns="http://www.w3.org/2000/svg" version="1.2"'), /baseProfile/],
  ['a place on the page', logo('', `${ROOT} x="1"`), /attribute x/],
  ['a DOCTYPE', `<!DOCTYPE svg>${logo()}`, /DOCTYPE/],
  ['a script', logo('<script/>'), /element script/],
  ['an animation', logo('<animate/>'), /element animate/],
  ['an event', logo('<path onclick="x()"/>'), /onclick would run a script/],
  ['a link out', logo('<use href="https://evil.example/x.svg"/>'), /outside itself/],
  ['an old link out', logo('<use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="data:x"/>'), /outside itself/],
  ['a style from elsewhere', logo('<path fill="url(https://evil.example)"/>'), /outside itself/],
  ['no title', `<svg ${ROOT}><g><title>deep</title></g></svg>`, /title/],
  ['a title that says nothing', `<svg ${ROOT}><title> </title></svg>`, /title/],
  ['a title without content', `<svg ${ROOT}><title/><g><title>deep</title></g></svg>`, /title/],
  ['XML that is broken', `<svg ${ROOT}>`, /not well-formed/],
  ['an entity', logo('&evil;'), /not well-formed/],
])('%s is named', (_, text, problem) => {
  expect(checkLogo(text).problems.join('\n')).toMatch(problem);
});

test('problems are limited in number', () => {
  const many = [
    'a',
    'animate',
    'audio',
    'discard',
    'handler',
    'iframe',
    'image',
    'listener',
    'prefetch',
    'set',
    'style',
    'switch',
  ];
  expect(checkLogo(logo(many.map((name) => `<${name}/>`).join(''))).problems).toHaveLength(10);
});

test('names are cut, and a title counts directly below the root alone, wherever it stands there', () => {
  const long = 'x'.repeat(45);
  expect(checkLogo(logo(`<${long}/><path on${long}="x"/>`)).problems).toEqual([
    `The element ${'x'.repeat(40)} is not part of the profile.`,
    `The attribute on${'x'.repeat(38)} would run a script.`,
  ]);
  const bare = (inside: string) => checkLogo(`<svg ${ROOT} viewBox="0 0 64 64">${inside}</svg>`).problems;
  expect(bare('<desc>x</desc><g><path d="M0 0"/></g><title>Example</title>')).toEqual([]);
  for (const inside of ['<g><title>Example</title></g>', '<title> </title>', '<title/>Example', '<desc>Example</desc>'])
    expect(bare(inside), inside).toEqual(['The title element, directly below the root, is missing or empty.']);
});
