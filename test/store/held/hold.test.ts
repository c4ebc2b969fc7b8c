import { afterEach, beforeEach, expect, test } from 'vitest';
import { openBody } from '../../../services/requests/held/seal.ts';
import { readPlan } from '../../../services/requests/plan.ts';
import { holdMessage } from '../../../services/store/held/hold.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { heldOf, KEY, RAW } from '../../requests/held/sample.ts';
import { GROUPS, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
});
afterEach(() => t.drop());

const rules = rulesOf({ name: 'held', when: { kinds: ['messages.release'] }, stages: [{ group: 'mail', need: 2 }] });
const MEANS = { rules, key: KEY, most: 100 };
const rows = async <T>(sql: string) => (await t.db.query(sql)).rows as T[];

test('a held mail and the request that decides about it are there together', async () => {
  const { held_key, request_key, again } = await holdMessage(t.db, heldOf(), MEANS);
  expect(again).toBe(false);
  const request = await loadRequest(t.db, request_key);
  expect(request).toMatchObject({ kind: 'messages.release', state: 'pending', requester: 'milter', requester_kind: 'service' });
  expect(readPlan({ text: request.plan, digest: request.digest }).changes).toMatchObject([
    { target: 'message', sha256: heldOf().sha256 },
  ]);
  const [row] = await rows<Record<string, unknown>>('select * from ruawatch.held_messages');
  expect(row).toMatchObject({
    held_key,
    request_key,
    state: 'held',
    queue_ids: ['4Xabc'],
    subject: 'Pay this',
    recipients: ['ben@example.com'],
  });
  const [body] = await rows<{ sealed: Buffer }>('select sealed from ruawatch.held_bodies');
  expect(openBody(body!.sealed, heldOf().sha256, KEY)).toEqual(RAW);
  const [event] = await rows<{ recipients: string[] }>("select recipients from ruawatch.request_events where event = 'open'");
  expect(event!.recipients).toEqual([...GROUPS.mail].sort());
});

test('nothing of the mail is readable in the database', async () => {
  await holdMessage(t.db, heldOf({ kept_in: 'store', queue_id: null }), MEANS);
  const [{ text }] = (await rows<{ text: string }>("select encode(sealed, 'escape') as text from ruawatch.held_bodies")) as [
    { text: string },
  ];
  expect(text).not.toContain('evil.example');
});

test('when no rule is for it nothing is held', async () => {
  await expect(holdMessage(t.db, heldOf(), { ...MEANS, rules: [] })).rejects.toMatchObject({ code: 'no_rule' });
  expect(await rows('select from ruawatch.held_messages')).toHaveLength(0);
  expect(await rows('select from ruawatch.requests')).toHaveLength(0);
});

test('the same mail sent again is another copy of the same, also at the same moment and after the decision', async () => {
  const all = await Promise.all(['1A', '2B', '3C', '3C'].map((queue_id) => holdMessage(t.db, heldOf({ queue_id }), MEANS)));
  expect(new Set(all.map(({ held_key }) => held_key)).size).toBe(1);
  expect(all.filter(({ again }) => !again)).toHaveLength(1);
  await t.db.query("update ruawatch.held_messages set state = 'deleted', cleared_at = now()");
  expect(await holdMessage(t.db, heldOf({ queue_id: '4D' }), MEANS)).toMatchObject({ again: true });
  const [row] = await rows<{ queue_ids: string[]; cleared_at: Date | null }>(
    'select queue_ids, cleared_at from ruawatch.held_messages',
  );
  expect([...row!.queue_ids].sort()).toEqual(['1A', '2B', '3C', '4D']);
  expect(row!.cleared_at).toBeNull();
  expect(await rows('select from ruawatch.requests')).toHaveLength(1);
});

test('another recipient, another sender or another octet is another mail; so is one whose time was over', async () => {
  await holdMessage(t.db, heldOf(), MEANS);
  await holdMessage(t.db, heldOf({ recipients: ['cleo@example.com'] }), MEANS);
  await holdMessage(t.db, heldOf({ envelope_from: '' }), MEANS);
  await holdMessage(t.db, heldOf({ raw: Buffer.from('x') }), MEANS);
  await t.db.query("update ruawatch.held_messages set state = 'expired'");
  expect(await holdMessage(t.db, heldOf(), MEANS)).toMatchObject({ again: false });
  expect(await rows('select from ruawatch.held_messages')).toHaveLength(5);
});

test('no more wait than is set', async () => {
  await holdMessage(t.db, heldOf(), { ...MEANS, most: 1 });
  await expect(holdMessage(t.db, heldOf({ recipients: ['x@example.com'] }), { ...MEANS, most: 1 })).rejects.toMatchObject({
    code: 'hold_full',
  });
  // A copy of what waits takes no room.
  expect(await holdMessage(t.db, heldOf({ queue_id: 'A' }), { ...MEANS, most: 1 })).toMatchObject({ again: true });
});

test('the store takes a mail with its octets and a key alone', async () => {
  for (const [part, means] of [
    [
      { kept_in: 'store', queue_id: null },
      { ...MEANS, key: null },
    ],
    [{ kept_in: 'store', queue_id: null, raw: undefined }, MEANS],
  ] as const) {
    const { raw, ...rest } = heldOf(part as object);
    await expect(holdMessage(t.db, raw === undefined ? rest : { ...rest, raw }, means)).rejects.toMatchObject({
      code: 'no_hold_key',
    });
  }
});

test('the routine is decided by a rule', async () => {
  const automatic = rulesOf(
    { name: 'known', when: { kinds: ['messages.release'], risk: 'low' }, decide: 'automatic', ceiling: { per_day: 1 } },
    { name: 'rest', stages: [{ group: 'mail' }] },
  );
  const known = (queue_id: string) => heldOf({ queue_id, source_class: 'misaligned', recipients: [`${queue_id}@example.com`] });
  const states = [];
  for (const id of ['1', '2'])
    states.push(
      (await loadRequest(t.db, (await holdMessage(t.db, known(id), { ...MEANS, rules: automatic })).request_key)).state,
    );
  states.push((await loadRequest(t.db, (await holdMessage(t.db, heldOf(), { ...MEANS, rules: automatic })).request_key)).state);
  expect(states).toEqual(['approved', 'pending', 'pending']);
});
