import { expect, test } from 'vitest';
import { inspectMail, originOf, ownServerDecides } from '../../../services/parser/verify/origin.ts';

const OURS = 'mx.example.org';
const FROM = 'From: DMARC <Reports@reporter.example>';
const results = (text: string) => `Authentication-Results: ${OURS}; ${text}`;
const mail = (...fields: string[]) => Buffer.from(`${[...fields, FROM, 'Subject: report'].join('\r\n')}\r\n\r\nbody\r\n`);
const trust = (check: 'verify' | 'authserv', ...authserv_ids: string[]) => ({ check, authserv_ids });
const AUTHOR = { from: 'reporter.example', address: 'reports@reporter.example' };
const NO_FIELD = 'no server of trust.authserv_ids added Authentication-Results in a place that a forger could not write';

test('where nothing in the header settles it, the signatures decide, or nothing does', () => {
  for (const ids of [[], [OURS]]) {
    expect(originOf(mail(), trust('verify', ...ids))).toEqual({ state: 'open', ...AUTHOR });
    expect(originOf(mail(), trust('authserv', ...ids))).toEqual({ state: 'unproven', from: AUTHOR.from, why: NO_FIELD });
  }
  const inspected = inspectMail(mail(), new Date(0), trust('verify'));
  expect(inspected).toEqual({ state: 'open', ...AUTHOR, signatures: [], why: 'the mail has no DKIM signature' });
});

test('a field of nobody in particular counts for nothing while no server is listed', () => {
  expect(originOf(mail(results('spf=pass smtp.mailfrom=reporter.example')), trust('verify'))).toMatchObject({ state: 'open' });
  expect(originOf(mail(results('dmarc=fail')), trust('verify'))).toMatchObject({ state: 'open' });
});

test('SPF of our own server proves the whole mail', () => {
  for (const check of ['verify', 'authserv'] as const) {
    expect(originOf(mail(results('spf=pass smtp.mailfrom=a@reporter.example')), trust(check, OURS))).toEqual({
      state: 'authentic',
      ...AUTHOR,
      how: 'spf=pass by our own server',
    });
  }
});

test.each([['dmarc=pass header.from=reporter.example'], ['dkim=pass header.d=reporter.example']])(
  '%s proves what the signatures cover, which is all of the mail',
  (text) => {
    const how = `${text.split(' ')[0]} by our own server`;
    expect(originOf(mail(results(text)), trust('authserv', OURS))).toEqual({ state: 'authentic', ...AUTHOR, how });
    const partly = mail(
      results(text),
      'DKIM-Signature: v=1; a=rsa-sha256; d=reporter.example; s=s1; h=from; l=2; bh=AA==; b=AA==',
    );
    const why = `our own server found ${text.split(' ')[0]} for reporter.example, but a DKIM signature covers only a part of the mail (l=)`;
    expect(originOf(partly, trust('authserv', OURS))).toEqual({ state: 'unproven', from: AUTHOR.from, why });
    // Whether a signature covers enough is then found out here.
    expect(originOf(partly, trust('verify', OURS))).toEqual({ state: 'open', ...AUTHOR });
    // Sent by a server of the author's, it is proven as a whole, whatever the signature covers.
    const sent = Buffer.concat([Buffer.from(`${results(`${text}; spf=pass smtp.mailfrom=reporter.example`)}\r\n`), partly]);
    expect(originOf(sent, trust('verify', OURS)).state).toBe('authentic');
  },
);

test('a final failure by our own server is final; an inconclusive result is not', () => {
  const why = 'our own server found dmarc=fail for reporter.example';
  expect(originOf(mail(results('dmarc=fail')), trust('verify', OURS))).toEqual({ state: 'unproven', from: AUTHOR.from, why });
  expect(originOf(mail(results('spf=softfail')), trust('verify', OURS))).toEqual({ state: 'open', ...AUTHOR });
  expect(originOf(mail(results('spf=softfail')), trust('authserv', OURS))).toMatchObject({
    why: 'our own server found spf=softfail for reporter.example',
  });
  expect(originOf(mail(results('none')), trust('authserv', OURS))).toMatchObject({
    state: 'unproven',
    why: 'our own server found nothing for reporter.example',
  });
});

test('a sentence names six results at most', () => {
  const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((method) => `${method}=none`);
  expect(originOf(mail(results(many.join('; '))), trust('authserv', OURS))).toMatchObject({
    why: 'our own server found a=none, b=none, c=none, d=none, e=none, f=none for reporter.example',
  });
});

test('a mail that can be read in more than one way is unproven, whatever our own server found', () => {
  const own = results('spf=pass smtp.mailfrom=reporter.example');
  expect(originOf(mail(own, 'Subject: another'), trust('verify', OURS))).toEqual({
    state: 'unproven',
    from: AUTHOR.from,
    why: expect.stringMatching(/more than one subject field/),
  });
  expect(originOf(mail(own, 'From: other@evil.example'), trust('verify', OURS))).toMatchObject({ state: 'unproven', from: null });
  expect(originOf(Buffer.from(`${own}\r\n\r\nbody`), trust('verify', OURS))).toEqual({
    state: 'unproven',
    from: null,
    why: 'the mail has no From field',
  });
});

test('a header above the limit is unproven, and only that: a fault of the program is not taken for one of the mail', () => {
  const long = mail(`X-Long: ${'x'.repeat(300 * 1024)}`);
  const why = 'the header of the mail is too long to verify';
  expect(originOf(long, trust('verify'))).toEqual({ state: 'unproven', from: null, why });
  expect(inspectMail(long, new Date(0), trust('verify'))).toEqual({ state: 'unproven', from: null, why });
  expect(ownServerDecides(long, [OURS])).toBe(false);
  const broken = mail();
  broken.toString = () => {
    throw new RangeError('a fault of the program');
  };
  expect(() => originOf(broken, trust('verify'))).toThrow('a fault of the program');
});

test('whether our own servers settle it: by a proof or by a final result', () => {
  const settled = (...fields: string[]) => ownServerDecides(mail(...fields), [OURS]);
  expect(settled()).toBe(false);
  expect(settled(results('dmarc=fail'))).toBe(true);
  expect(settled(results('dkim=none'))).toBe(true);
  expect(settled(results('spf=pass smtp.mailfrom=reporter.example'))).toBe(true);
  expect(settled(results('spf=pass smtp.mailfrom=evil.example'))).toBe(false);
  expect(settled(results('spf=fail'))).toBe(false);
  // Nobody is proven where the author is unclear.
  expect(settled(results('spf=pass smtp.mailfrom=reporter.example'), 'From: b@evil.example')).toBe(false);
});
