import { expect, test } from 'vitest';
import { readProgram } from '../../../services/collector/programs/index.ts';

test.each<[string, unknown]>([
  [
    'rspamd_task_write_log: id: <m@x>, qid: <4F2A1>, ip: 192.0.2.1, user: h:1, from: <h:2@Example.com>, (default: F (no action): [0/15] [DKIM_SIGNED(0.00){example.com:s=S1;other.example:s=s2;},R_SPF_ALLOW(-0.2){+ip4:192.0.2.1;},DMARC_POLICY_ALLOW(-0.5){Example.com,none;}]), len: 1',
    {
      queueId: '4F2A1',
      events: [
        { kind: 'message_id', id: 'm@x' },
        { kind: 'envelope', from: { local: 'h:2', domain: 'example.com' } },
        { kind: 'client', name: null, ip: '192.0.2.1', sasl: 'h:1' },
        { kind: 'signed', domain: 'example.com', selector: 's1' },
        { kind: 'signed', domain: 'other.example', selector: 's2' },
        { kind: 'verdict', method: 'spf', result: 'pass', domain: null, selector: null },
        { kind: 'author', domain: 'example.com' },
        { kind: 'verdict', method: 'dmarc', result: 'pass', domain: 'example.com', selector: null },
      ],
    },
  ],
  [
    '<abc>; task; rspamd_task_write_log: id: <undef>, qid: <undef>, ip: x, from: <>, (default: F: [0/15] [R_DKIM_REJECT(1.00){example.com:s=s1;},R_DKIM_NA(0.00),DMARC_POLICY_REJECT(2.00)[shop.example : SPF not aligned (relaxed), x],R_SPF_DNSFAIL(0.00)])',
    {
      queueId: null,
      events: [
        { kind: 'envelope', from: null },
        { kind: 'verdict', method: 'dkim', result: 'fail', domain: 'example.com', selector: 's1' },
        { kind: 'verdict', method: 'dkim', result: 'none', domain: null, selector: null },
        { kind: 'author', domain: 'shop.example' },
        { kind: 'verdict', method: 'dmarc', result: 'fail', domain: 'shop.example', selector: null },
        { kind: 'verdict', method: 'spf', result: 'temperror', domain: null, selector: null },
      ],
    },
  ],
  ['rspamd_task_write_log: id: <>, qid: <4F2A1>', { queueId: '4F2A1', events: [] }],
  [
    'rspamd_task_write_log: qid: <4F2A1>, ip: 192.0.2.1',
    { queueId: null, events: [{ kind: 'client', name: null, ip: '192.0.2.1', sasl: null }] },
  ],
  [
    'rspamd_task_write_log: id: <m@x>, qid: <4F2A1>, ip: 2001:db8::1, (default: F: [0/15] [DKIM_SIGNED(0.00){nobody;:s=x;example.com:k=1;},DMARC_NA(0.00){local;},DMARC_DNSFAIL(0.00),UNKNOWN(1.0){x;}])',
    {
      queueId: '4F2A1',
      events: [
        { kind: 'message_id', id: 'm@x' },
        { kind: 'client', name: null, ip: '2001:db8::1', sasl: null },
        { kind: 'verdict', method: 'dmarc', result: 'none', domain: 'local', selector: null },
        { kind: 'verdict', method: 'dmarc', result: 'temperror', domain: null, selector: null },
      ],
    },
  ],
  [
    `rspamd_task_write_log: id: <${'m'.repeat(256)}>, qid: <4F2A1>, from: <h:1@x.example>`,
    {
      queueId: '4F2A1',
      events: [
        { kind: 'message_id', id: `${'m'.repeat(255)}` },
        { kind: 'envelope', from: { local: 'h:1', domain: 'x.example' } },
      ],
    },
  ],
  [
    'rspamd_task_write_log: id: <m@x>, qid: <4F2A1>, (default: F: [0/1] [R_DKIM_ALLOW(0.0){d0.example:s=s;d1.example:s=s;d2.example:s=s;d3.example:s=s;d4.example:s=s;d5.example:s=s;d6.example:s=s;d7.example:s=s;d8.example:s=s;d9.example:s=s;d10.example:s=s}])',
    {
      queueId: '4F2A1',
      events: [
        { kind: 'message_id', id: 'm@x' },
        { kind: 'verdict', method: 'dkim', result: 'pass', domain: 'd0.example', selector: 's' },
        { kind: 'verdict', method: 'dkim', result: 'pass', domain: 'd1.example', selector: 's' },
        { kind: 'verdict', method: 'dkim', result: 'pass', domain: 'd2.example', selector: 's' },
        { kind: 'verdict', method: 'dkim', result: 'pass', domain: 'd3.example', selector: 's' },
        { kind: 'verdict', method: 'dkim', result: 'pass', domain: 'd4.example', selector: 's' },
        { kind: 'verdict', method: 'dkim', result: 'pass', domain: 'd5.example', selector: 's' },
        { kind: 'verdict', method: 'dkim', result: 'pass', domain: 'd6.example', selector: 's' },
        { kind: 'verdict', method: 'dkim', result: 'pass', domain: 'd7.example', selector: 's' },
        { kind: 'verdict', method: 'dkim', result: 'pass', domain: 'd8.example', selector: 's' },
        { kind: 'verdict', method: 'dkim', result: 'pass', domain: 'd9.example', selector: 's' },
      ],
    },
  ],
  ['#7(normal) <abc>; task; x', { queueId: null, events: [] }],
  ['<abc>; x', { queueId: null, events: [] }],
  ['x; lua; dkim_signing: x', { queueId: null, events: [] }],
  [
    'x; dkim_module; cannot load dkim private key /etc/k.key: no such file',
    { queueId: null, events: [{ kind: 'fault', code: 'key_unreadable', about: '/etc/k.key: no such file' }] },
  ],
  [
    'dkim_signing: cannot read key /etc/k.key',
    { queueId: null, events: [{ kind: 'fault', code: 'key_unreadable', about: '/etc/k.key' }] },
  ],
  [
    'dkim: invalid or unknown key format /etc/x',
    { queueId: null, events: [{ kind: 'fault', code: 'key_unreadable', about: '/etc/x' }] },
  ],
  [
    `dkim_signing: cannot read key ${'k'.repeat(201)}`,
    { queueId: null, events: [{ kind: 'fault', code: 'key_unreadable', about: 'k'.repeat(200) }] },
  ],
  [
    'rspamd_task_write_log: id: <m@x>, qid: <4F2A1>, (default: F, from: <h:1@x.example>: [0/1] [R_DKIM_ALLOW(0.0)[a.example:s=s, b.example:s=t]])',
    {
      queueId: '4F2A1',
      events: [
        { kind: 'message_id', id: 'm@x' },
        { kind: 'verdict', method: 'dkim', result: 'pass', domain: 'a.example', selector: 's' },
        { kind: 'verdict', method: 'dkim', result: 'pass', domain: 'b.example', selector: 't' },
      ],
    },
  ],
  ['nobody knows this', null],
])('a line of rspamd: %s', (text, reading) => {
  expect(readProgram('rspamd', 'rspamd', text)).toEqual(reading);
});
