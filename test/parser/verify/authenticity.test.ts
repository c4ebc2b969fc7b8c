import { expect, test } from 'vitest';
import { checkSignatures } from '../../../services/parser/verify/authenticity.ts';
import { inspectMail } from '../../../services/parser/verify/origin.ts';
import { mailFrom, resolverOf, signed } from '../signed.ts';

const AT = new Date(Date.UTC(2026, 8, 2));
const inspect = (mail: Buffer) => inspectMail(mail, AT, { check: 'verify', authserv_ids: [] });
const twice = async () => signed(await signed(mailFrom('mail.reporter.example'), 'reporter.example'), 'mail.reporter.example');

test('what the header has settled is not looked up', async () => {
  const resolver = resolverOf('reporter.example');
  const settled = { state: 'unproven', from: null, why: 'the mail has no From field' } as const;
  expect(await checkSignatures(settled, resolver)).toBe(settled);
  expect(resolver.asked).toEqual([]);
});

test('one signature that verifies is enough, whatever becomes of the others', async () => {
  const mail = inspect(await twice());
  const proof = { state: 'authentic', from: 'mail.reporter.example', address: 'dmarc@mail.reporter.example' };
  for (const domain of ['reporter.example', 'mail.reporter.example'])
    expect(await checkSignatures(mail, resolverOf(domain))).toEqual({
      ...proof,
      how: `the DKIM signature of ${domain} verifies`,
    });
  const half = resolverOf('reporter.example');
  half.down.add('s1._domainkey.mail.reporter.example');
  expect(await checkSignatures(mail, half)).toMatchObject(proof);
});

test('while the key of one signature is not known nothing is decided; with every key known, all of them failed', async () => {
  const mail = inspect(await twice());
  const down = resolverOf();
  down.down.add('s1._domainkey.reporter.example');
  expect(await checkSignatures(mail, down)).toEqual({
    state: 'unknown',
    from: 'mail.reporter.example',
    why: 'The name service could not say what s1._domainkey.reporter.example holds.',
  });
  expect(await checkSignatures(mail, resolverOf())).toEqual({
    state: 'unproven',
    from: 'mail.reporter.example',
    why: expect.stringMatching(/^the DKIM signature of (?:mail\.)?reporter\.example does not verify \(no key\)$/),
  });
});
