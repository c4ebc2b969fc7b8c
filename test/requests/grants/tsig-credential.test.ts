import { expect, test } from 'vitest';
import { newTsigCredential, openCredential } from '../../../services/requests/grants/tsig-credential.ts';

const FILE = Buffer.from('k'.repeat(44));
const EARLIER = 'tsig1:MDEyMzQ1Njc4OWFi85HNzyaAYKhCgs5iWyyTom1N+CJ4GlrYJ7eh8PQd5KPljGhNPvq4VNdzk/H4sK3c';

test('a credential that an earlier version made opens: twelve octets, the secret of 32, the tag', () => {
  expect(openCredential(EARLIER, FILE)).toEqual(Buffer.from(Array.from({ length: 32 }, (_, i) => i)));
});

test('a new one has a secret of its own, of as many octets', () => {
  const [one, two] = [newTsigCredential(FILE), newTsigCredential(FILE)];
  expect(openCredential(one.credential, FILE)).toEqual(Buffer.from(one.secret, 'base64'));
  expect(one.credential).toHaveLength(EARLIER.length);
  expect([one.secret === two.secret, one.credential.includes(one.secret)]).toEqual([false, false]);
});

test('it opens with its file alone, and as it was', () => {
  const changed = Buffer.from(EARLIER.slice(6), 'base64');
  changed[20]! ^= 1;
  for (const [credential, file] of [
    [EARLIER, Buffer.from('o'.repeat(44))],
    [`tsig1:${changed.toString('base64')}`, FILE],
  ] as const)
    expect(() => openCredential(credential, file)).toThrow(
      'The credential of the grant was made with another gateway.key_file, or was changed.',
    );
  const octets = Buffer.from(EARLIER.slice(6), 'base64');
  const sized = (part: Buffer) => `tsig1:${part.toString('base64')}`;
  for (const credential of [
    '',
    EARLIER.replace('tsig1', 'tsig2'),
    sized(octets.subarray(0, -1)),
    sized(Buffer.concat([octets, octets])),
  ])
    expect(() => openCredential(credential, FILE)).toThrow('The credential of the grant is none of a TSIG key.');
});
