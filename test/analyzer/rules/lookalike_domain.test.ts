import { describe, expect, test } from 'vitest';
import { lookalikeDomain } from '../../../services/analyzer/rules/lookalike_domain.ts';
import type { DnsWindow } from '../../../services/analyzer/rules/window.ts';
import type { StoredLookalike } from '../../../services/store/dns/lookalikes.ts';
import { onFile } from '../rows.ts';

const NOW = new Date('2026-05-28T14:00:00Z');
const CHANGED = new Date('2026-05-27T14:02:00Z');

const seen = (more: Partial<StoredLookalike> = {}): StoredLookalike => ({
  name: 'kestre1.com',
  shown: 'kestre1.com',
  kind: 'homoglyph',
  rank: 0.38,
  asked_at: NOW,
  answered_at: new Date('2026-05-01T00:00:00Z'),
  registered: true,
  baseline: false,
  first_seen: CHANGED,
  gone_at: null,
  servers: ['ns.evil.example'],
  mail_hosts: ['mx.evil.example'],
  dmarc: '',
  yours: false,
  change: 'registered',
  changed_at: CHANGED,
  before: { mail_hosts: [], dmarc: '' },
  ignored_at: null,
  ignored_by: null,
  ignored_why: null,
  ...more,
});
const window = (
  lookalikes: StoredLookalike[] | undefined,
  { domain = 'kestrel.com', known = [] }: { domain?: string; known?: DnsWindow['known'] } = {},
): DnsWindow => ({
  domain,
  confirmation: null,
  silence: null,
  today: '2026-05-27',
  elsewhere: [],
  known,
  now: NOW,
  ...(lookalikes !== undefined && { lookalikes }),
});
const found = (...args: Parameters<typeof window>) =>
  lookalikeDomain.find(window(...args)).map(({ subject, severity }) => `${subject} ${severity}`);

test('twenty are open at a time, and what is shown is said where it is another text than the name', () => {
  const all = Array.from({ length: 22 }, (_, i) => seen({ name: `n${i}.com`, shown: i === 0 ? 'ñ0.com' : `n${i}.com` }));
  const some = lookalikeDomain.find(window(all));
  expect(some.map(({ subject }) => subject)).toEqual(Array.from({ length: 20 }, (_, i) => `n${i}.com`));
  expect(some.slice(0, 2).map(({ evidence }) => (evidence.facts as { shown: string | null }).shown)).toEqual(['ñ0.com', null]);
  const known = (n: number) => some.slice(0, n).map((one) => onFile(one));
  for (const n of [19, 20])
    expect(lookalikeDomain.find(window([...all].reverse(), { known: known(n) })).map(({ subject }) => subject)).toEqual([
      ...Array.from({ length: n }, (_, i) => `n${n - 1 - i}.com`),
      ...(n === 19 ? ['n21.com'] : []),
    ]);
  const more = [...known(20), onFile({ ...some[0]!, subject: 'n20.com' })];
  expect(lookalikeDomain.find(window(all, { known: more }))).toHaveLength(21);
});

describe('a look-alike', () => {
  test.each<[string, Partial<StoredLookalike>, string[]]>([
    ['registered with mail hosts', {}, ['kestre1.com high']],
    ['less similar', { rank: 1.2 }, ['kestre1.com medium']],
    ['just similar enough', { rank: 0.6 }, ['kestre1.com high']],
    ['other mail hosts of what was there', { baseline: true, change: 'mail' }, ['kestre1.com medium']],
    ['the same, less similar', { baseline: true, change: 'mail', rank: 1.2 }, ['kestre1.com low']],
    [
      'another DMARC record',
      { baseline: true, change: 'dmarc', dmarc: 'v=DMARC1; p=none', mail_hosts: [] },
      ['kestre1.com medium'],
    ],
    ['there before the watch', { baseline: true, change: null, changed_at: null }, []],
    ['without mail hosts', { mail_hosts: [] }, []],
    ['with mail hosts that are unknown', { mail_hosts: null }, []],
    ['no longer registered', { registered: false }, []],
    ['yours', { yours: true }, []],
    ['ignored', { ignored_at: NOW, ignored_by: 'ada', ignored_why: 'ours' }, []],
  ])('%s', (_, more, expected) => {
    expect(found([seen(more)])).toEqual(expected);
  });

  test('of a short name is low: names are near it by chance', () => {
    expect(found([seen({ name: 'abc0.com' })], { domain: 'abco.com' })).toEqual(['abc0.com low']);
    expect(found([seen({ name: 'abcd0.com' })], { domain: 'abcdo.com' })).toEqual(['abcd0.com high']);
    expect(found([seen({ name: 'abc0.com' })], { domain: 'mail.abco.com' })).toEqual(['abc0.com low']);
  });

  test('nothing is found where nothing was looked up', () => {
    expect(found(undefined)).toEqual([]);
  });

  test('at most twenty are open, those that are open already among them', () => {
    const many = Array.from({ length: 30 }, (_, n) => seen({ name: `n${n}.com`, rank: n }));
    const known = [onFile(lookalikeDomain.find(window([many[29]!]))[0]!)];
    const names = found(many, { known }).map((one) => one.split(' ')[0]);
    expect(names).toHaveLength(20);
    expect(names).toContain('n29.com');
    expect(names).toContain('n18.com');
    expect(names).not.toContain('n19.com');
  });

  test('what it says is what was seen', () => {
    expect(lookalikeDomain.find(window([seen()]))[0]).toMatchObject({
      first_day: '2026-05-27',
      last_day: '2026-05-28',
      evidence: {
        facts: {
          rule: 'lookalike_domain',
          event: 'registered',
          shown: null,
          at: '2026-05-27 14:02',
          mail_hosts: ['mx.evil.example'],
        },
      },
    });
    // Registered since the watch began: other mail hosts later do not change what it is.
    expect(lookalikeDomain.find(window([seen({ change: 'mail' })]))[0]!.evidence.facts).toMatchObject({ event: 'registered' });
  });

  test('what was settled is not opened again by the same change', () => {
    const settled = onFile(lookalikeDomain.find(window([seen()]))[0]!, { state: 'resolved' });
    expect(found([seen()], { known: [settled] })).toEqual([]);
    const later = new Date('2026-06-03T00:00:00Z');
    expect(found([seen({ changed_at: later })], { known: [settled] })).toEqual(['kestre1.com high']);
  });
});

describe('its end', () => {
  const known = onFile(lookalikeDomain.find(window([seen()]))[0]!);
  const over = (more: Partial<StoredLookalike>) => lookalikeDomain.over(known, window([seen(more)]));

  test.each<[string, Partial<StoredLookalike>, unknown]>([
    ['no longer registered', { registered: false }, { reason: 'lookalike_gone' }],
    ['no mail hosts any more', { mail_hosts: [] }, { reason: 'lookalike_without_mail' }],
    ['yours', { yours: true }, { reason: 'lookalike_yours' }],
    [
      'ignored',
      { ignored_at: NOW, ignored_by: 'ada', ignored_why: 'ours' },
      { reason: 'lookalike_ignored', by: 'ada', why: 'ours' },
    ],
    ['it stands', {}, null],
  ])('%s', (_, more, expected) => {
    expect(over(more)).toEqual(expected);
  });

  test('nobody can say where nothing was looked up', () => {
    expect(lookalikeDomain.over(known, window([]))).toBeNull();
    expect(lookalikeDomain.over(known, window(undefined))).toBeNull();
  });
});
