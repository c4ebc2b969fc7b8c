import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  attackRows,
  type DkimKey,
  dailyReport,
  dkimKey,
  dkimSigned,
  GOOGLE,
  knotPresent,
  morningAfter,
  ordinaryDays,
  type Reporter,
  startWorld,
  titled,
  type World,
} from './harness.ts';

/**
 * Another address at the organization of a known reporter: its signature is genuine, and the reports are not
 * its own.
 */
const COLLEAGUE: Reporter = { ...GOOGLE, email: 'someone@google.com' };

/**
 * Threat: who knows the identity of a known reporter's report sends it again, later, with other content
 * (issue 10, part 2).
 */
describe.skipIf(!knotPresent)(titled('another address of a known organization'), () => {
  let world: World;
  const key: DkimKey = dkimKey();
  beforeEach(async () => {
    world = await startWorld();
    await world.publish(GOOGLE.domain, key);
  });
  afterEach(() => world.close());

  const days = (day: number) =>
    world.query<{ reporter: string; messages: string }>(
      `select reporter, sum(messages) as messages from ruawatch.source_days
        where trust = 'ok' and messages > 0 and day = $1::date group by 1 order by 1`,
      [new Date(Date.UTC(2026, 8, 1 + day)).toISOString().slice(0, 10)],
    );
  const criticals = async () => (await world.findings()).filter(({ kind }) => kind === 'unauthorized_source');

  for (const order of ['after', 'before'] as const) {
    test(`does not displace its report when it comes ${order} it`, async () => {
      const day = await ordinaryDays(world, GOOGLE, key);
      const genuine = dailyReport(GOOGLE, key, day, [{ ip: '192.0.2.1', count: 500 }, ...attackRows(10, 500)]);
      const lie = dailyReport(COLLEAGUE, key, day, [{ ip: '192.0.2.1', count: 500 }]);
      const [first, second] = order === 'after' ? [genuine, lie] : [lie, genuine];
      const at = morningAfter(day);
      await world.bring([first], at);
      await world.bring([second], new Date(at.getTime() + 60_000));
      expect(await days(day)).toEqual([{ reporter: 'google.com', messages: 5500 }]);
      expect(await criticals()).toHaveLength(1);
    });
  }

  test('that sends the very report first does not take its voice', async () => {
    const day = await ordinaryDays(world, GOOGLE, key);
    const rows = [{ ip: '192.0.2.1', count: 500 }, ...attackRows(10, 500)];
    const at = morningAfter(day);
    const genuine = dailyReport(GOOGLE, key, day, rows);
    const copied = Buffer.from(genuine.toString('latin1').replace(/^DKIM-Signature:[\s\S]*?\r\n(?=\S)/m, ''), 'latin1');
    const fromHim = Buffer.from(copied.toString('latin1').replace(/^From:.*$/m, `From: ${COLLEAGUE.email}`), 'latin1');
    await world.bring([dkimSigned(fromHim, { domain: GOOGLE.domain, key })], at);
    expect(await days(day)).toEqual([{ reporter: '@google.com', messages: 5500 }]);
    await world.bring([genuine], new Date(at.getTime() + 60_000));
    expect(await days(day)).toEqual([{ reporter: 'google.com', messages: 5500 }]);
    expect(await criticals()).toHaveLength(1);
  });
});
