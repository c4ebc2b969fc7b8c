import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { authorOf } from '../../../services/report/mail/author.ts';
import { bodyHash, relaxedField } from '../../../services/report/mail/canonical.ts';
import { inspectSignatures, tagsOf, uncovered, verifySignature } from '../../../services/report/mail/dkim.ts';
import { readMailHeader } from '../../../services/report/mail/header.ts';
import { ambiguity } from '../../../services/report/mail/steering.ts';
import { dkimKey, dkimSigned, type SignOptions } from '../../attacks/dkim.ts';

const whyNot = (...given: Parameters<typeof verifySignature>) => verifySignature(...given)?.why ?? null;

const LIMITS = { headerLength: 256 * 1024 };
const bytes = (text: string) => Buffer.from(text, 'latin1');
const header = (text: string) => readMailHeader(bytes(text), LIMITS);

/** RFC 8463 appendix A.3, the mail, and the key of appendix A.2. */
const FOOTBALL = `DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
`.replaceAll('\n', '\r\n');
const BRISBANE = [['v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']];

describe('DKIM', () => {
  const inspect = (text: string) =>
    inspectSignatures(bytes(text), header(text), 'football.example.com', new Date(Date.UTC(2018, 5, 11)));

  test('the mail of RFC 8463 appendix A verifies, and does not when any of it is changed', () => {
    const [signature] = inspect(FOOTBALL).signatures;
    expect(whyNot(signature!, BRISBANE)).toBeNull();
    const changed = inspect(FOOTBALL.replace('Is dinner', 'Was dinner')).signatures[0]!;
    expect(whyNot(changed, BRISBANE)).toBe('bad signature');
    expect(inspect(FOOTBALL.replace('hungry', 'angry'))).toMatchObject({
      signatures: [],
      why: expect.stringMatching(/body hash/),
    });
    expect(whyNot(inspect(FOOTBALL.replaceAll('\r\n', '\n')).signatures[0]!, BRISBANE)).toBeNull();
  });

  test('a signature holds from an hour before the mail arrived until its end, both included (RFC 6376 section 3.5)', () => {
    const arrived = Date.UTC(2018, 5, 11) / 1000;
    const refused = (time: string) => {
      const { signatures, why } = inspect(FOOTBALL.replace('t=1528637909;', time));
      return signatures.length > 0 ? null : why;
    };
    expect(refused(`t=${arrived + 3600};`)).toBeNull();
    expect(refused(`t=${arrived + 3601};`)).toMatch(/made after the mail arrived/);
    expect(refused(`x=${arrived};`)).toBeNull();
    expect(refused(`x=${arrived - 1};`)).toMatch(/had expired when the mail arrived/);
    expect(refused(`t=${arrived}; x=${arrived + 1};`)).toBeNull();
    expect(refused(`t=${arrived + 1}; x=${arrived + 1};`)).toMatch(/expires before it was made/);
    for (const invalid of ['t=soon;', 'x=1e9;', 'x=-1;', `x=${'1'.repeat(13)};`])
      expect(refused(invalid)).toMatch(/an invalid time/);
  });

  test('a key of fewer than 1,024 bits proves nothing (RFC 8301 section 3.2), however well it verifies', () => {
    const verified = (bits: number) => {
      const key = dkimKey({ bits });
      const mail = dkimSigned(bytes('From: a@reporter.example\r\nSubject: s\r\n\r\nbody\r\n'), {
        domain: 'reporter.example',
        key,
        headers: ['from', 'subject'],
      });
      const at = new Date(Date.UTC(2026, 8, 2));
      const { signatures } = inspectSignatures(mail, header(mail.toString('latin1')), 'reporter.example', at);
      return whyNot(signatures[0]!, [[key.record]]);
    };
    expect(verified(1024)).toBeNull();
    expect(verified(1016)).toMatch(/its key has 1016 bits, too few/);
  });

  test('of several records the one that is the key counts', () => {
    const [signature] = inspect(FOOTBALL).signatures;
    expect(whyNot(signature!, [['v=spf1 -all'], ...BRISBANE])).toBeNull();
    expect(whyNot(signature!, [])).toBe('no key');
    expect(whyNot(signature!, [['v=DKIM1; k=ed25519; p=AAAA']])).toMatch(/not an Ed25519 key/);
    expect(whyNot(signature!, [['v=DKIM1; k=rsa; p=!']])).toMatch(/another type/);
    const words = BRISBANE[0]![0]!;
    for (const other of [words.replace('DKIM1', 'DKIM2'), `${words.replace('v=DKIM1; ', '')}; v=DKIM1`])
      expect(whyNot(signature!, [[other]])).toMatch(/another version/);
    expect(whyNot(signature!, [[words.replace('v=DKIM1; ', '')]])).toBeNull();
  });

  /** RFC 6376 section 3.4.5. */
  test('the forms of the example of RFC 6376', async () => {
    const { createHash } = await import('node:crypto');
    const sha = (text: string) => createHash('sha256').update(text, 'latin1').digest('base64');
    const body = bytes(' C \r\nD \t E\r\n\r\n\r\n');
    expect(bodyHash(body, 0, true)).toBe(sha(' C\r\nD E\r\n'));
    expect(bodyHash(body, 0, false)).toBe(sha(' C \r\nD \t E\r\n'));
    expect(relaxedField('A: X')).toBe('a:X');
    expect(relaxedField('B : Y\t\r\n\tZ  ')).toBe('b:Y Z');
    expect(bodyHash(bytes(''), 0, true)).toBe(sha(''));
    expect(bodyHash(bytes(' \r\n\t\r\n'), 0, true)).toBe(sha(''));
    expect(bodyHash(bytes('\r\n\r\n'), 0, false)).toBe(sha('\r\n'));
    expect(bodyHash(bytes('a'), 0, true)).toBe(sha('a\r\n'));
    expect(bodyHash(bytes('a\r\r\nb\rc'), 0, true)).toBe(sha('a\r\r\nb\rc\r\n'));
    const long = `${'x'.repeat(70_000)}\r\n${' y'.repeat(70_000)}`;
    expect(bodyHash(bytes(long), 0, true)).toBe(sha(`${long}\r\n`));
  });

  test('white space in a tag list counts where the grammar of a tag has none, and case does', () => {
    expect(tagsOf(' h = fr om :\tto ; d=exa mple.org; p = A B\r\n C; P=x ')).toEqual(
      new Map([
        ['h', 'fr om:to'],
        ['d', 'exa mple.org'],
        ['p', 'ABC'],
        ['P', 'x'],
      ]),
    );
    for (const [is, was] of [
      ['message- id', 'message-id'],
      ['d=football. example.com', 'd=football.example.com'],
      ['s=bris bane', 's=brisbane'],
    ] as const)
      expect(inspect(FOOTBALL.replace(was, is)).signatures).toEqual([]);
    expect(inspect(FOOTBALL.replace('fJVOzv8=;', 'fJVOzv8;')).signatures).toHaveLength(1);
  });

  test('a tag list names each tag once', () => {
    expect(tagsOf('a=1; b = 2 \r\n 3;')).toEqual(
      new Map([
        ['a', '1'],
        ['b', '23'],
      ]),
    );
    expect(tagsOf('a=1')).toEqual(new Map([['a', '1']]));
    for (const wrong of ['a=1; a=2', 'a', 'ab', 'a=1; ; b=2', '=1', '1=1', 'a-b=1', 'b h=1', ''])
      expect(tagsOf(wrong)).toBeNull();
  });
});

describe('the signatures of a mail', () => {
  const KEY = dkimKey({ ed25519: true });
  const AT = new Date(Date.UTC(2026, 8, 2));
  const HEADERS = ['from', 'subject', 'content-type', 'content-transfer-encoding'];
  const MAIL = bytes('From: a@reporter.example\r\nX-A: 1\r\nX-A: 2\r\nSubject: s\r\n\r\none  two\r\n--x\r\n');
  const sign = (options: Partial<SignOptions> = {}, mail: Buffer = MAIL) =>
    dkimSigned(mail, { domain: 'reporter.example', key: KEY, headers: HEADERS, ...options });
  const signTimes = (times: number, options: Partial<SignOptions>, mail: Buffer) =>
    Array.from({ length: times }).reduce<Buffer>((signed) => sign(options, signed), mail);
  const look = (mail: Buffer) => inspectSignatures(mail, header(mail.toString('latin1')), 'reporter.example', AT);
  const why = (mail: Buffer) => {
    const found = look(mail);
    expect(found.signatures).toEqual([]);
    return found.why;
  };
  const changed = (mail: Buffer, was: string | RegExp, is: string) => bytes(mail.toString('latin1').replace(was, is));
  const verified = (mail: Buffer, record = KEY.record) => look(mail).signatures.map((one) => whyNot(one, [[record]]));

  test.each<[string, Partial<SignOptions>]>([
    ['as most sign', {}],
    ['simple/simple', { canonicalization: 'simple/simple' }],
    ['simple/simple by default', { canonicalization: 'simple/simple', tags: { c: null } }],
    ['simple for the body by default', { canonicalization: 'relaxed/simple', tags: { c: 'relaxed' } }],
    ['simple/relaxed', { canonicalization: 'simple/relaxed' }],
    ['several fields of one name, from below', { headers: [...HEADERS, 'x-a', 'x-a', 'x-a'] }],
    ['i= of the domain', { tags: { i: 'someone@reporter.example' } }],
    ['i= below the domain', { tags: { i: '@mail.reporter.example' } }],
    ['q= with another method', { tags: { q: 'http:dns/txt' } }],
  ])('that prove its author: %s', (_, options) => {
    const mail = sign(options);
    expect(look(mail).why).toBe('');
    expect(verified(mail)).toEqual([null]);
    expect(verified(changed(mail, 'Subject: s', 'Subject: t'))).toEqual(['bad signature']);
    expect(verified(changed(mail, 'X-A: 2', 'X-A: 3'))).toEqual([options.headers ? 'bad signature' : null]);
  });

  test('a signature may cover the one below, and never itself', () => {
    const mail = sign({ headers: [...HEADERS, 'dkim-signature', 'dkim-signature'] }, sign());
    expect(verified(mail)).toEqual([null, null]);
  });

  test.each<[Partial<SignOptions>, RegExp]>([
    [{ tags: { v: '2' } }, /of another version/],
    [{ tags: { v: null } }, /of another version/],
    [{ headers: ['subject', 'content-type', 'content-transfer-encoding'] }, /does not cover the From field/],
    [{ tags: { h: 'from:subject:content-type:content- transfer-encoding' } }, /names invalid fields/],
    [{ length: 4 }, /covers only a part of the mail/],
    [{ tags: { a: 'rsa-sha1' } }, /an algorithm that no longer proves anything/],
    [{ tags: { a: null } }, /an algorithm that no longer proves anything/],
    [{ tags: { s: 'a/b' } }, /an invalid selector or domain/],
    [{ tags: { s: null } }, /an invalid selector or domain/],
    [{ tags: { d: 'a/b.reporter.example' } }, /an invalid selector or domain/],
    [{ tags: { c: 'strict' } }, /a canonicalization that does not exist/],
    [{ tags: { c: 'simple/strict' } }, /a canonicalization that does not exist/],
    [{ tags: { q: 'http' } }, /is not in DNS/],
    [{ tags: { i: 'reporter.example' } }, /an identity outside its domain/],
    [{ tags: { i: '@other.example' } }, /an identity outside its domain/],
    [{ tags: { i: '@evilreporter.example' } }, /an identity outside its domain/],
    [{ domain: 'mail.reporter.example', tags: { i: '@reporter.example' } }, /an identity outside its domain/],
    [{ tags: { bh: 'AAAA' } }, /does not verify \(body hash did not verify\)/],
    [{ tags: { bh: null } }, /does not verify \(body hash did not verify\)/],
    [{ headers: ['from', 'subject', 'content-transfer-encoding'] }, /Content-Type is not signed/],
    [{ domain: 'evil.example' }, /^no DKIM signature is by reporter\.example$/],
    [{ tags: { d: null } }, /^no DKIM signature is by reporter\.example$/],
  ])('that prove nothing: %j', (options, reason) => {
    expect(why(sign(options))).toMatch(reason);
    // It does no harm to another that does.
    expect(verified(sign(options, sign()))).toEqual([null]);
    expect(verified(sign({}, sign(options)))).toEqual([null]);
  });

  test('a mail without one, with one that cannot be read, and with the reason of an aligned one', () => {
    expect(why(MAIL)).toBe('the mail has no DKIM signature');
    expect(why(changed(sign(), 'v=1;', 'v;'))).toBe('no DKIM signature is by reporter.example');
    expect(why(changed(sign(), / b=.*/, ' b=!'))).toBe('the DKIM signature is not base64');
    for (const mail of [
      sign({ domain: 'evil.example' }, sign({ length: 4 })),
      sign({ length: 4 }, sign({ domain: 'evil.example' })),
    ])
      expect(why(mail)).toMatch(/covers only a part/);
  });

  test('five are looked at, of those that are acceptable and align', () => {
    expect(look(signTimes(6, {}, MAIL)).signatures).toHaveLength(5);
    expect(look(signTimes(4, { tags: { bh: 'AAAA' } }, sign())).signatures).toHaveLength(1);
    expect(look(signTimes(5, { tags: { bh: 'AAAA' } }, sign())).signatures).toEqual([]);
    expect(look(signTimes(6, { tags: { v: '2' } }, sign())).signatures).toHaveLength(1);
    expect(look(signTimes(6, { domain: 'evil.example' }, sign())).signatures).toHaveLength(1);
  });

  test('what a signature says of its key', () => {
    const [one, two] = [{}, { domain: 'mail.Reporter.example', selector: 'S2', tags: { i: '@a.mail.reporter.example' } }].map(
      (options) => look(sign(options)).signatures[0]!,
    );
    expect(one).toMatchObject({
      domain: 'reporter.example',
      keyName: 's1._domainkey.reporter.example',
      algorithm: 'ed25519-sha256',
      below: false,
    });
    expect(two).toMatchObject({ domain: 'mail.reporter.example', keyName: 's2._domainkey.mail.reporter.example', below: true });
  });

  describe('the published key', () => {
    const [signature] = look(sign()).signatures;
    const [below] = look(sign({ tags: { i: '@a.reporter.example' } })).signatures;
    const p = KEY.record.slice(KEY.record.indexOf('p='));
    test.each([
      ['v=DKIM1; p', 'the published key cannot be read'],
      ['v=DKIM1; k=ed25519', 'no key'],
      ['v=DKIM1; k=ed25519; p=', 'the key is revoked'],
      [`v=DKIM1; k=abcdefghijklmnopqrstuvwxyz; ${p}`, 'the published key is of another type (k=abcdefghijklmnopqrst)'],
      [`v=DKIM1; ${p}`, 'the published key is of another type (k=rsa)'],
      [`v=DKIM1; k=ed25519; h=sha1; ${p}`, 'the published key is not for SHA-256 (h=)'],
      [`v=DKIM1; k=ed25519; h=sha1:SHA256; ${p}`, null],
      [`v=DKIM1; k=ed25519; s=tlsrpt; ${p}`, 'the published key is not for mail (s=)'],
      [`v=DKIM1; k=ed25519; s=tlsrpt:email; ${p}`, null],
      [`v=DKIM1; k=ed25519; s=*; ${p}`, null],
      [`v=DKIM1; k=ed25519; t=s:Y; ${p}`, 'its key is for tests only (t=y)'],
      [`v=DKIM1; k=ed25519; t=s; ${p}`, null],
      ['v=DKIM1; k=ed25519; p=!', 'the published key is not base64'],
      ['v=DKIM1; k=ed25519; p=AAAA', 'the published key is not an Ed25519 key'],
    ])('%s: %s', (record, reason) => {
      expect(whyNot(signature!, [[record]])).toBe(reason);
    });

    test('may not be for names below the domain', () => {
      expect(whyNot(below!, [[KEY.record]])).toBeNull();
      expect(whyNot(below!, [[KEY.record.replace('k=', 't=s; k=')]])).toBe('its key is not for names below the domain (t=s)');
    });

    test('is looked for in three records', () => {
      const records = (wrong: number) => [...Array.from({ length: wrong }, () => ['v=DKIM1; k=rsa; p=AAAA']), [KEY.record]];
      expect(whyNot(signature!, records(2))).toBeNull();
      expect(whyNot(signature!, records(3))).toMatch(/another type/);
      // A record may come in several strings.
      expect(whyNot(signature!, [[KEY.record.slice(0, 20), KEY.record.slice(20)]])).toBeNull();
    });

    test('of RSA has at most 8,192 bits, and is RSA', () => {
      const rsa = { ...signature!, algorithm: 'rsa-sha256' as const };
      const of = (modulus: Buffer) => {
        const jwk = { kty: 'RSA', e: 'AQAB', n: modulus.toString('base64url') };
        const der = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' });
        return whyNot(rsa, [[`v=DKIM1; p=${der.toString('base64')}`]]);
      };
      expect(of(Buffer.alloc(1024, 0xff))).toBe('bad signature');
      expect(of(Buffer.concat([Buffer.from([1]), Buffer.alloc(1024, 0xff)]))).toBe('its key has 8193 bits, above 8192');
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const ec = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
      expect(whyNot(rsa, [[`v=DKIM1; p=${ec}`]])).toBe('the published key is not an RSA key');
      expect(whyNot(rsa, [['v=DKIM1; p=AAAA']])).toBe('the published key cannot be read');
    });

    test('of RSA may come in either form (RFC 6376 section 3.6.1)', () => {
      const key = dkimKey({ bits: 1024 });
      const [one] = look(sign({ key })).signatures;
      const der = createPublicKey(key.privateKey).export({ type: 'pkcs1', format: 'der' });
      expect(whyNot(one!, [[key.record]])).toBeNull();
      expect(whyNot(one!, [[`p=${der.toString('base64')}`]])).toBeNull();
    });
  });

  test('what another server verified must cover the whole mail, whichever signature it was', () => {
    const of = (mail: Buffer) => uncovered(mail, header(mail.toString('latin1')), 'reporter.example');
    const part = 'a DKIM signature covers only a part of the mail (l=)';
    expect(of(MAIL)).toBeNull();
    expect(of(sign())).toBeNull();
    expect(of(sign({ length: 4 }))).toBe(part);
    expect(of(sign({}, sign({ length: 4 })))).toBe(part);
    expect(of(sign({ length: 4 }, sign()))).toBe(part);
    expect(of(sign({ headers: ['from', 'subject'] }))).toMatch(/Content-Type is not signed/);
    expect(of(sign({}, sign({ headers: ['from', 'subject'] })))).toMatch(/Content-Type is not signed/);
    expect(of(sign({ headers: ['from', 'subject'] }, sign({ length: 4 })))).toMatch(/Content-Type is not signed/);
    // Only DKIM signatures count, of those only the ones that align, and only what can be read.
    expect(of(sign({ length: 4, field: 'X-Signature' }))).toBeNull();
    expect(of(sign({ length: 4, domain: 'evil.example' }))).toBeNull();
    expect(of(sign({ length: 4, tags: { d: null } }))).toBeNull();
    expect(of(changed(sign({ length: 4 }), 'v=1;', 'v;'))).toBeNull();
  });
});

describe('the author', () => {
  const author = (from: string) => authorOf(header(`From: ${from}\r\n\r\n`).fields).domain;

  test.each([
    ['a@b.example', 'b.example'],
    ['A <A@B.Example>', 'b.example'],
    ['"x@y.example, z" <a@b.example>', 'b.example'],
    ['(c (d)) <a@b.example> (e)', 'b.example'],
    ['"a b"@b.example', 'b.example'],
    ['a@b\xc3\xbccher.example', 'xn--bcher-kva.example'],
    ['a@b.example.', 'b.example'],
    ['a@b.example <a@b.example>', 'b.example'],
  ])('of %s', (from, domain) => expect(author(from)).toBe(domain));

  test.each([
    'group: a@b.example;',
    'a@b.example, c@d.example',
    '<a@b.example>, <c@d.example>',
    'x@y.example <a@b.example>',
    '<@c.example:a@b.example>',
    'a@[192.0.2.1]',
    'a@b@c.example',
    '"a@b.example',
    'a@b.example (',
    '<a@b.example> c',
    'a@b_.example',
    'a@b..example',
    'a@\xff.example',
    '=?utf-8?q?a=40b.example?=',
    'a\x01@b.example',
    '<>',
    '',
  ])('there is none in %j', (from) => expect(author(from)).toBeNull());
});

describe('a header is read in one way, or in doubt', () => {
  const doubt = (text: string) => ambiguity(header(text));

  test.each([
    'A: b\r\n\r\nc',
    'A: b\n\nc',
    'A: b',
    'A: b\r\n c\r\n\td\r\n\r\n',
    'X/Y!+~: z\r\n\r\n',
    'A : b\r\n\r\n',
    'A:\r\n\r\n',
    'From a@b.example Wed Sep  2 00:00:00 2026\r\nA: b\r\n\r\n',
  ])('in one way: %j', (text) => expect(doubt(text)).toBeNull());

  test.each<[string, RegExp]>([
    ['A: b\r\n \r\n\r\n', /continuation line is blank/],
    ['A: b\r\n\t \t\r\nB: c\r\n\r\n', /continuation line is blank/],
    ['A: b\r\nB: c\n\r\n', /CRLF and with a bare LF/],
    ['A: b\nB: c\r\n\r\n', /CRLF and with a bare LF/],
    ['A: b\r\n\nc', /CRLF and with a bare LF/],
    ['A: b\rB: c\r\n\r\n', /bare CR/],
    ['A: b\r\rc', /bare CR/],
    ['A: b\r', /bare CR/],
    ['A: b\0\r\n\r\n', /NUL/],
    ['\r\nA: b\r\n\r\n', /blank line/],
    [' A: b\r\n\r\n', /blank line|continuation/],
    ['A: b\r\nname="x:y"\r\n\r\n', /neither a field/],
    ['A: b\r\n<x:y>\r\n\r\n', /neither a field/],
    ['A: b\r\n: c\r\n\r\n', /neither a field/],
    ['A: b\r\n\xe9: c\r\n\r\n', /neither a field/],
    ['From x\r\nA: b\r\n\r\n', /one of an mbox/],
    ['From: a\r\nFROM : b\r\n\r\n', /more than one from field/],
    ['Content-Type: a\r\nX: y\r\ncontent-type: a\r\n\r\n', /more than one content-type field/],
  ])('in doubt: %j', (text, why) => expect(doubt(text)).toMatch(why));

  test('in doubt beyond what is plausible', () => {
    expect(doubt(`${'A: b\r\n'.repeat(2_001)}\r\n`)).toMatch(/longer than/);
    expect(doubt(`A: ${'b'.repeat(140_000)}\r\n\r\n`)).toMatch(/longer than/);
  });

  test('in doubt the lenient reading goes on', () => {
    const { fields, body } = header('Subject: a\r\nContent-Type: x;\r\nboundary="c:d"\r\n \r\nB');
    expect(fields.map(({ name, value }) => [name, value])).toEqual([
      ['subject', 'a'],
      ['content-type', 'x; boundary="c:d"'],
    ]);
    expect(body).toBe(49);
  });
});
