import { expect, test } from 'vitest';
import { askerOf, askToken, identityOf, openBody, readAskToken, sealBody } from '../../../services/requests/held/seal.ts';
import { digest, KEY, RAW } from './sample.ts';

const OTHER = Buffer.from('o'.repeat(44));

test('a sealed mail opens again, and does not show what it is', () => {
  const sealed = sealBody(RAW, digest(RAW), KEY);
  expect(sealed.includes('evil.example')).toBe(false);
  expect(openBody(sealed, digest(RAW), KEY)).toEqual(RAW);
  expect(sealBody(RAW, digest(RAW), KEY)).not.toEqual(sealed);
});

test('a mail that an earlier version sealed opens: the version, twelve octets of its own, the mail, the tag', () => {
  const raw = Buffer.from('Subject: hello\r\n\r\nHello.\r\n');
  const sealed = Buffer.from('ATAxMjM0NTY3ODlhYimZdJPRsdjo42btGds8xwM19PQkTh9DxThZJegBqaY5KjTiKAhL8xejeg==', 'base64');
  expect(openBody(sealed, digest(raw), KEY)).toEqual(raw);
  expect(sealBody(raw, digest(raw), KEY)).toHaveLength(sealed.length);
  // A mail without a single octet is the shortest; what is shorter was never sealed.
  const empty = sealBody(Buffer.alloc(0), digest(Buffer.alloc(0)), KEY);
  expect(openBody(empty, digest(Buffer.alloc(0)), KEY)).toEqual(Buffer.alloc(0));
  expect(() => openBody(empty.subarray(0, -1), digest(Buffer.alloc(0)), KEY)).toThrow('not in a form');
});

test('it does not open with another key, as another mail, or changed by one bit', () => {
  const sealed = sealBody(RAW, digest(RAW), KEY);
  expect(() => openBody(sealed, digest(RAW), OTHER)).toThrow('another milter.hold.key_file');
  expect(() => openBody(sealed, digest(Buffer.from('x')), KEY)).toThrow('another milter.hold.key_file');
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at]! ^= 1;
    expect(() => openBody(changed, digest(RAW), KEY)).toThrow();
  }
  expect(() => openBody(Buffer.alloc(0), digest(RAW), KEY)).toThrow('not in a form');
});

const NOW = new Date('2026-11-27T12:00:00Z');
const ASK = { held_key: 7, recipient: 'ben@example.com', until: NOW.getTime() / 1000 + 60 };

test('a link is good for one mail, one recipient and a time', () => {
  const token = askToken(ASK, KEY);
  const all = ['ada@example.com', 'ben@example.com'];
  expect(askerOf(token, all, KEY, NOW)).toBe('ben@example.com');
  expect(askerOf(token, ['ada@example.com'], KEY, NOW)).toBeNull();
  expect(askerOf(token, all, OTHER, NOW)).toBeNull();
  expect(askerOf(token, all, KEY, new Date(NOW.getTime() + 60_000))).toBeNull();
  const [, until, mac] = token.split('.') as [string, string, string];
  expect(askerOf(`8.${until}.${mac}`, all, KEY, NOW)).toBeNull();
  expect(askerOf(`7.${Number(until) + 1}.${mac}`, all, KEY, NOW)).toBeNull();
});

test.each(['', '7', '7.1', '7.1.x', 'a.1.'.padEnd(47, 'x'), `7.1.${'x'.repeat(44)}`, `${'9'.repeat(16)}.1.${'x'.repeat(43)}`])(
  '%j is no link',
  (token) => {
    expect(readAskToken(token)).toBeNull();
    expect(askerOf(token, ['ben@example.com'], KEY, NOW)).toBeNull();
  },
);

test('the same mail in the same envelope is the same, whatever the order of its recipients', () => {
  const one = { sha256: digest(RAW), envelope_from: 'a@b', recipients: ['x@y', 'z@y'] };
  expect(identityOf(one)).toBe(identityOf({ ...one, recipients: ['z@y', 'x@y', 'x@y'] }));
  for (const other of [{ envelope_from: '' }, { recipients: ['x@y'] }, { recipients: ['x@y","z@y'] }, { sha256: digest(KEY) }])
    expect(identityOf({ ...one, ...other })).not.toBe(identityOf(one));
});
