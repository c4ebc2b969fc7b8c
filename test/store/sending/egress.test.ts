import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { isWithoutGap, loadEgressDays } from '../../../services/store/sending/egress.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receive, reportMail, reportXml, trusting } from '../../helpers/report.ts';
import { putDay, putMessage, putSource } from './rows.ts';

/** A week, then the three days that are judged: hours in which something was logged. */
const hours = (logs: (hour: number, day: number) => boolean): boolean[] =>
  Array.from({ length: 240 }, (_, n) => logs(n % 24, Math.floor(n / 24)));
const outage = (from: number, to: number) => (hour: number, day: number) => !(day === 8 && hour >= from && hour < to);

test.each<[string, boolean[], boolean]>([
  ['a busy server', hours(() => true), true],
  ['two silent hours', hours(outage(3, 5)), true],
  ['three silent hours', hours(outage(3, 6)), false],
  ['a server that rests at night', hours((hour) => hour >= 6), true],
  [
    'one that rests at night, and an outage as long as its nights',
    hours((hour, day) => hour >= 6 && outage(9, 15)(hour, day)),
    true,
  ],
  [
    'one that rests at night, and an outage of the rest of the day',
    hours((hour, day) => hour >= 6 && outage(14, 24)(hour, day)),
    false,
  ],
  ['one that rests for ten hours, which is too long to be sure', hours((hour) => hour >= 10), false],
  ['a source that is new', hours((_, day) => day >= 7), false],
  ['a source that began within the week', hours((_, day) => day >= 5), true],
  ['one that ceased', hours((_, day) => day < 9), false],
  ['nothing', [], false],
  ['a gap as long as the longest before', hours((hour, day) => (day === 8 ? hour >= 5 : day !== 3 || hour >= 5)), true],
  ['a gap that is one hour longer', hours((hour, day) => (day === 8 ? hour >= 6 : day !== 3 || hour >= 5)), false],
  ['eight silent hours where more is usual', hours((hour, day) => (day === 8 ? hour >= 8 : day !== 3 || hour >= 12)), true],
  ['nine silent hours where more is usual', hours((hour, day) => (day === 8 ? hour >= 9 : day !== 3 || hour >= 12)), false],
  ['a gap that the judged days begin with', hours((hour, day) => day !== 7 || hour >= 2), true],
  ['one that they begin with and is too long', hours((hour, day) => day !== 7 || hour >= 3), false],
  [
    'one that they begin with, after another before them',
    hours((hour, day) => !((day === 6 && hour >= 22) || (day === 7 && hour < 2))),
    true,
  ],
  ['silence before the first message is no habit', hours((hour, day) => day > 3 && !(day === 8 && hour < 3)), false],
  ['two gaps with one message between', hours((hour, day) => day !== 8 || hour === 2 || hour > 4), true],
])('%s', (_, given, complete) => expect(isWithoutGap(given)).toBe(complete));

describe('what reports count from own networks, beside the logs', () => {
  let t: TestDatabase;
  beforeEach(async () => {
    t = await testDatabase();
    const failing = { auth_dkim: null, auth_spf: null, dkim: 'fail', spf: 'fail' } as const;
    const rows = [
      { ip: '192.0.2.1', count: 30 },
      { ip: '192.0.2.1', count: 30, ...failing },
      { ip: '192.0.2.2', count: 19 },
      { ip: '192.0.2.3', count: 20, ...failing },
      { ip: '198.51.100.1', count: 100 },
    ];
    await parseMessages(t.db, await receive(t, [reportMail(reportXml({ rows }))]), { trust: trusting('off') });
  });
  afterEach(() => t.drop());

  const DAY = '2026-09-01';
  const load = (given: Partial<Parameters<typeof loadEgressDays>[2]> = {}) =>
    transaction(t.db, (tx) =>
      loadEgressDays(tx, 'example.com', {
        names: ['example.com'],
        reporters: ['reporter.example'],
        from: DAY,
        to: DAY,
        ...given,
      }),
    );
  const first = { address: '192.0.2.1', day: DAY, reported: 60, passed: 30, network: '192.0.2.0/24', log_sources: ['mx1'] };
  const second = {
    ...first,
    address: '192.0.2.3',
    reported: 20,
    passed: 0,
    network: '192.0.2.3/32',
    log_sources: ['mx1', 'mx2'],
  };
  const sources = async () =>
    [await putSource(t.db, 'mx1', ['192.0.2.0/24']), await putSource(t.db, 'mx2', ['192.0.2.3'])] as const;
  /** A message in each hour that `logs`, of those that are read for the day, and one at each of `more`. */
  const hourly = async (source_id: number, logs: (hour: string) => boolean = () => true, more: string[] = []) => {
    const hours = Array.from({ length: 240 }, (_, n) =>
      new Date(Date.parse('2026-08-24T00:00:00Z') + n * 3_600_000).toISOString(),
    );
    for (const [n, started_at] of [...hours.filter(logs), ...more].entries())
      await putMessage(t.db, { source_id, queue_id: `q${n}`, started_at });
  };

  test('is loaded only where networks and reporters that decide are known, of the days asked for', async () => {
    expect(await load()).toEqual([]);
    await sources();
    expect(await load({ reporters: [] })).toEqual([]);
    expect(await load({ reporters: ['other.example'] })).toEqual([]);
    expect(await load({ from: '2026-09-02', to: '2026-09-03' })).toEqual([]);
    expect((await load()).map(({ address }) => address)).toEqual(['192.0.2.1', '192.0.2.3']);
  });

  test('up to twice what the daily sums have is taken from them', async () => {
    await sources();
    await putDay(t.db, { sent: 30, first_at: `${DAY}T10:00:00Z`, recipients: { 'receiver.example': 30 } });
    expect(await load()).toEqual([
      { ...first, logged: 30, complete: true },
      { ...second, logged: 30, complete: true },
    ]);
    await t.db.query('update ruawatch.sending_day_recipients set sent = 29');
    expect(await load()).toEqual([
      { ...first, logged: 0, complete: false },
      { ...second, logged: 29, complete: true },
    ]);
  });

  test('more is compared with the messages, and is sure where each of the sources logged as it does', async () => {
    const [mx1, mx2] = await sources();
    await hourly(mx1);
    // Three days of an hour each.
    expect(await load()).toEqual([
      { ...first, logged: 72, complete: true },
      { ...second, logged: 72, complete: false },
    ]);
    // Whose habit was to rest for long, but only before the days that show it.
    await hourly(mx2, (hour) => hour < '2026-09-01T04' || hour > '2026-09-01T06:30', ['2026-08-23T12:00:00Z']);
    expect(await load()).toEqual([
      { ...first, logged: 72, complete: true },
      { ...second, logged: 72 + 69, complete: false },
    ]);
    await putMessage(t.db, { source_id: mx2, queue_id: 'late', started_at: '2026-09-01T05:00:00Z' });
    expect((await load())[1]).toEqual({ ...second, logged: 72 + 70, complete: true });
  });
});
