import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Applying, applyRequest, returnRequest } from '../../services/applier/apply.ts';
import type { Plan } from '../../services/requests/plan.ts';
import { txtOf } from '../../services/requests/plans/members.ts';
import type { DnsTarget } from '../../services/shared/settings/dns-servers.ts';
import { whileAlone } from '../../services/store/requests/alone.ts';
import { changesOf, endAwaited, endWatch, watched } from '../../services/store/requests/applying.ts';
import { withdraw } from '../../services/store/requests/decide.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { loadRequest } from '../../services/store/requests/requests.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { planOf, rulesOf } from '../requests/sample.ts';

const NOW = new Date('2026-07-01T08:00:00Z');
const DAY_MS = 86_400_000;
const DOMAIN = 'example.com';
let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
});
afterAll(() => t.drop());
beforeEach(async () => {
  await t.db.query('truncate ruawatch.requests, ruawatch.sender_list cascade');
});

const RULES = rulesOf({ name: 'all', decide: 'automatic', ceiling: { per_day: 1000 } });
const record = (name: string, text = 'v=DMARC1; p=none'): Plan['changes'][number] => ({
  target: 'dns',
  name: `${name}.${DOMAIN}`,
  type: 'TXT',
  ttl: { before: null, after: 60 },
  before: [],
  after: [txtOf(text)],
});
const sender = (after: 'approved' | 'denied' | null, before: 'approved' | 'denied' | null = null): Plan['changes'][number] => ({
  target: 'senders',
  domain: DOMAIN,
  source: 'mailer.example',
  is_service: false,
  before,
  after,
  until: '2026-12-01T00:00:00Z',
});
const BY_HAND: Plan['changes'][number] = {
  target: 'manual',
  what: 'a key',
  before: 'there',
  after: 'gone',
  run: 'by hand',
  seen: { by: 'settings', id: 'key:primary', value: 'old' },
};
const ask = async (changes: Plan['changes'], watch_hours = 72) => {
  const plan = planOf({ kind: 'dns.change', domain: DOMAIN, changes, back: { watch_hours, text: 'It is put back.' } });
  const given = { plan, requester: 'zoe@example.com', requester_kind: 'person' as const, why: 'ours' };
  return (await openRequest(t.db, RULES, given, NOW))!;
};
/** Answers by what is in the change: a text that begins with "fail", "stale", "later" or "hand". */
const SCRIPT = `read line
back=$(echo "$line" | grep -c '"after":\\[\\]')
case "$line" in
  *fail*) echo "it failed"; exit 1;; *stale*) echo "it is stale"; exit 3;; *later*) echo "not now"; exit 75;;
  *hand*) echo "handed over"; exit 4;; *stuck*) [ $back = 1 ] && { echo "no way back"; exit 1; };;
  *gone*) [ $back = 1 ] && exit 75;;
esac
exit 0`;
const TARGET: DnsTarget = {
  kind: 'command',
  name: 'git',
  zones: [DOMAIN],
  command: ['sh', '-c', `{ cat; echo; } | { ${SCRIPT}; }`],
};
let lines: { level: number; msg: string; answer?: string }[] = [];
const means = (now = NOW, targets: DnsTarget[] = [TARGET]): Applying => ({
  db: t.db,
  log: pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
  targets,
  at: () => now,
  now: () => now,
  signal: new AbortController().signal,
});
const apply = async (key: number, now = NOW, targets: DnsTarget[] = [TARGET]) =>
  applyRequest(await loadRequest(t.db, key), means(now, targets));
const endOf = async (key: number) => {
  const { state, outcome, ends_at } = await loadRequest(t.db, key);
  return { state, outcome, ends_at };
};
const rowsOf = async (key: number) =>
  (await changesOf(t.db, key)).map(({ position, forward, target, state, answer }) => [position, forward, target, state, answer]);

describe('the end of a request', () => {
  test.each([
    ['a change that is watched', [record('a')], 72, 'active', 'It is applied, and watched for 72 hours.'],
    ['a change that nobody watches', [record('a')], 0, 'done', 'It is applied.'],
    ['two changes', [record('a'), record('b')], 1, 'active', 'It is applied, and watched for 1 hour.'],
    ['a change that is stale', [record('a', 'stale')], 72, 'stale', 'it is stale'],
    ['a change that fails', [record('a', 'fail')], 72, 'failed', 'it failed'],
    [
      'a change that is handed over',
      [record('a'), record('b', 'hand')],
      72,
      'handed_over',
      'It is handed over to be published: the request is done when the watcher sees the records (ruawatch requests show has them).',
    ],
    ...[[BY_HAND], [record('a'), BY_HAND]].map((changes) => [
      'a change by hand',
      changes,
      72,
      'handed_over',
      'It is handed over, to be done by hand: the request is done when it is seen (ruawatch requests show has how).',
    ]),
    [
      'a second change that is stale',
      [record('a'), record('b', 'stale')],
      72,
      'stale',
      'it is stale The changes before it are rolled back.',
    ],
    [
      'a second change that fails',
      [record('a'), record('b', 'fail')],
      72,
      'failed',
      'it failed The changes before it are rolled back.',
    ],
    [
      'a second change that fails, and a first that cannot be taken back',
      [record('a', 'stuck'), record('b', 'fail')],
      72,
      'failed',
      'it failed Not all changes before it could be rolled back: check them by hand.',
    ],
    [
      'an entry of the list that is another by now',
      [sender('approved', 'denied')],
      0,
      'stale',
      'The list of senders has another entry by now.',
    ],
  ] as [string, Plan['changes'], number, string, string][])('%s', async (_, changes, hours, state, outcome) => {
    const key = await ask(changes, hours);
    expect(await apply(key)).toBe(true);
    const ends_at = state === 'active' ? new Date(NOW.getTime() + hours * 3_600_000) : null;
    expect(await endOf(key)).toEqual({ state, outcome, ends_at });
  });

  test('without a server of its zone it is handed over', async () => {
    const key = await ask([record('a')]);
    expect(await apply(key, NOW, [{ ...TARGET, zones: ['example.org'] }])).toBe(true);
    expect(await endOf(key)).toMatchObject({ state: 'handed_over' });
    expect(await rowsOf(key)).toEqual([[0, true, 'nobody', 'intended', null]]);
  });
});

describe('an entry of the list', () => {
  const entries = async () =>
    (
      await t.db.query(
        'select verdict, by_name, why, until, ended_at is null as stands from ruawatch.sender_list order by entry_key',
      )
    ).rows;

  test('is made with who asked, why, and until when', async () => {
    const key = await ask([sender('approved')], 0);
    await apply(key);
    const by = { by_name: 'zoe@example.com', why: `request ${key}: ours` };
    expect(await entries()).toEqual([{ verdict: 'approved', ...by, until: new Date('2026-12-01T00:00:00Z'), stands: true }]);
    expect(await rowsOf(key)).toEqual([[0, true, 'senders', 'applied', 'The list of senders is changed.']]);
    expect(await endOf(key)).toMatchObject({ state: 'done', outcome: 'It is applied.' });
  });

  test('is taken back when a later change fails, and ends when it would have ended', async () => {
    await apply(await ask([sender('denied')], 0));
    const key = await ask([sender('approved', 'denied'), record('a', 'fail')]);
    await apply(key);
    expect((await entries()).filter(({ stands }) => stands)).toMatchObject([
      { verdict: 'denied', until: new Date('2026-12-01T00:00:00Z') },
    ]);
    expect(await rowsOf(key)).toEqual([
      [0, true, 'senders', 'applied', 'The list of senders is changed.'],
      [1, true, 'git', 'failed', 'it failed'],
      [0, false, 'senders', 'applied', 'The list of senders is changed.'],
    ]);
  });
});

describe('an entry with an end', () => {
  const put = (verdict: string, until: string | null) =>
    t.db.query(
      `insert into ruawatch.sender_list (domain, source, is_service, verdict, by_name, why, since, until)
       values ('${DOMAIN}', 'mailer.example', false, $1, 'ada', 'ours', '2026-01-01', $2)`,
      [verdict, until],
    );
  const stands = async () =>
    (await t.db.query('select verdict, until from ruawatch.sender_list where ended_at is null order by entry_key')).rows;

  test('that is over stands for nothing, whether or not it was ended', async () => {
    await put('approved', '2026-06-30T00:00:00Z');
    const key = await ask([sender('denied')], 0);
    await apply(key);
    expect(await endOf(key)).toMatchObject({ state: 'done' });
    const stale = await ask([sender('approved', 'approved')], 0);
    await apply(stale);
    expect(await endOf(stale)).toMatchObject({ state: 'stale' });
  });

  test('holds longer when that is approved, and as long as before when it is taken back', async () => {
    await put('approved', '2026-07-10T00:00:00Z');
    const key = await ask([sender('approved', 'approved')], 0);
    await apply(key);
    expect(await stands()).toEqual([{ verdict: 'approved', until: new Date('2026-12-01T00:00:00Z') }]);
    await returnRequest(await loadRequest(t.db, key), means());
    expect(await stands()).toEqual([{ verdict: 'approved', until: new Date('2026-07-10T00:00:00Z') }]);
  });

  test('is not put back when its time was over meanwhile', async () => {
    await put('approved', '2026-07-02T00:00:00Z');
    const key = await ask([sender('denied', 'approved')], 0);
    await apply(key);
    await returnRequest(await loadRequest(t.db, key), means(new Date('2026-07-03T00:00:00Z')));
    expect(await stands()).toEqual([]);
  });
});

describe('a change that cannot be made yet', () => {
  test('is tried again for a day, then given up', async () => {
    const key = await ask([record('a', 'later')]);
    lines = [];
    expect(await apply(key)).toBe(false);
    expect(lines).toMatchObject([
      { level: 40, msg: 'a change could not be made yet; it is tried again', answer: 'not now', request: key },
    ]);
    expect(await apply(key, new Date(NOW.getTime() + DAY_MS - 1))).toBe(false);
    expect(await endOf(key)).toMatchObject({ state: 'applying' });
    expect(await apply(key, new Date(NOW.getTime() + DAY_MS))).toBe(true);
    expect(await endOf(key)).toMatchObject({ state: 'failed', outcome: 'Given up after a day. not now' });
  });

  test('is not made again when a row says how it ended', async () => {
    const key = await ask([record('a'), record('b', 'later')]);
    expect(await apply(key)).toBe(false);
    await t.db.query("update ruawatch.changes set state = 'stale', answer = null where request_key = $1 and position = 0", [key]);
    expect(await apply(key)).toBe(true);
    expect(await endOf(key)).toMatchObject({ state: 'stale', outcome: '' });
  });
});

describe('while the first change waits for its server', () => {
  const hour = (n: number) => new Date(NOW.getTime() + n * 3_600_000);
  const open = async (rule: object, changes = [record('a', 'later')]) => {
    const plan = planOf({ kind: 'dns.change', domain: DOMAIN, changes, back: { watch_hours: 72, text: 'It is put back.' } });
    const given = { plan, requester: 'zoe@example.com', requester_kind: 'person' as const, why: 'ours' };
    const rules = rulesOf({ name: 'all', decide: 'automatic', ceiling: { per_day: 1000 }, ...rule });
    return (await openRequest(t.db, rules, given, NOW))!;
  };

  test('the approval ends when it was to be applied within a time', async () => {
    const key = await open({ apply_within_hours: 2 });
    expect(await apply(key)).toBe(false);
    expect(await apply(key, hour(1))).toBe(false);
    expect(await apply(key, hour(3))).toBe(true);
    expect(await endOf(key)).toMatchObject({
      state: 'failed',
      outcome: 'It could not be applied in time: the approval has ended.',
    });
  });

  test('a window that closes holds it back again', async () => {
    const key = await open({ windows: [{ days: ['wednesday'], from: '08:00', to: '09:00' }] });
    expect(await apply(key)).toBe(false);
    lines = [];
    expect(await apply(key, hour(2))).toBe(true);
    expect(lines).toEqual([]);
    expect(await endOf(key)).toMatchObject({ state: 'applying' });
  });

  test('it can be withdrawn, and is not once something is changed', async () => {
    const key = await open({});
    await apply(key);
    await withdraw(t.db, key, { person: 'zoe@example.com', why: 'not now' }, NOW);
    expect(await endOf(key)).toMatchObject({
      state: 'withdrawn',
      outcome: 'Withdrawn by zoe@example.com: not now It was being applied: make sure that nothing of it is published.',
    });
    expect(await apply(key)).toBe(true);
    expect(await endOf(key)).toMatchObject({ state: 'withdrawn' });
    const half = await open({}, [record('b'), record('a', 'later')]);
    await apply(half);
    await expect(withdraw(t.db, half, { person: 'zoe@example.com', why: 'x' }, NOW)).rejects.toMatchObject({
      code: 'request_settled',
    });
  });

  test('it is not withdrawn while the applier is at work', async () => {
    const key = await open({});
    await apply(key);
    await whileAlone(t.db, async () => {
      await expect(withdraw(t.db, key, { person: 'zoe@example.com', why: 'x' }, NOW)).rejects.toMatchObject({
        code: 'request_settled',
      });
    });
  });
});

describe('a plan of which a part is handed over', () => {
  test('is watched for the part that was changed, and that alone is taken back', async () => {
    const key = await ask([record('a'), record('b', 'hand')]);
    await apply(key);
    expect(await endOf(key)).toMatchObject({ state: 'handed_over' });
    expect((await watched(t.db)).map(({ request_key }) => request_key)).toEqual([key]);
    expect(await returnRequest(await loadRequest(t.db, key), means())).toEqual({ done: true, answer: '' });
    expect((await rowsOf(key)).filter(([, forward]) => !forward)).toEqual([[0, false, 'git', 'applied', expect.anything()]]);
    await endWatch(t.db, key, { step: 'return', says: 'It broke mail.' }, NOW);
    expect(await endOf(key)).toMatchObject({ state: 'returned' });
  });

  test('is watched as a whole once the rest is published, and one that is all handed over is done', async () => {
    const key = await ask([record('a'), record('b', 'hand')]);
    await apply(key);
    await endAwaited(t.db, key, NOW, { watch_hours: 72 });
    expect(await endOf(key)).toMatchObject({ state: 'active', ends_at: new Date(NOW.getTime() + 3 * DAY_MS) });
    const all = await ask([record('c', 'hand')]);
    await apply(all);
    expect((await watched(t.db)).map(({ request_key }) => request_key)).toEqual([key]);
    await endAwaited(t.db, all, NOW, { watch_hours: 72 });
    expect(await endOf(all)).toMatchObject({ state: 'done' });
  });

  test('says so when a later change fails', async () => {
    const key = await ask([record('b', 'hand'), record('a', 'fail')]);
    await apply(key);
    expect(await endOf(key)).toMatchObject({
      state: 'failed',
      outcome: 'it failed What was handed over must be stopped by hand.',
    });
  });
});

test('what is not approved any more is left alone', async () => {
  const key = await ask([record('a')]);
  const request = await loadRequest(t.db, key);
  await t.db.query("update ruawatch.requests set state = 'withdrawn' where request_key = $1", [key]);
  expect(await applyRequest(request, means())).toBe(true);
  expect(await rowsOf(key)).toEqual([]);
});

// Found by the chaos run: half of a plan stayed when the server was away at that moment.
describe('a first change that cannot be taken back yet', () => {
  test('is tried again until it is', async () => {
    const key = await ask([record('a', 'gone'), record('b', 'stale')]);
    expect(await apply(key)).toBe(false);
    expect(await endOf(key)).toMatchObject({ state: 'applying' });
    const there = { ...TARGET, command: ['sh', '-c', 'exit 0'] } as DnsTarget;
    expect(await apply(key, NOW, [there])).toBe(true);
    expect(await endOf(key)).toMatchObject({ state: 'stale', outcome: 'it is stale The changes before it are rolled back.' });
    expect((await rowsOf(key)).map(([position, forward, , state]) => [position, forward, state])).toEqual([
      [0, true, 'applied'],
      [1, true, 'stale'],
      [0, false, 'applied'],
    ]);
  });

  test('is given up after a day, and says so', async () => {
    const key = await ask([record('a', 'gone'), record('b', 'fail')]);
    expect(await apply(key)).toBe(false);
    expect(await apply(key, new Date(NOW.getTime() + DAY_MS))).toBe(true);
    expect((await endOf(key)).outcome).toBe('it failed Not all changes before it could be rolled back: check them by hand.');
  });
});

describe('the way back', () => {
  const back = async (key: number) => returnRequest(await loadRequest(t.db, key), means());

  test('takes the last change back first', async () => {
    const key = await ask([record('a'), record('b')]);
    await apply(key);
    expect(await back(key)).toEqual({ done: true, answer: '' });
    expect((await rowsOf(key)).map(([position, forward]) => [position, forward])).toEqual([
      [0, true],
      [1, true],
      [0, false],
      [1, false],
    ]);
    const { rows } = await t.db.query('select position from ruawatch.changes where not forward order by settled_at');
    expect(rows.map(({ position }) => position)).toEqual([1, 0]);
  });

  test('stops at a change that cannot be taken back', async () => {
    const key = await ask([record('a'), record('b', 'stuck')]);
    await apply(key);
    expect(await back(key)).toEqual({ done: false, answer: 'no way back' });
    expect((await rowsOf(key)).filter(([, forward]) => !forward).map(([position, , , state]) => [position, state])).toEqual([
      [0, 'intended'],
      [1, 'failed'],
    ]);
  });

  test('is tried again when its server is away', async () => {
    const key = await ask([record('a')]);
    await apply(key);
    const away: DnsTarget = { ...TARGET, command: ['sh', '-c', 'exit 75'] } as DnsTarget;
    expect(await returnRequest(await loadRequest(t.db, key), means(NOW, [away]))).toBeNull();
  });
});
