import { afterEach, beforeEach, expect, test } from 'vitest';
import { findUnreadable } from '../../../services/analyzer/reading.ts';
import { keepEgressRecord } from '../../../services/store/cluster/records.ts';
import { type Fixture, fixture } from '../fixture.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

const MINUTE = 60_000;
const later = (ms: number) => f.setNow(new Date(f.context.clock.now().getTime() + ms));
const keep = (...codes: string[]) =>
  keepEgressRecord(f.t.db, {
    name: 'example.com',
    domain: 'example.com',
    waits: null,
    problems: codes.map((code) => ({ code, message: `It is ${code}.`, addresses: ['192.0.2.7'] })),
    now: f.context.clock.now(),
  });

test.each([
  ['unknown', 'medium'],
  ['loss', 'medium'],
  ['pinned', 'high'],
  ['no_rule', 'high'],
])('%s for a quarter of an hour is a finding (%s), until nothing is in the way', async (code, severity) => {
  await keep(code, 'sending');
  expect(await findUnreadable(f.context)).toEqual([]);
  later(16 * MINUTE);
  // Since when there is a problem does not depend on which it is.
  await keep(code, 'sending');
  expect(await findUnreadable(f.context)).toMatchObject([{ event: 'opened' }]);
  const [finding] = await f.findings('*');
  expect(finding).toMatchObject({ kind: 'egress_not_followed', subject: '*', severity, state: 'open' });
  expect(finding!.evidence.facts).toMatchObject({ in_all: 1, records: [{ name: 'example.com', problems: [{ code }] }] });
  expect((await f.t.db.query(finding!.evidence.query)).rowCount).toBe(2);
  await keep();
  await findUnreadable(f.context);
  expect((await f.findings('*'))[0]).toMatchObject({ state: 'resolved' });
});

test('an address that stays because it still sends is no finding', async () => {
  await keep('sending');
  later(60 * MINUTE);
  await keep('sending');
  expect(await findUnreadable(f.context)).toEqual([]);
});
