import { describe, expect, test } from 'vitest';
import { authenticate } from '../../../services/parser/verify/authenticity.ts';
import { verdictFor, verdictsByHeader } from '../../../services/parser/verify/reporter.ts';
import type { Config } from '../../../services/shared/settings/config.ts';
import { mailFrom, resolverOf, signed, type TestResolver, under } from '../signed.ts';

const AT = new Date(Date.UTC(2026, 8, 2));
const VERIFY: Config['trust'] = { check: 'verify', authserv_ids: [] };
const OURS: Config['trust'] = { check: 'verify', authserv_ids: ['mx.example.org'] };
const RECEIVED =
  'Received: from out.reporter.example (out.reporter.example [192.0.2.1])\r\n\tby mx.example.org (Postfix) with ESMTPS id 1; Wed, 2 Sep 2026 00:00:00 +0000';
const results = (text: string, id = 'mx.example.org') => `Authentication-Results: ${id}; ${text}`;
const PASS = 'dmarc=pass header.from=reporter.example';

const verdict = (mail: Buffer, settings = VERIFY, resolver: TestResolver = resolverOf('reporter.example', 'evil.example')) =>
  authenticate(mail, AT, settings, resolver);

describe('by the DKIM signature', () => {
  test('a signature of the author, or of a domain of the same organization, is proof', async () => {
    const mail = await signed(mailFrom('reporter.example'), 'reporter.example');
    expect(await verdict(mail)).toMatchObject({ state: 'authentic', from: 'reporter.example' });
    const sub = await signed(mailFrom('dmarc.reporter.example'), 'reporter.example');
    expect(await verdict(sub)).toMatchObject({ state: 'authentic', from: 'dmarc.reporter.example' });
  });

  test('a mail that came with bare line feeds is verified as it was signed', async () => {
    const mail = await signed(mailFrom('reporter.example'), 'reporter.example');
    expect(await verdict(Buffer.from(mail.toString('latin1').replaceAll('\r\n', '\n'), 'latin1'))).toMatchObject({
      state: 'authentic',
    });
  });

  test.each<[string, () => Promise<Buffer> | Buffer, RegExp]>([
    ['none', () => mailFrom('reporter.example'), /has no DKIM signature/],
    ['of somebody else', () => signed(mailFrom('reporter.example'), 'evil.example'), /no DKIM signature is by reporter\.example/],
    [
      'of a mail that was changed',
      async () =>
        Buffer.concat([await signed(mailFrom('reporter.example'), 'reporter.example'), Buffer.from('--b1\r\nmore\r\n')]),
      /does not verify \(body hash/,
    ],
    ['without a key', () => signed(mailFrom('unpublished.example'), 'unpublished.example'), /does not verify \(no key\)/],
    [
      'that leaves the From field out',
      async () =>
        Buffer.from(
          (await signed(mailFrom('reporter.example'), 'reporter.example'))
            .toString('latin1')
            .replace(/h=[^;]*;/, 'h=Subject:Date;'),
          'latin1',
        ),
      /does not cover the From field/,
    ],
    [
      'of a part of the mail',
      async () =>
        Buffer.from(
          (await signed(mailFrom('reporter.example'), 'reporter.example')).toString('latin1').replace('v=1;', 'v=1; l=10;'),
          'latin1',
        ),
      /only a part of the mail/,
    ],
  ])('a signature %s proves nothing', async (_, mail, why) => {
    expect(await verdict(await mail())).toMatchObject({ state: 'unproven', why: expect.stringMatching(why) });
  });

  test('two authors are none', async () => {
    const mail = under(['From: ceo@reporter.example'], await signed(mailFrom('reporter.example'), 'reporter.example'));
    expect(await verdict(mail)).toMatchObject({ state: 'unproven', from: null });
  });

  test('names of other domains are not looked up, however many signatures and ARC fields there are', async () => {
    const resolver = resolverOf('reporter.example');
    const foreign = Array.from(
      { length: 500 },
      (_, i) => `DKIM-Signature: v=1; a=rsa-sha256; d=d${i}.evil.example; s=s; h=from; bh=AA==; b=AA==`,
    );
    const arc = [
      'ARC-Seal: i=1; a=rsa-sha256; cv=none; d=evil.example; s=s; b=AA==',
      'ARC-Message-Signature: i=1; a=rsa-sha256; d=evil.example; s=s; h=from; bh=AA==; b=AA==',
      'ARC-Authentication-Results: i=1; evil.example; __proto__.polluted=yes; spf=pass __proto__.polluted=yes',
    ];
    const mail = under([...arc, ...foreign], await signed(mailFrom('reporter.example'), 'reporter.example'));
    expect(await verdict(mail, VERIFY, resolver)).toMatchObject({ state: 'authentic' });
    expect(resolver.asked).toEqual(['s1._domainkey.reporter.example']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('a name service that does not answer is no verdict', async () => {
    const resolver = resolverOf('reporter.example');
    resolver.down.add('s1._domainkey.reporter.example');
    const mail = await signed(mailFrom('reporter.example'), 'reporter.example');
    expect(await verdict(mail, VERIFY, resolver)).toMatchObject({
      state: 'unknown',
      why: expect.stringMatching(/could not say/),
    });
  });
});

describe("by one's own server", () => {
  const plain = mailFrom('reporter.example');

  test.each<[string, string[], string | null]>([
    ['dmarc=pass above the server’s own Received', [results(PASS), RECEIVED], 'dmarc=pass'],
    ['dmarc=pass below it, as Google writes it', [RECEIVED, results(PASS)], 'dmarc=pass'],
    ['under an inner hop', ['Received: from mx.example.org by localhost with LMTP; now', results(PASS), RECEIVED], 'dmarc=pass'],
    [
      'several fields of one server',
      [results('spf=fail smtp.mailfrom=x.example'), results('dkim=pass header.d=reporter.example'), RECEIVED],
      'dkim=pass',
    ],
    [
      'no DMARC record, an aligned SPF',
      [results('dmarc=none; spf=pass smtp.mailfrom=bounce@mail.reporter.example'), RECEIVED],
      'spf=pass',
    ],
    ['an SPF of somebody else', [results('spf=pass smtp.mailfrom=evil.example'), RECEIVED], null],
    ['dmarc=fail beside an aligned DKIM', [results('dmarc=fail; dkim=pass header.d=reporter.example'), RECEIVED], null],
    [
      'dmarc told twice with different results, beside an aligned SPF and DKIM',
      [results(`dmarc=fail; ${PASS}; spf=pass smtp.mailfrom=a@reporter.example; dkim=pass header.d=reporter.example`), RECEIVED],
      null,
    ],
    [
      'dmarc told twice with one result',
      [results(`${PASS}; ${PASS}; dkim=pass header.d=reporter.example`), RECEIVED],
      'dmarc=pass',
    ],
    ['dmarc=pass for another author', [results('dmarc=pass header.from=evil.example'), RECEIVED], null],
    ['a pass within a comment', [results('dmarc=fail (dmarc=pass header.from=reporter.example)'), RECEIVED], null],
    ['a pass within quotes', [results('dmarc=fail reason="x; dmarc=pass"'), RECEIVED], null],
  ])('%s', async (_, fields, how) => {
    const found = await verdict(under(fields, plain), OURS);
    expect(found).toMatchObject(how === null ? { state: 'unproven' } : { state: 'authentic', how: `${how} by our own server` });
  });

  test.each<[string, string[]]>([
    ['in the name of another server', [results(PASS, 'mx.evil.example'), RECEIVED]],
    [
      'in our name, below the Received of another server',
      [RECEIVED, 'Received: from a by relay.evil.example; now', results(PASS)],
    ],
    [
      'in our name, below a field of ours that says fail',
      [RECEIVED, results('dmarc=fail header.from=reporter.example'), results(PASS)],
    ],
    ['in our name, below our Received, where ours stands above it', [results('spf=none'), RECEIVED, results(PASS)]],
    ['without a name, as Microsoft 365 writes it', ['Authentication-Results: dmarc=pass header.from=reporter.example', RECEIVED]],
  ])('a field %s is not believed', async (_, fields) => {
    expect(await verdict(under(fields, plain), OURS)).toMatchObject({ state: 'unproven' });
  });

  test('what it says settles it: the signature is not looked at, nor any name looked up', async () => {
    const resolver = resolverOf('reporter.example');
    const mail = under([results('dmarc=fail'), RECEIVED], await signed(plain, 'reporter.example'));
    expect(await verdict(mail, OURS, resolver)).toMatchObject({
      state: 'unproven',
      why: 'our own server found dmarc=fail for reporter.example',
    });
    expect(resolver.asked).toEqual([]);
  });

  test('where it says nothing, the signature does; with check authserv, nothing does', async () => {
    const mail = await signed(plain, 'reporter.example');
    expect(await verdict(mail, OURS)).toMatchObject({ state: 'authentic' });
    const resolver = resolverOf('reporter.example');
    expect(await verdict(mail, { ...OURS, check: 'authserv' }, resolver)).toMatchObject({ state: 'unproven' });
    expect(resolver.asked).toEqual([]);
  });
});

describe('whose report it is', () => {
  const authentic = (from: string) =>
    ({ state: 'authentic', from, address: `dmarc@${from}`, how: 'the DKIM signature of it verifies' }) as const;
  test.each<[string, string | null, string | null, 'authenticated' | 'mismatched']>([
    ['google.com', 'google.com', 'noreply-dmarc-support@google.com', 'authenticated'],
    ['microsoft.com', 'Enterprise Outlook', 'dmarcreport@microsoft.com', 'authenticated'],
    ['microsoft.com', 'Outlook.com', 'dmarcreport@microsoft.com', 'authenticated'],
    ['dmarc.yahoo.com', 'Yahoo', 'noreply@dmarc.yahoo.com', 'authenticated'],
    ['yahooinc.com', 'Yahoo! Inc.', 'dmarc-noreply@yahooinc.com', 'authenticated'],
    ['corp.mail.ru', 'Mail.Ru', 'dmarc_support@corp.mail.ru', 'authenticated'],
    ['sicher.gmx.net', 'GMX', 'noreply-dmarc@sicher.gmx.net', 'authenticated'],
    ['sicher.web.de', 'WEB.DE', 'noreply-dmarc@sicher.web.de', 'authenticated'],
    ['au-1.mimecastreport.com', 'Mimecast', 'no-reply@au-1.mimecastreport.com', 'authenticated'],
    ['amazonses.com', 'AMAZON-SES', 'postmaster@amazonses.com', 'authenticated'],
    ['esa1.hc6013-74.iphmx.com', 'mayo.edu', 'MAILER-DAEMON@esa1.hc6013-74.iphmx.com', 'authenticated'],
    ['mail.tern.example', 'Tern Mail', 'DMARC <dmarc@tern.example>', 'authenticated'],
    ['tern.example', 'tern.example', null, 'authenticated'],
    ['evil.example', 'google.com', 'noreply-dmarc-support@google.com', 'mismatched'],
    ['evil.example', 'google.com', 'reports@evil.example', 'mismatched'],
    ['evil.example', ' GOOGLE.com', 'reports@evil.example', 'mismatched'],
    ['evil.example', 'tern.example', 'dmarc@tern.example', 'mismatched'],
    ['github.io', 'x', 'a@b.github.io', 'mismatched'],
    ['evil.example', null, null, 'mismatched'],
  ])('a mail of %s with a report of %s <%s> is %s', (from, org_name, org_email, reporter_trust) => {
    expect(verdictFor(authentic(from), { org_name, org_email })).toMatchObject({
      reporter_trust,
      trust: reporter_trust === 'authenticated' ? 'ok' : 'bad',
      domain: from,
    });
  });

  test('what is not proven is unauthenticated, whoever it says it is', () => {
    expect(
      verdictFor(
        { state: 'unproven', from: 'google.com', why: 'the mail has no DKIM signature' },
        { org_name: 'google.com', org_email: null },
      ),
    ).toEqual({
      reporter_trust: 'unauthenticated',
      trust: 'bad',
      domain: 'google.com',
      reason: 'Not proven: the mail has no DKIM signature.',
      reporter: { key: 'google.com', label: 'Google', known: false },
    });
  });
});

describe('by the header alone', () => {
  const authentic = { state: 'authentic', from: 'reporter.example', address: 'dmarc@reporter.example', how: 'spf=pass' } as const;
  const open = { state: 'open', from: 'reporter.example', address: 'dmarc@reporter.example' } as const;

  test.each([
    [
      { org_name: 'Evil\0Corp', org_email: null },
      { org_name: 'Evil\ufffdCorp', org_email: null },
    ],
    [
      { org_name: 'Evil', org_email: 'a\ud800@evil.example' },
      { org_name: 'Evil', org_email: 'a\ufffd@evil.example' },
    ],
    [
      { org_name: null, org_email: 'dmarc@reporter.example' },
      { org_name: null, org_email: 'dmarc@reporter.example' },
    ],
    [
      { org_name: null, org_email: null },
      { org_name: null, org_email: null },
    ],
  ])('the verdict on %j is the one that the stored report gets when it is verified later', (claim, stored) => {
    expect(verdictsByHeader(authentic)(claim, null)).toEqual(verdictFor(authentic, stored));
    const why = 'it was forwarded';
    const doubted = verdictFor({ state: 'unproven', from: 'reporter.example', why }, stored);
    expect(verdictsByHeader(authentic)(claim, why)).toEqual(doubted);
    expect(verdictsByHeader(open)(claim, why)).toEqual(doubted);
    expect(verdictsByHeader(open)(claim, null)).toBeNull();
  });

  test('a sentence begins with a capital or a result, ends with one period, and names whoever the report claims to be from', () => {
    const of = (org_name: string | null, org_email: string | null, address = 'dmarc@reporter.example') =>
      verdictFor({ ...authentic, address, from: address.split('@')[1]! }, { org_name, org_email }).reason;
    expect(of('Reporter', 'dmarc@reporter.example')).toBe('spf=pass, as reporter.example.');
    expect(of('Other', 'dmarc@other.example')).toBe(
      'Authentic (spf=pass, as reporter.example), but the report is in the name of Other.',
    );
    expect(of(null, 'dmarc@other.example')).toMatch(/in the name of dmarc@other\.example\.$/);
    expect(of(null, null)).toMatch(/in the name of nobody\.$/);
    expect(of('x'.repeat(150), 'dmarc@other.example')).toMatch(/in the name of x{100}\.$/);
    expect(of('Someone', 'someone@gmail.com', 'someone@gmail.com')).toMatch(/anybody gets an address there/);
  });
});
