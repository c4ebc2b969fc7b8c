import { describe, expect, test } from 'vitest';
import { takeLine } from '../../../services/collector/lines/entry.ts';
import { rawOf } from '../../../services/collector/lines/record.ts';
import { readProgram } from '../../../services/collector/programs/index.ts';
import { LOG_PROGRAMS } from '../../../services/shared/settings/collector.ts';

// Forms of lines that no server of the other tests writes, from the sources and manuals of those who do.
const NOW = Date.parse('2026-11-27T16:00:00Z');
const ID = '4Xk2bQ1z0Tz9vR';
const SENT = `${ID}: to=<bob@gmx.net>, relay=mx00.gmx.net[203.0.113.5]:25, delay=1, delays=0.1/0/0.5/0.4, dsn=2.0.0, status=sent (250 OK)`;
const sent = [
  expect.objectContaining({
    kind: 'delivery',
    status: 'sent',
    ip: '203.0.113.5',
    to: expect.objectContaining({ domain: 'gmx.net' }),
  }),
];

function taken(value: unknown) {
  const done = takeLine(rawOf(value, NOW)!, {
    now: NOW,
    hash: (name) => (name.startsWith('h:') ? name : 'h:0123456789abcdef'),
    programs: new Set(LOG_PROGRAMS),
    host: 'source',
  });
  if (done.kept === null) return done.why;
  const { at, host, program, tag, queueId, text, place } = done.kept;
  expect(text).not.toMatch(/bob|alice/);
  return { at: new Date(at).toISOString(), host, tag, queueId, events: readProgram(program, tag, text)!.events, place };
}

describe('a line of Postfix, by whoever wrote it down', () => {
  test.each<[string, unknown, { at?: string; host?: string; tag?: string }]>([
    ['syslog_name', `Nov 27 14:20:01 mx1 relay1/smtp[7]: ${SENT}`, { tag: 'relay1/smtp' }],
    [
      "rsyslog's RFC 5424, which ends the name at its slash",
      `<22>1 2026-11-27T14:20:01Z mx1 postfix 7 - -  ${SENT}`,
      { tag: 'postfix' },
    ],
    ['the same with a syslog_name', `<22>1 2026-11-27T14:20:01Z mx1 postfix-out 7 - -  ${SENT}`, { tag: 'postfix-out' }],
    ['syslog_name with a service', `Nov 27 14:20:01 mx1 mx-out/amavis/smtp[7]: ${SENT}`, {}],
    ['syslog_name of a service by its port', `Nov 27 14:20:01 mx1 postfix/10026/smtp[7]: ${SENT}`, {}],
    ['a service by its address', `Nov 27 14:20:01 mx1 postfix/127.0.0.1:10025/smtp[7]: ${SENT}`, {}],
    ['a service by its IPv6 address', `Nov 27 14:20:01 mx1 postfix/[::1]:10025/smtp[7]: ${SENT}`, {}],
    ['RFC 3339 and such a service', `2026-11-27T15:20:01.000000+01:00 mx1 postfix/[::1]:10025/smtp[7]: ${SENT}`, {}],
    ['journalctl short-precise', `Nov 27 14:20:01.123456 mx1 postfix/smtp[7]: ${SENT}`, { at: '2026-11-27T14:20:01.123Z' }],
    ['journalctl short-iso', `2026-11-27T15:20:01+0100 mx1 postfix/smtp[7]: ${SENT}`, {}],
    ['journalctl short-full', `Fri 2026-11-27 14:20:01 UTC mx1 postfix/smtp[7]: ${SENT}`, {}],
    ['journalctl short-full with an offset', `Fri 2026-11-27 17:20:01 +03 mx1 postfix/smtp[7]: ${SENT}`, {}],
    ['journalctl short-unix', `1795789201.123456 mx1 postfix/smtp[7]: ${SENT}`, { at: '2026-11-27T14:20:01.123Z' }],
    ['a day of one digit, one blank', `Nov 7 14:20:01 mx1 postfix/smtp[7]: ${SENT}`, { at: '2026-11-07T14:20:01.000Z' }],
    ['a day of one digit, a zero', `Nov 07 14:20:01 mx1 postfix/smtp[7]: ${SENT}`, { at: '2026-11-07T14:20:01.000Z' }],
    ['BusyBox', `Nov 27 14:20:01 mx1 mail.info postfix/smtp[7]: ${SENT}`, {}],
    ['FreeBSD, syslogd -v -v', `Nov 27 14:20:01 <mail.info> mx1 postfix/smtp[7]: ${SENT}`, {}],
    ['Solaris', `Nov 27 14:20:01 mx1 postfix/smtp[7]: [ID 197553 mail.info] ${SENT}`, {}],
    ['OpenWrt', `Fri Nov 27 14:20:01 2026 mail.info postfix/smtp[7]: ${SENT}`, { host: 'source' }],
    ['a year', `Nov 27 2026 14:20:01 mx1 postfix/smtp[7]: ${SENT}`, {}],
    ['a year and a colon', `<22>Nov 27 2026 14:20:01: mx1 postfix/smtp[7]: ${SENT}`, {}],
    ["syslog in Docker's syslog", `<30>Nov 27 14:20:05 node1 3f2a1b9c0d1e[9]: Nov 27 14:20:01 mx1 postfix/smtp[7]: ${SENT}`, {}],
    [
      "syslog in Docker's RFC 5424",
      `<30>1 2026-11-27T14:20:05Z node1 docker/mta 9 mta - Nov 27 14:20:01 mx1 postfix/smtp[7]: ${SENT}`,
      {},
    ],
    ['no time inside', `<30>Nov 27 14:20:01 mx1 3f2a1b9c0d1e[9]: postfix/smtp[7]: ${SENT}`, {}],
    ['kubectl logs --timestamps', `2026-11-27T14:20:05.123456789Z Nov 27 14:20:01 mx1 postfix/smtp[7]: ${SENT}`, {}],
    ['kubectl logs --prefix', `[pod/mta-0/postfix] Nov 27 14:20:01 mx1 postfix/smtp[7]: ${SENT}`, { host: 'mta-0' }],
    [
      'kubectl logs with both',
      `[pod/mta-0/postfix] 2026-11-27T14:20:05.1Z 2026-11-27T14:20:01+00:00 mx1 postfix/smtp[7]: ${SENT}`,
      { host: 'mta-0' },
    ],
    ["a container's name before its tag", `<30>Nov 27 14:20:01 mx1 postfix[9]: postfix/smtp[7]: ${SENT}`, {}],
    ['docker compose logs', `mta-1  | Nov 27 14:20:01 mx1 postfix/smtp[7]: ${SENT}`, {}],
    ['docker compose logs without a host', `mta-1  | Nov 27 14:20:01 postfix/smtp[7]: ${SENT}`, { host: 'mta-1' }],
    [
      'CRI, JSON',
      `2026-11-27T14:20:05.1Z stdout F ${JSON.stringify({ time: '2026-11-27T14:20:01Z', host: 'mx1', program: 'postfix/smtp', pid: 7, message: SENT })}`,
      {},
    ],
    [
      'CRI, JSON without a time',
      `2026-11-27T14:20:01.0Z stdout F ${JSON.stringify({ host: 'mx1', program: 'postfix/smtp', message: SENT })}`,
      {},
    ],
  ])('%s', (_, line, { at = '2026-11-27T14:20:01.000Z', host = 'mx1', tag = expect.stringMatching(/\/smtp$/) }) =>
    expect(taken(line)).toMatchObject({ at, host, tag, queueId: ID, events: sent }),
  );

  test('RFC 5424 with structured data, a byte order mark, and nothing known', () => {
    const modern = { queueId: ID, events: sent };
    expect(taken(`<22>1 2026-11-27T14:20:01Z mx1 postfix/smtp 7 - [m a="]\\"b"][n c="d"] \ufeff${SENT}`)).toMatchObject(modern);
    expect(taken(`<22>1 - - postfix/smtp - - - ${SENT}`)).toMatchObject({ ...modern, host: 'source' });
  });

  const kubernetes = { pod_name: 'mta-0', namespace_name: 'mail', container_name: 'postfix' };
  const json = JSON.stringify({ timestamp: '2026-11-27T14:20:01Z', hostname: 'mx1', ident: 'postfix/smtp', message: SENT });
  test.each<[string, object, string]>([
    [
      "a container's JSON (Fluent Bit, Merge_Log Off)",
      { log: `${json}\n`, stream: 'stdout', time: '2026-11-27T14:20:05Z', kubernetes },
      'mta-0',
    ],
    ['Merge_Log On', { log_processed: { ident: 'postfix/smtp', message: SENT }, date: 1795789201, kubernetes }, 'mta-0'],
    [
      'systemd of Fluent Bit, Lowercase On',
      { _hostname: 'mx1', syslog_identifier: 'postfix/smtp', message: SENT, date: 1795789201 },
      'mx1',
    ],
    [
      'systemd of Fluent Bit, Strip_Underscores On',
      { HOSTNAME: 'mx1', SYSLOG_IDENTIFIER: 'postfix/smtp', MESSAGE: SENT, date: 1795789201 },
      'mx1',
    ],
    [
      'json_date_format java_sql_timestamp',
      { date: '2026-11-27 14:20:01.000000', host: 'mx1', ident: 'postfix/smtp', message: SENT },
      'mx1',
    ],
    [
      "rsyslog's jsonmesg",
      {
        msg: ` ${SENT}`,
        hostname: 'mx1',
        syslogtag: 'postfix/smtp[7]:',
        programname: 'postfix',
        timereported: '2026-11-27T14:20:01Z',
      },
      'mx1',
    ],
    [
      "syslog-ng's format-json",
      { PROGRAM: 'postfix/smtp', PID: '7', MESSAGE: SENT, HOST: 'mx1', DATE: 'Nov 27 14:20:01' },
      'mx1',
    ],
    [
      'Filebeat',
      {
        '@timestamp': '2026-11-27T14:20:01Z',
        message: SENT,
        host: { name: 'mx1' },
        process: { name: 'postfix/smtp', pid: 7 },
        log: { offset: 1 },
      },
      'mx1',
    ],
    [
      "Filebeat's syslog input",
      {
        '@timestamp': '2026-11-27T14:20:01Z',
        message: SENT,
        host: { hostname: 'mx1' },
        log: { syslog: { appname: 'postfix/smtp', procid: '7' } },
      },
      'mx1',
    ],
  ])('%s', (_, record, host) =>
    expect(taken(record)).toMatchObject({ at: '2026-11-27T14:20:01.000Z', host, tag: 'postfix/smtp', queueId: ID, events: sent }),
  );

  test('the place of the shipper stays, and JSON inside adds to it', () => {
    const ecs = { pod: { name: 'mta-0' }, namespace: 'mail', container: { name: 'postfix' }, labels: { app: 'shop' } };
    const place = { pod: 'mta-0', namespace: 'mail', container: 'postfix', labels: { app: 'shop' } };
    expect(taken({ message: `Nov 27 14:20:01 mx1 postfix/smtp[7]: ${SENT}`, kubernetes: ecs })).toMatchObject({ place });
    const inner = JSON.stringify({ ident: 'postfix/smtp', message: SENT, workload: 'crm', kubernetes: { pod_name: 'made-up' } });
    expect(taken({ log: inner, kubernetes })).toMatchObject({ place: { workload: 'crm', pod: 'mta-0', namespace: 'mail' } });
  });

  test.each([
    `${'{"log":"'.repeat(50)}x`,
    `{"message":${JSON.stringify(JSON.stringify({ message: JSON.stringify({ message: '{}' }) }))}}`,
    '[pod/a/b] [pod/a/b] [pod/a/b] [pod/a/b] [pod/a/b] [pod/a/b] x',
    '2026-11-27T14:20:01Z 2026-11-27T14:20:01Z 2026-11-27T14:20:01Z x',
    '9999999999.999999 x',
    'Foo Bar 27 14:20:01 2026 x',
    `Nov 27 14:20:01 mx1 haraka/smtp-in[7]: ${SENT}`,
  ])('%# is of no program that is read', (line) => expect(taken(line)).toBe('foreign'));
});

const postfix = (text: string) => taken(`Nov 27 14:20:01 mx1 postfix/smtp[7]: ${ID}: ${text}`);
describe('what Postfix says', () => {
  test.each<[string, object[]]>([
    [
      'to=<bob@gmx.net>, relay=mx[203.0.113.5]:25, delay=1, delays=0/0/0/1, dsn=4.7.1, status=SOFTBOUNCE (host mx said: 550 5.7.1 no)',
      [{ status: 'deferred', dsn: '4.7.1', words: 'host mx said: 550 5.7.1 no' }],
    ],
    ['from=<alice@example.com>, status=force-expired, returned to sender', [{ kind: 'envelope' }, { kind: 'expired' }]],
    ['client=app[10.0.0.1], sasl_method=PLAIN, sasl_username=alice b alice, sasl_sender=bob@x', [{ sasl: 'h:0123456789abcdef' }]],
    ['from=<alice@müller.example>, size=5, nrcpt=1 (queue active)', [{ from: { domain: 'xn--mller-kva.example' } }]],
    [
      'to=<bob@пример.рф>, relay=mx[203.0.113.5]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 OK)',
      [{ to: { domain: 'xn--e1afmkfd.xn--p1ai' } }],
    ],
    [
      'to=<bob@gmx.net>, relay=mx[203.0.113.5]:25, delay=1, dsn=4.0.0, status=deferred (host mx said: 450 x, status=sent (250 OK))',
      [{ status: 'deferred', words: 'host mx said: 450 x, status=sent (250 OK)' }],
    ],
    [
      'to=<"bob, b"@gmx.net>, orig_to=<bob>, relay=mx[IPv6:2001:db8::5]:25, conn_use=2, delay=1, delays=0/0/0/1, tls=may, dsn=2.0.0, status=sent (250 OK)',
      [{ status: 'sent', ip: '2001:db8::5', to: { domain: 'gmx.net' } }],
    ],
    [
      'warning: header From: Alice <alice@müller.example> from local; from=<alice@müller.example>',
      [{ domain: 'xn--mller-kva.example' }],
    ],
  ])('%s', (text, events) => expect(postfix(text)).toMatchObject({ queueId: ID, events }));
});

describe('what filters say', () => {
  const dkim = (text: string) => taken(`Nov 27 14:20:01 mx1 opendkim[7]: ${text}`);
  test.each<[string, object[]]>([
    [`${ID}: DKIM-Signature header added (s=s1, d=example.com)`, [{ kind: 'signed', selector: 's1', domain: 'example.com' }]],
    [
      "(unknown-jobid): no signing table match for 'alice@example.com'",
      [{ code: 'no_signing_table_match', about: 'example.com' }],
    ],
    [`${ID}: SSL error:0909006C:PEM routines:get_name:no start line`, [{ kind: 'fault', code: 'key_unreadable' }]],
    [
      `${ID}: s=s1 d=example.com a=rsa-sha256 SSL error:04091068:rsa routines:int_rsa_verify:bad signature`,
      [{ result: 'fail', selector: 's1' }],
    ],
    [
      `${ID}: signature=AbCd domain=gmail.com selector=S1 result="no signature error"`,
      [{ result: 'pass', domain: 'gmail.com', selector: 's1' }],
    ],
    [`${ID}: signature=AbCd domain=gmail.com selector=s1 result="signature verification failed"`, [{ result: 'fail' }]],
    [`${ID}: signature=AbCd domain=gmail.com selector=s1 result="key retrieval failed"`, [{ result: 'temperror' }]],
  ])('OpenDKIM: %s', (text, events) => expect(dkim(text)).toMatchObject({ events }));
  test('without an id of the message, a verdict is about nobody', () => {
    expect(dkim('(unknown-jobid): DKIM-Signature field added (s=s1, d=example.com)')).toBe('known');
    expect(taken('Nov 27 14:20:01 mx1 opendmarc[7]: (unknown-jobid): example.com pass')).toBe('known');
    expect(taken(`Nov 27 14:20:01 mx1 opendmarc[7]: ${ID} ignoring Authentication-Results at 1 from mx.example.org`)).toBe(
      'known',
    );
    expect(taken(`Nov 27 14:20:01 mx1 opendmarc[7]: ${ID}: quarantined by DMARC policy for example.com`)).toBe('known');
  });
  test('a filter without a tag is known by its container', () => {
    const line = `${ID}: DKIM-Signature field added (s=s1, d=example.com)`;
    const signed = { tag: 'opendkim', queueId: ID, events: [{ kind: 'signed' }] };
    expect(taken({ container_name: '/opendkim', host: 'node1', message: line, timestamp: '2026-11-27T14:20:01Z' })).toMatchObject(
      signed,
    );
    expect(taken(`[pod/dkim-0/opendkim] ${line}`)).toMatchObject({ ...signed, host: 'dkim-0' });
  });

  const said = (symbols: string) =>
    `id: <1@x>, qid: <${ID}>, ip: 10.0.0.1, user: alice, from: <alice@example.com>, (default: F (no action): [-0.10/15.00] [${symbols}]), len: 5, time: 1ms, rcpts: <bob@gmx.net>, mime_rcpts: <bob@gmx.net,>`;
  const two = [
    { kind: 'message_id' },
    { kind: 'envelope' },
    { kind: 'client' },
    { kind: 'signed', domain: 'example.com', selector: 's1' },
    { kind: 'signed', domain: 'example.org', selector: 's2' },
  ];
  test.each<[string, unknown]>([
    [
      'two signatures',
      `2026-11-27 14:20:01 #7(normal) <ab12cd>; task; rspamd_task_write_log: ${said('DKIM_SIGNED(0.00){example.com:s=s1;example.org:s=s2;}')}`,
    ],
    [
      'with its severity',
      `2026-11-27 14:20:01.123 #7(normal) [info] <ab12cd>; task; rspamd_task_write_log: ${said('DKIM_SIGNED(0.00){example.com:s=s1;example.org:s=s2;}')}`,
    ],
    [
      'rspamd 1',
      `2026-11-27 14:20:01 #7(normal) <ab12cd>; task; rspamd_task_write_log: ${said('DKIM_SIGNED(0.00)[example.com:s=s1, example.org:s=s2]')}`,
    ],
    [
      'of the proxy, through syslog',
      `Nov 27 14:20:01 mx1 rspamd[7]: <ab12cd>; proxy; rspamd_task_write_log: ${said('DKIM_SIGNED(0.00){example.com:s=s1;example.org:s=s2;}')}`,
    ],
    [
      'its JSON',
      {
        ts: 1795789201.12,
        pid: 1,
        severity: 'info',
        worker_type: 'normal',
        id: 'ab12cd',
        module: 'task',
        function: 'rspamd_task_write_log',
        message: said('DKIM_SIGNED(0.00){example.com:s=s1;example.org:s=s2;}'),
      },
    ],
  ])('rspamd: %s', (_, line) =>
    expect(taken(line)).toMatchObject({ queueId: ID, at: expect.stringContaining('14:20:01'), events: two }),
  );
});

describe('Exim', () => {
  const MAIL = '1xWyFZ-00000007qg0-0M2p';
  test.each<[string, object[]]>([
    [
      `Nov 27 14:20:01 mx1 exim[7]: 2026-11-27 14:20:01 ${MAIL} <= alice@example.com H=(app) [192.0.2.1]:54321 I=[198.51.100.1]:587 P=esmtpsa X=TLS1.3:E:256 CV=no A=plain_login:alice S=1 id=1@x for bob@gmx.net`,
      [{ kind: 'client', ip: '192.0.2.1', sasl: 'h:0123456789abcdef' }, { id: '1@x' }, { from: { domain: 'example.com' } }],
    ],
    [
      `2026-11-27 14:20:01.123 [77] ${MAIL} => final@gmx.net <alice@example.com> F=<alice@example.com> R=dnslookup T=remote_smtp S=1 H=mx00.gmx.net [203.0.113.5]:25 X=TLS1.3:E:256 CV=yes DN="CN=mx \\"x\\"" K C="250 OK id=1xWyFZ-0007qg-0M" QT=3s DT=1s`,
      [{ status: 'sent', ip: '203.0.113.5', to: { domain: 'gmx.net' }, queuedAs: '1xWyFZ-0007qg-0M' }],
    ],
    [
      `2026-11-27 14:20:01 +0000 ${MAIL} => bob <bob@example.com> R=local_user T=maildir_home`,
      [{ by: 'local', to: { domain: 'example.com' } }],
    ],
    [`2026-11-27 14:20:01 ${MAIL} => :blackhole: <bob@example.com> R=discard`, [{ by: 'local', to: { domain: 'example.com' } }]],
    [`2026-11-27 14:20:01 ${MAIL} ** bob@gmx.net: Unrouteable address`, [{ status: 'bounced', words: 'Unrouteable address' }]],
    [
      `2026-11-27 14:20:01 ${MAIL} ** bob@gmx.net F=<alice@example.com>: retry timeout exceeded`,
      [{ status: 'bounced', to: { domain: 'gmx.net' } }],
    ],
    [
      `2026-11-27 14:20:01 ${MAIL} DKIM: d=gmail.com s=s1 c=relaxed/relaxed a=rsa-sha256 b=2048 [invalid - public key record (currently?) unavailable]`,
      [{ result: 'temperror' }],
    ],
    [
      `2026-11-27 14:20:01 ${MAIL} H=mail.other.example [203.0.113.9] X=TLS1.3:E:256 CV=no F=<alice@example.com> rejected after DATA: DMARC policy of example.com`,
      [
        { kind: 'client', name: 'mail.other.example', ip: '203.0.113.9' },
        { kind: 'envelope', from: { domain: 'example.com' } },
        { kind: 'rejected', words: 'DMARC policy of example.com' },
      ],
    ],
  ])('%s', (line, events) => expect(taken(line)).toMatchObject({ queueId: MAIL, events }));
  test('who could not log in is known', () =>
    expect(
      taken(
        'Nov 27 14:20:01 mx1 exim[7]: 2026-11-27 14:20:01 plain_server authenticator failed for (c) [203.0.113.9]: 535 Incorrect authentication data (set_id=alice)',
      ),
    ).toBe('known'));
  test('a delivery that -N kept back was none', () =>
    expect(taken(`2026-11-27 14:20:01 ${MAIL} *> bob@gmx.net R=dnslookup T=remote_smtp`)).toBe('known'));
});

describe('mail services, as they reach a shipper', () => {
  const event = {
    eventType: 'Delivery',
    mail: { messageId: 'ses-1', source: 'alice@example.com', destination: ['bob@gmx.net'], timestamp: '2026-11-27T14:20:00Z' },
    delivery: { timestamp: '2026-11-27T14:20:01Z', recipients: ['bob@gmx.net'] },
  };
  test.each<[string, object]>([
    ['EventBridge', { 'detail-type': 'Email Delivered', source: 'aws.ses', detail: event }],
    [
      "Vector's aws_sqs",
      { message: JSON.stringify({ Type: 'Notification', Message: JSON.stringify(event) }), source_type: 'aws_sqs' },
    ],
    ['a line of JSON in a container', { log: `${JSON.stringify(event)}\n`, stream: 'stdout', time: '2026-11-27T14:20:05Z' }],
  ])('Amazon SES: %s', (_, record) =>
    expect(taken(record)).toMatchObject({
      at: '2026-11-27T14:20:01.000Z',
      tag: 'ses',
      queueId: 'ses-1',
      events: [{ kind: 'envelope' }, { status: 'sent', to: { domain: 'gmx.net' } }],
    }),
  );
});

test('a bounce of Amazon SES, whose recipient has a name beside the address', () =>
  expect(
    taken({
      eventType: 'Bounce',
      mail: { messageId: 'ses-2', source: 'alice@example.com', timestamp: '2026-11-27T14:20:00Z' },
      bounce: {
        bounceType: 'Permanent',
        timestamp: '2026-11-27T14:20:01Z',
        bouncedRecipients: [{ emailAddress: 'Bob <bob@gmx.net>', status: '5.7.26', diagnosticCode: 'smtp; 550 5.7.26 DMARC' }],
      },
    }),
  ).toMatchObject({ events: [{ kind: 'envelope' }, { status: 'bounced', dsn: '5.7.26', to: { domain: 'gmx.net' } }] }));

test('what fails DMARC in rspamd is told of the domain alone, without why', () =>
  expect(
    taken(
      `Nov 27 14:20:01 mx1 rspamd[7]: <abc123>; task; rspamd_task_write_log: id: <1@x>, qid: <${ID}>, ip: 203.0.113.9, from: <alice@example.com>, (default: T (reject): [15.00/15.00] [DMARC_POLICY_REJECT(2.00){example.com : SPF not aligned (relaxed), DKIM not aligned (relaxed),reject;}]), len: 1, time: 1ms`,
    ),
  ).toMatchObject({
    events: expect.arrayContaining([
      { kind: 'author', domain: 'example.com' },
      expect.objectContaining({ method: 'dmarc', result: 'fail', domain: 'example.com' }),
    ]),
  }));

describe('name servers', () => {
  const named = `client @0x7f 192.0.2.1#4711/key ci: updating zone 'example.com/IN': adding an RR at 'x.example.com' TXT "v"`;
  test.each<[string, string]>([
    ['iso8601-utc, with category and severity', `2026-11-27T14:20:01.123Z update: info: ${named}`],
    ['iso8601, local', `2026-11-27T14:20:01.123 ${named}`],
    ['a view', `Nov 27 14:20:01 ns1 named[7]: ${named.replace('ci: ', 'ci: view internal: ')}`],
    ["a container's", `2026-11-27T14:20:01.9Z stderr F 27-Nov-2026 14:20:01.123 update: info: ${named}`],
  ])('BIND: %s', (_, line) =>
    expect(taken(line)).toMatchObject({
      at: expect.stringContaining('2026-11-27T14:20:01'),
      events: [{ kind: 'dns_change', action: 'added', name: 'x.example.com', client: 'ci' }],
    }),
  );
});

describe('a line of Postfix whose daemon was cut off is known by what it says', () => {
  const line = (text: string) => taken(`<22>1 2026-11-27T14:20:01Z mx1 postfix 7 - -  ${ID}: ${text}`);
  test.each<[string, object[]]>([
    ['client=app-0.shop[10.1.2.3]', [{ kind: 'client', ip: '10.1.2.3' }]],
    [
      'to=<bob@gmx.net>, relay=local, delay=1, dsn=2.0.0, status=sent (delivered to mailbox)',
      [{ kind: 'delivery', by: 'local' }],
    ],
    [
      'to=<bob@gmx.net>, relay=dovecot, delay=1, dsn=2.0.0, status=sent (delivered via dovecot)',
      [{ kind: 'delivery', by: 'local' }],
    ],
    [
      'to=<bob@gmx.net>, relay=box[10.0.0.9]:24, delay=1, dsn=2.0.0, status=sent (250 2.0.0 saved)',
      [{ kind: 'delivery', by: 'local' }],
    ],
    [
      'to=<bob@gmx.net>, relay=box[private/dovecot-lmtp], delay=1, dsn=2.0.0, status=sent (250 saved)',
      [{ kind: 'delivery', by: 'local' }],
    ],
    [
      'to=<bob@gmx.net>, relay=none, delay=1, dsn=4.4.1, status=deferred (connect to mx00.gmx.net[203.0.113.5]:25: timed out)',
      [{ kind: 'delivery', by: 'smtp', status: 'deferred' }],
    ],
    ['removed', [{ kind: 'ended' }]],
  ])('%s', (text, events) => {
    expect(line(text)).toMatchObject({ events });
  });

  test('what is said of no message is known, and what is no word of Postfix is not', () => {
    expect(taken('<22>1 2026-11-27T14:20:01Z mx1 postfix 7 - -  connect from app[10.1.2.3]')).toBe('known');
    expect(taken(`<22>1 2026-11-27T14:20:01Z mx1 postfix 7 - -  ${ID}: sender non-delivery notification: ${ID}x`)).toBe('known');
    expect(taken('<22>1 2026-11-27T14:20:01Z mx1 postfixadmin 7 - -  hello')).toBe('foreign');
  });
});
