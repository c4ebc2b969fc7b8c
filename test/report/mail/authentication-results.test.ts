import { describe, expect, test } from 'vitest';
import {
  decides,
  type OwnResults,
  ownResults,
  parseAuthenticationResults,
  provenBy,
} from '../../../services/report/mail/authentication-results.ts';

describe('parseAuthenticationResults', () => {
  test('reads methods, versions, properties, comments and quotes', () => {
    expect(
      parseAuthenticationResults(
        'mx.example.org 1; (a (nested; comment)) dkim=pass (2048-bit key) header.d=a.example header.i="@a.example" header.b=ab;\tSPF/1 = Pass smtp . mailfrom=x@a.example; none',
      ),
    ).toEqual({
      authservId: 'mx.example.org',
      results: [
        {
          method: 'dkim',
          result: 'pass',
          properties: new Map([
            ['header.d', 'a.example'],
            ['header.i', '@a.example'],
            ['header.b', 'ab'],
          ]),
        },
        { method: 'spf', result: 'pass', properties: new Map([['smtp.mailfrom', 'x@a.example']]) },
      ],
      unclear: false,
    });
    expect(parseAuthenticationResults('mx.example.org; none')).toEqual({
      authservId: 'mx.example.org',
      results: [],
      unclear: false,
    });
    expect(parseAuthenticationResults('spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=a.example; dkim=pass')).toBeNull();
  });

  test('an escaped quote does not end a string, and a backslash outside of strings escapes nothing', () => {
    const of = (text: string) =>
      parseAuthenticationResults(`mx.example.org; ${text}`)!.results.map(({ method, result }) => `${method}=${result}`);
    expect(of(String.raw`spf=pass smtp.mailfrom="a\"; dkim=pass header.d=b.example; x=\""@evil.example`)).toEqual(['spf=pass']);
    expect(of(String.raw`spf=fail smtp.mailfrom="a\\"; dkim=fail`)).toEqual(['spf=fail', 'dkim=fail']);
    expect(of(String.raw`spf=fail \; dkim=fail`)).toEqual(['spf=fail', 'dkim=fail']);
    expect(of('spf=fail smtp.mailfrom="a;b"; dkim=fail')).toEqual(['spf=fail', 'dkim=fail']);
  });
});

describe('what can be read in more than one way', () => {
  const of = (text: string) => {
    const { results, unclear } = parseAuthenticationResults(`mx.example.org${text}`)!;
    return [results.map(({ method, result }) => `${method}=${result}`), unclear];
  };
  test.each<[string, string, string[], boolean]>([
    ['a quoted parenthesis in a comment', '; spf=fail (a ")" b); dkim=fail', [], true],
    ['quotes around the end of a comment', '; spf=fail (a ")" b " c); dkim=fail', [], true],
    ['a quote that ends within a word', '; spf=fail smtp.mailfrom="a"b', [], true],
    ['the same in the second quoted value', '; spf=fail smtp.mailfrom="a"; dkim=fail header.d="b"c', [], true],
    ['a quote that never ends', '; spf=fail smtp.mailfrom="a', [], true],
    ['a property with two values', '; dkim=pass header.d=a.example header.d=b.example; spf=pass', ['spf=pass'], true],
    ['a failure with two values', '; dkim=fail header.d=a.example header.d=b.example', ['dkim=fail'], true],
    ['a property with the same value twice', '; dkim=pass header.d=a.example header.d=a.example', ['dkim=pass'], false],
    ['a quoted address', '; spf=pass smtp.mailfrom="a b"@b.example', ['spf=pass'], false],
    ['no blank between the parts', ';dkim=fail;spf=fail', ['dkim=fail', 'spf=fail'], false],
  ])('%s', (_, text, results, unclear) => {
    expect(of(text)).toEqual([results, unclear]);
  });

  test('the name of the server may be quoted, and that quote must end', () => {
    expect(parseAuthenticationResults('"mx.example.org"; dkim=fail')).toMatchObject({
      authservId: 'mx.example.org',
      results: [{ method: 'dkim' }],
      unclear: false,
    });
    expect(parseAuthenticationResults('"mx.example.org')).toEqual({ authservId: 'mx.example.org', results: [], unclear: true });
  });
});

describe('ownResults', () => {
  const IDS = ['mx.example.org', 'mailhost', '192.0.2.1'];
  const results = (text: string, id = 'mx.example.org') => ({ name: 'authentication-results', value: `${id}; ${text}` });
  const received = (by: string, protocol = 'ESMTPS') => ({
    name: 'received',
    value: `from a.example by ${by} (Postfix) with ${protocol} id 1; Wed, 2 Sep 2026 00:00:00 +0000`,
  });
  const found = (...fields: { name: string; value: string }[]): [string[], boolean] | null => {
    const own: OwnResults | null = ownResults(
      fields.map((field) => ({ ...field, start: 0, end: 0 })),
      IDS,
    );
    return own === null ? null : [own.results.map(({ method, result }) => `${method}=${result}`), own.more];
  };

  test('the only field of the server is complete; another one below may be of a forger', () => {
    expect(found(results('dkim=fail'))).toEqual([['dkim=fail'], false]);
    expect(found(results('dkim=fail'), received('mx.example.org'))).toEqual([['dkim=fail'], false]);
    expect(found(results('dkim=fail'), received('mx.example.org'), results('dmarc=pass'))).toEqual([['dkim=fail'], true]);
    expect(found(results('dkim=fail'), results('dmarc=pass'))).toEqual([['dkim=fail'], true]);
    expect(found(results('dkim=fail'), received('mx.example.org'), results('dmarc=pass', 'other.example'))).toEqual([
      ['dkim=fail'],
      false,
    ]);
  });

  test('a field for each method is read as one above the own, named Received alone, with no method twice', () => {
    const both = [results('dkim=pass'), results('dmarc=pass')];
    expect(found(...both, received('mx.example.org'))).toEqual([['dkim=pass', 'dmarc=pass'], false]);
    expect(found(...both, received('mx2.example.org'))).toEqual([['dkim=pass', 'dmarc=pass'], false]);
    expect(found(...both, received('localhost'))).toEqual([['dkim=pass'], true]);
    expect(found(received('mx.example.org'), ...both, received('mx.example.org'))).toEqual([['dkim=pass'], true]);
    expect(found(received('mx.example.org', 'LMTP'), ...both, received('mx.example.org'))).toEqual([
      ['dkim=pass', 'dmarc=pass'],
      false,
    ]);
    expect(found(results('dkim=pass'), results('dkim=fail'), received('mx.example.org'))).toEqual([['dkim=pass'], true]);
    expect(found(results('dkim=pass x'), results('dmarc=pass'), received('mx.example.org'))).toEqual([[], true]);
  });

  test('nothing counts below the Received of a foreign server', () => {
    expect(found(received('mx.other.example'), results('dmarc=pass'))).toBeNull();
    expect(found(received('10.0.0.1'), received('localhost'), results('dmarc=pass'))).toEqual([['dmarc=pass'], false]);
    expect(found()).toBeNull();
    // Above it stands what one's own server wrote.
    expect(found(results('dkim=fail'), received('mx.other.example'))).toEqual([['dkim=fail'], false]);
  });

  test('only Authentication-Results count, whatever other fields hold', () => {
    expect(found({ ...results('dmarc=pass'), name: 'x-note' })).toBeNull();
  });

  test('a server may be listed by a name without a dot, or by an address', () => {
    const both = [results('dkim=pass', 'mailhost'), results('dmarc=pass', 'mailhost')];
    for (const by of ['mailhost', '192.0.2.1'])
      expect(found(...both, received(by))).toEqual([['dkim=pass', 'dmarc=pass'], false]);
    for (const by of ['otherhost', '192.0.2.2']) expect(found(...both, received(by))).toEqual([['dkim=pass'], true]);
    expect(found(...both, { name: 'received', value: 'from a.example; Wed, 2 Sep 2026 00:00:00 +0000' })).toEqual([
      ['dkim=pass'],
      true,
    ]);
  });

  test('the first Received below the fields decides how they are read, and no later one', () => {
    const both = [results('dkim=pass'), results('dmarc=pass')];
    expect(found(...both, received('mx.example.org'), received('mx.other.example'))).toEqual([
      ['dkim=pass', 'dmarc=pass'],
      false,
    ]);
    expect(found(...both, received('localhost'), received('mx.example.org'))).toEqual([['dkim=pass'], true]);
    // Below a hop into the mail store a forger may have written, as below any other.
    expect(
      found(results('dkim=pass'), received('mx.example.org', 'LMTP'), results('dmarc=pass'), received('mx.example.org')),
    ).toEqual([['dkim=pass'], true]);
  });

  test('a result for DMARC is final, one for DKIM only when no other field follows', () => {
    const of = (text: string, more = false) =>
      decides({ results: parseAuthenticationResults(`x.example; ${text}`)!.results, more });
    expect([of('dmarc=fail'), of('dmarc=fail', true), of('dkim=none'), of('dkim=none', true), of('spf=pass')]).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(of('dmarc=fail; dmarc=none')).toBe(false);
  });

  test('the author is proven by DMARC, else by what aligns; a failed DMARC outweighs all', () => {
    const of = (text: string) => {
      const proof = provenBy(parseAuthenticationResults(`x.example; ${text}`)!.results, 'reporter.example');
      return proof === null ? null : `${proof.how}${proof.whole ? ', whole' : ''}`;
    };
    expect(of('dmarc=pass header.from=reporter.example')).toBe('dmarc=pass');
    expect(of('dmarc=pass header.from=reporter.example; spf=pass smtp.mailfrom=reporter.example')).toBe('dmarc=pass, whole');
    expect(of('dmarc=pass header.from=evil.example')).toBeNull();
    expect(of('dmarc=fail; dkim=pass header.d=reporter.example')).toBeNull();
    expect(of('dkim=pass header.d=mail.reporter.example')).toBe('dkim=pass');
    expect(of('dkim=pass header.i=@reporter.example')).toBe('dkim=pass');
    expect(of('dkim=pass header.d=evil.example')).toBeNull();
    expect(of('dkim=fail header.d=reporter.example; spf=pass smtp.mailfrom=x@reporter.example')).toBe('spf=pass, whole');
    expect(of('spf=softfail smtp.mailfrom=reporter.example')).toBeNull();
    expect(of('spf=pass smtp.mailfrom="reporter.example"@evil.example')).toBeNull();
    // Without a domain, or with a value that is none, nothing is proven.
    for (const text of ['dkim=pass', 'spf=pass', 'dkim=pass header.d=a,b', 'spf=pass smtp.mailfrom=<>'])
      expect(of(text)).toBeNull();
    expect(of('dmarc=pass; dkim=pass header.d=a,b')).toBe('dmarc=pass');
    // Only the From field that DMARC was about counts.
    expect(of('dmarc=pass header.from=reporter.example; spf=fail header.from=evil.example')).toBe('dmarc=pass');
    expect(of('dmarc=fail; dmarc=pass header.from=reporter.example')).toBeNull();
  });
});
