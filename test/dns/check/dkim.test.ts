import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { checkDkim } from '../../../services/dns/check/dkim.ts';
import { parseDkimKey } from '../../../services/dns/dkim.ts';
import { dnsOf } from '../zone.ts';

const NAME = 's._domainkey.example.com';
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .publicKey.export({ format: 'der', type: 'spki' })
  .toString('base64');
const WRAPPED = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' });
const RAW = WRAPPED.subarray(-32).toString('base64');

async function publishOf(text: string): Promise<Record<string, string | null>> {
  const { findings } = await checkDkim('example.com', ['s'], dnsOf({ [NAME]: { TXT: [text.match(/[\s\S]{1,255}/g)!] } }));
  return Object.fromEntries(findings.map(({ code, publish }) => [code, publish?.value ?? null]));
}

test.each([
  ['a backslash of a form behind the type', `v=DKIM1; k=ed25519\\; p=${RAW}`, 'dkim_type', `v=DKIM1; k=ed25519; p=${RAW}`],
  ['no known type, and an RSA key', `v=DKIM1; k=dkim; p=${RSA}`, 'dkim_type', `v=DKIM1; k=rsa; p=${RSA}`],
  ['an Ed25519 key without its type', `v=DKIM1; p=${RAW}`, 'dkim_key', `v=DKIM1; k=ed25519; p=${RAW}`],
  [
    'an Ed25519 key as openssl writes it',
    `k=ed25519; p=${WRAPPED.toString('base64')}`,
    'dkim_key',
    `v=DKIM1; k=ed25519; p=${RAW}`,
  ],
  ['an RSA key that is called Ed25519', `k=ed25519; t=s; p=${RSA}`, 'dkim_key', `v=DKIM1; k=rsa; t=s; p=${RSA}`],
])('%s: the key says of which type it is', async (_, text, code, publish) => {
  expect((await publishOf(text))[code]).toBe(publish);
  expect(parseDkimKey(publish).problems).toEqual([]);
});

test.each([
  ['hello', 'dkim_syntax'],
  ['v=DKIM1; k=ed25519; p=AAAA', 'dkim_key'],
  [`v=DKIM1; p=${RSA.slice(0, 101)}`, 'dkim_base64'],
  ['v=DKIM1; h=sha1; p=AAAA', 'dkim_hash'],
])('%s: no record is proposed that has no key in it', async (text, code) => {
  expect(await publishOf(text)).toMatchObject({ [code]: null });
});
