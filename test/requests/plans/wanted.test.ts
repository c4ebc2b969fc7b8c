import { expect, test } from 'vitest';
import {
  planWish,
  policyWish,
  recordWish,
  type WantedPolicy,
  type WantedRecord,
} from '../../../services/requests/plans/wanted.ts';
import { SILENT, zone } from './zone.ts';

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

const wanted = (given: Partial<WantedRecord> = {}): WantedRecord => ({
  domain: 'example.com',
  name: 'a.example.com',
  type: 'TXT',
  value: 'v=spf1 -all',
  why: 'w',
  ...given,
});

test('the whole wish for a record, and for one that is to go', () => {
  const rest = { kind: 'dns.change', domain: 'example.com', why: ['w'], finding: null };
  expect(recordWish(wanted())).toEqual({
    ...rest,
    records: [{ name: 'a.example.com', type: 'TXT', value: 'v=spf1 -all' }],
    summary: 'Publish v=spf1 -all at a.example.com.',
  });
  expect(recordWish(wanted({ type: 'CNAME', value: null }))).toEqual({
    ...rest,
    records: [{ name: 'a.example.com', type: 'CNAME', value: null }],
    summary: 'Take the record at a.example.com away.',
  });
  expect(recordWish(wanted({ value: 'x'.repeat(301) })).summary).toBe(`Publish ${'x'.repeat(300)} at a.example.com.`);
  // Of a text, nothing is asked of a host name.
  expect(recordWish(wanted({ value: 'a.example.com' })).records[0]!.value).toBe('a.example.com');
});

test.each<[Partial<WantedRecord>, string]>([
  [{ name: 'A.example.com' }, 'A.example.com is no name of a record that a request can be about.'],
  [{ name: 'a.example.net' }, 'a.example.net is not below example.com.'],
  [{ name: 'notexample.com' }, 'notexample.com is not below example.com.'],
  [
    { name: `${'a'.repeat(64)}.example.com` },
    `${'a'.repeat(64)}.example.com is no name of a record: write letters of ASCII, digits, "-" and "_" between dots.`,
  ],
  [{ type: 'CNAME', value: 'x\ny' }, 'x\\u000ay is no host name: a CNAME record leads to one, such as mail.example.net.'],
  [{ type: 'CNAME', value: 'A.example.com.' }, 'a.example.com cannot be an alias of itself.'],
])('%j: %s', (given, message) => {
  expect(() => recordWish(wanted(given))).toThrow(expect.objectContaining({ code: 'usage', message }));
});

test('the whole wish for a policy, and for half a step', async () => {
  const dns = zone('_dmarc TXT "other"\n_dmarc TXT "v=DMARC1;" " p=none"\n');
  const of = (half: WantedPolicy['half']) => policyWish({ domain: 'example.com', to: 'quarantine', why: 'w', half }, dns);
  const rest = { kind: 'policy.step', domain: 'example.com', finding: null };
  expect(await of(null)).toEqual({
    ...rest,
    records: [{ name: '_dmarc.example.com', value: 'v=DMARC1; p=quarantine' }],
    summary: 'Set the policy of example.com to p=quarantine.',
    why: ['w'],
  });
  expect(await of({ known, share: 0.8 })).toEqual({
    ...rest,
    records: [{ name: '_dmarc.example.com', value: 'v=DMARC1; p=quarantine; t=y' }],
    summary: 'Set the policy of example.com to p=quarantine, with t=y.',
    why: ['w', expect.stringMatching(/^t=y is half a step/), expect.stringMatching(/^All others do not know it/)],
  });
});

test('why there is no policy to step from is said', async () => {
  const of = (dns: typeof SILENT) => policyWish({ domain: 'example.com', to: 'reject', why: 'w', half: null }, dns);
  await expect(of(SILENT)).rejects.toMatchObject({
    name: 'TransientError',
    code: 'dns_unknown',
    message: 'The policy of example.com is not known: No server answered in time.',
  });
  for (const text of ['', '_dmarc TXT "other"\n'])
    await expect(of(zone(text))).rejects.toMatchObject({
      name: 'PermanentError',
      code: 'no_policy',
      message: 'example.com has no DMARC record of its own: publish one first (ruawatch policy status example.com).',
    });
});

test('what is in the way of a plan has its code; what name servers do not say passes', async () => {
  const of = (given: Partial<WantedRecord>, dns: typeof SILENT) =>
    planWish(recordWish(wanted(given)), dns, { seen: [], keys: new Map() });
  await expect(of({}, SILENT)).rejects.toMatchObject({
    name: 'TransientError',
    code: 'dns_unknown',
    message: 'What a.example.com has now is not known: No server answered in time.',
  });
  await expect(of({}, zone('a CNAME b\nb TXT "x"\n'))).rejects.toMatchObject({
    name: 'PermanentError',
    code: 'alias',
    message: 'a.example.com is an alias of b.example.com: change the record there, or the alias.',
  });
  expect((await of({}, zone(''))).summary).toBe('Publish v=spf1 -all at a.example.com.');
  const broken = { ask: () => Promise.reject(new TypeError('a mistake of ours')) };
  await expect(of({}, broken)).rejects.toThrow(TypeError);
});
