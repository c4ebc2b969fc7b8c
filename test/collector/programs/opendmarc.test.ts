import { expect, test } from 'vitest';
import { readProgram } from '../../../services/collector/programs/index.ts';

test.each<[string, unknown]>([
  [
    '4F2A1C0: Example.com pass',
    {
      queueId: '4F2A1C0',
      events: [
        { kind: 'author', domain: 'example.com' },
        { kind: 'verdict', method: 'dmarc', result: 'pass', domain: 'example.com', selector: null },
      ],
    },
  ],
  [
    '4F2A1C0: SPF(mailfrom): h:1@Example.com pass',
    { queueId: '4F2A1C0', events: [{ kind: 'verdict', method: 'spf', result: 'pass', domain: 'example.com', selector: null }] },
  ],
  [
    '4F2A1C0: SPF(helo): example.com fail',
    { queueId: '4F2A1C0', events: [{ kind: 'verdict', method: 'spf', result: 'fail', domain: 'example.com', selector: null }] },
  ],
  ['(unknown-jobid): example.com pass', { queueId: null, events: [] }],
  ['4F2A1C0 ignoring Authentication-Results at 1 from mx.example.org', { queueId: null, events: [] }],
  ['example.com pass', null],
  ['OpenDMARC Filter: Opening listen socket', { queueId: null, events: [] }],
  ['nobody knows this', null],
])('a line of OpenDMARC: %s', (text, reading) => {
  expect(readProgram('opendmarc', 'opendmarc', text)).toEqual(reading);
});
