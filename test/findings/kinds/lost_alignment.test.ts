import { describe, expect, test } from 'vitest';
import type { BrokenSender } from '../../../services/findings/figures.ts';
import { alignmentWords, lostAlignment } from '../../../services/findings/kinds/lost_alignment.ts';
import { EVIDENCE } from './samples.ts';

type Mechanism = 'dkim' | 'spf';
const unaligned = (mechanism: Mechanism, own: boolean, domain = own ? 'mail.example.com' : 'other.example') => ({
  mechanism,
  own,
  domain,
});
const part = (source: string, more: object = {}) =>
  ({ source, since: '2026-10-03', messages: 10, of: 10, last_good_day: '2026-10-02', ...more }) as unknown as BrokenSender;
const told = (broken: BrokenSender[], mechanism: Mechanism | 'both' = 'dkim') => ({
  domain: 'example.com',
  subject: mechanism,
  evidence: {
    ...EVIDENCE,
    since: '2026-10-05',
    broken,
    senders: broken.length,
    messages: 90,
    of: 100,
    mechanism,
  } as typeof EVIDENCE,
});
const words = (
  broken: BrokenSender[],
  mechanism: Mechanism | 'both' = 'dkim',
  turned: { tag: 'adkim' | 'aspf'; since: string }[] = [],
) => {
  const given = told(broken, mechanism);
  return alignmentWords(given as never, lostAlignment(given as never)!, turned);
};

describe('what is lost is alignment', () => {
  const lost = (broken: BrokenSender[], mechanism?: Mechanism | 'both') => lostAlignment(told(broken, mechanism) as never);
  test('where what is to pass does so for others, at senders of half of the mail at least', () => {
    const foreign = part('a', { unaligned: [unaligned('dkim', false)] });
    expect(lost([foreign])).toEqual({ how: 'foreign', lost: ['dkim'], passes: [unaligned('dkim', false)] });
    expect(lost([foreign, part('b')])).toMatchObject({ how: 'foreign' });
    expect(lost([foreign, part('b', { messages: 11 })])).toBeNull();
    expect(lost([part('b')])).toBeNull();
  });

  test('each mechanism has to, where both are to pass', () => {
    const one = part('a', { unaligned: [unaligned('dkim', false)] });
    const both = part('b', { unaligned: [unaligned('dkim', false), unaligned('spf', false, 'bounce.example')] });
    expect(lost([one], 'both')).toBeNull();
    expect(lost([one], 'spf')).toBeNull();
    expect(lost([both], 'both')).toEqual({
      how: 'foreign',
      lost: ['dkim', 'spf'],
      passes: [unaligned('dkim', false), unaligned('spf', false, 'bounce.example')],
    });
  });

  test('for a domain of the same organization it is strict alignment; the largest sender tells for which', () => {
    const strict = part('a', { unaligned: [unaligned('dkim', true)] });
    const other = part('b', { unaligned: [unaligned('dkim', true, 'b.example.com'), unaligned('dkim', false)] });
    expect(lost([other, strict])).toMatchObject({ how: 'strict', passes: [unaligned('dkim', true, 'b.example.com')] });
    expect(lost([part('c', { messages: 30, unaligned: [unaligned('dkim', false)] }), strict])).toMatchObject({ how: 'foreign' });
  });
});

describe('it is said', () => {
  test('that mail is signed as somebody else, at one sender and at several', () => {
    const foreign = (source: string) => part(source, { unaligned: [unaligned('dkim', false)] });
    const one = words([foreign('crm.example')]);
    expect(one).toMatchObject({
      title: 'Mail is no longer signed as example.com at crm.example',
      topic: 'mail of crm.example for example.com that authenticates as others',
      what: 'Mail through crm.example still authenticates, but DKIM passes for d=other.example, not for example.com: 90 of 100 messages since 2026-10-03 failed DMARC.',
    });
    expect(one.summary).toBe(`${one.title}: 90 of 100 messages since 2026-10-03 failed DMARC`);
    expect(one.advice).toEqual([
      'Ask your own teams first: somebody may have moved this mail to another account at crm.example, or switched off its domain authentication. Look there whether example.com is still verified, and let it sign with d=example.com again (now d=other.example).',
      'The keys of example.com in DNS are not the cause: no signature of them fails.',
    ]);
    expect(words([foreign('a.example'), foreign('b.example')])).toMatchObject({
      title: 'Mail is no longer signed as example.com at 2 senders',
      topic: 'mail of 2 senders of example.com that authenticates as others',
      what: expect.stringMatching(/^Mail through a\.example and b\.example still authenticates/),
    });
  });

  test('that SPF passes for somebody else', () => {
    const { title, what, advice } = words([part('crm.example', { unaligned: [unaligned('spf', false)] })], 'spf');
    expect(title).toBe('SPF passes for another domain at crm.example for example.com');
    expect(what).toContain('but SPF passes for other.example, not for example.com');
    expect(advice[0]).toBe(
      'Set the return path (MAIL FROM) at crm.example to example.com or a subdomain of it again (now other.example).',
    );
    expect(advice).toHaveLength(2);
  });

  test('that what passes is aligned no longer, and which tag asks for it since when', () => {
    const both = [part('crm.example', { unaligned: [unaligned('dkim', true), unaligned('spf', true)] })];
    const at = 'at crm.example for example.com';
    expect(words([part('crm.example', { unaligned: [unaligned('dkim', true)] })]).title).toBe(
      `DKIM passes but no longer aligns ${at}`,
    );
    expect(words(both, 'both').title).toBe(`DKIM and SPF pass but no longer align ${at}`);
    const turned = words(both, 'both', [{ tag: 'aspf', since: '2026-10-02' }]);
    expect(turned.title).toBe(`aspf=s breaks alignment ${at}`);
    expect(turned.topic).toBe(`alignment ${at}`);
    expect(turned.what).toMatch(
      /^The DMARC record of example\.com has asked for strict alignment since 2026-10-02 \(aspf=s; it was relaxed before\)\. Mail through crm\.example still authenticates, but DKIM passes for d=mail\.example\.com and SPF passes for mail\.example\.com, not for exactly example\.com: /,
    );
    const tags = [
      { tag: 'adkim' as const, since: '2026-10-02' },
      { tag: 'aspf' as const, since: '2026-10-01' },
    ];
    expect(words(both, 'both', tags).title).toBe(`adkim=s and aspf=s break alignment ${at}`);
    expect(words(both, 'both', tags).what).toContain('since 2026-10-01 (adkim=s, aspf=s;');
    // A tag of what is not lost has no part in it.
    expect(words([part('crm.example', { unaligned: [unaligned('dkim', true)] })], 'dkim', tags).title).toBe(
      `adkim=s breaks alignment ${at}`,
    );
    expect(words(both, 'both', tags).advice).toEqual([
      'If strict alignment was not intended, publish adkim=r; aspf=r in _dmarc.example.com: the mail aligns again as it is.',
      'Otherwise let crm.example sign with d=example.com exactly or use a return path (MAIL FROM) at exactly @example.com.',
      'The keys and the SPF record are in order: nothing has to be replaced there.',
    ]);
    expect(words(both, 'both').advice[0]).toMatch(/^Where strict alignment is not needed, publish/);
  });

  test('that mail lives on the other mechanism alone, which forwarding breaks where it is SPF', () => {
    const on = (mechanism: Mechanism, survives_on: Mechanism) =>
      words([part('crm.example', { survives_on, unaligned: [unaligned(mechanism, false)] })], mechanism).summary;
    expect(on('dkim', 'spf')).toMatch(/: 90 of 100 messages since 2026-10-03 passed by SPF alone, which forwarding breaks$/);
    expect(on('spf', 'dkim')).toMatch(/: 90 of 100 messages since 2026-10-03 passed by DKIM alone$/);
    const mixed = [
      part('a', { survives_on: 'spf', unaligned: [unaligned('dkim', false)] }),
      part('b', { unaligned: [unaligned('dkim', false)] }),
    ];
    expect(words(mixed).summary).toMatch(/failed DMARC$/);
  });
});
