import { describe, expect, test } from 'vitest';
import type { LookedUp } from '../../services/dns/lookalikes/registered.ts';
import type { StoredLookalike } from '../../services/store/dns/lookalikes.ts';
import { afterAnswer, type OwnPlaces } from '../../services/watcher/lookalike-change.ts';

const OWN: OwnPlaces = {
  servers: ['ns1.hoster.example', 'ns2.hoster.example'],
  mailHosts: ['mx.kestrel.com'],
  domains: new Set(['kestrel.com']),
};
const UNASKED: StoredLookalike = {
  name: 'kestre1.com',
  shown: 'kestre1.com',
  kind: 'homoglyph',
  rank: 0.4,
  asked_at: null,
  answered_at: null,
  registered: null,
  baseline: false,
  first_seen: null,
  gone_at: null,
  servers: [],
  mail_hosts: null,
  dmarc: null,
  yours: false,
  change: null,
  changed_at: null,
  before: null,
  ignored_at: null,
  ignored_by: null,
  ignored_why: null,
};
const FREE: LookedUp = { state: 'free', servers: [], mailHosts: [], dmarc: '', questions: 1 };
const UNKNOWN: LookedUp = { state: 'unknown', servers: [], mailHosts: null, dmarc: null, questions: 2 };
const there = (more: Partial<LookedUp> = {}): LookedUp => ({
  state: 'registered',
  servers: ['ns.evil.example'],
  mailHosts: ['mx.evil.example'],
  dmarc: '',
  questions: 3,
  ...more,
});

/** One answer a day. @returns the change after each, null for none, and the last state */
function days(...answers: LookedUp[]): { changes: StoredLookalike['change'][]; last: StoredLookalike; news: boolean[] } {
  let state = UNASKED;
  const changes: StoredLookalike['change'][] = [];
  const news: boolean[] = [];
  for (const [i, answer] of answers.entries()) {
    const now = new Date(Date.UTC(2026, 10, 1 + i));
    const { after, news: worthALook } = afterAnswer(state, answer, OWN, now);
    changes.push(after.changed_at?.getTime() === now.getTime() ? after.change : null);
    news.push(worthALook);
    state = after;
  }
  return { changes, last: state, news };
}

describe('what changes of a look-alike', () => {
  test.each<[string, LookedUp[], StoredLookalike['change'][]]>([
    ['what stood before the watch is no news', [there(), there()], [null, null]],
    ['a new registration with mail hosts', [FREE, there()], [null, 'registered']],
    ['a new registration without mail hosts', [FREE, there({ mailHosts: [] })], [null, null]],
    ['… which has them later', [FREE, there({ mailHosts: [] }), there()], [null, null, 'registered']],
    ['… whose mail hosts nobody could say at first', [FREE, there({ mailHosts: null }), there()], [null, null, 'registered']],
    ['the same once more is no news', [FREE, there(), there()], [null, 'registered', null]],
    ['no answer at first, then registered: nobody knows since when', [UNKNOWN, there()], [null, null]],
    ['no answer in between', [FREE, UNKNOWN, there()], [null, null, 'registered']],
    ['no answer about a registered one', [there(), UNKNOWN, there()], [null, null, null]],
    ['another mail host', [there(), there({ mailHosts: ['mx.other.example'] })], [null, 'mail']],
    ['the first mail host of what stood before', [there({ mailHosts: [] }), there()], [null, 'mail']],
    ['… but not when it was only unknown', [there({ mailHosts: null }), there()], [null, null]],
    ['no mail host any more', [there(), there({ mailHosts: [] })], [null, null]],
    ['mail hosts that are unknown for a day', [there(), there({ mailHosts: null }), there()], [null, null, null]],
    ['a DMARC record', [there(), there({ dmarc: 'v=DMARC1; p=none' })], [null, 'dmarc']],
    ['… without mail hosts', [there({ mailHosts: [] }), there({ mailHosts: [], dmarc: 'v=DMARC1; p=none' })], [null, 'dmarc']],
    ['… that was only unknown', [there({ dmarc: null }), there({ dmarc: 'v=DMARC1; p=none' })], [null, null]],
    ['… that changes', [there({ dmarc: 'v=DMARC1; p=none' }), there({ dmarc: 'v=DMARC1; p=reject' })], [null, 'dmarc']],
    ['gone and back as it was: an accident of the registry', [there(), FREE, there()], [null, null, null]],
    [
      'gone and back with other name servers',
      [there(), FREE, there({ servers: ['ns.thief.example'] })],
      [null, null, 'registered'],
    ],
  ])('%s', (_, answers, expected) => {
    expect(days(...answers).changes).toEqual(expected);
  });

  test('whether it was there before the watch is kept', () => {
    expect(days(there(), there()).last).toMatchObject({ baseline: true, first_seen: new Date('2026-11-01') });
    expect(days(FREE, there(), there()).last).toMatchObject({ baseline: false, first_seen: new Date('2026-11-02') });
    expect(days(there(), FREE).last).toMatchObject({ registered: false, gone_at: new Date('2026-11-02') });
  });

  test('what it was before a change is kept', () => {
    expect(days(there(), there({ mailHosts: ['mx.other.example'] })).last.before).toEqual({
      mail_hosts: ['mx.evil.example'],
      dmarc: '',
    });
  });

  test('the analyzer looks at a change, and at the end of what it reported', () => {
    expect(days(FREE, there(), there(), FREE).news).toEqual([false, true, false, true]);
    expect(days(there(), FREE).news).toEqual([false, false]);
  });
});

describe('the whole of what is kept', () => {
  const NOW = new Date('2026-11-20');
  const EARLIER = new Date('2026-11-02');
  const [servers, mail_hosts] = [['ns.evil.example'], ['mx.evil.example']];
  const REGISTERED = {
    asked_at: EARLIER,
    answered_at: EARLIER,
    registered: true,
    first_seen: EARLIER,
    servers,
    mail_hosts,
    dmarc: '',
  };
  const free = { asked_at: EARLIER, answered_at: EARLIER, registered: false };

  test.each<[string, LookedUp, Partial<StoredLookalike>, object]>([
    ['no answer, the first time', UNKNOWN, {}, { asked_at: NOW, news: false }],
    ['free, the first time', FREE, {}, { asked_at: NOW, answered_at: NOW, registered: false, news: false }],
    ['free once more', FREE, free, { asked_at: NOW, news: false }],
    ['free since long', FREE, { ...free, gone_at: EARLIER, change: 'mail' }, { asked_at: NOW, news: false }],
    ['gone', FREE, REGISTERED, { asked_at: NOW, registered: false, gone_at: NOW, news: false }],
    [
      'gone after a change',
      FREE,
      { ...REGISTERED, change: 'mail' },
      { asked_at: NOW, registered: false, gone_at: NOW, news: true },
    ],
    [
      'there, the first time',
      there({ servers, mailHosts: mail_hosts }),
      {},
      {
        ...{ asked_at: NOW, answered_at: NOW, registered: true, baseline: true, first_seen: NOW },
        ...{ servers, mail_hosts, dmarc: '', news: false },
      },
    ],
    [
      'without what was answered before: that stays',
      there({ servers: [], mailHosts: null, dmarc: null }),
      { ...REGISTERED, baseline: true },
      { asked_at: NOW, news: false },
    ],
    [
      'back with other servers',
      there({ servers: ['ns.thief.example'], mailHosts: mail_hosts }),
      { ...REGISTERED, baseline: true, registered: false, gone_at: EARLIER },
      {
        ...{ asked_at: NOW, registered: true, baseline: false, first_seen: NOW, gone_at: null, servers: ['ns.thief.example'] },
        ...{ mail_hosts, change: 'registered', changed_at: NOW, before: { mail_hosts: [], dmarc: '' }, news: true },
      },
    ],
    [
      'no mail any more, after a change',
      there({ servers, mailHosts: [] }),
      { ...REGISTERED, change: 'mail' },
      { asked_at: NOW, mail_hosts: [], news: true },
    ],
  ])('%s', (_, found, more, expected) => {
    const before = { ...UNASKED, ...more };
    const { after, news } = afterAnswer(before, found, OWN, NOW);
    expect({ ...after, news }).toEqual({ ...before, ...expected });
  });
});

describe('whose it is', () => {
  const yours = (more: Partial<LookedUp>, own: OwnPlaces = OWN) => afterAnswer(UNASKED, there(more), own, new Date()).after.yours;
  const servers = OWN.servers;

  test.each<[string, Partial<LookedUp>, boolean]>([
    ['the same name servers and no mail', { servers, mailHosts: [] }, true],
    ['the same name servers, and mail to the same hosts', { servers, mailHosts: OWN.mailHosts }, true],
    ['a hoster gives its servers to anybody: mail that goes elsewhere is not yours', { servers }, false],
    ['one of the servers only', { servers: servers.slice(1), mailHosts: [] }, false],
    ['other servers', { mailHosts: [] }, false],
    ['no servers of its own', { servers: [], mailHosts: OWN.mailHosts }, false],
  ])('%s', (_, found, expected) => {
    expect(yours(found)).toBe(expected);
  });

  test('servers below an own domain are given to nobody else', () => {
    const own = { ...OWN, servers: ['ns1.kestrel.com', 'ns2.kestrel.com'] };
    expect(yours({ servers: own.servers }, own)).toBe(true);
    expect(
      yours(
        { servers: ['ns1.notkestrel.com', 'ns2.notkestrel.com'] },
        { ...own, servers: ['ns1.notkestrel.com', 'ns2.notkestrel.com'] },
      ),
    ).toBe(false);
  });
});
