import { expect, test } from 'vitest';
import { type Line, readLine } from '../../../services/collector/lines/line.ts';

const NOW = Date.parse('2026-11-27T16:00:00Z');

test.each<[string, Line]>([
  [
    '2026-11-27T14:20:01.5Z stdout F Nov 27 14:20:02 mx1 postfix/smtp[7]: text',
    {
      at: Date.parse('2026-11-27T14:20:02.000Z'),
      stamp: 'Nov 27 14:20:02',
      host: 'mx1',
      tag: 'postfix/smtp',
      pid: '7',
      text: 'text',
    },
  ],
  [
    '2026-11-27T14:20:01.5Z stderr P text of its own',
    {
      at: Date.parse('2026-11-27T14:20:01.500Z'),
      stamp: '2026-11-27T14:20:01.5Z',
      host: null,
      tag: '',
      pid: '',
      text: 'text of its own',
    },
  ],
  [
    '<22>1 2026-11-27T14:20:01Z mx1 postfix/smtp 7 ID [a@1 x="]\\"\\\\" y="z"][b@1] text',
    {
      at: Date.parse('2026-11-27T14:20:01.000Z'),
      stamp: '2026-11-27T14:20:01Z',
      host: 'mx1',
      tag: 'postfix/smtp',
      pid: '7',
      text: 'text',
    },
  ],
  [
    '<22>1 2026-11-27T14:20:01Z - - - - - text',
    { at: Date.parse('2026-11-27T14:20:01.000Z'), stamp: '2026-11-27T14:20:01Z', host: null, tag: '', pid: '', text: 'text' },
  ],
  ['<22>1 - mx1 app 7 - [a@1] \ufeff text', { at: null, stamp: '', host: 'mx1', tag: 'app', pid: '7', text: 'text' }],
  [
    `<22>1 2026-11-27T14:20:01Z mx1 ${'a'.repeat(81)} - - - text`,
    {
      at: Date.parse('2026-11-27T14:20:01.000Z'),
      stamp: '2026-11-27T14:20:01Z',
      host: 'mx1',
      tag: `${'a'.repeat(80)}`,
      pid: '',
      text: 'text',
    },
  ],
  [
    '<22>1 2026-11-27T14:20:01Z mx1 app - - [a@1 x="never ends',
    { at: Date.parse('2026-11-27T14:20:01.000Z'), stamp: '2026-11-27T14:20:01Z', host: 'mx1', tag: 'app', pid: '', text: '' },
  ],
  [
    '1 2026-11-27T14:20:01Z mx1 app - - - no priority',
    { at: null, stamp: '', host: null, tag: '', pid: '', text: '1 2026-11-27T14:20:01Z mx1 app - - - no priority' },
  ],
  [
    '<22>Nov 27 14:20:01 mx1 postfix/smtp[7]: text',
    {
      at: Date.parse('2026-11-27T14:20:01.000Z'),
      stamp: 'Nov 27 14:20:01',
      host: 'mx1',
      tag: 'postfix/smtp',
      pid: '7',
      text: 'text',
    },
  ],
  [
    'Nov  7 14:20:01.123 mx1 app: text',
    { at: Date.parse('2026-11-07T14:20:01.123Z'), stamp: 'Nov  7 14:20:01.123', host: 'mx1', tag: 'app', pid: '', text: 'text' },
  ],
  [
    'Nov 7 14:20:01 mx1 app: text',
    { at: Date.parse('2026-11-07T14:20:01.000Z'), stamp: 'Nov 7 14:20:01', host: 'mx1', tag: 'app', pid: '', text: 'text' },
  ],
  [
    'Nov 27 14:20:01 postfix/smtp[7]: text',
    {
      at: Date.parse('2026-11-27T14:20:01.000Z'),
      stamp: 'Nov 27 14:20:01',
      host: null,
      tag: 'postfix/smtp',
      pid: '7',
      text: 'text',
    },
  ],
  [
    'Nov 27 14:20:01 app: text',
    { at: Date.parse('2026-11-27T14:20:01.000Z'), stamp: 'Nov 27 14:20:01', host: null, tag: 'app', pid: '', text: 'text' },
  ],
  [
    'Nov 27 14:20:01 mx1 text without a tag',
    {
      at: Date.parse('2026-11-27T14:20:01.000Z'),
      stamp: 'Nov 27 14:20:01',
      host: 'mx1',
      tag: '',
      pid: '',
      text: 'text without a tag',
    },
  ],
  [
    'Nov 27 14:20:01 text',
    { at: Date.parse('2026-11-27T14:20:01.000Z'), stamp: 'Nov 27 14:20:01', host: null, tag: '', pid: '', text: 'text' },
  ],
  [
    'Nov 27 14:20:01 mx1 sendmail[7]: [ID 197553 mail.info] text',
    {
      at: Date.parse('2026-11-27T14:20:01.000Z'),
      stamp: 'Nov 27 14:20:01',
      host: 'mx1',
      tag: 'sendmail',
      pid: '7',
      text: 'text',
    },
  ],
  [
    'Nov 27 14:20:01 mx1 sendmail[7]: [ID x] text',
    {
      at: Date.parse('2026-11-27T14:20:01.000Z'),
      stamp: 'Nov 27 14:20:01',
      host: 'mx1',
      tag: 'sendmail',
      pid: '7',
      text: '[ID x] text',
    },
  ],
  [
    'Nov 27 14:20:01 mx1 postfix/127.0.0.1:10025/smtpd[7]: text',
    {
      at: Date.parse('2026-11-27T14:20:01.000Z'),
      stamp: 'Nov 27 14:20:01',
      host: 'mx1',
      tag: 'postfix/127.0.0.1:10025/smtpd',
      pid: '7',
      text: 'text',
    },
  ],
  [
    'Nov 27 14:20:01 mx1 postfix/[::1]:10025/smtpd[7]: text',
    {
      at: Date.parse('2026-11-27T14:20:01.000Z'),
      stamp: 'Nov 27 14:20:01',
      host: 'mx1',
      tag: 'postfix/[::1]:10025/smtpd',
      pid: '7',
      text: 'text',
    },
  ],
  [
    '2026-11-27T14:20:01.123456+01:00 mx1 postfix/smtp[7]: text',
    {
      at: Date.parse('2026-11-27T13:20:01.123Z'),
      stamp: '2026-11-27T14:20:01.123456+01:00',
      host: 'mx1',
      tag: 'postfix/smtp',
      pid: '7',
      text: 'text',
    },
  ],
  [
    '2026-11-27T14:20:01Z - postfix/smtp[7]: text',
    {
      at: Date.parse('2026-11-27T14:20:01.000Z'),
      stamp: '2026-11-27T14:20:01Z',
      host: null,
      tag: 'postfix/smtp',
      pid: '7',
      text: 'text',
    },
  ],
  ['2026-11-27T14:20:01Z text', { at: null, stamp: '', host: null, tag: '', pid: '', text: '2026-11-27T14:20:01Z text' }],
  [
    '2026-11-27 14:20:01 +0100 1xWyFZ-0007qg-0M <= a',
    {
      at: Date.parse('2026-11-27T13:20:01.000Z'),
      stamp: '2026-11-27 14:20:01 +0100',
      host: null,
      tag: 'exim',
      pid: '',
      text: '1xWyFZ-0007qg-0M <= a',
    },
  ],
  [
    '2026-11-27 14:20:01.123 [7] 1xWyFZ-00000007qga-0ABC Completed',
    {
      at: Date.parse('2026-11-27T14:20:01.123Z'),
      stamp: '2026-11-27 14:20:01.123',
      host: null,
      tag: 'exim',
      pid: '',
      text: '[7] 1xWyFZ-00000007qga-0ABC Completed',
    },
  ],
  [
    '2026-11-27 14:20:01 exim 4.96 daemon started',
    {
      at: Date.parse('2026-11-27T14:20:01.000Z'),
      stamp: '2026-11-27 14:20:01',
      host: null,
      tag: 'exim',
      pid: '',
      text: 'exim 4.96 daemon started',
    },
  ],
  [
    '2026-11-27 14:20:01 #7(normal) <abc123>; task; text',
    {
      at: Date.parse('2026-11-27T14:20:01.000Z'),
      stamp: '2026-11-27 14:20:01',
      host: null,
      tag: 'rspamd',
      pid: '',
      text: '#7(normal) <abc123>; task; text',
    },
  ],
  [
    '2026-11-27 14:20:01.5 [x] #7(rspamd_proxy) [y] <abc123>; proxy; text',
    {
      at: Date.parse('2026-11-27T14:20:01.500Z'),
      stamp: '2026-11-27 14:20:01.5',
      host: null,
      tag: 'rspamd',
      pid: '',
      text: '[x] #7(rspamd_proxy) [y] <abc123>; proxy; text',
    },
  ],
  [
    '27-Nov-2026 14:20:01.123 update: info: client @0x7f 192.0.2.1#53: x',
    {
      at: Date.parse('2026-11-27T14:20:01.123Z'),
      stamp: '27-Nov-2026 14:20:01.123',
      host: null,
      tag: 'named',
      pid: '',
      text: 'update: info: client @0x7f 192.0.2.1#53: x',
    },
  ],
  [
    '2026-11-27T14:20:01.123Z client @0x7f 192.0.2.1#53: x',
    {
      at: Date.parse('2026-11-27T14:20:01.123Z'),
      stamp: '2026-11-27T14:20:01.123Z',
      host: null,
      tag: 'named',
      pid: '',
      text: 'client @0x7f 192.0.2.1#53: x',
    },
  ],
  [
    '2026-11-27T14:20:01+0100 info: [example.com.] x',
    {
      at: Date.parse('2026-11-27T13:20:01.000Z'),
      stamp: '2026-11-27T14:20:01+0100',
      host: null,
      tag: 'knot',
      pid: '',
      text: 'info: [example.com.] x',
    },
  ],
  ['postfix/smtp[7]: text', { at: null, stamp: '', host: null, tag: 'postfix/smtp', pid: '7', text: 'text' }],
  ['app[7]: text', { at: null, stamp: '', host: null, tag: 'app', pid: '7', text: 'text' }],
  ['app/x: text', { at: null, stamp: '', host: null, tag: 'app/x', pid: '', text: 'text' }],
  ['app: text', { at: null, stamp: '', host: null, tag: '', pid: '', text: 'app: text' }],
  ['a text', { at: null, stamp: '', host: null, tag: '', pid: '', text: 'a text' }],
  ['', { at: null, stamp: '', host: null, tag: '', pid: '', text: '' }],
  ['<22>text', { at: null, stamp: '', host: null, tag: '', pid: '', text: 'text' }],
  [
    'Nov 27 14:20:01 mx1[7] text',
    { at: Date.parse('2026-11-27T14:20:01.000Z'), stamp: 'Nov 27 14:20:01', host: 'mx1[7]', tag: '', pid: '', text: 'text' },
  ],
  [
    'Nov 27 14:20:01 a~b: app: text',
    { at: Date.parse('2026-11-27T14:20:01.000Z'), stamp: 'Nov 27 14:20:01', host: 'a~b:', tag: 'app', pid: '', text: 'text' },
  ],
])('%s', (raw, line) => {
  expect(readLine(raw, NOW)).toEqual(line);
});
