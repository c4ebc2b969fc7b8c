import { expect, test } from 'vitest';
import { policyWish, recordWish, type WantedPolicy } from '../../../services/requests/plans/wanted.ts';
import { zone } from './zone.ts';

const wish = (name: string) =>
  recordWish({ domain: 'example.com', name, type: 'TXT', value: 'v=spf1 -all', why: 'w' }).records[0]!.name;

test.each(['example.com', '_dmarc.example.com', '*.example.com', 's1._domainkey.a-b.example.com'])('%s is a name', (name) => {
  expect(wish(name)).toBe(name);
});
test.each([
  'a\\.example.com',
  'a\\046b.example.com',
  '.example.com',
  'a..example.com',
  'a b.example.com',
  '\u0161.example.com',
  `${'a'.repeat(64)}.example.com`,
  `${'a.'.repeat(130)}example.com`,
  'a.*.example.com',
  'example.com.',
  'example.net',
])('%j is none, said in a sentence', (name) => {
  expect(() => wish(name)).toThrow(expect.objectContaining({ code: 'usage', message: expect.stringMatching(/[.]$/) }));
});

const policy = async (text: string, to: WantedPolicy['to'], half: WantedPolicy['half'] = null) =>
  (await policyWish({ domain: 'example.com', to, why: 'w', half }, zone(`_dmarc.example.com. TXT "${text}"\n`))).records[0]!
    .value;
const known = { days: 30, messages: 10, knowing: 9, others: ['a.example'] };

test('a step of the policy is its tag alone, set where it is or where it belongs', async () => {
  expect(await policy('v=DMARC1; sp=none; p=none; rua=mailto:a@example.com', 'reject')).toBe(
    'v=DMARC1; sp=none; p=reject; rua=mailto:a@example.com',
  );
  expect(await policy('v=DMARC1; rua=mailto:a@example.com', 'quarantine')).toBe(
    'v=DMARC1; p=quarantine; rua=mailto:a@example.com',
  );
  // Whoever asks for a policy asks for the whole of it.
  expect(await policy('v=DMARC1; p=quarantine; t=y', 'quarantine')).toBe('v=DMARC1; p=quarantine');
});

test('half a step is made where enough receivers know it, and refused elsewhere', async () => {
  expect(await policy('v=DMARC1; p=none', 'quarantine', { known, share: 0.9 })).toBe('v=DMARC1; p=quarantine; t=y');
  await expect(policy('v=DMARC1; p=none', 'quarantine', { known, share: 0.95 })).rejects.toMatchObject({
    code: 'no_half_step',
    message: expect.stringMatching(/^Receivers that know t=y report 90% of the mail/),
  });
});

test.each(['.', 'x y.test', '\\046evil.test', '*.evil.test', 'a..b', '\u202eevil.test', ''])(
  'an alias does not lead to %j',
  (value) => {
    expect(() => recordWish({ domain: 'example.com', name: 'www.example.com', type: 'CNAME', value, why: 'w' })).toThrow(
      expect.objectContaining({ code: 'usage' }),
    );
  },
);
test.each(['mail.example.net', 'mail.example.net.', 's1._domainkey.example.net', 'EXAMPLE.net'])('but to %s', (value) => {
  expect(recordWish({ domain: 'example.com', name: 'www.example.com', type: 'CNAME', value, why: 'w' }).records[0]!.value).toBe(
    value,
  );
});

test('the words of a policy in the value of another tag stay, and the tag is set', async () => {
  expect(await policy('v=DMARC1; x= p=none; p=none', 'reject')).toBe('v=DMARC1; x= p=none; p=reject');
});

test.each(['a.example.com', 'A.example.com', 'a.example.com.'])('%s is no alias of a.example.com', (value) => {
  const wish = { domain: 'example.com', name: 'a.example.com', type: 'CNAME' as const, value, why: 'x' };
  expect(() => recordWish(wish)).toThrow('a.example.com cannot be an alias of itself.');
});
