import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect, test } from 'vitest';
import { isPrivateKey, keyIn, parseDkimKey } from '../../services/dns/dkim.ts';

const rsa = (bits: number, type: 'spki' | 'pkcs1' = 'spki') =>
  generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'der', type }).toString('base64');
const KEY = rsa(2048);
const ED25519 = Buffer.alloc(32, 7).toString('base64');
const codes = (text: string) => parseDkimKey(text).problems.map(({ code }) => code);

test('keys of both types and both forms', () => {
  expect(parseDkimKey(`v=DKIM1; k=rsa; p=${KEY}`)).toMatchObject({ type: 'rsa', bits: 2048, problems: [], revoked: false });
  expect(parseDkimKey(`p=${rsa(2048, 'pkcs1')}`)).toMatchObject({ type: 'rsa', bits: 2048, problems: [] });
  expect(parseDkimKey(`k=Ed25519; p=${ED25519}`)).toMatchObject({ type: 'ed25519', bits: 256, problems: [] });
  // White space within the key.
  expect(parseDkimKey(`p= ${KEY.slice(0, 50)} \t${KEY.slice(50)};`)).toMatchObject({ bits: 2048, problems: [] });
});

test('flags: testing, and the domain of i= that must be that of d=', () => {
  expect(parseDkimKey(`t=y:s; p=${KEY}`)).toMatchObject({ testing: true, strict: true });
  expect(parseDkimKey(`t= S ; p=${KEY}`)).toMatchObject({ testing: false, strict: true });
});

test.each([
  ['k=rsa', ['dkim_no_p']],
  ['p=', ['dkim_revoked']],
  [`v=DKIM2; p=${KEY}`, ['dkim_version']],
  [`k=rsa; v=DKIM1; p=${KEY}`, ['dkim_version']],
  [`k=other; p=${KEY}`, ['dkim_type']],
  [`k=ed25519; p=${KEY}`, ['dkim_key']],
  ['p=AAAA', ['dkim_key']],
  ['p=not base64!', ['dkim_base64']],
  [`p=${rsa(512)}`, ['dkim_key_short']],
  [`p=${rsa(1024)}`, ['dkim_key_weak']],
  [`h=sha1; p=${KEY}`, ['dkim_hash']],
  [`h=sha1:sha256; p=${KEY}`, ['dkim_sha1']],
  [`s=tlsrpt; p=${KEY}`, ['dkim_service']],
  [`s=tlsrpt:email; p=${KEY}`, []],
  [`s=*; p=${KEY}`, []],
  [`t=y; p=${KEY}`, ['dkim_testing']],
  [`g=*; p=${KEY}`, ['dkim_tag_historic']],
  [`p=${KEY}; p=${KEY}`, ['dkim_tag_twice']],
  [`nonsense; p=${KEY}`, ['dkim_syntax']],
  [`n=é; p=${KEY}`, ['dkim_syntax']],
])('%s', (text, problems) => {
  expect(codes(text)).toEqual(problems);
});

test('a problem has its place in the record', () => {
  const text = `v=DKIM1;  t=y; p=${KEY}`;
  const [problem] = parseDkimKey(text).problems;
  expect(text.slice(problem!.at, problem!.at + problem!.text.length)).toBe('t=y');
});

test('octets are the key that they hold, whatever is said of them', () => {
  const spki = (pair: { publicKey: KeyObject }) => pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const rsa = spki(generateKeyPairSync('rsa', { modulusLength: 1024 }));
  const ed = spki(generateKeyPairSync('ed25519'));
  const bare = Buffer.from(ed, 'base64').subarray(-32).toString('base64');
  expect([keyIn(rsa), keyIn(ed), keyIn(bare)]).toEqual([
    { type: 'rsa', p: rsa },
    { type: 'ed25519', p: bare },
    { type: 'ed25519', p: bare },
  ]);
  expect([keyIn(spki(generateKeyPairSync('ec', { namedCurve: 'P-256' }))), keyIn('AAAA'), keyIn('')]).toEqual([null, null, null]);
});

test('the secret half of a pair is known in each form, and nothing else is taken for one', () => {
  const forms = (pair: { privateKey: KeyObject }, ...types: ('pkcs1' | 'pkcs8' | 'sec1')[]) =>
    types.map((type) => pair.privateKey.export({ type: type as 'pkcs8', format: 'der' }));
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const secret = [
    ...forms(rsa, 'pkcs1', 'pkcs8'),
    ...forms(generateKeyPairSync('ed25519'), 'pkcs8'),
    ...forms(generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'sec1', 'pkcs8'),
  ];
  expect(secret.map(isPrivateKey)).toEqual(secret.map(() => true));
  const others = [
    ...(['spki', 'pkcs1'] as const).map((type) => rsa.publicKey.export({ type, format: 'der' })),
    secret[0]!.subarray(0, 100),
    Buffer.from([0x30, 3, 2, 1, 0]),
    Buffer.from([0x30, 0x82]),
    Buffer.alloc(0),
  ];
  expect(others.map(isPrivateKey)).toEqual(others.map(() => false));
});
