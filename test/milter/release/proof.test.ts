import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isCopyOf, provenCopies } from '../../../services/milter/release/proof.ts';
import { loadHeld } from '../../../services/store/held/held.ts';
import { holdMessage } from '../../../services/store/held/hold.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { heldOf, KEY } from '../../requests/held/sample.ts';
import { GROUPS, rulesOf } from '../../requests/sample.ts';

const HELD_AT = new Date('2026-11-27T12:00:00Z');
const held = {
  held_key: 7,
  release_token: 'f'.repeat(32),
  held_at: HELD_AT,
  message_id: '<a@example.com>',
  subject: 'Invoice',
  header_from: 'Ada <ada@example.com>',
  envelope_from: 'x@stranger.example',
};
const HEADER = 'From: Ada <ada@example.com>\r\nSubject: Invoice\r\nMessage-ID: <a@example.com>\r\n\r\n';
const at = (seconds: number, sender = 'x@stranger.example') => ({ arrived: HELD_AT.getTime() + seconds * 1000, sender });

test.each([
  ['the same fields, arrived with it', at(1), HEADER, true],
  ['the same fields, and another sender in the envelope, which Postfix may rewrite', at(1, 'srs@example.net'), HEADER, true],
  ['another Message-ID', at(1), HEADER.replace('<a@', '<b@'), false],
  ['another subject', at(1), HEADER.replace('Invoice', 'Other'), false],
  ['another author', at(1), HEADER.replace('Ada <ada@', 'Ben <ben@'), false],
  ['no Message-ID where the mail had one', at(1), HEADER.replace(/Message-ID.*\r\n/, ''), false],
  ['no subject where the mail had one', at(1), HEADER.replace(/Subject.*\r\n/, ''), false],
  ['no author where the mail had one', at(1), HEADER.replace(/From.*\r\n/, ''), false],
  ['a queue file from an hour before', at(-3600), HEADER, false],
  ['one from ten minutes before', at(-600), HEADER, false],
  ['one from less than that before, by a clock that differs', at(-599.999), HEADER, true],
  ['a token of its release', at(1, 'x'), `X-Ruawatch-Released: held 7; token ${'f'.repeat(32)}\r\n\r\n`, true],
  [
    'such a token in a queue file from an hour before',
    at(-3600),
    `X-Ruawatch-Released: held 7; token ${'f'.repeat(32)}\r\n\r\n`,
    false,
  ],
  ['a token of another release', at(1), `X-Ruawatch-Released: held 7; token ${'e'.repeat(32)}\r\n\r\n`, false],
  ['the token of the release of another mail', at(1), `X-Ruawatch-Released: held 8; token ${'f'.repeat(32)}\r\n\r\n`, false],
  ['nothing', at(1), '', false],
])('%s: a copy is %s', (_, entry, header, expected) => {
  expect(isCopyOf(held, entry, header)).toBe(expected);
});

test('without a Message-ID the sender in the envelope counts', () => {
  const bare = { ...held, message_id: null };
  const header = HEADER.replace(/Message-ID.*\r\n/, '');
  expect(isCopyOf(bare, at(1), header)).toBe(true);
  expect(isCopyOf(bare, at(1, 'other@stranger.example'), header)).toBe(false);
});

test('a mail without any of these fields is known by its sender and time alone', () => {
  const bare = { ...held, message_id: null, subject: null, header_from: null };
  expect(isCopyOf(bare, at(1), 'X-Other: 1\r\n\r\n')).toBe(true);
  expect(isCopyOf(bare, at(86_400), 'X-Other: 1\r\n\r\n')).toBe(false);
  expect(isCopyOf(bare, at(599.999), '')).toBe(true);
  expect(isCopyOf(bare, at(600), '')).toBe(false);
});

test.each([
  ['a subject', { subject: 'Invoice' }, 'Subject: Invoice\r\n\r\n'],
  ['an author', { header_from: 'Ada <ada@example.com>' }, 'From: Ada <ada@example.com>\r\n\r\n'],
])('a mail with %s alone is known by it and its sender, whenever it came', (_, part, header) => {
  const bare = { ...held, message_id: null, subject: null, header_from: null, ...part };
  expect(isCopyOf(bare, at(86_400), header)).toBe(true);
  expect(isCopyOf(bare, at(86_400, 'other@stranger.example'), header)).toBe(false);
});

test('fields that Postfix added to a mail without them do not count', () => {
  const bare = { ...held, subject: null, header_from: null };
  expect(isCopyOf(bare, at(1), HEADER)).toBe(true);
});

describe('copies in the hold queue', () => {
  let t: TestDatabase;
  beforeAll(async () => {
    t = await testDatabase();
    await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  });
  afterAll(() => t.drop());

  test('are proven one by one; what is not is left alone, and named in the log', async () => {
    const rules = rulesOf({ name: 'held', when: { kinds: ['messages.release'] }, stages: [{ group: 'mail' }] });
    const hold = async (queue_id: string, raw: Buffer) =>
      (await holdMessage(t.db, heldOf({ queue_id, raw }), { rules, key: KEY, most: 100, host: 'mx1' })).held_key;
    const first = await hold('A1', Buffer.from('one'));
    await hold('SAME', Buffer.from('another that looks the same'));
    const mail = await loadHeld(t.db, first);
    const header = 'From: ada@example.com\r\nSubject: Pay this\r\nMessage-ID: <1@evil.example>\r\n\r\n';
    const files: Record<string, string> = {
      A1: header,
      OTHER: header.replace('Pay', 'Other'),
      SAME: header,
      MARKED: `X-Ruawatch-Released: held ${first}; token ${mail.release_token}\r\n${header}`,
      GONE: header,
      ELSE: header,
    };
    let lists = 0;
    const said: unknown[] = [];
    const queue = {
      list: async () => {
        lists++;
        return Object.keys(files).map((id) => ({ id, sender: 'bounce@evil.example', arrived: Date.now() }));
      },
      readHeader: async (id: string) => {
        if (id === 'GONE') delete files.GONE;
        if (files[id] === undefined || id === 'BROKEN') throw new Error(`no ${id}`);
        return files[id];
      },
    };
    const means = { db: t.db, queue: queue as never, log: { warn: (...given: unknown[]) => void said.push(given) } as never };
    expect(await provenCopies(mail, [], means)).toEqual([]);
    expect(lists).toBe(0);
    // A name that another mail of this machine has as well is that of either, unless the release marked it.
    await t.db.query("update ruawatch.held_messages set queue_ids = queue_ids || '{SAME}'::text[] where held_key = $1", [first]);
    expect(await provenCopies(mail, ['A1', 'OTHER', 'SAME', 'MARKED', 'GONE', 'NEVER'], means)).toEqual(['A1', 'MARKED']);
    const left = 'a file in the hold queue has the name of a held mail and is not proven to be it: it is left alone';
    expect(said).toEqual(['OTHER', 'SAME', 'GONE'].map((id) => [{ held: first, id }, left]));
    files.BROKEN = header;
    await expect(provenCopies(mail, ['BROKEN'], means)).rejects.toThrow('no BROKEN');
  });
});
