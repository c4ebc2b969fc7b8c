import { describe, expect, test } from 'vitest';
import { readLine } from '../../../services/collector/lines/line.ts';
import { rawOf } from '../../../services/collector/lines/record.ts';
import { readTrace } from '../../../services/collector/lines/trace.ts';
import { programOf, readProgram } from '../../../services/collector/programs/index.ts';
import { readOpendkim } from '../../../services/collector/programs/opendkim.ts';
import { readOpendmarc } from '../../../services/collector/programs/opendmarc.ts';
import { readRspamd } from '../../../services/collector/programs/rspamd.ts';
import { givenBySendgrid, givenBySes, readService } from '../../../services/collector/programs/services.ts';

const NOW = Date.parse('2026-11-27T16:00:00Z');
const read = (line: string) => {
  const { tag, text } = readLine(line, NOW);
  return readProgram(programOf(tag)!, tag, text);
};

// Written by Debian's exim4-daemon-light 4.96-15+deb12u10 on 2026-11-27, with a receiver that took, refused
// and deferred.
describe('Exim', () => {
  test.each([
    [
      '2026-11-27 15:52:37 1xWyFZ-0007qg-0M <= alice@example.com U=root P=local S=312 id=bob.1@shop T="a secret plan" from <alice@example.com>',
      '1xWyFZ-0007qg-0M',
      [
        { kind: 'local' },
        { kind: 'message_id', id: 'bob.1@shop' },
        { kind: 'envelope', from: { local: 'alice', domain: 'example.com' } },
      ],
    ],
    [
      '2026-11-27 15:52:37 1xWyFZ-0007qg-0M => bob@gmx.net R=all T=remote_smtp H=127.0.0.1 [127.0.0.1] C="250 2.0.0 Ok: queued as 12345"',
      '1xWyFZ-0007qg-0M',
      [
        {
          kind: 'delivery',
          to: { local: 'bob', domain: 'gmx.net' },
          by: 'smtp',
          relay: '127.0.0.1',
          ip: '127.0.0.1',
          status: 'sent',
          dsn: '2.0.0',
          words: null,
          queuedAs: '12345',
        },
      ],
    ],
    ['2026-11-27 15:52:37 1xWyFZ-0007qg-0M Completed', '1xWyFZ-0007qg-0M', [{ kind: 'ended' }]],
    [
      '2026-11-27 15:52:37 1xWyFZ-0007ql-10 ** refuse@gmx.net R=all T=remote_smtp H=127.0.0.1 [127.0.0.1]: SMTP error from remote mail server after end of data: 550 5.7.26 DMARC policy',
      '1xWyFZ-0007ql-10',
      [
        expect.objectContaining({
          status: 'bounced',
          dsn: '5.7.26',
          words: 'SMTP error from remote mail server after end of data: 550 5.7.26 DMARC policy',
        }),
      ],
    ],
    [
      '2026-11-27 15:52:37 1xWyFZ-0007qp-1Z <= <> R=1xWyFZ-0007ql-10 U=root P=local S=1688 T="Mail delivery failed: returning message to sender" from <>',
      '1xWyFZ-0007qp-1Z',
      [{ kind: 'local' }, { kind: 'envelope', from: null }],
    ],
    [
      '2026-11-27 15:52:37 1xWyFZ-0007qu-27 == later@gmx.net R=all T=remote_smtp defer (-44) H=127.0.0.1 [127.0.0.1]: SMTP error from remote mail server after RCPT TO:<later@gmx.net>: 450 4.7.1 later',
      '1xWyFZ-0007qu-27',
      [expect.objectContaining({ status: 'deferred', dsn: '4.7.1', to: { local: 'later', domain: 'gmx.net' } })],
    ],
    [
      '2026-11-27 15:52:24 1xWyFM-0007oc-1e == refuse@gmx.net R=all T=remote_smtp defer (111): Connection refused',
      '1xWyFM-0007oc-1e',
      [expect.objectContaining({ status: 'deferred', by: 'smtp', relay: null })],
    ],
    ['2026-11-27 15:52:24 1xWyFM-0007oc-1e H=127.0.0.1 [127.0.0.1] Connection refused', '1xWyFM-0007oc-1e', []],
  ])('%s', (line, queueId, events) => expect(read(line)).toEqual({ queueId, events }));
});

// The forms are those of the strings in Debian's opendkim 2.11.0~beta2-8+deb12u1.
describe('OpenDKIM', () => {
  test.each<[string, object]>([
    ['4F2A1C0: DKIM-Signature field added (s=S1, d=Example.com)', { kind: 'signed', selector: 's1', domain: 'example.com' }],
    [
      "4F2A1C0: no signing table match for 'a@example.com'",
      { kind: 'fault', code: 'no_signing_table_match', about: 'example.com' },
    ],
    ["4F2A1C0: signing table references unknown key 'k1'", { kind: 'fault', code: 'key_missing', about: 'k1' }],
    ["4F2A1C0: error loading key 'k1'", { kind: 'fault', code: 'key_unreadable', about: 'k1' }],
    ['4F2A1C0: bad signature data', { kind: 'verdict', method: 'dkim', result: 'fail', domain: null, selector: null }],
    [
      '4F2A1C0: s=s1 d=example.com a=rsa-sha256 SSL ',
      { kind: 'verdict', method: 'dkim', result: 'pass', domain: 'example.com', selector: 's1' },
    ],
    [
      '4F2A1C0: key retrieval failed (s=s1, d=example.com)',
      { kind: 'verdict', method: 'dkim', result: 'temperror', domain: 'example.com', selector: 's1' },
    ],
  ])('%s', (line, event) => expect(readOpendkim(line)).toEqual({ queueId: '4F2A1C0', events: [event] }));

  test('a key that cannot be read is known without a message', () => {
    expect(readOpendkim("can't load key from /etc/dkim/s1.pem: Permission denied")).toEqual({
      queueId: null,
      events: [{ kind: 'fault', code: 'key_unreadable', about: '/etc/dkim/s1.pem' }],
    });
  });

  test('known lines without use, and unknown ones', () => {
    for (const line of [
      'OpenDKIM Filter v2.11.0 starting',
      '4F2A1C0: no signature data',
      '4F2A1C0: [192.0.2.1] [192.0.2.1] not internal',
    ])
      expect(readOpendkim(line)).toEqual({ queueId: null, events: [] });
    expect(readOpendkim('4F2A1C0: something that nobody knows')).toBeNull();
  });
});

describe('OpenDMARC', () => {
  test('the verdict is about the domain of From', () => {
    expect(readOpendmarc('4F2A1C0: example.com fail')).toEqual({
      queueId: '4F2A1C0',
      events: [
        { kind: 'author', domain: 'example.com' },
        { kind: 'verdict', method: 'dmarc', result: 'fail', domain: 'example.com', selector: null },
      ],
    });
    expect(readOpendmarc('4F2A1C0: SPF(mailfrom): h:0@example.com pass')!.events).toEqual([
      { kind: 'verdict', method: 'spf', result: 'pass', domain: 'example.com', selector: null },
    ]);
    expect(readOpendmarc('ignoring connection from localhost')).toEqual({ queueId: null, events: [] });
    expect(readOpendmarc('4F2A1C0: nobody knows')).toBeNull();
  });
});

test('rspamd: results of mail that arrives', () => {
  const line =
    '2026-11-27 10:00:00 #7(normal) <ab12cd>; task; rspamd_task_write_log: id: <1@x>, qid: <4F2A1C0>, ip: 192.0.2.1, user: h:0123456789abcdef, from: <h:0@example.com>, (default: F (no action): [1.10/15.00] [R_DKIM_ALLOW(-0.20){example.com:s=s1;},R_SPF_FAIL(1.00){-all;},DMARC_POLICY_ALLOW(-0.50){example.com,reject;}]), len: 5, time: 1.5ms';
  const { queueId, events } = readRspamd(line.slice(20))!;
  expect(queueId).toBe('4F2A1C0');
  expect(events).toEqual([
    { kind: 'message_id', id: '1@x' },
    { kind: 'envelope', from: { local: 'h:0', domain: 'example.com' } },
    { kind: 'client', name: null, ip: '192.0.2.1', sasl: 'h:0123456789abcdef' },
    { kind: 'verdict', method: 'dkim', result: 'pass', domain: 'example.com', selector: 's1' },
    { kind: 'verdict', method: 'spf', result: 'fail', domain: null, selector: null },
    { kind: 'author', domain: 'example.com' },
    { kind: 'verdict', method: 'dmarc', result: 'pass', domain: 'example.com', selector: null },
  ]);
});

// Shapes of the pages that services.ts names; not tried against the services.
describe('mail services', () => {
  const mail = {
    timestamp: '2026-11-27T10:00:00.000Z',
    source: '"News" <news@example.com>',
    messageId: 'ses-1',
    destination: ['bob@gmx.net'],
    commonHeaders: { from: ['"News" <news@example.com>'], subject: 'a secret plan', messageId: '1@email.amazonses.com' },
  };
  test('Amazon SES, as it is and through SNS', () => {
    const event = {
      eventType: 'Delivery',
      mail,
      delivery: {
        timestamp: '2026-11-27T10:00:02.000Z',
        recipients: ['bob@gmx.net'],
        reportingMTA: 'a8-50.smtp-out.amazonses.com',
      },
    };
    const given = givenBySes(event)!;
    expect(givenBySes({ Type: 'Notification', Message: JSON.stringify(event) })).toEqual(given);
    expect(given.text).not.toMatch(/secret|News/);
    expect(given.at).toBe(Date.parse('2026-11-27T10:00:02Z'));
    expect(readService(given.text)).toMatchObject({
      queueId: 'ses-1',
      events: [
        { kind: 'message_id', id: '1@email.amazonses.com' },
        { kind: 'envelope', from: { domain: 'example.com' } },
        { kind: 'author', domain: 'example.com' },
        { kind: 'delivery', status: 'sent', to: { domain: 'gmx.net' }, relay: null },
      ],
    });
    const bounce = givenBySes({
      notificationType: 'Bounce',
      mail,
      bounce: { bouncedRecipients: [{ emailAddress: 'bob@gmx.net', status: '5.7.26', diagnosticCode: 'smtp; 550 DMARC' }] },
    })!;
    expect(readService(bounce.text)!.events.at(-1)).toMatchObject({ status: 'bounced', dsn: '5.7.26', words: 'smtp; 550 DMARC' });
    for (const other of [{}, { eventType: 'Delivery' }, { Type: 'Notification', Message: '{' }])
      expect(givenBySes(other)).toBeNull();
  });

  test('SendGrid', () => {
    const given = givenBySendgrid({
      email: 'bob@gmx.net',
      timestamp: 1764237600,
      event: 'delivered',
      sg_message_id: '14c5d75ce93.dfd.filter0001.16648.0',
      'smtp-id': '<1@x>',
      response: '250 OK',
    })!;
    expect(readService(given.text)).toMatchObject({
      queueId: '14c5d75ce93.dfd',
      events: [{ kind: 'message_id', id: '1@x' }, { status: 'sent' }],
    });
    expect(readService(givenBySendgrid({ email: 'a@b.example', event: 'open', sg_message_id: 'x' })!.text)!.events).toEqual([]);
  });

  const mailOfSes = { ...mail, headers: [{ name: 'Message-ID', value: '<mine@example.com>' }] };
  const bounced = { emailAddress: 'bob@gmx.net', action: 'failed', status: '5.1.1', diagnosticCode: 'smtp; 550 5.1.1 unknown' };
  const delayed = { emailAddress: 'bob@gmx.net', status: '4.4.1', diagnosticCode: 'smtp; 421 4.4.1 Unable to connect' };
  test.each([
    [{ eventType: 'Send', send: {} }, []],
    [
      { eventType: 'Bounce', bounce: { bounceType: 'Permanent', bounceSubType: 'General', bouncedRecipients: [bounced] } },
      [{ kind: 'delivery', status: 'bounced', dsn: '5.1.1', words: 'smtp; 550 5.1.1 unknown' }],
    ],
    [
      {
        eventType: 'Bounce',
        bounce: { bounceType: 'Permanent', bounceSubType: 'OnAccountSuppressionList', bouncedRecipients: [bounced] },
      },
      [{ kind: 'rejected' }],
    ],
    [
      { notificationType: 'Bounce', bounce: { bounceSubType: 'Suppressed', bouncedRecipients: [bounced] } },
      [{ kind: 'rejected' }],
    ],
    [
      { eventType: 'DeliveryDelay', deliveryDelay: { delayType: 'General', delayedRecipients: [delayed] } },
      [{ kind: 'delivery', status: 'deferred', dsn: '4.4.1' }],
    ],
    [{ eventType: 'Reject', reject: { reason: 'Bad content' } }, [{ kind: 'rejected', words: 'Bad content' }]],
    [{ eventType: 'Rendering Failure', failure: { errorMessage: 'x', templateName: 'T' } }, [{ kind: 'rejected' }]],
  ])('Amazon SES: %j', (event, said) => {
    const reading = readService(givenBySes({ ...event, mail: mailOfSes })!.text)!;
    expect(reading.events).toMatchObject([
      { kind: 'message_id', id: 'mine@example.com' },
      { kind: 'envelope' },
      { kind: 'author', domain: 'example.com' },
      ...said,
    ]);
  });
  test.each(['Open', 'Click', 'Complaint', 'Subscription'])('Amazon SES: %s says nothing of a delivery', (eventType) =>
    expect(readService(givenBySes({ eventType, mail })!.text)!.events).toEqual([]),
  );

  const sendgrid = {
    email: 'bob@gmx.net',
    timestamp: 1_513_299_569,
    'smtp-id': '<14c5d75ce93.dfd.64b469@ismtpd-555>',
    category: 'cat facts',
    sg_event_id: 'sg_event_id',
    sg_message_id: '14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0',
  };
  test.each([
    [{ event: 'processed' }, []],
    [
      { event: 'deferred', response: '400 try again later', attempt: '5' },
      [{ status: 'deferred', words: '400 try again later' }],
    ],
    [{ event: 'delivered', response: '250 OK', ip: '168.1.1.1', tls: 1 }, [{ status: 'sent', ip: null }]],
    [
      { event: 'bounce', reason: '550 5.7.26 unauthenticated', status: '5.7.26', type: 'blocked', sg_message_id: undefined },
      [{ status: 'bounced', dsn: '5.7.26', words: '550 5.7.26 unauthenticated' }],
    ],
    [{ event: 'dropped', reason: 'Bounced Address', status: '5.0.0' }, [{ kind: 'rejected', words: 'Bounced Address' }]],
  ])('SendGrid: %j is of the same message', (event, said) => {
    const reading = readService(givenBySendgrid({ ...sendgrid, ...event })!.text)!;
    expect(reading).toMatchObject({
      queueId: '14c5d75ce93.dfd.64b469',
      events: [{ kind: 'message_id', id: '14c5d75ce93.dfd.64b469@ismtpd-555' }, ...said],
    });
  });

  const delivered = { kind: 'delivery', status: 'sent', by: 'smtp' };
  test.each([
    ['a##Receive, Send', []],
    ['bob@gmx.net##Receive, Send', [delivered]],
    ['<bob@gmx.net>##Receive, Deliver', [{ ...delivered, by: 'local' }]],
    ['bob@gmx.net##Receive, Fail', [{ status: 'bounced' }]],
    ['bob@gmx.net##Receive, Defer', [{ status: 'deferred' }]],
    ['bob@gmx.net##Receive', []],
    ['a@gmx.net##Receive, Send;b@gmx.net##Receive, Fail', [delivered, { status: 'bounced' }]],
    ['a@gmx.net##Receive, Send; b@web.de##Receive, Send', [delivered, { ...delivered, to: { domain: 'web.de' } }]],
  ])('Microsoft 365: %s in an enhanced summary', (status, said) => {
    const read = readTrace(
      'origin_timestamp,sender_address,Recipient_status,message_subject,total_bytes,message_id,network_message_id,original_client_ip,directionality,connector_id,delivery_priority',
    )!;
    const raws = read(
      `2026-11-27T10:00:00Z,news@example.com,"${status}",secret,9,<1@x>,1341ac7b13fb42ab4d4408cf7f55890f,192.0.2.1,2,,Normal`,
    );
    for (const raw of raws) expect(raw).toMatchObject({ at: Date.parse('2026-11-27T10:00:00Z') });
    const readings = raws.map((raw) => readService(raw.text)!);
    for (const { queueId } of readings) expect(queueId).toBe('1341ac7b13fb42ab4d4408cf7f55890f');
    expect(readings.flatMap(({ events }) => events.filter(({ kind }) => kind === 'delivery'))).toMatchObject(said);
  });

  test.each([
    ['Delivered', '203.0.113.5', [delivered]],
    ['Delivered', '', [{ ...delivered, by: 'local' }]],
    ['Failed', '203.0.113.5', [{ status: 'bounced' }]],
    ['Pending', '203.0.113.5', [{ status: 'deferred' }]],
    ...['Expanded', 'FilteredAsSpam', 'GettingStatus', 'Quarantined', 'None'].map((one) => [one, '', []] as const),
  ] as const)('Microsoft 365: %s to "%s" in Get-MessageTraceV2', (status, ip, said) => {
    const read = readTrace('MessageTraceId,MessageId,Received,SenderAddress,RecipientAddress,Status,FromIP,ToIP')!;
    const [raw] = read(
      `1341AC7B-13fb-42ab-4d44-08cf7f55890f,<1@x>,2026-11-27T10:00:00,news@example.com,bob@gmx.net,${status},,${ip}`,
    );
    const { queueId, events } = readService(raw!.text)!;
    expect(queueId).toBe('1341ac7b13fb42ab4d4408cf7f55890f');
    expect(events.filter(({ kind }) => kind === 'delivery')).toMatchObject(said);
  });

  test('Microsoft 365: a message trace', () => {
    const read = readTrace(
      '\ufeffReceived,Sender Address,Recipient Address,Subject,Status,To IP,Message ID,Network Message ID,Message Trace ID',
    )!;
    const [raw] = read('2026-11-27T10:00:00,news@example.com,bob@gmx.net,"a ""secret"", plan",Delivered,203.0.113.5,<1@x>,n,t-1');
    expect(raw).toMatchObject({ tag: 'm365', at: Date.parse('2026-11-27T10:00:00Z') });
    expect(raw!.text).not.toContain('secret');
    expect(readService(raw!.text)).toMatchObject({
      queueId: 't-1',
      events: [{ id: '1@x' }, { kind: 'envelope' }, { kind: 'delivery', status: 'sent' }],
    });
    expect(readTrace('Nov 27 10:00:00 mx1 postfix/smtp[7]: a, b')).toBeNull();
  });
});

test('what journald writes as octets is a text', () => {
  const octets = [...Buffer.from('4Xk2bQ1z0Tz9vR: removed')];
  expect(rawOf({ MESSAGE: octets, SYSLOG_IDENTIFIER: 'postfix/qmgr' }, NOW)).toMatchObject({
    text: '4Xk2bQ1z0Tz9vR: removed',
    tag: 'postfix/qmgr',
  });
  for (const other of [[], [256], ['a'], [1.5]]) expect(rawOf({ MESSAGE: other }, NOW)).toBeNull();
});

describe('times', () => {
  test.each([
    ['Nov 27 10:00:00 mx1 postfix/smtp[7]: x', '2026-11-27T10:00:00Z'],
    ['Dec 31 23:59:59 mx1 postfix/smtp[7]: x', '2025-12-31T23:59:59Z'],
    ['<22>Nov  7 10:00:00 mx1 postfix/smtp[7]: x', '2026-11-07T10:00:00Z'],
    ['2026-11-27T11:00:00.5+01:00 mx1 postfix/smtp[7]: x', '2026-11-27T10:00:00.5Z'],
    ['<22>1 2026-11-27T10:00:00Z mx1 postfix/smtp 7 - - x', '2026-11-27T10:00:00Z'],
    ['2026-11-27T10:00:00.1Z stdout F 2026-11-27 09:00:00 1abCDe-000001-AB Completed', '2026-11-27T09:00:00Z'],
    ['27-Nov-2026 10:00:00.123 update: info: client @0x1 192.0.2.1#1: x', '2026-11-27T10:00:00.123Z'],
  ])('%s', (line, at) => expect(readLine(line, NOW).at).toBe(Date.parse(at)));

  test.each([
    '2026-99-99T10:00:00Z mx1 a: x',
    'Xxx 27 10:00:00 mx1 a: x',
    // Days and hours that do not exist are none of the next month or day.
    'Feb 30 10:00:00 mx1 postfix/smtp[7]: x',
    'Feb 29 10:00:00 mx1 postfix/smtp[7]: x',
    'Nov 27 24:00:00 mx1 postfix/smtp[7]: x',
    '2026-02-30T10:00:00Z mx1 postfix/smtp[7]: x',
    '2026-02-28T24:00:00Z mx1 postfix/smtp[7]: x',
    '31-Nov-2026 10:00:00.123 update: info: client @0x1 192.0.2.1#1: x',
    '',
  ])('%s has none', (line) => expect(readLine(line, NOW).at).toBeNull());
});
