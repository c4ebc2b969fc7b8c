import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../../services/report/limits.ts';
import { textOfHtml, visibleText } from '../../../services/report/mail/visible-text.ts';

const read = (mail: string) => visibleText(Buffer.from(mail.replaceAll('\n', '\r\n')), DEFAULT_LIMITS);

describe('the text of a mail', () => {
  test('is its plain part, decoded', () => {
    expect(
      read('Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9Fe\n')?.text,
    ).toBe('Grüße\n');
    const mixed =
      'Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>no</p>\n--b\nContent-Type: text/plain\n\nyes\n--b--\n';
    expect(read(mixed)).toMatchObject({ text: 'yes', from: 'plain' });
  });

  test('is that of its HTML where there is no other, with where links lead', () => {
    const html =
      '<html><head><title>t</title><style>x{}</style></head><body><p>Pay <a href="https://evil.example/?a=1&amp;b=2">here</a></p><img src="https://evil.example/p.gif"><script>alert(1)</script>now&nbsp;&#8364;</body></html>';
    expect(read(`Content-Type: text/html\n\n${html}\n`)).toEqual({
      text: 'Pay here [https://evil.example/?a=1&b=2]\n[picture]now €',
      from: 'html',
      cut: false,
    });
  });

  test('is none of an attachment, and null where there is none', () => {
    expect(read('Content-Type: application/pdf\n\nx\n')).toBeNull();
    expect(read('Content-Type: text/plain; name=a.txt\n\nx\n')).toBeNull();
  });

  test('is cut where it is long', () => {
    const found = read(`Content-Type: text/plain\n\n${'x'.repeat(200_000)}\n`);
    expect(found).toMatchObject({ cut: true });
    expect(found!.text).toHaveLength(100_000);
  });

  test.each([
    '<'.repeat(200_000),
    '<a '.repeat(100_000),
    '<!--'.repeat(100_000),
    `<a href="${'&'.repeat(200_000)}">x</a>`,
    '<script>'.repeat(50_000),
    `<a ${'href = '.repeat(50_000)}>`,
    '&#x'.repeat(100_000),
  ])('is found in one pass of whatever it is (%#)', (html) => {
    const begin = performance.now();
    textOfHtml(html);
    // A pass over it takes milliseconds; a pass for each character would take minutes.
    expect(performance.now() - begin).toBeLessThan(10_000);
  });

  test('has no character that is none', () => {
    expect(textOfHtml('&#0;&#xd800;&#x110000;&#99999999;&bogus;')).toBe('\ufffd\ufffd\ufffd&#99999999;&bogus;');
  });
});
