import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
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
