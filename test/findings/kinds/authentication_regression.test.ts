import { expect, test } from 'vitest';
import type { BrokenSender } from '../../../services/findings/figures.ts';
import { factWords } from '../../../services/findings/kinds/index.ts';
import { EVIDENCE, SAMPLES } from './samples.ts';
import { expectWords } from './words.ts';

const part = (source: string, more: object = {}) =>
  ({ source, since: '2026-10-03', messages: 9, of: 10, last_good_day: '2026-10-02', ...more }) as unknown as BrokenSender;
const words = (
  broken: BrokenSender[],
  { subject = 'dkim', mechanism = 'dkim', dead = [] as string[], strict = [] as 'aspf'[] } = {},
) =>
  factWords(
    {
      domain: 'example.com',
      subject,
      evidence: { ...EVIDENCE, broken, senders: broken.length, messages: 90, of: 100, mechanism } as typeof EVIDENCE,
    },
    { ...SAMPLES.authentication_regression, strict, dead },
  );
const key = (selector: string) => `${selector}._domainkey.example.com`;

test('one sender is named; several are counted, with one likely cause when they broke within three days', () => {
  expect(words([part('a.example')]).title).toBe('DKIM fails at a.example for example.com');
  expect(words([part('mail.example.com')]).title).toBe('DKIM fails at mail.example.com');
  const two = (since: string) => words([part('a.example'), part('b.example', { since })]);
  expect(two('2026-10-03').title).toBe('DKIM fails at 2 senders of example.com');
  expect(two('2026-10-03').summary).toContain('on 2026-10-03');
  expect(two('2026-10-06').what).toContain('between 2026-10-03 and 2026-10-06, so one cause is likely');
  expect(two('2026-10-07').what).toContain('each on its own day');
  expect(words([part('a.example')], { mechanism: 'both' }).title).toContain('DKIM and SPF fail at');
});

test('a sender that lives on SPF alone: the key that fails, and what has nothing else', () => {
  const survivor = (source: string, more: object = {}) => part(source, { survives_on: 'spf', names: [key('s1')], ...more });
  const one = words([survivor('a.example')]);
  expect(one.title).toBe('DKIM key s1 fails at a.example for example.com');
  expect(one.what).toMatch(/survives on SPF alone, which forwarding breaks\.$/);
  const mixed = words([survivor('a.example'), part('b.example'), part('c.example')]);
  expect(mixed.title).toBe('DKIM key s1 fails at 3 senders of example.com');
  expect(mixed.what).toMatch(/hrough b\.example and c\.example, which have nothing else, .*18 messages failed DMARC\.$/);
  expect(words([survivor('a.example'), survivor('b.example')], { dead: [key('s1')] }).title).toBe(
    'DKIM key s1 fails at all senders of example.com',
  );
  const many = ['a', 'b', 'c', 'd'].map((name) => survivor(`${name}.example`));
  expect(words(many.slice(0, 3)).what).toContain('(a.example, b.example and c.example)');
  expect(words(many).what).toContain('(a.example, b.example and 2 more)');
});

test('mail that is no longer signed has no key', () => {
  const unsigned = (source: string) => part(source, { survives_on: 'spf', unsigned: true });
  expect(words([unsigned('a.example')]).title).toBe('Mail is no longer signed at a.example for example.com');
  expect(words([unsigned('a.example')]).what).toContain('came without a signature since');
  expect(words([unsigned('a.example'), part('b.example', { survives_on: 'spf' })]).title).toBe(
    'DKIM fails at 2 senders of example.com',
  );
});

test('an SPF record that cannot be evaluated is named, with the error', () => {
  const broken = (error?: string) => [
    part('a.example', { survives_on: 'dkim', names: ['spf.example.com'], ...(error === undefined ? {} : { error }) }),
  ];
  const of = (error?: string) => words(broken(error), { subject: 'spf', mechanism: 'spf' });
  expect(of('temperror').title).toBe('SPF of example.com ends in temperror at receivers');
  expect(of().title).toBe('SPF of example.com ends in permerror at receivers');
  expect(of('permerror').summary).toMatch(/^The SPF record of spf\.example\.com could not be evaluated since 2026-10-03/);
  expect(of('permerror').advice.join()).toContain('Repair the SPF record of spf.example.com');
  expect(of('temperror').advice.join()).toContain('did not answer in time');
});

test('a name is shared when more than half of those whose names are known have it', () => {
  const named = (...names: (string | null)[]) =>
    words(names.map((name, i) => part(`${i}.example`, name === null ? {} : { names: [key(name)] }))).advice.join();
  expect(named('s1', 's1', 's2')).toContain(`They share the key ${key('s1')}`);
  expect(named('s1', 's2')).not.toContain('They share');
  expect(named('s1', 's2')).toContain(`${key('s1')} and ${key('s2')}, which do not verify`);
  expect(named('s1', 's1', null, null, null)).toContain('They share');
});

test('strict alignment is a cause only of what it can break, where several broke without a shared key', () => {
  const two = [part('a.example'), part('b.example')];
  expect(words(two, { mechanism: 'spf', subject: 'spf', strict: ['aspf'] }).advice.at(-1)).toContain('aspf=s');
  expect(words(two, { mechanism: 'dkim', strict: ['aspf'] }).advice.join()).not.toContain('aspf=s');
  expect(words(two.slice(1), { mechanism: 'spf', subject: 'spf', strict: ['aspf'] }).advice.join()).not.toContain('aspf=s');
});

test('its words in every case', () => {
  const given = (
    broken: BrokenSender[],
    subject: 'dkim' | 'spf' | 'both',
    { strict = [] as ('adkim' | 'aspf')[], dead = [] as string[] } = {},
  ) => {
    const sum = (name: 'messages' | 'of') => broken.reduce((n, one) => n + one[name], 0);
    const evidence = { broken, senders: broken.length, messages: sum('messages'), of: sum('of'), mechanism: subject };
    return { subject, facts: { strict, dead }, evidence };
  };
  const at = (...names: string[]) => names.map((name) => part(`${name}.example`));
  const onSpf = (name: string, more: object = {}) => part(`${name}.example`, { survives_on: 'spf', names: [key('s1')], ...more });
  const onDkim = (name: string, more: object = {}) =>
    part(`${name}.example`, { survives_on: 'dkim', names: ['spf.example.com'], ...more });
  const before = { passed: 97, of: 100, days: 12 };
  return expectWords('authentication_regression', {
    'DKIM of one sender, one message': given([part('a.example', { of: 1, messages: 1, before })], 'dkim'),
    'DKIM of one sender, unsigned, one day of mail before': given(
      [part('a.example', { unsigned: true, mechanism: 'dkim', before: { passed: 1, of: 1, days: 1 } })],
      'dkim',
    ),
    'DKIM of one sender with one key, a sentence of an older version': given(
      [part('a.example', { names: [key('s1')], before: 'all of it passed before' })],
      'dkim',
    ),
    'DKIM of one sender, a DNS record was changed': {
      ...given([part('a.example')], 'dkim'),
      facts: { strict: [], dead: [], changed: { name: key('s1'), at: '2026-10-03 07:00' } },
    },
    'DKIM of one sender with two keys': given([part('a.example', { names: [key('s1'), key('s2')] })], 'dkim'),
    'DKIM of one sender with three keys': given([part('a.example', { names: [key('s1'), key('s2'), key('s3')] })], 'dkim'),
    'SPF of one host of the domain, in error': given(
      [part('mail.example.com', { error: 'permerror', mechanism: 'spf', names: ['_spf.example.com'] })],
      'spf',
    ),
    'SPF of the domain itself': given([part('example.com', { mechanism: 'spf' })], 'spf', { strict: ['aspf'] }),
    'both of one sender, unsigned and in error': given(
      [part('a.example', { unsigned: true, error: 'temperror', mechanism: 'both' })],
      'both',
    ),
    'both of one sender, unsigned': given([part('a.example', { unsigned: true, mechanism: 'both' })], 'both'),
    'both of one sender, not known why': given([part('a.example', { mechanism: 'both' })], 'both'),
    'the mechanism is not stored': { subject: 'both', evidence: { ...EVIDENCE, mechanism: undefined } },
    'DKIM of two senders on one day, strict': given(at('a', 'b'), 'dkim', { strict: ['adkim', 'aspf'] }),
    'SPF of two senders, strict': given(at('a', 'b'), 'spf', { strict: ['adkim', 'aspf'] }),
    'both of two senders within three days, strict': given(
      [part('a.example', { since: '2026-10-06' }), part('b.example', { since: '2026-10-04' })],
      'both',
      { strict: ['adkim', 'aspf'] },
    ),
    'DKIM of three senders, each on its own day': given(
      [...at('a', 'b'), part('c.example', { since: '2026-10-07', names: [key('s1'), key('s2')] })],
      'dkim',
    ),
    'DKIM of five senders, unsigned': given(
      ['a', 'b', 'c', 'd', 'e'].map((name) => part(`${name}.example`, { unsigned: true })),
      'dkim',
    ),
    'DKIM of four senders with three keys, none of which most of them share': given(
      ['s3', 's1', 's2', 's2'].map((selector, i) => part(`${i}.example`, { names: [key(selector)] })),
      'dkim',
    ),
    'DKIM of two senders that share a key, strict': given(
      ['a', 'b'].map((name) => part(`${name}.example`, { names: [key('s1'), 'spf.example.com'] })),
      'dkim',
      { strict: ['adkim'] },
    ),
    'both of two senders, one in error, a shared record': given(
      [part('a.example', { error: 'permerror', names: ['spf.example.com'] }), part('b.example', { names: ['spf.example.com'] })],
      'both',
    ),
    'one sender lives on SPF': given([onSpf('a')], 'dkim'),
    'one sender lives on SPF, its key is dead': given([onSpf('a', { messages: 81, of: 100 })], 'dkim', { dead: [key('s1')] }),
    'one sender lives on SPF in part, its key is dead elsewhere': given([onSpf('a', { messages: 80, of: 100 })], 'dkim', {
      dead: [key('s1')],
    }),
    'three senders live on SPF, two have nothing else': given([onSpf('a'), onSpf('b'), onSpf('c'), ...at('d', 'e')], 'dkim'),
    'four senders live on SPF, one has nothing else': given(
      [onSpf('a'), onSpf('b'), onSpf('c'), onSpf('d'), part('e.example', { messages: 1 })],
      'dkim',
    ),
    'one sender lives on SPF, three have nothing else': given([onSpf('a'), ...at('b', 'c', 'd')], 'dkim'),
    'one sender lives on SPF and is no longer signed': given(
      [onSpf('a', { unsigned: true, names: undefined, messages: 1, of: 1 })],
      'dkim',
    ),
    'two senders live on SPF and are no longer signed': given(
      ['a', 'b'].map((name) => onSpf(name, { unsigned: true, names: undefined })),
      'dkim',
    ),
    'one of two that live on SPF is no longer signed': given(
      [onSpf('a', { unsigned: true, names: undefined }), onSpf('b', { names: undefined })],
      'dkim',
    ),
    'SPF could not be evaluated, one sender': given([onDkim('a', { error: 'permerror', messages: 1 })], 'spf'),
    'SPF timed out at four senders, one has nothing else': given(
      [onDkim('a', { error: 'temperror' }), onDkim('b'), onDkim('c'), onDkim('d'), part('e.example')],
      'spf',
    ),
    'DKIM of one sender, a key and two that verify nowhere': given(
      [part('a.example', { names: ['s1', 's2', 's3', 's4'].map(key) })],
      'dkim',
      { dead: ['s2', 's3', 's4'].map(key) },
    ),
    'DKIM of one sender, in part, a key that verifies elsewhere': {
      ...given([part('a.example', { names: [key('s1')], messages: 8 })], 'dkim'),
      facts: { strict: [], dead: [], alive: [key('s1')] },
    },
    'DKIM of two senders, three keys that verify elsewhere': {
      ...given([part('a.example', { names: ['s1', 's2'].map(key) }), part('b.example', { names: [key('s3')] })], 'dkim'),
      facts: { strict: [], dead: [], alive: ['s1', 's2', 's3'].map(key) },
    },
    'DKIM of one sender with four keys': given([part('a.example', { names: ['s1', 's2', 's3', 's4'].map(key) })], 'dkim'),
    'one sender lives on SPF, its key was never good': given([onSpf('a', { before: undefined })], 'dkim', { dead: [key('s1')] }),
    'one sender lives on SPF, its dead key was good before': given([onSpf('a', { before })], 'dkim', { dead: [key('s1')] }),
    'one sender fails, its dead key was never good': given([part('a.example', { names: [key('s1')] })], 'dkim', {
      dead: [key('s1')],
    }),
    'SPF could not be evaluated, with too many lookups': {
      ...given([onDkim('a', { error: 'permerror' })], 'spf'),
      facts: { strict: [], dead: [], limit: { lookups: 12, over: 'include:spf.relay.example' } },
    },
    'SPF failed, not known how, nor which record': given([onDkim('a', { names: undefined })], 'spf'),
  });
});
