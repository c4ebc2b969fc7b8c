import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { composeHeldDigests, renderHeld } from '../../../services/alerter/held/compose.ts';
import { askerOf } from '../../../services/requests/held/seal.ts';
import { installation } from '../../../services/store/alerts/outbox.ts';
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
    await t.db.query<{ recipients: string[]; subject: string; raw: Buffer; message_id: string }>(
      `select recipients, subject, raw, message_id, finding_key, urgent, created_at
         from ruawatch.outbox where kind = 'held' order by outbox_key`,
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

  test('stands in the outbox under a name of the newest mail, how many there are, and the recipient', async () => {
    const long = `${'l'.repeat(40)}@example.com`;
    await hold([long]);
    const { held_key } = await hold([long]);
    await composeHeldDigests(t.db, MEANS, NOW);
    const own = await installation(t.db);
    const [{ raw, message_id, ...row }] = (await mails()) as [Awaited<ReturnType<typeof mails>>[number]];
    expect(message_id).toBe(`<held-${held_key}-2-${'6c'.repeat(30)}.${own}@example.com>`);
    expect(row).toEqual({
      recipients: [long],
      subject: '[ruawatch] 2 mails to you are held',
      finding_key: null,
      urgent: false,
      created_at: NOW,
    });
    expect(raw.toString()).not.toContain('Importance');
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

  test.each([
    ['the console', { console: null }],
    ['the key', { key: null }],
  ])('has no link without %s', async (_, part) => {
    await hold(['ben@example.com']);
    expect(await composeHeldDigests(t.db, { ...MEANS, ...part }, NOW)).toBe(1);
    expect((await mails())[0]!.raw.toString()).not.toMatch(/Ask for it|held-for-me/);
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
    // Fourteen days, and no longer.
    const until = new Date(Math.floor(NOW.getTime() / 1000) * 1000 + 14 * 86_400_000);
    expect(askerOf(token, ['ben@example.com'], KEY, new Date(until.getTime() - 1))).toBe('ben@example.com');
    expect(askerOf(token, ['ben@example.com'], KEY, until)).toBeNull();
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

describe('the text of the mail', () => {
  const one = (part: object) => ({
    held_key: 7,
    held_at: '2026-11-27T12:34:56Z',
    header_from: 'ada@example.com',
    header_from_domain: 'example.com',
    subject: 'Pay this',
    expires_at: null,
    ...part,
  });
  const shown = (parts: object[], total: number, link: ((held_key: number) => string) | null) =>
    renderHeld({ recipient: 'ben@example.com', mails: parts.map(one), total }, link);
  const ONE = '1 mail to you was held, since nothing shows that it is from whom it says. People decide about it.';
  const FOUR = '4 mails to you were held, since nothing shows that they are from whom they say. People decide about them.';
  const HELD = 'Held: 2026-11-27 12:34 UTC';
  const ALONE = 'The links are for you alone: do not pass this mail on. Asking decides nothing.';
  const link = (held_key: number) => `https://r.example/${held_key}`;
  test.each([
    ['one', [{}], 1, null, 'mail to you is', [ONE, `From: ada@example[.]com\nSubject: Pay this\n${HELD}`]],
    [
      'names and titles that are missing',
      [{ header_from: null, subject: null }, { subject: '' }, { subject: ' ' }],
      4,
      null,
      'mails to you are',
      [
        FOUR,
        `From: it names no author\nSubject: (none)\n${HELD}`,
        `From: ada@example[.]com\nSubject: (none)\n${HELD}`,
        `From: ada@example[.]com\nSubject:  \n${HELD}`,
        'And 1 more mail.',
      ],
    ],
    [
      'links, and a title of 201 letters',
      [
        { subject: 'a'.repeat(201) },
        { held_key: 8, header_from: 'a@ex\u0430mple.com', header_from_domain: 'xn--exmple-4nf.com' },
      ],
      4,
      link,
      'mails to you are',
      [
        FOUR,
        `From: ada@example[.]com\nSubject: ${'a'.repeat(200)}\n${HELD}\nAsk for it: https://r.example/7`,
        `From: a@ex\u0430mple[.]com (xn--exmple-4nf[.]com)\nSubject: Pay this\n${HELD}\nAsk for it: https://r.example/8`,
        'And 2 more mails.',
        ALONE,
      ],
    ],
  ] as const)('%s', (_, parts, total, to, about, lines) => {
    const mail = shown([...parts], total, to);
    expect([mail.subject, mail.text]).toEqual([`[ruawatch] ${total} ${about} held`, `${lines.join('\n\n')}\n`]);
    expect([...mail.html.matchAll(/^<p>(.*)<\/p>$/gm)].map(([, line]) => line!.replaceAll('<br>', '\n'))).toEqual(lines);
  });
});
