import { afterEach, beforeEach, expect, test } from 'vitest';
import { analyzeDomain } from '../../services/analyzer/analyze.ts';
import { alarmUrgent } from '../../services/analyzer/urgent.ts';
import { URGENT } from '../../services/store/analysis/work.ts';
import { type Fixture, fixture } from './fixture.ts';
import { DOMAIN, span } from './rows.ts';

const REPORTERS = ['google.com', 'yahoo.com', 'outlook.com'];

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

const attack = () =>
  f.put(
    span(0, 0, 'unauthenticated', 9_000, REPORTERS, {
      source: '198.18.2.0/24',
      delivered: 9_000,
      failed_delivered: 9_000,
      rejected: 0,
    }),
  );
const work = async () => (await f.t.db.query('select count(*) as n from ruawatch.analysis_work')).rows[0].n as number;
const urgent = () => f.t.db.query(`update ruawatch.analysis_work set tier = ${URGENT}`);
const open = async () => (await f.findings()).filter(({ state, kind }) => state === 'open' && kind === 'unauthorized_source');

test('a critical alarm is raised while the work waits, and takes none of it', async () => {
  await f.put(span(30, 1, 'both', 500, REPORTERS));
  await f.analyze();
  await attack();
  await urgent();
  const before = await work();
  const events = await alarmUrgent(f.context, DOMAIN);
  expect(events).toMatchObject([{ kind: 'unauthorized_source', event: 'opened' }]);
  expect(await open()).toMatchObject([{ severity: 'critical' }]);
  expect(await work()).toBe(before);
  // And once: with the rest of the work nothing is told again.
  expect(await alarmUrgent(f.context, DOMAIN)).toEqual([]);
  const { events: later } = await analyzeDomain(f.context, DOMAIN);
  expect(later.filter(({ kind }) => kind === 'unauthorized_source')).toEqual([]);
});

test('the weeks of a first import are judged as one, and what is not urgent waits', async () => {
  await f.put(span(30, 1, 'both', 500, REPORTERS));
  await attack();
  await urgent();
  expect(await alarmUrgent(f.context, DOMAIN)).toEqual([]);
  await f.analyze();
  await f.put(span(0, 0, 'unauthenticated', 9_000, REPORTERS, { source: '198.18.3.0/24' }));
  expect(await alarmUrgent(f.context, DOMAIN)).toEqual([]);
});

test('what is critical and not urgent waits, and so does what is urgent and not critical', async () => {
  const NET = '192.0.2.0/24';
  await f.put([...span(30, 2, 'both', 500, REPORTERS), ...span(30, 2, 'both', 500, REPORTERS, { source: NET })]);
  await f.analyze();
  const forged = { source: '198.18.2.0/24', delivered: 60, failed_delivered: 60, rejected: 0 };
  await f.put([
    ...span(1, 0, 'both', 500, REPORTERS),
    ...span(1, 0, 'unauthenticated', 500, REPORTERS, { source: NET }),
    ...span(0, 0, 'unauthenticated', 60, REPORTERS, forged),
  ]);
  await urgent();
  expect(await alarmUrgent(f.context, DOMAIN)).toEqual([]);
  expect(await f.findings()).toEqual([]);
  await f.analyze();
  expect((await f.findings()).map(({ kind, severity }) => `${kind} ${severity}`)).toEqual([
    'authentication_regression critical',
    'unauthorized_source high',
  ]);
});
