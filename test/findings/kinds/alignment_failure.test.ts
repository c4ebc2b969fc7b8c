import { expect, test } from 'vitest';
import { factWords } from '../../../services/findings/kinds/index.ts';
import { EVIDENCE, SAMPLES } from './samples.ts';
import { expectWords } from './words.ts';

type Given = Partial<typeof SAMPLES.alignment_failure>;
const words = (given: Given, evidence: Partial<typeof EVIDENCE> = {}) =>
  factWords(
    { domain: 'example.com', subject: 'mailer.example', evidence: { ...EVIDENCE, ...evidence } },
    { ...SAMPLES.alignment_failure, ...given },
  );

test('a list or forwarder that keeps From needs no setup; how it is known is said', () => {
  const relayed = words({ relayed_by: 'envelope', bare: true, approved_by: 'Ada' });
  expect(relayed.title).toBe('mailer.example forwards mail of example.com and keeps its From');
  expect(relayed.what).toContain('its envelope is that of a list or forwarder');
  expect(relayed.advice[0]).toContain('There is nothing to set up in DNS');
  expect(words({ relayed_by: null }).title).toBe('mailer.example sends as example.com unaligned');
});

test('an approved sender without SPF and DKIM is to be set up', () => {
  const { title, what, advice } = words({ bare: true, approved_by: 'Ada' });
  expect(title).toBe('mailer.example, approved to send as example.com, is not set up');
  expect(what).toContain('the list of senders approves it (Ada)');
  expect(advice[0]).toContain('publish its key under _domainkey.example.com');
});

test('a sender that somebody approved is to be set up, and nobody is asked whose it is', () => {
  const service = { name: 'SendGrid', align: 'turn on domain authentication.', source: 'https://docs.example/' };
  for (const given of [{ approved_by: 'Ada' }, { approved_by: 'Ada', service }, { approved_by: 'Ada', small: true, p: 'none' }]) {
    const { advice, senders } = words(given);
    expect(advice[0]).toMatch(/^Ada has approved it: /);
    expect(advice.join(' ')).not.toMatch(/Ask your own teams|If none does|If one does/);
    expect(senders?.map(({ verdict, when }) => [verdict, when])).toEqual([['deny', 'If it sends for you no more']]);
  }
  expect(words({ approved_by: null }).advice[0]).toContain('Ask your own teams');
});

test('several own servers that are not set up are counted, and none of them gets the messages of all', () => {
  const { title, what, advice } = words({ bare: true, approved_by: null }, { senders: 18, messages: 32 });
  expect(title).toBe('18 own servers of example.com are not set up');
  expect(what).toContain('32 messages from 18 networks in the name of example.com, the most from mailer.example,');
  expect(advice.join(' ')).toContain('Let each of them sign');
  expect(words({ bare: true, approved_by: null }, { senders: 1 }).title).toBe(
    'Own server mailer.example of example.com is not set up',
  );
});

test('what p=none lets through now is not called rejected', () => {
  const evidence = { messages: 100, of: 100, rejected: 60, delivered: 40, quarantined: 0 };
  expect(words({ p: 'reject' }, evidence).title).toBe('Mail of mailer.example as example.com is rejected');
  const weakened = words({ p: 'none' }, evidence);
  expect(weakened.title).toBe('mailer.example sends as example.com unaligned');
  expect(weakened.what).toContain('Receivers rejected 60 of them. Now that p=none is published, they deliver it.');
  expect(words({ p: 'none' }, { ...evidence, rejected: 0, delivered: 100 }).what).not.toContain('Now that p=none');
});

test.each([
  [{ messages: 4, rejected: 2, quarantined: 0 }, ' is rejected', ' Receivers rejected 2 of them.'],
  [{ messages: 4, rejected: 1, quarantined: 0 }, null, ''],
  [{ messages: 4, rejected: 1, quarantined: 1 }, ' is rejected', ' Receivers rejected 1 and quarantined 1 of them.'],
  [{ messages: 4, rejected: 1, quarantined: 2 }, ' is quarantined', ' Receivers rejected 1 and quarantined 2 of them.'],
  [{ messages: 4, rejected: 0, quarantined: 3 }, ' is quarantined', ' Receivers quarantined 3 of them.'],
  [{ messages: 4, rejected: 4, quarantined: 0 }, ' is rejected', ' Receivers rejected all of them.'],
  [{ messages: 4, rejected: 0, quarantined: 4 }, ' is quarantined', ' Receivers quarantined all of them.'],
  [{ messages: 5, rejected: 2, quarantined: 0 }, null, ''],
  [{ messages: 2, rejected: 2, quarantined: 0 }, ' is rejected', ' Receivers rejected all of them.'],
  [{ messages: 1, rejected: 1, quarantined: 0 }, ' is rejected', ' Receivers rejected 1 of it.'],
  [{ messages: 0, rejected: 0, quarantined: 0 }, null, ''],
])('what became of its mail: %j', (fate, title, sentence) => {
  const told = words({ p: 'reject' }, { ...fate, of: 4, delivered: 4 - fate.rejected - fate.quarantined });
  expect(told.title.endsWith(title ?? ' unaligned')).toBe(true);
  expect(/ Receivers .*? of (?:them|it)\./.exec(told.what)?.[0] ?? '').toBe(sentence);
});

test('what passes unaligned is named, and whose it is', () => {
  const what = (mechanism: 'spf' | 'dkim' | 'both', signer: string | null = 'signer.example') =>
    words({ signer }, { mechanism } as Partial<typeof EVIDENCE>).what;
  expect(what('spf')).toContain('SPF passes for mailer.example, and that does not align');
  expect(what('dkim')).toContain('DKIM passes for d=signer.example, and that does not align');
  expect(what('dkim', null)).toContain('DKIM passes for d=mailer.example');
  expect(what('both')).toContain('SPF passes for its return path and DKIM for d=signer.example, and neither aligns');
});

test('the advice depends on the service, the alignment of SPF, the volume and the policy', () => {
  const service = { name: 'SendGrid', align: 'turn on domain authentication.', source: 'https://docs.example/' };
  expect(words({ service }).advice[0]).toContain('your own teams first whether one of them uses SendGrid');
  expect(words({ service }).advice[1]).toBe('If one does: turn on domain authentication. (https://docs.example/)');
  expect(words({ service }).links).toEqual(['https://docs.example/']);
  const undocumented = words({ service: { ...service, source: null } });
  expect(undocumented.advice[1]).toMatch(/\(see its documentation\)$/);
  expect(undocumented.links).toBeUndefined();
  expect(words({ signer: 'signer.example' }).advice[1]).toMatch(/it now signs with d=signer\.example\.$/);
  expect(words({ signer: null }).advice[1]).not.toContain('it now signs');
  expect(words({ strict_spf: true }).advice[2]).toContain('aspf=s');
  expect(words({ strict_spf: false }).advice[2]).toContain('bounce.example.com');
  expect(words({ small: true }).advice[0]).toContain('may just as well be a forwarder');
  expect(words({ small: false, p: 'none' }).advice[3]).toContain(', which p=none lets through');
  expect(words({ small: false, p: 'reject' }).advice[3]).not.toContain('p=none');
});

test('its words in every case', () => {
  const service = { name: 'SendGrid', align: 'turn on domain authentication.', source: null };
  const by = (relayed_by: 'catalogue' | 'receivers' | 'signature' | 'envelope') => ({ facts: { relayed_by } });
  return expectWords('alignment_failure', {
    'SPF and DKIM pass unaligned, small, strict SPF': {},
    'SPF passes unaligned, a known service, p=none': {
      facts: { service, small: false, strict_spf: false, p: 'none' },
      evidence: { mechanism: 'spf', messages: 1 },
    },
    'DKIM passes unaligned, a documented service, p=quarantine': {
      facts: { service: { ...service, source: 'https://docs.example/' }, signer: 'sendgrid.net', small: false, p: 'quarantine' },
      evidence: { mechanism: 'dkim' },
    },
    'a signer that is known, no policy known': {
      facts: { signer: 'signer.example', small: false },
      evidence: { mechanism: 'both' },
    },
    'an unknown signer with many networks, p=none': { facts: { scattered: 12, small: false, p: 'none' } },
    'an unknown signer with many networks, p=reject': { facts: { scattered: 5, p: 'reject' } },
    'signed as another name of its own, which strict alignment keeps out': {
      facts: { strict_dkim: 'mail.example.com', signer: 'mail.example.com' },
      evidence: { mechanism: 'dkim' },
    },
    'approved and not set up': { facts: { bare: true, approved_by: 'Ada' } },
    'an own server that is not set up': { facts: { bare: true }, subject: 'mail.example.com', evidence: { messages: 1 } },
    'an own server that the SPF record allows': {
      facts: { bare: true, admitted_by: 'ip4:192.0.2.0/24' },
      subject: '192.0.2.0/24',
      evidence: { senders: 1 },
    },
    'two own servers that are not set up': { facts: { bare: true }, evidence: { senders: 2, messages: 8 } },
    'two own servers that the SPF record allows': {
      facts: { bare: true, admitted_by: 'ip4:192.0.2.0/24' },
      evidence: { senders: 2, messages: 8 },
    },
    'two networks of a service that the SPF record does not list': {
      facts: { bare: true, outgrown: { name: 'Microsoft 365', include: 'spf.protection.outlook.com' } },
      evidence: { senders: 2 },
    },
    'approved, its signer not known, relaxed SPF': { facts: { approved_by: 'Ada', strict_spf: false } },
    'approved, with a signer, strict SPF': { facts: { approved_by: 'Ada', signer: 'signer.example' } },
    'approved, a known service, relaxed SPF': { facts: { approved_by: 'Ada', service, strict_spf: false } },
    'approved, a documented service, strict SPF': {
      facts: { approved_by: 'Ada', service: { ...service, source: 'https://docs.example/' } },
    },
    'networks of a service that the SPF record does not list': {
      facts: { bare: true, outgrown: { name: 'Microsoft 365', include: 'spf.protection.outlook.com' } },
      subject: '192.0.2.0/24',
      evidence: { senders: 3 },
    },
    'one such network, of a service without an include': {
      facts: { bare: true, outgrown: { name: 'Zendesk', include: null } },
      subject: '192.0.2.0/24',
      evidence: { senders: 1, messages: 1 },
    },
    'passed on, by the catalogue': by('catalogue'),
    'passed on, by what receivers say': by('receivers'),
    'passed on, by the signature': by('signature'),
    'passed on, by the envelope': by('envelope'),
  });
});
