import { describe, expect, test } from 'vitest';
import { rawOf } from '../../../services/collector/lines/record.ts';

const NOW = Date.parse('2026-11-27T14:30:00Z');
const AT = Date.parse('2026-11-27T14:20:01Z');
const of = (record: unknown) => rawOf(record, NOW);

test('what is no record, or has no text, is none', () => {
  for (const value of [null, undefined, 7, true, [], ['x'], {}, { message: '' }, { message: {} }, { host: 'mx1' }])
    expect(of(value)).toBeNull();
  expect(of('a line')).toEqual({ text: 'a line' });
});

describe('fields by the names that shippers give them', () => {
  test.each(['message', 'log', 'msg', 'MESSAGE', 'short_message'])('the text: %s', (name) => {
    expect(of({ [name]: 'a line' })).toEqual({ text: 'a line' });
  });
  test.each(['hostname', 'host', '_HOSTNAME', 'HOSTNAME', '_hostname', 'HOST'])('the host: %s', (name) => {
    expect(of({ message: 'x', [name]: 'mx1' })).toEqual({ text: 'x', host: 'mx1' });
  });
  test.each([
    'appname',
    'ident',
    'SYSLOG_IDENTIFIER',
    'app_name',
    'syslogtag',
    'syslog-tag',
    'PROGRAM',
    'program',
    'syslog_identifier',
  ])('the tag: %s', (name) => {
    expect(of({ message: 'x', [name]: 'postfix/smtp[7]:' })).toEqual({ text: 'x', tag: 'postfix/smtp' });
  });
  test.each(['timestamp', '@timestamp', 'time', 'date', 'timereported', 'ISODATE', 'DATE', 'ts'])('the time: %s', (name) => {
    expect(of({ message: 'x', [name]: '2026-11-27T14:20:01Z' })).toEqual({ text: 'x', at: AT });
  });
  test.each(['file', 'path', 'filename', 'log_file'])('the place in a file: %s', (name) => {
    expect(of({ message: 'x', [name]: '/var/log/mail.log', offset: 17 })).toEqual({
      text: 'x',
      position: '/var/log/mail.log:17',
    });
    expect(of({ message: 'x', [name]: '/var/log/mail.log' })).toEqual({ text: 'x' });
  });
  test('the offset of others, and none without a file', () => {
    expect(of({ message: 'x', file: 'f', _offset: '9' })).toMatchObject({ position: 'f:9' });
    expect(of({ message: 'x', offset: 17 })).toEqual({ text: 'x' });
  });
  test('of the Elastic Common Schema', () => {
    expect(of({ message: 'x', host: { name: 'a' }, log: { syslog: { appname: 'postfix/qmgr' } } })).toEqual({
      text: 'x',
      host: 'a',
      tag: 'postfix/qmgr',
    });
    expect(of({ message: 'x', host: { hostname: 'b' }, process: { name: 'opendkim' } })).toEqual({
      text: 'x',
      host: 'b',
      tag: 'opendkim',
    });
    expect(of({ message: 'x', host: [], process: 7 })).toEqual({ text: 'x' });
  });
});

test.each([
  ['seconds', AT / 1000, AT],
  ['seconds with a fraction', AT / 1000 + 0.5, AT + 500],
  ['milliseconds', AT, AT],
  ['microseconds', AT * 1000, AT],
  ['microseconds of journald', `${AT * 1000}`, AT],
  ['no number', Number.NaN, undefined],
  ['no time', 'yesterday', undefined],
  ['another kind of value', [AT], undefined],
])('a time in %s', (_, time, at) => {
  expect(of({ message: 'x', time })?.at).toBe(at);
  // What cannot be read does not hide what can.
  if (at === undefined) expect(of({ message: 'x', time, ts: AT })?.at).toBe(AT);
});

describe('the text', () => {
  test.each([
    ['x\n', 'x'],
    ['x\r\n', 'x'],
    ['x\n\n', 'x\n'],
    [' x', 'x'],
    ['  x', ' x'],
    [7, '7'],
  ])('%j is %j', (message, text) => expect(of({ message })).toEqual({ text }));

  test('of octets, as journald writes what is no plain text', () => {
    expect(of({ MESSAGE: [...Buffer.from('für')] })).toEqual({ text: 'für' });
    expect(of({ MESSAGE: [0, 255] })?.text).toHaveLength(2);
    for (const MESSAGE of [[], [-1], [256], [1.5], ['a']]) expect(of({ MESSAGE })).toBeNull();
  });

  test('that Fluent Bit merged into the record', () => {
    expect(of({ log_processed: { msg: 'inner', host: 'mx2' }, hostname: 'mx1', kubernetes: { pod_name: 'p' } })).toEqual({
      text: 'inner',
      host: 'mx1',
      place: { pod: 'p' },
    });
    // The line itself counts where it is there.
    expect(of({ log: 'outer', log_processed: { msg: 'inner' } })).toEqual({ text: 'outer' });
    expect(of({ log_processed: {} })).toBeNull();
  });

  test('of rspamd’s own JSON has the function before it', () => {
    expect(of({ message: '<x>', function: 'rspamd_task_write_log', program: 'main' })).toEqual({
      text: 'rspamd_task_write_log: <x>',
      tag: 'main',
    });
    expect(of({ message: '<x>', function: 'rspamd_task_write_log' })).toMatchObject({ tag: 'rspamd' });
    expect(of({ message: '<x>', function: 'other' })).toEqual({ text: '<x>' });
  });
});

describe('where it ran', () => {
  const place = (kubernetes: unknown, rest = {}) => of({ message: 'x', kubernetes, ...rest })?.place;
  test.each([
    [
      { namespace_name: 'n', pod_name: 'p', container_name: 'c' },
      { namespace: 'n', pod: 'p', container: 'c' },
    ],
    [
      { pod_namespace: 'n', pod_name: 'p' },
      { namespace: 'n', pod: 'p' },
    ],
    [
      { namespace: 'n', pod: { name: 'p' }, container: { name: 'c' } },
      { namespace: 'n', pod: 'p', container: 'c' },
    ],
    [{ labels: { app: 'a', n: 7 } }, { labels: { app: 'a' } }],
    [{ pod_labels: { app: 'a' } }, { labels: { app: 'a' } }],
    [{}, {}],
    ['none', undefined],
  ])('%j is %j', (kubernetes, expected) => expect(place(kubernetes)).toEqual(expected));

  test('a shipper may name the workload, with or without Kubernetes', () => {
    expect(place(undefined, { workload: 'shop' })).toEqual({ workload: 'shop' });
    expect(place({ pod_name: 'p' }, { workload: 'shop' })).toEqual({ workload: 'shop', pod: 'p' });
  });

  test('is forty labels of two hundred printable characters at most', () => {
    const long = 'l'.repeat(300);
    const labels = Object.fromEntries(Array.from({ length: 45 }, (_, i) => [`k${i}`, 'v']));
    const found = place({ pod_name: long, labels: { [long]: `\u001b${long}`, ...labels } })!;
    expect(found.pod).toHaveLength(200);
    expect(Object.keys(found.labels!)).toHaveLength(40);
    expect(found.labels!['l'.repeat(200)]).toHaveLength(200);
    expect(found.labels!['l'.repeat(200)]).not.toContain('\u001b');
  });

  test('a container’s name is the tag of a line that has none', () => {
    expect(of({ message: 'x', kubernetes: { container_name: 'postfix' } })).toMatchObject({ tag: 'postfix' });
    expect(of({ message: 'x', container_name: '/opendkim' })).toEqual({ text: 'x', tag: 'opendkim' });
    expect(of({ message: 'x', ident: 'rspamd', container_name: '/opendkim' })).toMatchObject({ tag: 'rspamd' });
  });
});

test('nothing is said of what a record does not say', () => {
  expect(of({ message: 'x' })).toStrictEqual({ text: 'x' });
  expect(of({ message: 'x', time: ['2026-11-27T14:20:01Z'] })).toStrictEqual({ text: 'x' });
  expect(of({ MESSAGE: [120] })).toStrictEqual({ text: 'x' });
  expect(of({ log: 'outer', log_processed: { message: 'inner' } })).toStrictEqual({ text: 'outer' });
});

test.each([
  [1e11, 1e14],
  [1e11 + 1, 1e11 + 1],
  [1e14, 1e14],
  [1e14 + 1, (1e14 + 1) / 1000],
])('the number %d is a time by its size', (time, at) => {
  expect(of({ message: 'x', time })).toEqual({ text: 'x', at });
});

test('a record of Docker may be a part of a line', () => {
  expect(of({ log: 'a', stream: 's', time: '2026-11-27T14:20:01Z' })).toEqual({
    text: 'a',
    at: AT,
    part: { stream: 's', last: true },
  });
});

test('an event of a mail service is a line of its own', () => {
  const sent = { event: 'delivered', email: 'bob@gmx.net', sg_message_id: 'm' };
  const text = JSON.stringify({ id: 'm', event: 'sent', to: ['bob@gmx.net'] });
  expect(of(sent)).toStrictEqual({ text, tag: 'sendgrid', host: 'sendgrid' });
  expect(of({ ...sent, timestamp: 7 })).toStrictEqual({ text, tag: 'sendgrid', host: 'sendgrid', at: 7_000 });
  const ses = { eventType: 'Reject', mail: { messageId: 'm' }, message: 'x' };
  expect(of(ses)).toStrictEqual({ text: JSON.stringify({ id: 'm', event: 'rejected', to: [] }), tag: 'ses', host: 'ses' });
});
