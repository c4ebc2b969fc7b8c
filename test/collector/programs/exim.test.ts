import { expect, test } from 'vitest';
import { readProgram } from '../../../services/collector/programs/index.ts';

test.each<[string, unknown]>([
  [
    '1xWyFZ-0007qg-0M <= h:1@Example.com H=(helo.example) [192.0.2.1] P=esmtpsa A=plain:h:2 S=5 id=m@x',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        { kind: 'client', name: null, ip: '192.0.2.1', sasl: 'h:2' },
        { kind: 'message_id', id: 'm@x' },
        { kind: 'envelope', from: { local: 'h:1', domain: 'example.com' } },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M <= <> H=app.example (helo) [192.0.2.1] P=esmtp',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        { kind: 'client', name: 'app.example', ip: '192.0.2.1', sasl: null },
        { kind: 'envelope', from: null },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M <= h:1@x.example H=app.example [not an address] P=esmtp',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        { kind: 'client', name: 'app.example', ip: null, sasl: null },
        { kind: 'envelope', from: { local: 'h:1', domain: 'x.example' } },
      ],
    },
  ],
  [
    '2026-11-27 14:20:01 +0100 1xWyFZ-0007qg-0M <= h:1@x.example U=root P=local',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [{ kind: 'local' }, { kind: 'envelope', from: { local: 'h:1', domain: 'x.example' } }],
    },
  ],
  ['1xWyFZ-0007qg-0M <= ', { queueId: '1xWyFZ-0007qg-0M', events: [{ kind: 'local' }, { kind: 'envelope', from: null }] }],
  [
    '[7] 1xWyFZ-00000007qga-0ABC => h:1@gmx.net R=dns T=remote_smtp H=MX.gmx.net [203.0.113.5]:25 X=TLS C="250 OK id=1abCDe-000001-AB"',
    {
      queueId: '1xWyFZ-00000007qga-0ABC',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: 'mx.gmx.net',
          ip: '203.0.113.5',
          status: 'sent',
          dsn: null,
          words: null,
          queuedAs: '1abCDe-000001-AB',
        },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M -> h:1@gmx.net R=dns T=remote_smtp H=mx [203.0.113.5] C="250 2.0.0 queued as 4XyZ99"',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: 'mx',
          ip: '203.0.113.5',
          status: 'sent',
          dsn: '2.0.0',
          words: null,
          queuedAs: '4XyZ99',
        },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M >> h:1@gmx.net R=dns T=remote_smtp H=mx [x]',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: 'mx',
          ip: null,
          status: 'sent',
          dsn: null,
          words: null,
          queuedAs: null,
        },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M => bob <h:1@x.example> R=local_user T=local_delivery',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'x.example' },
          by: 'local',
          relay: null,
          ip: null,
          status: 'sent',
          dsn: null,
          words: null,
          queuedAs: null,
        },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M => (local) <h:1@x.example> R=local_user T=local_delivery',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'x.example' },
          by: 'local',
          relay: null,
          ip: null,
          status: 'sent',
          dsn: null,
          words: null,
          queuedAs: null,
        },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M => h:1@a.example <h:2@x.example> R=dns T=remote_smtp H=mx [203.0.113.5]',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'a.example' },
          by: 'smtp',
          relay: 'mx',
          ip: '203.0.113.5',
          status: 'sent',
          dsn: null,
          words: null,
          queuedAs: null,
        },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M => :blackhole: <h:1@x.example> R=x',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'x.example' },
          by: 'local',
          relay: null,
          ip: null,
          status: 'sent',
          dsn: null,
          words: null,
          queuedAs: null,
        },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M => |prog <h:1@x.example> R=x T=pipe',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'x.example' },
          by: 'local',
          relay: null,
          ip: null,
          status: 'sent',
          dsn: null,
          words: null,
          queuedAs: null,
        },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M == h:1@gmx.net R=dns defer (-1): 421 4.7.0 later',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: null,
          ip: null,
          status: 'deferred',
          dsn: '4.7.0',
          words: 'defer (-1): 421 4.7.0 later',
          queuedAs: null,
        },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M == h:1@gmx.net R=local T=local_delivery defer (28): no space',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'local',
          relay: null,
          ip: null,
          status: 'deferred',
          dsn: null,
          words: 'defer (28): no space',
          queuedAs: null,
        },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M ** h:1@gmx.net: retry timeout exceeded',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: null,
          ip: null,
          status: 'bounced',
          dsn: null,
          words: 'retry timeout exceeded',
          queuedAs: null,
        },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M ** h:1@gmx.net R=dns T=remote_smtp H=mx [203.0.113.5]: 550 5.7.26 no',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: 'mx',
          ip: '203.0.113.5',
          status: 'bounced',
          dsn: '5.7.26',
          words: '550 5.7.26 no',
          queuedAs: null,
        },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M ** h:1@gmx.net unrouteable',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: null,
          ip: null,
          status: 'bounced',
          dsn: null,
          words: 'h:1@gmx.net unrouteable',
          queuedAs: null,
        },
      ],
    },
  ],
  ['1xWyFZ-0007qg-0M Completed QT=1s', { queueId: '1xWyFZ-0007qg-0M', events: [{ kind: 'ended' }] }],
  [
    '1xWyFZ-0007qg-0M DKIM: d=Example.com s=S1 c=relaxed/relaxed a=rsa-sha256 b=2048 [verification succeeded]',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [{ kind: 'verdict', method: 'dkim', result: 'pass', domain: 'example.com', selector: 's1' }],
    },
  ],
  [
    '1xWyFZ-0007qg-0M DKIM: d=example.com s=s1 c=x a=x [verification failed - body hash mismatch]',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [{ kind: 'verdict', method: 'dkim', result: 'fail', domain: 'example.com', selector: 's1' }],
    },
  ],
  [
    '1xWyFZ-0007qg-0M DKIM: d=example.com s=s1 c=x a=x [invalid - public key record (currently?) unavailable]',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [{ kind: 'verdict', method: 'dkim', result: 'temperror', domain: 'example.com', selector: 's1' }],
    },
  ],
  [
    '1xWyFZ-0007qg-0M DKIM: d=example.com s=s1 c=x a=x [invalid - syntax error in public key record]',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [{ kind: 'verdict', method: 'dkim', result: 'permerror', domain: 'example.com', selector: 's1' }],
    },
  ],
  [
    '1xWyFZ-0007qg-0M H=app.example [192.0.2.1] F=<h:1@x.example> rejected after DATA: 550 no',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        { kind: 'client', name: 'app.example', ip: '192.0.2.1', sasl: null },
        { kind: 'envelope', from: { local: 'h:1', domain: 'x.example' } },
        { kind: 'rejected', words: '550 no' },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M H=(x) [192.0.2.1] F=<> rejected DKIM : no',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        { kind: 'client', name: null, ip: '192.0.2.1', sasl: null },
        { kind: 'envelope', from: null },
        { kind: 'rejected', words: 'no' },
      ],
    },
  ],
  [
    '1xWyFZ-0007qg-0M F=<h:1@x.example> rejected by local_scan(): no',
    { queueId: '1xWyFZ-0007qg-0M', events: [{ kind: 'rejected', words: 'no' }] },
  ],
  [
    '1xWyFZ-0007qg-0M H=x [y] rejected during MIME ACL checks: no',
    { queueId: '1xWyFZ-0007qg-0M', events: [{ kind: 'rejected', words: 'no' }] },
  ],
  [
    '1xWyFZ-0007qg-0M DKIM signing failed: cannot open key file',
    { queueId: '1xWyFZ-0007qg-0M', events: [{ kind: 'fault', code: 'key_unreadable', about: null }] },
  ],
  [
    '1xWyFZ-0007qg-0M PDKIM: dkim error',
    { queueId: '1xWyFZ-0007qg-0M', events: [{ kind: 'fault', code: 'signing_failed', about: null }] },
  ],
  ['1xWyFZ-0007qg-0M something', { queueId: '1xWyFZ-0007qg-0M', events: [] }],
  [
    'unable to open file /etc/dkim.private: dkim',
    { queueId: null, events: [{ kind: 'fault', code: 'key_unreadable', about: null }] },
  ],
  ['DKIM: could not sign', { queueId: null, events: [{ kind: 'fault', code: 'signing_failed', about: null }] }],
  ['[7] DKIM: d=x s=y failed', { queueId: null, events: [] }],
  ['Start queue run: pid=7', { queueId: null, events: [] }],
  ['1xWyFZ-0007qg-0M dkim is well', { queueId: '1xWyFZ-0007qg-0M', events: [] }],
  ['1xWyFZ-0007qg-0M something failed', { queueId: '1xWyFZ-0007qg-0M', events: [] }],
  [
    '1xWyFZ-0007qg-0M => h:1@gmx.net R=dns T=remote_smtp',
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: null,
          ip: null,
          status: 'sent',
          dsn: null,
          words: null,
          queuedAs: null,
        },
      ],
    },
  ],
  [
    `1xWyFZ-0007qg-0M <= <> H=${'a'.repeat(254)} [192.0.2.1]`,
    {
      queueId: '1xWyFZ-0007qg-0M',
      events: [
        { kind: 'client', name: 'a'.repeat(253), ip: '192.0.2.1', sasl: null },
        { kind: 'envelope', from: null },
      ],
    },
  ],
  ['nobody knows this', null],
])('a line of Exim: %s', (text, reading) => {
  expect(readProgram('exim', 'exim', text)).toEqual(reading);
});
