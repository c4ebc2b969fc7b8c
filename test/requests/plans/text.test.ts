import { expect, test } from 'vitest';
import type { Plan } from '../../../services/requests/plan.ts';
import { aliasOf, txtMember, txtOf } from '../../../services/requests/plans/members.ts';
import { changeLines, comingLines } from '../../../services/requests/plans/text.ts';

type Change = Plan['changes'][number];
const sender = (given: Partial<Change>) =>
  ({
    target: 'senders',
    domain: 'example.com',
    source: 'postbird',
    is_service: true,
    before: null,
    after: 'approved',
    until: null,
    ...given,
  }) as Change;
const grant = (given: Partial<Change>) =>
  ({
    target: 'grant',
    kind: 'access.database',
    holder: 'ada@example.com',
    holder_kind: 'person',
    groups: [],
    server: 'main',
    scope: { group: 'app_readers' },
    seconds: 3600,
    uses: null,
    credential: null,
    ...given,
  }) as Change;
const message = (given: Partial<Change>) =>
  ({
    target: 'message',
    sha256: 'ab'.repeat(32),
    size: 1,
    kept_in: 'store',
    from_domain: null,
    recipients: 1,
    ...given,
  }) as Change;
const dns = (given: Partial<Change>) =>
  ({
    target: 'dns',
    name: 'a.example.com',
    type: 'TXT',
    ttl: { before: 60, after: 300 },
    before: [],
    after: [],
    ...given,
  }) as Change;

test.each<[string, Change, string[]]>([
  ['a sender that is approved', sender({}), ['+ approved: postbird as a sender of example.com']],
  [
    'a sender that is denied everywhere for a time',
    sender({ domain: '*', before: 'approved', after: 'denied', until: '2027-01-01T00:00:00Z' }),
    [
      '- approved: postbird as a sender of every domain',
      '+ denied: postbird as a sender of every domain until 2027-01-01T00:00:00Z',
    ],
  ],
  [
    'a sender of whom nothing is said any more',
    sender({ before: 'denied', after: null }),
    ['- denied: postbird as a sender of example.com'],
  ],
  ['a mail', message({}), [`+ delivered to 1 recipient: a mail of 1 byte that names no author (SHA-256 ${'ab'.repeat(32)})`]],
  [
    'a mail with an author, to two',
    message({ from_domain: 'example.org', recipients: 2, size: 1200 }),
    [`+ delivered to 2 recipients: a mail of 1,200 bytes that says it is from example.org (SHA-256 ${'ab'.repeat(32)})`],
  ],
  [
    'what is done by hand',
    {
      target: 'manual',
      what: 'role of Ada',
      before: 'admin',
      after: 'viewer',
      run: 'ruawatch people',
      seen: { by: 'person', id: '1', value: 'admin' },
    },
    ['- role of Ada: admin', '+ role of Ada: viewer', '  by hand: ruawatch people'],
  ],
  [
    'texts that go, come and stay',
    dns({ before: [txtOf('old'), txtOf('both')], after: [txtOf('both'), txtMember(['ne', 'w"'])] }),
    ['- a.example.com. 60 TXT "old"', '+ a.example.com. 300 TXT "ne" "w\\""', '  a.example.com. 300 TXT "both"'],
  ],
  [
    'an alias without a TTL',
    dns({ type: 'CNAME', ttl: { before: null, after: null }, before: [aliasOf('b.example')], after: [aliasOf('c.example')] }),
    ['- a.example.com. CNAME b.example.', '+ a.example.com. CNAME c.example.'],
  ],
  ['an address', dns({ type: 'A', after: [{ text: '192.0.2.1', wire: 'c0000201' }] }), ['+ a.example.com. 300 A 192.0.2.1']],
])('the lines of %s', (_, change, lines) => {
  expect(changeLines({ changes: [change] })).toEqual(lines);
  expect(comingLines({ changes: [change] })).toEqual(lines.filter((line) => line.startsWith('+')).map((line) => line.slice(2)));
});

test('a grant says for how long, and how often it may be used', () => {
  const [line] = changeLines({ changes: [grant({})] });
  expect(line).toMatch(/^\+ ada@example\.com: .*app_readers.*, for 1 hour$/);
  expect(changeLines({ changes: [grant({ uses: 1 })] })).toEqual([`${line}, or 1 use`]);
  expect(changeLines({ changes: [grant({ uses: 20 })] })).toEqual([`${line}, or 20 uses`]);
});

test('a line stays one line', () => {
  expect(changeLines({ changes: [sender({ source: 'a\nb' })] })).toEqual(['+ approved: a\\u000ab as a sender of example.com']);
});
