import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { signMail } from '../../../services/report/mail/sign.ts';

const { dkimVerify } = createRequire(import.meta.url)('mailauth/lib/dkim/verify') as {
  dkimVerify(mail: Buffer, options: object): Promise<{ results: { status: { result: string } }[] }>;
};

const NOW = new Date('2026-11-27T00:00:00Z');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed = generateKeyPairSync('ed25519');
const records = {
  rsa: `v=DKIM1; p=${rsa.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}`,
  ed: `v=DKIM1; k=ed25519; p=${ed.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')}`,
};
const MAILS = {
  plain: 'From: a@example.com\r\nTo: b@example.net\r\nSubject: x\r\n\r\nHello.\r\n',
  folded: 'From: "A\r\n B" <a@example.com>\r\nSubject: x\r\n\ty  z\r\nSUBJECT: twice\r\n\r\nHello. \t\r\n\r\n\r\n',
  'without a body': 'From: a@example.com\r\n\r\n',
  utf8: 'From: a@example.com\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße\r\n',
};

test.each(Object.entries(MAILS))('mailauth verifies what is signed: %s', async (_name, mail) => {
  for (const [key, pair] of [
    ['rsa', rsa],
    ['ed', ed],
  ] as const) {
    const signed = signMail(Buffer.from(mail), { domain: 'example.com', selector: 's1', key: pair.privateKey }, NOW);
    const { results } = await dkimVerify(signed, {
      resolver: async (name: string) => (name === 's1._domainkey.example.com' ? [[records[key]]] : []),
      curTime: NOW,
    });
    expect(results.map(({ status }) => status.result)).toEqual(['pass']);
  }
});

test('a changed mail does not verify', async () => {
  const signed = signMail(Buffer.from(MAILS.plain), { domain: 'example.com', selector: 's1', key: rsa.privateKey }, NOW);
  const changed = Buffer.from(signed.toString('latin1').replace('Hello', 'Hullo'), 'latin1');
  const { results } = await dkimVerify(changed, { resolver: async () => [[records.rsa]], curTime: NOW });
  expect(results.map(({ status }) => status.result)).not.toContain('pass');
});
