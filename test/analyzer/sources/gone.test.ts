import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Fixture, fixture } from '../fixture.ts';
import { DOMAIN, REPORTERS, span } from '../rows.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

test('at a first start, a sender that is gone for months has the class of what it sent', async () => {
  await f.put([
    ...span(200, 0, 'both', 100, REPORTERS, { source: '192.0.2.0/24' }),
    ...span(200, 90, 'both', 40, REPORTERS, { source: 'old.example' }),
    ...span(180, 120, 'foreign', 30, REPORTERS, { source: 'crm.example', signing_domain: 'crm.example' }),
    ...span(150, 140, 'unauthenticated', 50, REPORTERS, { source: '198.51.100.0/24' }),
  ]);
  await f.analyze();
  const { rows } = await f.t.db.query('select source, class from dmarc.sources where domain = $1 order by source', [DOMAIN]);
  expect(rows).toEqual([
    { source: '192.0.2.0/24', class: 'authorized' },
    { source: '198.51.100.0/24', class: 'unauthorized' },
    { source: 'crm.example', class: 'misaligned' },
    { source: 'old.example', class: 'authorized' },
  ]);
  // What is over is no news.
  expect((await f.findings()).filter(({ state }) => state === 'open')).toEqual([]);
});
