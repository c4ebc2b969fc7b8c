import { expect, test } from 'vitest';
import { clean, inlineHtml, wrap } from '../../../services/alerter/templates/plain-text.ts';

test('dates and names keep together on a line, unless they are wider than a telephone', () => {
  expect(inlineHtml('since 2026-10-05 at my-shop.example, <a-b>')).toBe(
    'since <span style="white-space:nowrap;">2026-10-05</span> at <span style="white-space:nowrap;">my-shop.example</span>, &lt;a-b&gt;',
  );
  // What is longer than a telephone is wide may break.
  expect(inlineHtml(`a-${'b'.repeat(40)}`)).not.toContain('span');
});

test('text is cleaned and shortened by characters, and wraps at words', () => {
  expect(clean('a\u0000b\tc\u2028 d', 5)).toBe('a b…');
  expect(clean('🙂'.repeat(300))).toBe(`${'🙂'.repeat(199)}…`);
  expect(clean(undefined)).toBe('');
  expect(wrap('aaaa bb ccccccc', 5)).toEqual(['aaaa', 'bb', 'ccccc', 'cc']);
});
