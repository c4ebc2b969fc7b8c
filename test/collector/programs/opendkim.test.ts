import { expect, test } from 'vitest';
import { readProgram } from '../../../services/collector/programs/index.ts';

test.each<[string, unknown]>([
  [
    '(unknown-jobid): bad signature data',
    { queueId: null, events: [{ kind: 'verdict', method: 'dkim', result: 'fail', domain: null, selector: null }] },
  ],
  [
    '4F2A1C0: s=S1 d=Example.com a=rsa-sha256 SSL error:00000000:lib(0)::reason(0)',
    { queueId: '4F2A1C0', events: [{ kind: 'verdict', method: 'dkim', result: 'pass', domain: 'example.com', selector: 's1' }] },
  ],
  [
    '4F2A1C0: s=s1 d=example.com SSL error:02000068:rsa routines::bad signature',
    { queueId: '4F2A1C0', events: [{ kind: 'verdict', method: 'dkim', result: 'fail', domain: 'example.com', selector: 's1' }] },
  ],
  [
    '4F2A1C0: signature=1 domain=Example.com selector=S1 result="no signature error"',
    { queueId: '4F2A1C0', events: [{ kind: 'verdict', method: 'dkim', result: 'pass', domain: 'example.com', selector: 's1' }] },
  ],
  [
    '4F2A1C0: signature=1 domain=example.com selector=s1 result="key retrieval failed"',
    {
      queueId: '4F2A1C0',
      events: [{ kind: 'verdict', method: 'dkim', result: 'temperror', domain: 'example.com', selector: 's1' }],
    },
  ],
  [
    '4F2A1C0: signature=1 domain=example.com selector=s1 result="signature verification failed"',
    { queueId: '4F2A1C0', events: [{ kind: 'verdict', method: 'dkim', result: 'fail', domain: 'example.com', selector: 's1' }] },
  ],
  [
    '4F2A1C0: DKIM verification successful',
    { queueId: '4F2A1C0', events: [{ kind: 'verdict', method: 'dkim', result: 'pass', domain: null, selector: null }] },
  ],
  [
    '4F2A1C0: DKIM-Signature header added (s=s1, d=example.com)',
    { queueId: '4F2A1C0', events: [{ kind: 'signed', selector: 's1', domain: 'example.com' }] },
  ],
  [
    '4F2A1C0: key revoked (s=s1, d=example.com)',
    {
      queueId: '4F2A1C0',
      events: [{ kind: 'verdict', method: 'dkim', result: 'temperror', domain: 'example.com', selector: 's1' }],
    },
  ],
  [
    "4F2A1C0: no signing domain match for 'Example.com'",
    { queueId: '4F2A1C0', events: [{ kind: 'fault', code: 'no_signing_table_match', about: 'example.com' }] },
  ],
  ["4F2A1C0: key 'k1' not found", { queueId: '4F2A1C0', events: [{ kind: 'fault', code: 'key_missing', about: 'k1' }] }],
  [
    "4F2A1C0: key 'k1' could not be applied",
    { queueId: '4F2A1C0', events: [{ kind: 'fault', code: 'key_unreadable', about: 'k1' }] },
  ],
  [
    '4F2A1C0: SSL error:0480006C:PEM routines::no start line',
    { queueId: '4F2A1C0', events: [{ kind: 'fault', code: 'key_unreadable', about: 'routines::no start line' }] },
  ],
  ['/etc/k: open(): Permission denied', { queueId: null, events: [{ kind: 'fault', code: 'key_unreadable', about: '/etc/k' }] }],
  [
    'x: key data is not secure: /etc/k can be read by others',
    { queueId: null, events: [{ kind: 'fault', code: 'key_unreadable', about: '/etc/k can be read by others' }] },
  ],
  [
    '4F2A1C0: signature generation error',
    { queueId: '4F2A1C0', events: [{ kind: 'fault', code: 'signing_failed', about: null }] },
  ],
  [
    `4F2A1C0: error loading key '${'k'.repeat(201)}'`,
    { queueId: '4F2A1C0', events: [{ kind: 'fault', code: 'key_unreadable', about: `${'k'.repeat(200)}` }] },
  ],
  [
    '1xWyFZ-0007qg-0M: bad signature data',
    { queueId: '1xWyFZ-0007qg-0M', events: [{ kind: 'verdict', method: 'dkim', result: 'fail', domain: null, selector: null }] },
  ],
  ['4F2A1C0: no signature data', { queueId: null, events: [] }],
  ['nobody knows this', null],
])('a line of OpenDKIM: %s', (text, reading) => {
  expect(readProgram('opendkim', 'opendkim', text)).toEqual(reading);
});
