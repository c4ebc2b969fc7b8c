import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { WatchedRecord } from '../../services/cluster/declared.ts';
import { followRecord, type RoundMeans } from '../../services/cluster/round.ts';
import type { Answer, Dns, RecordData, RecordType } from '../../services/dns/client/types.ts';
import type { EgressWay } from '../../services/dns/guard/workloads.ts';
import { createLog } from '../../services/shared/runtime/log.ts';
import { loadEgressRecords } from '../../services/store/cluster/records.ts';
import type { StoredWay } from '../../services/store/cluster/ways.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { listRequests } from '../../services/store/requests/requests.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { rulesOf } from '../requests/sample.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const NOW = new Date('2026-11-27T12:00:00Z');
const ago = (ms: number) => new Date(NOW.getTime() - ms);
const ROUTINE = rulesOf({
  name: 'egress',
  when: { kinds: ['dns.change'], requester: 'service', risk: 'high', size: 9 },
  decide: 'automatic',
  ceiling: { per_day: 20 },
});

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase({ own: false });
  await putOwn(t.db, ['example.com'], 'added', { now: NOW, ignored: false });
});
afterAll(() => t.drop());
beforeEach(() => t.db.query('truncate ruawatch.egress_records, ruawatch.requests cascade'));

/** Texts by name; a text that is null is not known. */
let texts: Record<string, readonly string[] | null>;
/** Happens when a plan is made, after the decision. */
let onPlan: () => void;
beforeEach(() => {
  texts = { 'example.com': ['v=spf1 ip4:192.0.2.1 -all', 'other'] };
  onPlan = () => undefined;
});
const dns: Dns = {
  ask: async <T extends RecordType>(name: string, type: T): Promise<Answer<T>> => {
    if (name.startsWith('_dmarc.')) onPlan();
    const told = { name, aliases: [], ttl: 60, authenticated: false };
    const found = texts[name];
    if (found === null) return { state: 'unknown', reason: 'timeout', message: 'It did not answer.' };
    if (found === undefined) return { state: 'nxdomain', ...told };
    if (type !== 'TXT') return { state: 'nodata', ...told };
    return { state: 'records', records: found.map((text) => [text]) as unknown as RecordData[T][], ...told };
  },
};

const way = (egress: string, part: Partial<EgressWay> = {}, environment = 'production') => ({
  ...{ environment, egress },
  way: { name: egress, from: 'nodes' as const, addresses: [], ...part },
});
const recordOf = (part: Partial<WatchedRecord> = {}): WatchedRecord => ({
  ...{ name: 'example.com', domains: ['example.com'], workloads: ['production/shop', 'production/news'] },
  ...{ ways: [way('out')], declared: [], pinned: false },
  ...part,
});
const seen = (addresses: string[], part: Partial<StoredWay> = {}): StoredWay => ({
  ...{ environment: 'production', egress: 'out', observed_at: NOW, unknown: null, unknown_since: null, confirmed_at: null },
  addresses: addresses.map((address) => ({ address, since: ago(DAY), gone_at: null })),
  ...part,
});
const follow = async (given: {
  record?: Partial<WatchedRecord>;
  stored?: StoredWay[];
  before?: Parameters<typeof followRecord>[2];
  means?: Partial<RoundMeans>;
}) =>
  followRecord(recordOf(given.record), given.stored ?? [seen(['192.0.2.1', '192.0.2.2'])], given.before ?? null, {
    ...{ db: t.db, dns, log: createLog('silent'), rules: ROUTINE, now: NOW, at: NOW },
    settings: { source: null, name: null, debounceMs: 2 * MINUTE, queueMs: 5 * DAY, everyMs: 30 * MINUTE, mostLoss: 0.5 },
    asking: { signal: AbortSignal.timeout(60_000) },
    ...given.means,
  });
const rows = () => loadEgressRecords(t.db);
const row = (part: object = {}) => ({
  ...{ name: 'example.com', domain: 'example.com', request_key: null, state: null, asked_at: null, before: null, value: null },
  ...{ waits: null, problems: [], problems_since: null, checked_at: NOW },
  ...part,
});
const problem = (code: string, message: string, addresses: string[] = []) => ({
  problems: [{ code, message, addresses }],
  problems_since: NOW,
});

describe('what is kept of a record', () => {
  test.each<[string, Parameters<typeof follow>[0], Record<string, readonly string[] | null>, object]>([
    ['nothing to do', { stored: [seen(['192.0.2.1'])] }, {}, {}],
    [
      'a record below the domain',
      { record: { name: 'news.example.com' }, stored: [seen(['192.0.2.1'])] },
      { 'news.example.com': ['v=spf1 ip4:192.0.2.1 -all'] },
      { name: 'news.example.com' },
    ],
    [
      'no domain of ours',
      { record: { name: 'mailer.example' } },
      {},
      {
        ...{ name: 'mailer.example', domain: 'mailer.example' },
        ...problem('not_own', 'mailer.example is below no domain of yours: nothing is asked for it (ruawatch domains add).'),
      },
    ],
    [
      'a way that nothing has observed, whatever is known of others',
      { stored: [seen(['192.0.2.2'], { environment: 'test' }), seen(['192.0.2.2'], { egress: 'in' })] },
      {},
      problem('unknown', 'The addresses of production/out are not known: Nothing has observed it yet.'),
    ],
    [
      'a way that was never known',
      { stored: [seen([], { observed_at: null, unknown: 'It is away.' })] },
      {},
      problem('unknown', 'The addresses of production/out are not known: It is away.'),
    ],
    [
      'a way that is not known now',
      { stored: [seen(['192.0.2.2'], { unknown: 'It is away.' })] },
      {},
      problem('unknown', 'The addresses of production/out are not known: It is away.'),
    ],
    ['a way that was observed ten minutes ago', { stored: [seen(['192.0.2.1'], { observed_at: ago(10 * MINUTE) })] }, {}, {}],
    [
      'a way that nothing has observed for longer',
      { stored: [seen(['192.0.2.1'], { observed_at: ago(10 * MINUTE + 1) })] },
      {},
      problem('unknown', 'The addresses of production/out are not known: Nothing observes it any more.'),
    ],
    ['DNS that does not answer', {}, { 'example.com': null }, { waits: 'It did not answer.' }],
    [
      'no record',
      {},
      { 'example.com': ['x'] },
      problem('no_record', 'example.com has no SPF record: publish the first one by hand, with all who send as example.com.'),
    ],
    [
      'addresses that came a short time ago',
      { stored: [seen([], { addresses: [{ address: '192.0.2.2', since: ago(MINUTE), gone_at: null }] })] },
      {},
      { waits: 'Addresses came a short time ago: it waits until no more come.' },
    ],
    [
      'a term that denies what comes before the one that would admit it',
      { stored: [seen(['192.0.2.2', '203.0.113.1'])] },
      { 'example.com': ['v=spf1 -ip4:192.0.2.0/30 ip4:203.0.113.0/24 -all'] },
      problem(
        'shadowed',
        'A term of the record denies 192.0.2.2 before the one that would admit it: change the record by hand.',
        ['192.0.2.2'],
      ),
    ],
    [
      'no rule',
      { means: { rules: [] } },
      {},
      problem('no_rule', expect.stringMatching(/^No rule/) as unknown as string, ['192.0.2.2']),
    ],
    [
      'more gone than may go at once',
      { stored: [seen([], { addresses: [{ address: '192.0.2.1', since: ago(9 * DAY), gone_at: ago(9 * DAY) }] })] },
      {},
      problem(
        'loss',
        '1 of 1 addresses of production/out are gone: nothing of it is removed before a person confirms it (ruawatch cluster confirm production/out).',
        ['192.0.2.1'],
      ),
    ],
  ])('%s', async (_, given, published, expected) => {
    Object.assign(texts, published);
    expect(await follow(given)).toBeNull();
    expect(await rows()).toEqual([row(expected)]);
    expect(await listRequests(t.db, { limit: 9 })).toEqual([]);
  });
});

describe('what is asked for', () => {
  const BEFORE = 'v=spf1 ip4:192.0.2.1 -all';
  const AFTER = 'v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 -all';

  test('is one request, with all that is kept of it, until it is decided', async () => {
    const key = await follow({});
    expect(key).toEqual(expect.any(Number));
    const asked = { request_key: key, state: 'approved', asked_at: NOW, before: BEFORE, value: AFTER };
    expect(await rows()).toEqual([row(asked)]);
    expect(await listRequests(t.db, { limit: 9 })).toMatchObject([
      {
        ...{ request_key: key, kind: 'dns.change', domain: 'example.com', requester: 'cluster', requester_kind: 'service' },
        summary: 'Let SPF of example.com admit 192.0.2.2.',
        why: 'Mail of production/shop, production/news leaves by 192.0.2.2.',
        ...{ playbook: 'cluster example.com', finding_key: null, created_at: NOW },
      },
    ]);
    const [before] = await rows();
    expect(await follow({ before: before! })).toBeNull();
    expect(await rows()).toEqual([row({ ...asked, waits: `Request ${key} is approved.` })]);
    // A process that has not seen that request asks for nothing.
    expect(await follow({})).toBeNull();
    expect(await listRequests(t.db, { limit: 9 })).toHaveLength(1);
    await t.db.query("update ruawatch.requests set state = 'denied'");
    expect(await follow({ before: { ...before!, state: 'denied' } })).toBeNull();
    const refused = `Request ${key}, which asked for the same, is denied: ask by hand if it is wanted.`;
    expect(await rows()).toEqual([
      row({ ...asked, state: 'denied', waits: refused, ...problem('refused', refused, ['192.0.2.2']) }),
    ]);
    // What was asked half an hour ago is no reason to wait with something else.
    const old = { ...before!, state: 'denied' as const, asked_at: ago(30 * MINUTE) };
    expect(await follow({ before: old, stored: [seen(['192.0.2.3'])] })).toEqual(expect.any(Number));
    expect((await listRequests(t.db, { limit: 9 })).map(({ summary }) => summary)).toEqual([
      'Let SPF of example.com admit 192.0.2.3.',
      'Let SPF of example.com admit 192.0.2.2.',
    ]);
  });

  test('of declared networks, those of the way and of the record', async () => {
    const record = { ways: [way('out', { addresses: ['198.51.100.9/28', '192.0.2.2', 'x'] })], declared: ['203.0.113.0/28'] };
    await follow({ record, stored: [seen(['192.0.2.2', '198.51.100.1', '203.0.113.7'])] });
    expect(await rows()).toMatchObject([
      { value: 'v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 ip4:198.51.100.0/28 ip4:203.0.113.0/28 -all', problems: [] },
    ]);
  });

  test('goes, with what goes at the same time, when a person has confirmed it', async () => {
    const addresses = [
      { address: '192.0.2.1', since: ago(9 * DAY), gone_at: ago(6 * DAY) },
      { address: '192.0.2.2', since: ago(DAY), gone_at: null },
    ];
    await follow({ stored: [seen([], { addresses, confirmed_at: ago(DAY) })], means: { at: null } });
    const [request] = await listRequests(t.db, { limit: 9 });
    expect(request).toMatchObject({
      summary: 'Let SPF of example.com admit 192.0.2.2, and admit 192.0.2.1 no longer.',
      why: 'Mail of production/shop, production/news leaves by 192.0.2.2.',
    });
    expect(JSON.parse(request!.plan).why.slice(0, 2)).toEqual([
      'Mail of production/shop, production/news leaves by 192.0.2.2.',
      '192.0.2.1 left the cluster at least 5 days ago, and no report shows mail from there since.',
    ]);
  });

  test('by people, when the rule says so', async () => {
    const rules = rulesOf({ name: 'all', stages: [{ group: 'mail' }] });
    expect(await follow({ means: { rules } })).toBeNull();
    expect(await rows()).toMatchObject([
      { request_key: null, problems: [{ code: 'nobody_can_approve', addresses: ['192.0.2.2'] }] },
    ]);
  });
});

describe('DNS that answers otherwise when the plan is made', () => {
  const nothing = async (expected: object) => {
    expect(await follow({})).toBeNull();
    expect(await rows()).toEqual([row(expected)]);
    expect(await listRequests(t.db, { limit: 9 })).toEqual([]);
  };
  test('another record: the next round decides', async () => {
    onPlan = () => {
      texts['example.com'] = ['v=spf1 ip4:192.0.2.1 mx -all'];
    };
    await nothing({});
  });
  test('no answer is waited for', async () => {
    onPlan = () => {
      texts['example.com'] = null;
    };
    await nothing({ waits: 'What example.com has now is not known: It did not answer.' });
  });
  test('what was to be asked for: nothing is left to do', async () => {
    onPlan = () => {
      texts['example.com'] = ['v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 -all'];
    };
    await nothing({ waits: 'example.com has this record already: nothing is left to do.' });
  });
  test.each([new Error('It broke.'), Object.assign(new Error('It broke.'), { code: 'ECONNRESET' })])(
    'what nobody expected is thrown',
    async (error) => {
      onPlan = () => {
        throw error;
      };
      await expect(follow({})).rejects.toBe(error);
    },
  );
});
