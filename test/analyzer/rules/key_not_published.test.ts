import { describe, expect, test } from 'vitest';
import { keyNotPublished } from '../../../services/analyzer/rules/key_not_published.ts';
import type { Published } from '../../../services/store/dns/published.ts';
import type { SentDay } from '../../../services/store/sending/judged.ts';
import { onFile } from '../rows.ts';
import { expectLives } from '../sending/invented-sending.ts';
import { answered, hoursAgo, sendingOf, sent, signedUntil } from '../sent-rows.ts';

const NAME = 's2._domainkey.example.com';
const KEY = 'v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=';
const s2 = (more: Partial<SentDay> = {}) => sent(40, 2, 1, { selector: 's2', ...more });
const find = (days: readonly SentDay[], published: Published | null, known: ReturnType<typeof onFile>[] = []) =>
  keyNotPublished.find(sendingOf(days, { published, known }));

describe('a key that signs', () => {
  test('and that DNS does not have is one finding with all who sign with it', () => {
    const days = [...signedUntil(2), s2(), s2({ workload: 'news', messages: 5 })];
    const found = find(days, answered(NAME, null, hoursAgo(0.1)));
    expect(found).toMatchObject([{ kind: 'key_not_published', subject: NAME, severity: 'high' }]);
    expect(found[0]!.evidence).toMatchObject({ messages: 45 });
    expect(found[0]!.evidence.facts).toMatchObject({
      state: 'absent',
      asked_at: '2026-05-29 13:54',
      signers: [{ workload: 'shop', messages: 40 }, { workload: 'news' }],
      signers_in_all: 2,
    });
  });

  test.each<[string, SentDay[], Published | null, string]>([
    ['revoked', [s2()], answered(NAME, 'v=DKIM1; p=', hoursAgo(0.1)), 'high'],
    ['two messages', [s2({ messages: 2 })], answered(NAME, null, hoursAgo(0.1)), 'low'],
    ['in staging alone', [s2({ environment: 'staging' })], answered(NAME, null, hoursAgo(0.1)), 'low'],
    ['withdrawn while it is in use', [s2()], answered(NAME, KEY, hoursAgo(0.1), hoursAgo(1.5)), 'high'],
  ])('%s', (_, days, published, severity) => expect(find(days, published)).toMatchObject([{ severity }]));

  test.each<[string, SentDay[], Published | null]>([
    ['it is there', [s2()], answered(NAME, KEY, hoursAgo(0.1))],
    ['the answer did not come (SERVFAIL)', [s2()], answered(NAME, undefined, hoursAgo(0.1))],
    ['nothing was asked', [s2()], null],
    ['another name was asked', [s2()], answered('s9._domainkey.example.com', null, hoursAgo(0.1))],
    ['the answer is older than the first signature', [s2()], answered(NAME, null, hoursAgo(3))],
    ['it was withdrawn after the last message', [s2()], answered(NAME, KEY, hoursAgo(0.1), hoursAgo(0.5))],
    [
      'nobody signs with it any more',
      [s2({ day: '2026-05-10', first_at: hoursAgo(470), last_at: hoursAgo(460) })],
      answered(NAME, null, hoursAgo(1)),
    ],
  ])('no alarm: %s', (_, days, published) => expect(find(days, published)).toEqual([]));

  test('is looked up where the signature says it is', () => {
    const below = 's2._domainkey.mail.example.com';
    const days = [s2({ signing_domain: 'mail.example.com' })];
    expect(find(days, answered(below, null, hoursAgo(0.1)))).toMatchObject([{ subject: below }]);
    expect(find(days, answered(NAME, null, hoursAgo(0.1)))).toEqual([]);
  });

  test('what reports showed first goes on as dkim_key_missing', () => {
    const published = answered(NAME, null, hoursAgo(0.1));
    const open = onFile(find([s2()], published)[0]!);
    expect(find([s2()], published, [{ ...open, kind: 'dkim_key_missing' }])).toEqual([]);
    expect(find([s2()], published, [open, { ...open, kind: 'dkim_key_missing' }])).toHaveLength(1);
  });

  test('is over when DNS has it, or nobody signs with it, and not by an answer that did not come', () => {
    const open = onFile(find([s2()], answered(NAME, null, hoursAgo(0.1)))[0]!);
    const over = (days: SentDay[], published: Published | null) => keyNotPublished.over(open, sendingOf(days, { published }));
    expect(over([s2()], answered(NAME, KEY, hoursAgo(0)))).toEqual({ reason: 'key_published', since: '2026-05-29' });
    expect(over([s2()], answered(NAME, undefined, hoursAgo(0)))).toBeNull();
    expect(over([s2()], null)).toBeNull();
    expect(over([], null)).toEqual({ reason: 'sent_no_more', days: 7 });
  });
});

test('what it says of invented logs is as it was', () => expectLives('key_not_published'));
