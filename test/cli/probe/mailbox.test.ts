import { expect, test } from 'vitest';
import { fromMailbox } from '../../../services/cli/probe/mailbox.ts';

const read = (...lines: string[]) => {
  const { peer, helo, mailFrom } = fromMailbox(Buffer.from([...lines, '', 'text'].join('\r\n')), new Date(0));
  return { peer, helo, mailFrom };
};

test.each([
  [
    ['Return-Path: <a@x.example>', 'Received: from helo.example (name.example [192.0.2.7])', '\tby mx.example; Fri, 27 Nov 2026'],
    { peer: '192.0.2.7', helo: 'helo.example', mailFrom: 'a@x.example' },
  ],
  [['Received: from h (n [IPv6:2001:db8::1]) by mx'], { peer: '2001:db8::1', helo: 'h', mailFrom: '' }],
  // Only the uppermost is the server's own.
  [
    ['Received: from h (n [192.0.2.1]) by mx', 'Received: from evil (x [198.51.100.1]) by relay'],
    { peer: '192.0.2.1', helo: 'h', mailFrom: '' },
  ],
  // An address behind "by" is the server's, not the client's.
  [['Received: from h by mx (mx [192.0.2.9])'], { peer: null, helo: 'h', mailFrom: '' }],
  // A server that does not say by whom.
  [['Received: from h (n [192.0.2.1])'], { peer: '192.0.2.1', helo: 'h', mailFrom: '' }],
  [['Received: from [192.0.2.1] (n) by mx'], { peer: '192.0.2.1', helo: '[192.0.2.1]', mailFrom: '' }],
  [['Received: from h [192.0.2.1]'], { peer: '192.0.2.1', helo: 'h', mailFrom: '' }],
  [['Received: by mx (mx [192.0.2.9])'], { peer: null, helo: null, mailFrom: '' }],
  [['Received: by mx with LMTP'], { peer: null, helo: null, mailFrom: '' }],
  [['Return-Path: <>', 'Received: from h (n [999.1.1.1]) by mx'], { peer: null, helo: 'h', mailFrom: '' }],
  [['Subject: nothing'], { peer: null, helo: null, mailFrom: '' }],
])('%j', (lines, expected) => {
  expect(read(...lines)).toEqual(expected);
});

test('a header that is too long, and bytes that are no mail, are read as one that says nothing', () => {
  for (const raw of [
    Buffer.alloc(0),
    Buffer.from('\r\n'),
    Buffer.from('x'.repeat(3_000_000)),
    Buffer.from([0, 255, 254, 10, 10]),
  ])
    expect(fromMailbox(raw, new Date(0))).toMatchObject({ peer: null, mailFrom: '' });
});
