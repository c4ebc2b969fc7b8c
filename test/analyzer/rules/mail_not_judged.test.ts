import { afterEach, beforeEach, expect, test } from 'vitest';
import { findUnreadable } from '../../../services/analyzer/reading.ts';
import { UnjudgedWatch } from '../../../services/analyzer/unjudged.ts';
import { putOwn } from '../../../services/store/domains/domains.ts';
import { noteUnjudged, type Unjudged } from '../../../services/store/milter/unjudged.ts';
import { type Fixture, fixture } from '../fixture.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
  await f.t.db.query('delete from ruawatch.domains');
  await putOwn(f.t.db, ['kestrel.test'], 'listed', { now: new Date(), ignored: true });
});
afterEach(() => f.close());

const note = (n: number, part: Partial<Unjudged> = {}) =>
  noteUnjudged(
    f.t.db,
    Array.from({ length: n }, () => ({
      at: f.context.clock.now(),
      outcome: 'accept' as const,
      why: 'The store did not answer: it is away',
      queue_id: '4AF2',
      peer_ip: '192.0.2.7',
      envelope_from: 'x@stranger.test',
      header_from_domain: 'stranger.test',
      message_id: null,
      ...part,
    })),
    f.context.clock.now(),
  );
const finding = async () => (await f.findings('*'))[0]!;

test('mail that passed unchecked is one finding at the next look, and over after a day without', async () => {
  const watch = new UnjudgedWatch(f.context);
  await watch.look();
  expect(await f.findings('*')).toEqual([]);
  await note(2);
  await watch.look();
  const opened = await finding();
  expect(opened).toMatchObject({ kind: 'mail_not_judged', subject: '*', severity: 'medium', state: 'open' });
  expect(opened.evidence.facts).toMatchObject({
    passed: 2,
    put_off: 0,
    own: 0,
    reasons: [{ why: 'The store did not answer: it is away', mails: 2 }],
  });
  await f.t.db.query('update ruawatch.milter_unjudged set at = now()');
  const { rows } = await f.t.db.query(opened.evidence.query);
  expect(rows).toHaveLength(2);
  expect(Object.keys(rows[0])).not.toContain('envelope_from');
  await f.t.db.query("update ruawatch.milter_unjudged set at = $1::timestamptz - interval '25 hours'", [f.context.clock.now()]);
  await findUnreadable(f.context);
  expect(await finding()).toMatchObject({ state: 'resolved' });
});

test('five in the name of own domains make it high, and what comes again later is low', async () => {
  const watch = new UnjudgedWatch(f.context);
  await note(9, { outcome: 'tempfail', header_from_domain: 'kestrel.test' });
  await watch.look();
  expect(await finding()).toMatchObject({ severity: 'low' });
  await note(4, { header_from_domain: 'news.kestrel.test' });
  await note(1, { header_from_domain: 'notkestrel.test' });
  await watch.look();
  expect(await finding()).toMatchObject({ severity: 'medium', evidence: { facts: { passed: 5, put_off: 9, own: 4 } } });
  await note(1, { header_from_domain: 'kestrel.test' });
  await watch.look();
  expect(await finding()).toMatchObject({ severity: 'high' });
});
