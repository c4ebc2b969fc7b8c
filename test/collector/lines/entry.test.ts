import { expect, test } from 'vitest';
import { type TakeOptions, takeLine } from '../../../services/collector/lines/entry.ts';
import type { Raw } from '../../../services/collector/lines/raw.ts';
import { LOG_PROGRAMS } from '../../../services/shared/settings/collector.ts';

const NOW = Date.parse('2026-11-27T16:00:00Z');
const AT = Date.parse('2026-11-27T14:20:01Z');
const options = (given: Partial<TakeOptions> = {}): TakeOptions => ({
  now: NOW,
  hash: (name) => (name.startsWith('h:') ? name : `h:[${name}]`),
  programs: new Set(LOG_PROGRAMS),
  host: 'Source',
  ...given,
});
const take = (raw: Raw, given?: Partial<TakeOptions>) => takeLine(raw, options(given));
const TEXT = '4F2A1: from=<ada@x.example>, size=1, nrcpt=1 (queue active)';
const KEPT = {
  at: AT,
  hash: expect.stringMatching(/^[\w-]{11}$/),
  host: 'mx1',
  program: 'postfix',
  tag: 'postfix/qmgr',
  queueId: '4F2A1',
  text: '4F2A1: from=<h:[ada]@x.example>, size=1, nrcpt=1 (queue active)',
};
const LINE = `Nov 27 14:20:01 MX1 postfix/qmgr[7]: ${TEXT}`;

test.each<[string, Raw, object]>([
  ['a line', { text: LINE }, KEPT],
  ['a line whose shipper has another time and host', { text: LINE, at: 7, host: 'other' }, KEPT],
  ['a text whose shipper says the rest', { text: TEXT, at: AT, host: 'MX1', tag: 'postfix/qmgr' }, KEPT],
  ['a text without time and host', { text: TEXT, tag: 'postfix/qmgr' }, { ...KEPT, at: NOW, host: 'source' }],
  [
    'a line of a program whose name was cut, within one of it',
    { text: `<22>1 2026-11-27T14:20:00Z MX1 postfix 7 - - ${LINE}` },
    KEPT,
  ],
  [
    'a text of a container that is named after its program',
    { text: `[pod/shop-0/postfix] ${TEXT}`, at: AT },
    { ...KEPT, host: 'shop-0', tag: 'postfix', place: { pod: 'shop-0', container: 'postfix' } },
  ],
  ['a line in a pod', { text: LINE, place: { pod: 'Pod-0' } }, { ...KEPT, host: 'pod-0', place: { pod: 'Pod-0' } }],
  ['a line in a record', { text: JSON.stringify({ message: LINE }) }, KEPT],
  [
    'a text in a record within a line',
    { text: `Nov 27 14:20:01 MX1 app[7]: ${JSON.stringify({ message: TEXT, ident: 'postfix/qmgr' })}` },
    KEPT,
  ],
  [
    'a record that knows better',
    {
      text: `Nov 27 14:20:02 other app[7]: ${JSON.stringify({ message: TEXT, ident: 'postfix/qmgr', host: 'mx1', time: '2026-11-27T14:20:01Z' })}`,
    },
    KEPT,
  ],
  [
    'a record that says nothing, in a text that says nothing',
    { text: JSON.stringify({ message: TEXT, ident: 'postfix/qmgr' }) },
    { ...KEPT, at: NOW, host: 'source' },
  ],
  [
    'a record whose shipper knows when and where',
    { text: JSON.stringify({ message: TEXT, ident: 'postfix/qmgr' }), at: AT, host: 'MX1', place: { namespace: 'n' } },
    { ...KEPT, place: { namespace: 'n' } },
  ],
  [
    'a line of kubectl',
    { text: `[pod/shop-0/app] ${LINE}` },
    { ...KEPT, host: 'shop-0', place: { pod: 'shop-0', container: 'app' } },
  ],
  [
    'one whose shipper knows the pod',
    { text: `[pod/shop-0/app] ${LINE}`, place: { pod: 'known', workload: 'w' } },
    { ...KEPT, host: 'known', place: { pod: 'known', container: 'app', workload: 'w' } },
  ],
  [
    'a line of a time ten minutes ahead',
    { text: TEXT, tag: 'postfix/qmgr', at: NOW + 600_000 },
    { ...KEPT, at: NOW + 600_000, host: 'source' },
  ],
  ['a line of a later time', { text: TEXT, tag: 'postfix/qmgr', at: NOW + 600_001 }, { ...KEPT, at: NOW, host: 'source' }],
  [
    'a long name of a host',
    { text: TEXT, tag: 'postfix/qmgr', host: 'x'.repeat(254) },
    { ...KEPT, at: NOW, host: 'x'.repeat(253) },
  ],
  [
    'a change of a zone',
    { text: '[example.com.] DDNS, finished, serial 1 -> 2', tag: 'knotd', at: AT, host: 'ns1' },
    {
      ...KEPT,
      host: 'ns1',
      program: 'knot',
      tag: 'knotd',
      queueId: '',
      text: '[example.com.] DDNS, finished, serial 1 -> 2',
      change: { kind: 'dns_change', zone: 'example.com', name: null, type: null, action: 'changed', client: null },
    },
  ],
  [
    'a fault of no message',
    { text: "can't load key from /etc/k: no", tag: 'opendkim', at: AT, host: 'mx1' },
    { ...KEPT, program: 'opendkim', tag: 'opendkim', queueId: '', text: "can't load key from /etc/k: no" },
  ],
])('%s is kept', (_, raw, kept) => {
  expect(take(raw)).toStrictEqual({ kept });
});

test.each<[string, Raw, Partial<TakeOptions>, object]>([
  ['of another program', { text: 'Nov 27 14:20:01 mx1 cron[7]: x' }, {}, { kept: null, why: 'foreign' }],
  ['of a program that is not wanted', { text: LINE }, { programs: new Set(['exim']) }, { kept: null, why: 'foreign' }],
  [
    'of rspamd about a mail without a queue id',
    { text: 'rspamd_task_write_log: id: <m@x>, qid: <undef>', tag: 'rspamd' },
    {},
    { kept: null, why: 'known' },
  ],
  [
    'of a container whose shipper knows that it is another program',
    { text: `[pod/shop-0/postfix] ${TEXT}`, tag: 'cron' },
    {},
    { kept: null, why: 'foreign' },
  ],
  ['that begins as JSON and is none', { text: '{ x', tag: 'cron' }, {}, { kept: null, why: 'foreign' }],
  ['of no message', { text: 'connect from app[192.0.2.1]', tag: 'postfix/smtpd' }, {}, { kept: null, why: 'known' }],
  ['of a message that says nothing', { text: '4F2A1: skipped', tag: 'postfix/qmgr' }, {}, { kept: null, why: 'known' }],
  [
    'that nobody knows',
    { text: 'what is to=<ada@x.example>', tag: 'postfix/qmgr' },
    {},
    { kept: null, why: 'unparsed', program: 'postfix', redacted: 'what is to=<h:[ada]@x.example>' },
  ],
  ['of a service, whose JSON is its own', { text: '{"id":"i"}', tag: 'ses' }, {}, { kept: null, why: 'known' }],
])('a line %s is not kept', (_, raw, given, taken) => {
  expect(take(raw, given)).toEqual(taken);
});

test('a line is looked for in four others', () => {
  const within = (depth: number): string => (depth === 0 ? LINE : JSON.stringify({ message: within(depth - 1) }));
  expect([4, 5].map((depth) => take({ text: within(depth) }).kept !== null)).toEqual([true, false]);
});

test('a line is known again by its time, program, process and text, or by its place', () => {
  const hash = (raw: Raw) => take(raw).kept!.hash;
  const bare = { text: TEXT, tag: 'postfix/qmgr' };
  const all = [
    { text: LINE },
    { text: LINE.replace(':01', ':02') },
    { text: LINE.replace('[7]', '[8]') },
    { text: LINE.replace('qmgr', 'smtp') },
    { text: LINE.replace('size=1', 'size=2') },
    bare,
    { ...bare, at: 7 },
    { ...bare, at: 7, position: 'f:1' },
    { ...bare, at: 7, position: 'f:2' },
  ];
  expect(new Set(all.map(hash)).size).toBe(all.length);
  // What its shipper says of it is no part of a line with a time.
  expect(hash({ text: LINE, at: 7, position: 'f:1', host: 'other' })).toBe(hash({ text: LINE }));
  expect(hash({ ...bare, at: 8, position: 'f:1' })).toBe(hash({ ...bare, at: 7, position: 'f:1' }));
});
