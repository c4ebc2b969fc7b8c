import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  attackRows,
  bringDay,
  dailyReport,
  dkimKey,
  dkimSigned,
  GOOGLE,
  knotPresent,
  mailOf,
  OVERSIGNED,
  ordinaryDays,
  startWorld,
  titled,
  type World,
} from './harness.ts';

/**
 * What every other file here rests on: the honest case goes through, by a key in a real name server, to an
 * alert.
 */
describe.skipIf(!knotPresent)(titled('the harness of the attacks'), () => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.close());

  test('honest signatures of every form prove a report, and none does not', async () => {
    const rsa = dkimKey();
    const ed = dkimKey({ ed25519: true });
    await world.publish('reporter.example', rsa);
    await world.publish('reporter.example', ed, 'ed');
    const sign = (id: string, options: object) =>
      dkimSigned(mailOf({ id }), { domain: 'reporter.example', key: rsa, ...options });
    await world.bring([
      sign('a', {}),
      sign('b', { canonicalization: 'simple/simple' }),
      sign('c', { headers: OVERSIGNED, canonicalization: 'relaxed/simple' }),
      sign('d', { key: ed, selector: 'ed', canonicalization: 'simple/relaxed' }),
      mailOf({ id: 'e' }),
    ]);
    const reports = await world.reports();
    expect(reports.map((r) => [r.report_id, r.trust, r.reporter_trust])).toEqual([
      ['a', 'ok', 'authenticated'],
      ['b', 'ok', 'authenticated'],
      ['c', 'ok', 'authenticated'],
      ['d', 'ok', 'authenticated'],
      ['e', 'bad', 'unauthenticated'],
    ]);
    expect((await world.classes()).length).toBeGreaterThan(0);
  });

  test('a true attack after ordinary days is found and mailed', async () => {
    const key = dkimKey();
    await world.publish(GOOGLE.domain, key);
    const day = await ordinaryDays(world, GOOGLE, key);
    expect(await world.findings()).toEqual([]);
    await bringDay(world, day, [dailyReport(GOOGLE, key, day, [{ ip: '192.0.2.1', count: 500 }, ...attackRows(8, 900)])]);
    expect(await world.findings()).toMatchObject([{ domain: 'example.com', kind: 'unauthorized_source', state: 'open' }]);
    expect((await world.alerts()).map((mail) => mail.kind)).toEqual(['finding']);
  });
});
