import { expect, test } from 'vitest';
import type { BrokenSender } from '../../../services/findings/figures.ts';
import { factWords } from '../../../services/findings/kinds/index.ts';
import { EVIDENCE, SAMPLES } from './samples.ts';

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
  expect(mixed.what).toMatch(/hrough b\.example and c\.example.* has nothing else, .*18 messages failed DMARC\.$/);
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
  expect(words([unsigned('a.example')]).what).toContain('no longer signed');
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
  expect(named('s1', 's2')).toContain(`${key('s1')} and ${key('s2')} do not verify`);
  expect(named('s1', 's1', null, null, null)).toContain('They share');
});

test('strict alignment is a cause only of what it can break, where several broke without a shared key', () => {
  const two = [part('a.example'), part('b.example')];
  expect(words(two, { mechanism: 'spf', subject: 'spf', strict: ['aspf'] }).advice.at(-1)).toContain('aspf=s');
  expect(words(two, { mechanism: 'dkim', strict: ['aspf'] }).advice.join()).not.toContain('aspf=s');
  expect(words(two.slice(1), { mechanism: 'spf', subject: 'spf', strict: ['aspf'] }).advice.join()).not.toContain('aspf=s');
});
