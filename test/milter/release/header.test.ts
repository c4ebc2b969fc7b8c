import { describe, expect, test } from 'vitest';
import { releasedHeader, releaseMark, resultsOf, withReleasedHeader } from '../../../services/milter/release/header.ts';
import type { HeldRow } from '../../../services/store/held/held.ts';
import { heldOf } from '../../requests/held/sample.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
const HELD = {
  ...heldOf(),
  held_key: 7,
  request_key: 12,
  release_token: TOKEN,
  decided_by: ['ada@example.com', 'bén'],
} as unknown as HeldRow;
const AT = new Date('2026-11-27T08:00:00Z');
const WRITTEN = `X-Ruawatch-Released: by ada@example.com,\r\n  b?n;\r\n request 12; held 7;\r\n at 2026-11-27T08:00:00.000Z;\r\n token ${TOKEN}\r\n`;

test('the field says who let the mail go, and is read as the mark of that release', () => {
  expect(releasedHeader(HELD, AT)).toBe(WRITTEN);
  expect(releasedHeader({ ...HELD, decided_by: null }, AT)).toContain('by ;');
  expect(releaseMark(`Received: x\r\n${WRITTEN}Subject: y\r\n`)).toEqual({ held_key: 7, token: TOKEN });
  for (const other of ['', 'Subject: x', WRITTEN.replace('X-Ruawatch', 'X-Other'), WRITTEN.replace(TOKEN, TOKEN.slice(1))])
    expect(releaseMark(other)).toBeNull();
});

test.each<[string, Partial<HeldRow>, string]>([
  [
    'of a mail with all verdicts',
    {},
    'Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=evil.example; dkim=pass header.d=evil.example header.s=s1; dmarc=fail (p=none) header.from=example.com\r\n',
  ],
  [
    'of one without a sender in its envelope',
    { envelope_from: '' },
    'Authentication-Results: mx.example.com; spf=pass smtp.helo=evil.example; dkim=pass header.d=evil.example header.s=s1; dmarc=fail (p=none) header.from=example.com\r\n',
  ],
])('what was verified %s', (_, part, field) => {
  expect(resultsOf({ ...HELD, ...part }, 'mx.example.com').replace(/\r\n\s+/g, ' ')).toBe(field);
});

describe('a mail with the field at its top', () => {
  const OWN = 'Authentication-Results: mx.example.com; dmarc=pass';
  const OTHER = 'Authentication-Results: mx.other.example; dmarc=pass';
  test.each<[string, string, string | null, string]>([
    [
      'keeps its other fields and its text',
      'A: 1\r\nB: 2\r\n more\r\n\r\nText\r\n',
      null,
      'A: 1\r\nB: 2\r\n more\r\n\r\nText\r\n',
    ],
    ['has no other field of ours', 'X-Ruawatch-Held: no\r\n folded\r\nA: 1\r\n\r\nT', null, 'A: 1\r\n\r\nT'],
    ['has CRLF at the end of each line', 'A: 1\nB: 2\r\rT\n', null, 'A: 1\r\nB: 2\r\n\r\nT\r\n'],
    ['has an empty line behind its header, if it came without', 'A: 1\r\n', null, 'A: 1\r\n\r\n'],
    ['has a header although it came with none of its own', 'X-Ruawatch-Tag: x\r\n\r\nT', null, '\r\nT'],
    ['has no results in the name of this server', `${OWN}\r\n${OTHER}\r\n\r\nT`, 'mx.example.com', `${OTHER}\r\n\r\nT`],
    ['has them where its own are not told', `${OWN}\r\n\r\nT`, null, `${OWN}\r\n\r\nT`],
  ])('%s', (_, raw, id, rest) => {
    expect(withReleasedHeader(Buffer.from(raw), 'F: x\r\n', id).toString()).toBe(`F: x\r\n${rest}`);
  });
});
