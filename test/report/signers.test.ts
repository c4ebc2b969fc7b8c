import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { expect, test } from 'vitest';
import { authenticate } from '../../services/parser/verify/authenticity.ts';
import { dkimKey } from '../attacks/dkim.ts';

const { dkimSign } = createRequire(import.meta.url)('mailauth/lib/dkim/sign') as {
  dkimSign(mail: Buffer, options: object): Promise<{ signatures: string }>;
};
/**
 * One mail as dkimpy 1.1 and OpenDKIM 2.11 signed it, in each pair of canonicalizations, in November 2026.
 */
const folder = path.resolve(import.meta.dirname, '../fixtures/dkim');
const FORMS = ['simple/simple', 'simple/relaxed', 'relaxed/simple', 'relaxed/relaxed'];

const verdict = (mail: Buffer, record: string) =>
  authenticate(
    mail,
    new Date(Date.UTC(2026, 11, 1)),
    { check: 'verify', authserv_ids: [] },
    { txt: async (name) => (name === 's1._domainkey.reporter.example' ? [[record]] : []) },
  );
const changed = (mail: Buffer) => Buffer.from(mail.toString('latin1').replace('two  blanks', 'two  planks'), 'latin1');

test('what dkimpy and OpenDKIM sign is proven, and is not once it is changed', async () => {
  const record = readFileSync(path.join(folder, 's1._domainkey.txt'), 'utf8').trim();
  const mails = readdirSync(folder).filter((name) => name.endsWith('.eml'));
  expect(mails).toHaveLength(2 * FORMS.length);
  for (const name of mails) {
    const mail = readFileSync(path.join(folder, name));
    expect(await verdict(mail, record), name).toMatchObject({ state: 'authentic' });
    expect(await verdict(changed(mail), record), name).toMatchObject({ state: 'unproven' });
  }
});

test.each(FORMS)('what mailauth signs as %s is proven, and is not once it is changed', async (canonicalization) => {
  const unsigned = readFileSync(path.join(folder, 'dkimpy-simple-simple.eml'))
    .toString('latin1')
    .replace(/^.*?\r\n(?=From:)/s, '');
  for (const key of [dkimKey(), dkimKey({ ed25519: true })]) {
    const { signatures } = await dkimSign(Buffer.from(unsigned, 'latin1'), {
      canonicalization,
      signTime: new Date(Date.UTC(2026, 10, 30)),
      signatureData: [
        {
          signingDomain: 'reporter.example',
          selector: 's1',
          algorithm: key.algorithm,
          privateKey: key.privateKey.export({ type: 'pkcs8', format: 'pem' }),
        },
      ],
    });
    expect(signatures).toContain(`c=${canonicalization}`);
    const mail = Buffer.from(signatures + unsigned, 'latin1');
    expect(await verdict(mail, key.record)).toMatchObject({ state: 'authentic' });
    expect(await verdict(changed(mail), key.record)).toMatchObject({ state: 'unproven' });
  }
});
