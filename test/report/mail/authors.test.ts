import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../../services/report/limits.ts';
import { authorsOf } from '../../../services/report/mail/authors.ts';
import { readMailHeader } from '../../../services/report/mail/header.ts';

const read = (...from: string[]) =>
  authorsOf(
    readMailHeader(Buffer.from(`${from.map((one) => `From: ${one}\r\n`).join('')}Subject: x\r\n\r\nbody`), DEFAULT_LIMITS),
  );
const base64 = (text: string) => `=?utf-8?b?${Buffer.from(text).toString('base64')}?=`;

describe('the author', () => {
  test.each([
    ['ada@example.com', 'ada@example.com', []],
    ['Ada Lovelace <Ada@Example.COM>', 'ada@example.com', ['Ada Lovelace']],
    ['"Lovelace, Ada" <ada@example.com>', 'ada@example.com', ['Lovelace, Ada']],
    ['ada@example.com (Ada Lovelace)', 'ada@example.com', ['Ada Lovelace']],
    ['=?utf-8?q?Ada_Lovelace?= <ada@example.com>', 'ada@example.com', ['Ada Lovelace']],
    [`${base64('Ada Love')} ${base64('lace')} <ada@example.com>`, 'ada@example.com', ['Ada Lovelace']],
    ['Ada\r\n Lovelace <ada@example.com>', 'ada@example.com', ['Ada Lovelace']],
    ['"Ada \\"Countess\\" Lovelace" <ada@example.com>', 'ada@example.com', ['Ada "Countess" Lovelace']],
    ['Ada (Countess) Lovelace <ada@example.com>', 'ada@example.com', ['Ada Countess Lovelace']],
    ['<ada@bücher.example>', 'ada@xn--bcher-kva.example', []],
  ])('of %s is one', (from, address, names) => {
    expect(read(from)).toEqual({
      author: { domain: address.split('@')[1], address },
      unclear: null,
      domains: [address.split('@')[1]],
      addresses: [address],
      names,
      marked: [],
      named: [],
      seen: [],
      sender: { names: [], domains: [] },
      unread: null,
    });
  });

  test.each([
    ['an address in the name', '"ada@example.com" <x@mail.example>', ['mail.example'], ['example.com']],
    ['an address in a comment', 'x@mail.example (ada@example.com)', ['mail.example'], ['example.com']],
    ['an address in an encoded name', `${base64('Ada <ada@example.com>')} <x@mail.example>`, ['mail.example'], ['example.com']],
    ['a dotted address in the name', '"ada @ example . com" <x@mail.example>', ['mail.example'], ['example.com']],
  ])('is told apart from %s', (_, from, domains, named) => {
    expect(read(from)).toMatchObject({ domains, named });
  });

  test.each([
    ['two fields', ['ada@example.com', 'x@mail.example'], ['example.com', 'mail.example']],
    ['two fields, the strange one first', ['x@mail.example', 'ada@example.com'], ['mail.example', 'example.com']],
    ['two mailboxes', ['Ada <ada@example.com>, x@mail.example'], ['example.com', 'mail.example']],
    ['a group', ['Team: ada@example.com, x@mail.example;'], ['example.com', 'mail.example']],
    ['two angle brackets', ['<ada@example.com> <x@mail.example>'], ['example.com', 'mail.example']],
    ['angle brackets within angle brackets', ['<ada@example.com<x@mail.example>>'], ['example.com', 'mail.example']],
    ['an encoded address', [base64('ada@example.com')], ['example.com']],
    ['an encoded domain', [`<ada@${base64('example.com')}>`], ['example.com']],
    ['blanks around the at', ['<ada @ example . com>'], ['example.com']],
    ['a comment in the domain', ['<ada@example.(x)com>'], ['example.com']],
    ['no angle bracket at the end', ['Ada <ada@example.com'], ['example.com']],
  ])('is not clear with %s, and every reading is found', (_, from, domains) => {
    const found = read(...from);
    expect(found.author).toBeNull();
    expect(found.unclear).toBeTypeOf('string');
    expect([...found.domains].sort()).toEqual([...domains].sort());
  });

  test.each([[''], ['<>'], ['undisclosed:;'], ['Ada Lovelace']])('is missing in "%s"', (from) => {
    expect(read(from)).toMatchObject({ author: null, unclear: expect.any(String), domains: [] });
  });

  test('is missing without a From field, whatever Sender says', () => {
    const header = readMailHeader(Buffer.from('Sender: ada@example.com\r\n\r\n'), DEFAULT_LIMITS);
    expect(authorsOf(header)).toMatchObject({
      author: null,
      domains: [],
      names: [],
      sender: { names: [], domains: ['example.com'] },
    });
  });

  test('has names in which comments nest, and base64 that was cut at any place is joined in a reading of its own', () => {
    expect(read('x@mail.example (ada (at) example.com)').names).toEqual(['ada (at) example.com']);
    const cut = base64('Ada Lovelace').slice(10, -2);
    const words = `=?utf-8?b?${cut.slice(0, 6)}?= =?utf-8?b?${cut.slice(6)}?=`;
    expect(read(`${words} <x@mail.example>`).marked).toEqual(['Ada Lovelace']);
    expect(read(`=?utf-8?b?QWRhIA?= =?utf-8?b?TG92ZWxhY2U?= <x@mail.example>`).names).toEqual(['Ada Lovelace']);
  });

  test('of an address that some programs decode is seen in both readings', () => {
    // RFC 2047 section 5 forbids encoded words in addresses; some programs decode them, and show what is
    // before the NUL.
    const { author, domains } = read(`<${base64('ada@example.com\0')}@mail.example>`);
    expect(author?.domain).toBe('mail.example');
    expect(domains).toContain('mail.example');
    expect(domains).toContain('example.com');
  });

  test('of a field without end is not clear, and costs little', () => {
    for (const from of ['<'.repeat(90_000), '"'.repeat(90_001), '('.repeat(90_000), 'a@'.repeat(45_000), '=?a?b?'.repeat(15_000)])
      expect(read(from)).toMatchObject({ author: null, unclear: expect.any(String) });
    expect(read(...Array.from({ length: 500 }, () => 'ada@example.com')).author).toBeNull();
  });

  test('is never clear where the strict reading finds none, whatever the octets', () => {
    const from = fc.array(fc.constantFrom(...'ab@.<>"(),;:\\ =?', 'example.com', '@mail.example'), { maxLength: 30 });
    fc.assert(
      fc.property(from, (pieces) => {
        const found = read(pieces.join(''));
        expect(found.author === null).toBe(found.unclear !== null);
        if (found.author !== null) expect(found.domains).toContain(found.author.domain);
      }),
    );
  });
});

test('a field of 8,192 characters is looked at, and a longer one leaves the author unclear', () => {
  const of = (length: number) => read(`${'x'.repeat(length - ' <ada@example.com>'.length)} <ada@example.com>`).unclear;
  expect(of(8_192)).toBeNull();
  expect(of(8_193)).toBe('the mail has From fields that are too long');
});
