import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readProgram } from '../../../services/collector/programs/index.ts';
import { readPostfix } from '../../../services/collector/programs/postfix.ts';

const SUITE = path.resolve(import.meta.dirname, '../../../../shared/suites/logs');
const suite = existsSync(SUITE);

interface Case {
  pattern: string;
  data: string;
  results: Record<string, string | number>;
}

/** "^%{POSTFIX_SMTP}$": the daemon. Patterns of parts of lines are no lines. */
const daemonOf = ({ pattern }: Case) => /POSTFIX_(\w+)/.exec(pattern)?.[1]?.toLowerCase().replaceAll('_', '-') ?? '';
const PARTS = ['delays', 'relay', 'command-counter-data', 'tls-features'];
const cases = suite
  ? readdirSync(SUITE)
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => ({ name, ...(parse(readFileSync(path.join(SUITE, name), 'utf8')) as Case) }))
      .filter((one) => !PARTS.includes(daemonOf(one)))
  : [];

describe.skipIf(!suite)(
  `the lines of postfix-grok-patterns${suite ? '' : ' (skipped: ../shared/suites/logs is not there)'}`,
  () => {
    test('there are many', () => expect(cases.length).toBeGreaterThan(140));

    test.each(cases.map((one) => [one.name, one] as const))('%s', (_, one) => {
      const reading = readPostfix(daemonOf(one), one.data);
      const { results } = one;
      expect(reading).not.toBeNull();
      const events = reading!.events;
      const delivery = events.find((event) => event.kind === 'delivery');
      const client = events.find((event) => event.kind === 'client');
      const pairs = String(results.postfix_keyvalue_data ?? '');
      const value = (key: string) => new RegExp(`(?:^|, |\\s)${key}=<?([^,>]*)`).exec(pairs)?.[1];
      if (events.length > 0) expect(reading!.queueId).toBe(String(results.postfix_queueid));
      const status = String(results.postfix_status ?? /status=([a-z]+) \(/.exec(one.data)?.[1] ?? '');
      if (['sent', 'deferred', 'bounced'].includes(status)) {
        expect(delivery).toMatchObject({ status, dsn: value('dsn') });
        expect(`${delivery!.to.local}@${delivery!.to.domain}`).toBe(value('to'));
        const relay = /^([^[]*)\[([\d.:a-f]+)\]/.exec(value('relay') ?? '');
        if (relay !== null) expect(delivery).toMatchObject({ relay: relay[1], ip: relay[2] });
      } else expect(delivery).toBeUndefined();
      if (status === 'expired') expect(events.map(({ kind }) => kind)).toEqual(['envelope', 'expired']);
      const id = results['postfix_message-id'];
      if (id) expect(events).toEqual([{ kind: 'message_id', id }]);
      if (one.data.includes(': client=')) {
        expect(client).toMatchObject({ ip: results.postfix_client_ip ?? /\[(.*)\]/.exec(value('client') ?? '')![1] });
      } else expect(client).toBeUndefined();
      if (one.data.endsWith(': removed') && daemonOf(one) === 'qmgr') expect(events).toEqual([{ kind: 'ended' }]);
    });
  },
);

const eventsOf = (daemon: string, text: string) => readPostfix(daemon, text)?.events;

describe('readPostfix', () => {
  test('long queue ids, IPv6, SASL users, unknown clients', () => {
    expect(
      readPostfix('smtpd', '4Yk3Zz1xW2z9Bm: client=unknown[2001:db8::7], sasl_method=PLAIN, sasl_username=h:0123456789abcdef'),
    ).toEqual({
      queueId: '4Yk3Zz1xW2z9Bm',
      events: [{ kind: 'client', name: null, ip: '2001:db8::7', sasl: 'h:0123456789abcdef' }],
    });
  });

  test('the client that a filter was given, where it hands that on', () => {
    expect(
      eventsOf('smtpd', 'ABCDE1: client=localhost[127.0.0.1], orig_queue_id=ABCDE0, orig_client=app-0.shop[10.1.2.3]'),
    ).toEqual([{ kind: 'client', name: 'app-0.shop', ip: '10.1.2.3', sasl: null }]);
  });

  test('the id after a filter is the one that counts', () => {
    expect(
      eventsOf(
        'smtp',
        'ABCDE1: to=<a@b.example>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as BBBBB1)',
      ),
    ).toMatchObject([{ queuedAs: 'BBBBB1' }]);
  });

  test('a refusal keeps the words of the remote, at most 500 characters of them', () => {
    const [event] = eventsOf(
      'smtp',
      `ABCDE1: to=<a@b.example>, relay=mx[203.0.113.1]:25, delay=1, delays=0/0/0/1, dsn=5.7.26, status=bounced (${'x'.repeat(9_000)})`,
    )!;
    expect(event).toMatchObject({ status: 'bounced', dsn: '5.7.26', words: 'x'.repeat(500) });
  });

  test.each([
    ['smtpd', 'some new line that nobody knows'],
    ['newdaemon', 'hello'],
    ['newdaemon', 'ABCDE1: hello'],
  ])('%s: %s is not known', (daemon, text) => expect(readPostfix(daemon, text)).toBeNull());

  test.each([
    'ABCDE1: to=<a@b.example>, relay=none, delay=1, status=undeliverable (unknown)',
    'ABCDE1: to=<, relay=, dsn=, status=',
    'ABCDE1: from=<',
    'ABCDE1: client=',
    'ABCDE1: client=[[[[',
    `ABCDE1: to=<${'<'.repeat(5_000)}, relay=${'['.repeat(5_000)}, status=sent (${'('.repeat(5_000)}`,
  ])('%# is read without harm', (text) => {
    for (const daemon of ['smtp', 'smtpd', 'qmgr', 'cleanup', '']) expect(() => readPostfix(daemon, text)).not.toThrow();
  });
});

test.each<[string, unknown]>([
  [
    'postfix/smtpd|4Xk2bQ1z0Tz9vR: client=App.example[192.0.2.1]:4711, sasl_method=PLAIN, sasl_username=h:1',
    { queueId: '4Xk2bQ1z0Tz9vR', events: [{ kind: 'client', name: 'app.example', ip: '192.0.2.1', sasl: 'h:1' }] },
  ],
  [
    'postfix/smtpd|4F2A1: client=unknown[IPv6:2001:db8::1]',
    { queueId: '4F2A1', events: [{ kind: 'client', name: null, ip: '2001:db8::1', sasl: null }] },
  ],
  [
    'postfix/smtpd|4F2A1: client=localhost[127.0.0.1], orig_client=App.example[192.0.2.9]',
    { queueId: '4F2A1', events: [{ kind: 'client', name: 'app.example', ip: '192.0.2.9', sasl: null }] },
  ],
  [
    'postfix/smtpd|4F2A1: client=x[fe80::1%eth0]',
    { queueId: '4F2A1', events: [{ kind: 'client', name: 'x', ip: null, sasl: null }] },
  ],
  ['postfix/smtpd|4F2A1: client=', { queueId: '4F2A1', events: [{ kind: 'client', name: null, ip: null, sasl: null }] }],
  ['postfix/pickup|4F2A1: uid=0 from=<h:1>', { queueId: '4F2A1', events: [{ kind: 'local' }] }],
  ['postfix/cleanup|4F2A1: message-id=<m@x>', { queueId: '4F2A1', events: [{ kind: 'message_id', id: 'm@x' }] }],
  ['postfix/cleanup|4F2A1: message-id=<>', { queueId: '4F2A1', events: [] }],
  [
    `postfix/cleanup|4F2A1: message-id=${'m'.repeat(256)}`,
    { queueId: '4F2A1', events: [{ kind: 'message_id', id: `${'m'.repeat(255)}` }] },
  ],
  ['postfix/cleanup|4F2A1: resent-message-id=<m@x>', { queueId: '4F2A1', events: [] }],
  [
    'postfix/qmgr|4F2A1: from=<h:1@Example.com>, size=1, nrcpt=1 (queue active)',
    { queueId: '4F2A1', events: [{ kind: 'envelope', from: { local: 'h:1', domain: 'example.com' } }] },
  ],
  ['postfix/qmgr|4F2A1: from=<>, size=1', { queueId: '4F2A1', events: [{ kind: 'envelope', from: null }] }],
  [
    'postfix/qmgr|4F2A1: from=<h:1@x.example>, status=expired, returned to sender',
    { queueId: '4F2A1', events: [{ kind: 'envelope', from: { local: 'h:1', domain: 'x.example' } }, { kind: 'expired' }] },
  ],
  [
    'postfix/qmgr|4F2A1: from=<h:1@x.example>, status=force-expired, returned to sender',
    { queueId: '4F2A1', events: [{ kind: 'envelope', from: { local: 'h:1', domain: 'x.example' } }, { kind: 'expired' }] },
  ],
  ['postfix/qmgr|4F2A1: from=<h:1', { queueId: '4F2A1', events: [] }],
  ['postfix/qmgr|4F2A1: removed', { queueId: '4F2A1', events: [{ kind: 'ended' }] }],
  ['postfix/qmgr|4F2A1: skipped, still being delivered', { queueId: '4F2A1', events: [] }],
  [
    'postfix/smtp|4F2A1: to=<h:1@gmx.net>, orig_to=<h:2>, relay=MX.gmx.net[203.0.113.5]:25, delay=1, dsn=2.0.0, status=sent (250 2.0.0 queued as 4AAAAA, queued as 4BBBBB)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: 'mx.gmx.net',
          ip: '203.0.113.5',
          status: 'sent',
          dsn: '2.0.0',
          words: null,
          queuedAs: '4BBBBB',
        },
      ],
    },
  ],
  [
    'postfix/smtp|4F2A1: to=<h:1@gmx.net>, relay=mx[203.0.113.5]:25, dsn=2.0.0, status=sent (250 OK id=1abCDe-000001-AB)',
    {
      queueId: '4F2A1',
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
          queuedAs: '1abCDe-000001-AB',
        },
      ],
    },
  ],
  [
    'postfix/smtp|4F2A1: to=<h:1@gmx.net>, relay=mx[203.0.113.5]:25, dsn=5.7.26, status=bounced (host mx said: 550 5.7.26 no, queued as 4AAAAA)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: 'mx',
          ip: '203.0.113.5',
          status: 'bounced',
          dsn: '5.7.26',
          words: 'host mx said: 550 5.7.26 no, queued as 4AAAAA',
          queuedAs: null,
        },
      ],
    },
  ],
  [
    'postfix/smtp|4F2A1: to=<h:1@gmx.net>, relay=none, dsn=4.4.1, status=deferred (connect to mx: timed out)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: null,
          ip: null,
          status: 'deferred',
          dsn: '4.4.1',
          words: 'connect to mx: timed out',
          queuedAs: null,
        },
      ],
    },
  ],
  [
    'postfix/smtp|4F2A1: to=<h:1@gmx.net>, relay=mx[203.0.113.5]:25, dsn=5.0.0, status=SOFTBOUNCE (no)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: 'mx',
          ip: '203.0.113.5',
          status: 'deferred',
          dsn: '5.0.0',
          words: 'no',
          queuedAs: null,
        },
      ],
    },
  ],
  [
    'postfix/smtp|4F2A1: to=<h:1@gmx.net>, relay=mx[203.0.113.5]:25, dsn=5.0.0, status=expired (no)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: 'mx',
          ip: '203.0.113.5',
          status: 'expired',
          dsn: '5.0.0',
          words: 'no',
          queuedAs: null,
        },
      ],
    },
  ],
  [
    'postfix/smtp|4F2A1: to=<h:1@gmx.net>, relay=mx[203.0.113.5]:25, dsn=2.0.0, status=deliverable (250 ok)',
    { queueId: '4F2A1', events: [] },
  ],
  ['postfix/smtp|4F2A1: to=<h:1@gmx.net>, relay=mx', null],
  [
    'postfix/smtp|4F2A1: to=<h:1@gmx.net>, status=sent',
    {
      queueId: '4F2A1',
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
    'postfix/smtp|4F2A1: to=h:1@gmx.net, relay=x[private/dovecot-lmtp], status=sent (ok)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'local',
          relay: 'x',
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
    'postfix/smtp|4F2A1: to=<h:1@gmx.net>, relay=x[/run/lmtp], status=sent (ok)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'local',
          relay: 'x',
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
    'postfix/relay|4F2A1: to=<h:1@gmx.net>, relay=mx[203.0.113.5]:25, status=sent (ok)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
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
    'postfix/lmtp|4F2A1: to=<h:1@gmx.net>, relay=box[10.0.0.1]:24, status=sent (ok)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'local',
          relay: 'box',
          ip: '10.0.0.1',
          status: 'sent',
          dsn: null,
          words: null,
          queuedAs: null,
        },
      ],
    },
  ],
  [
    'postfix/local|4F2A1: to=<h:1@gmx.net>, relay=local, dsn=2.0.0, status=sent (delivered to mailbox)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'local',
          relay: 'local',
          ip: null,
          status: 'sent',
          dsn: '2.0.0',
          words: null,
          queuedAs: null,
        },
      ],
    },
  ],
  [
    'postfix/error|4F2A1: to=<h:1@gmx.net>, relay=none, dsn=5.1.1, status=bounced (no)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: null,
          ip: null,
          status: 'bounced',
          dsn: '5.1.1',
          words: 'no',
          queuedAs: null,
        },
      ],
    },
  ],
  [
    'postfix/retry|4F2A1: to=<h:1@gmx.net>, relay=none, dsn=4.1.1, status=deferred (later)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: null,
          ip: null,
          status: 'deferred',
          dsn: '4.1.1',
          words: 'later',
          queuedAs: null,
        },
      ],
    },
  ],
  [
    'postfix/error|4F2A1: to=<h:1@gmx.net>, relay=none, status=sent (ok)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
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
  ['postfix/smtpd|4F2A1: to=<h:1@gmx.net>, relay=mx[203.0.113.5]:25, status=sent (ok)', null],
  [
    'postfix/cleanup|4F2A1: milter-reject: END-OF-MESSAGE from app[192.0.2.1]: 5.7.1 no',
    { queueId: '4F2A1', events: [{ kind: 'rejected', words: 'milter-reject: END-OF-MESSAGE from app[192.0.2.1]: 5.7.1 no' }] },
  ],
  [
    'postfix/cleanup|4F2A1: reject: header Subject: x',
    { queueId: '4F2A1', events: [{ kind: 'rejected', words: 'reject: header Subject: x' }] },
  ],
  [
    'postfix/cleanup|4F2A1: info: header From: <@Example.com> from app[192.0.2.1]',
    { queueId: '4F2A1', events: [{ kind: 'author', domain: 'example.com' }] },
  ],
  ['postfix/cleanup|4F2A1: info: header From: nobody', { queueId: '4F2A1', events: [] }],
  ['postfix/cleanup|4F2A1: anything', { queueId: '4F2A1', events: [] }],
  ['postfix/bounce|4F2A1: sender non-delivery notification: 4F2A2', { queueId: null, events: [] }],
  ['postfix/other|4F2A1: anything', null],
  ['postfix/smtpd|connect from app[192.0.2.1]', { queueId: null, events: [] }],
  ['postfix/anvil|anything', { queueId: null, events: [] }],
  ['postfix/smtpd|nobody knows this', null],
  [
    'postfix|4F2A1: to=<h:1@gmx.net>, relay=mx[203.0.113.5]:25, status=sent (ok)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
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
    'postfix|4F2A1: to=<h:1@gmx.net>, relay=box[10.0.0.1]:24, status=sent (ok)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'local',
          relay: 'box',
          ip: '10.0.0.1',
          status: 'sent',
          dsn: null,
          words: null,
          queuedAs: null,
        },
      ],
    },
  ],
  [
    'postfix|4F2A1: to=<h:1@gmx.net>, relay=none, status=deferred (later)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'smtp',
          relay: null,
          ip: null,
          status: 'deferred',
          dsn: null,
          words: 'later',
          queuedAs: null,
        },
      ],
    },
  ],
  [
    'postfix|4F2A1: to=<h:1@gmx.net>, relay=local, status=sent (ok)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'local',
          relay: 'local',
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
    'postfix|4F2A1: to=<h:1@gmx.net>, relay=x[y], status=sent (ok)',
    {
      queueId: '4F2A1',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:1', domain: 'gmx.net' },
          by: 'local',
          relay: 'x',
          ip: null,
          status: 'sent',
          dsn: null,
          words: null,
          queuedAs: null,
        },
      ],
    },
  ],
  ['postfix|4F2A1: anything', { queueId: '4F2A1', events: [] }],
  [
    `postfix/smtpd|4F2A1: client=${'a'.repeat(254)}[192.0.2.1]`,
    { queueId: '4F2A1', events: [{ kind: 'client', name: 'a'.repeat(253), ip: '192.0.2.1', sasl: null }] },
  ],
  ['postfix/other|4F2A1: resent-message-id=<m@x>', { queueId: '4F2A1', events: [] }],
  ['postfix|abcde: anything', null],
])('a line of Postfix: %s', (text, reading) => {
  const at = text.indexOf('|');
  expect(readProgram('postfix', text.slice(0, at), text.slice(at + 1))).toEqual(reading);
});
