import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { redactAddress, redactResults } from '../../../services/report/failure/redact.ts';

describe('addresses', () => {
  test.each([
    ['ann@example.com', '***@example.com'],
    ['<ann@example.com>', '***@example.com'],
    ['"Author, Ann" <ann@example.com>', '***@example.com'],
    ['Ann Author <ann@example.com>', '***@example.com'],
    ['"ann@home" <ann@example.com>', '***@example.com'],
    ['ann@private.example <ann@example.com>', '***@example.com'],
    ['ann@example.com (Ann at ann@home.example)', '***@example.com'],
    ['"ann author"@example.com', '***@example.com'],
    ['<bounce+ann=example.net@example.com>', '***@example.com'],
    ['ann@example.com, bob@example.net', '***@example.com, ***@example.net'],
    ['<@relay.example:ann@example.com>', '***@example.com'],
    ['жанна@example.com', '***@example.com'],
    ['<>', '<>'],
    ['', ''],
    ['Ann Author', '***'],
    ['"unclosed ann@example.com', '***'],
  ])('%s', (text, redacted) => {
    expect(redactAddress(text)).toBe(redacted);
  });

  test('whatever stands before the domain goes', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '+', '=', '-', 'é', '!'), minLength: 3, maxLength: 30 });
    fc.assert(
      fc.property(letters, (local) => {
        expect(redactAddress(`${local}@example.com`)).toBe('***@example.com');
        expect(redactAddress(`"${local}" <${local}@example.com>`)).toBe('***@example.com');
        expect(redactResults(`mx.example; spf=fail (domain of ${local}@example.com) smtp.mailfrom=${local}@example.com`)).toBe(
          'mx.example; spf=fail (domain of ***@example.com) smtp.mailfrom=***@example.com',
        );
      }),
    );
  });
});

describe('authentication results', () => {
  test.each([
    ['mx; dkim=fail header.d=example.com header.i=@example.com', 'mx; dkim=fail header.d=example.com header.i=@example.com'],
    ['mx; dkim=fail header.i="ann author"@example.com', 'mx; dkim=fail header.i=***@example.com'],
    ['mx; spf=pass smtp.mailfrom=b+1=163.com@example.com; dmarc=none', 'mx; spf=pass smtp.mailfrom=***@example.com; dmarc=none'],
    ['mx; spf=pass smtp.mailfrom="<ann@example.com>"', 'mx; spf=pass smtp.mailfrom="<***@example.com>"'],
    ['softfail; envelope-from=ann@example.com; helo=x', 'softfail; envelope-from=***@example.com; helo=x'],
    ['nothing personal', 'nothing personal'],
  ])('%s', (text, redacted) => {
    expect(redactResults(text)).toBe(redacted);
  });
});
