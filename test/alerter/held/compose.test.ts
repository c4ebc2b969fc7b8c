import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { composeHeldDigests, renderHeld } from '../../../services/alerter/held/compose.ts';
import { askerOf } from '../../../services/requests/held/seal.ts';
import { holdMessage } from '../../../services/store/held/hold.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { heldOf, KEY } from '../../requests/held/sample.ts';
import { GROUPS, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
});
afterEach(() => t.drop());

const MEANS = { from: 'ruawatch@example.com', console: 'https://ruawatch.example.com', key: KEY, hours: 24 };
const NOW = new Date(Date.now() + 1000);
const later = (hours: number) => new Date(NOW.getTime() + hours * 3_600_000);
const rules = rulesOf({ name: 'held', stages: [{ group: 'mail' }] });
let count = 0;
const hold = (recipients: string[], part: Parameters<typeof heldOf>[0] = {}) =>
  holdMessage(t.db, heldOf({ recipients, envelope_from: `${++count}@evil.example`, ...part }), { rules, key: KEY, most: 100 });
const mails = async () =>
  (
    await t.db.query<{ recipients: string[]; subject: string; raw: Buffer }>(
      "select recipients, subject, raw from ruawatch.outbox where kind = 'held' order by outbox_key",
    )
  ).rows;

describe('what is held for a recipient', () => {
  test('is mailed once, to each for himself, and again no sooner than is set', async () => {
    await hold(['ben@example.com', 'cleo@example.com']);
    await hold(['ben@example.com']);
    expect(await composeHeldDigests(t.db, MEANS, NOW)).toBe(2);
    expect((await mails()).map(({ recipients, subject }) => [recipients, subject])).toEqual([
      [['ben@example.com'], '[ruawatch] 2 mails to you are held'],
      [['cleo@example.com'], '[ruawatch] 1 mail to you is held'],
    ]);
    await hold(['ben@example.com']);
    expect(await composeHeldDigests(t.db, MEANS, later(23))).toBe(0);
    expect(await composeHeldDigests(t.db, MEANS, later(25))).toBe(1);
    expect(await composeHeldDigests(t.db, MEANS, later(50))).toBe(0);
  });

  test('is said to nobody of a domain that is not own, nor when it is decided or switched off', async () => {
    await t.db.query("delete from ruawatch.domains where domain = 'org'");
    await hold(['dora@foreign.org', 'not an address']);
    await hold(['ben@example.com'], { queue_id: 'X' });
    expect(await composeHeldDigests(t.db, { ...MEANS, hours: 0 }, NOW)).toBe(0);
    expect(await composeHeldDigests(t.db, { ...MEANS, from: null }, NOW)).toBe(0);
    await t.db.query("update ruawatch.requests set state = 'denied'");
    expect(await composeHeldDigests(t.db, MEANS, NOW)).toBe(0);
  });

  test('has a link that is good for that recipient and that mail', async () => {
    const { held_key } = await hold(['ben@example.com']);
    await composeHeldDigests(t.db, MEANS, NOW);
    const text = (await mails())[0]!.raw
      .toString()
      .replace(/=\r?\n/g, '')
      .replaceAll('=3D', '=');
    const token = /held-for-me\?t=([\w.-]+)/.exec(text)![1]!;
    expect(token.startsWith(`${held_key}.`)).toBe(true);
    expect(askerOf(token, ['ben@example.com'], KEY, NOW)).toBe('ben@example.com');
    expect(askerOf(token, ['cleo@example.com'], KEY, NOW)).toBeNull();
    expect(askerOf(token, ['ben@example.com'], KEY, later(24 * 15))).toBeNull();
  });
});

test('nothing of a stranger becomes a link, a line or a direction of text', () => {
  const one = {
    held_key: 1,
    held_at: '2026-11-27T12:00:00Z',
    header_from: 'a@evil.example',
    header_from_domain: 'evil.example',
    subject: 'see https://evil.example/x\r\nFrom: you\u202e www.evil.example',
    expires_at: null,
  };
  const { text, html, subject } = renderHeld({ recipient: 'ben@example.com', mails: [one], total: 1 }, null);
  expect(subject).not.toContain('evil');
  for (const shown of [text, html]) {
    expect(shown).not.toMatch(/evil\.example|:\/\/evil|\u202e/);
    expect(shown).not.toMatch(/^From: you/m);
  }
  expect(html).not.toContain('href="https://evil');
});
