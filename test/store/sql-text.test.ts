import { expect, test } from 'vitest';
import { clipped, isoSeconds, keyText, literal, plain, rowsJson } from '../../services/store/sql-text.ts';

test('what Postgres text cannot hold becomes U+FFFD, and nothing else changes', () => {
  expect(plain('a\0b\ud800c\u{1f600}')).toBe('a\ufffdb\ufffdc\u{1f600}');
});

test('a cut never leaves half of a character', () => {
  expect(clipped('ab\u{1f600}', 3)).toBe('ab\ufffd');
  expect(clipped('ab\u{1f600}', 4)).toBe('ab\u{1f600}');
  // As long as a domain name may be (RFC 1035 section 3.1).
  expect(keyText('x'.repeat(300))).toBe('x'.repeat(255));
});

test('JSON is clean at every depth, and only then written twice', () => {
  const rows = [{ a: 'x\0', b: { c: ['\udfff'] }, n: 1, none: null }];
  expect(rowsJson(rows)).toBe('[{"a":"x\ufffd","b":{"c":["\ufffd"]},"n":1,"none":null}]');
  // A backslash before u0000 is no escape of a NUL.
  expect(JSON.parse(rowsJson(['\\u0000']))).toEqual(['\\u0000']);
});

test('a literal cannot be left by its text', () => {
  expect(literal("o'; drop table x; --")).toBe("'o''; drop table x; --'");
});

test('seconds are UTC', () => {
  expect(isoSeconds(1788220800)).toBe('2026-09-01T00:00:00.000Z');
});
