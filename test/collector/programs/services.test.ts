import { expect, test } from 'vitest';
import { givenByM365, givenBySendgrid, givenBySes, readService } from '../../../services/collector/programs/services.ts';

test.each<[unknown, unknown]>([
  [
    {
      eventType: 'Send',
      mail: {
        messageId: 'M1',
        source: 'Ada <ada@x.example>',
        timestamp: '2026-11-27T14:20:01.5Z',
        destination: ['bob@gmx.net', 7, ''],
        commonHeaders: { from: ['"Ada" <ada@y.example>', 'b'], messageId: '<c@x>' },
        headers: [{ name: 'Message-ID', value: '<h@x>' }, 7],
      },
      send: {},
    },
    {
      program: 'ses',
      at: '2026-11-27T14:20:01.500Z',
      text: {
        id: 'M1',
        event: 'handed',
        from: 'ada@x.example',
        header_from: 'ada@y.example',
        message_id: '<h@x>',
        to: ['bob@gmx.net', ''],
      },
    },
  ],
  [
    {
      eventType: 'Delivery',
      mail: {
        messageId: 'M1',
        source: 'Ada <ada@x.example>',
        timestamp: '2026-11-27T14:20:01.5Z',
        destination: ['bob@gmx.net', 7, ''],
        commonHeaders: { from: ['"Ada" <ada@y.example>', 'b'], messageId: '<c@x>' },
        headers: [],
      },
      delivery: { recipients: ['bob@gmx.net', 7], timestamp: '2026-11-27T14:21:00Z' },
    },
    {
      program: 'ses',
      at: '2026-11-27T14:21:00.000Z',
      text: {
        id: 'M1',
        event: 'sent',
        from: 'ada@x.example',
        header_from: 'ada@y.example',
        message_id: '<c@x>',
        to: ['bob@gmx.net'],
      },
    },
  ],
  [
    {
      eventType: 'Bounce',
      mail: {
        messageId: 'M1',
        source: 'Ada <ada@x.example>',
        timestamp: '2026-11-27T14:20:01.5Z',
        destination: ['bob@gmx.net', 7, ''],
        commonHeaders: { from: ['"Ada" <ada@y.example>', 'b'], messageId: '<c@x>' },
        headers: [{ name: 'Message-ID', value: '<h@x>' }, 7],
      },
      bounce: {
        bounceSubType: 'General',
        bouncedRecipients: [
          { emailAddress: 'Bob <bob@gmx.net>', status: '5.1.1', diagnosticCode: 'smtp; 550 no' },
          { emailAddress: 7 },
        ],
      },
    },
    {
      program: 'ses',
      at: '2026-11-27T14:20:01.500Z',
      text: {
        id: 'M1',
        event: 'bounced',
        from: 'ada@x.example',
        header_from: 'ada@y.example',
        message_id: '<h@x>',
        to: ['bob@gmx.net'],
        dsn: '5.1.1',
        words: 'smtp; 550 no',
      },
    },
  ],
  [
    {
      eventType: 'Bounce',
      mail: {
        messageId: 'M1',
        source: 'Ada <ada@x.example>',
        timestamp: '2026-11-27T14:20:01.5Z',
        destination: ['bob@gmx.net', 7, ''],
        commonHeaders: { from: ['"Ada" <ada@y.example>', 'b'], messageId: '<c@x>' },
        headers: [{ name: 'Message-ID', value: '<h@x>' }, 7],
      },
      bounce: { bounceSubType: 'Suppressed', bouncedRecipients: [] },
    },
    {
      program: 'ses',
      at: '2026-11-27T14:20:01.500Z',
      text: { id: 'M1', event: 'rejected', from: 'ada@x.example', header_from: 'ada@y.example', message_id: '<h@x>', to: [] },
    },
  ],
  [
    {
      eventType: 'Bounce',
      mail: {
        messageId: 'M1',
        source: 'Ada <ada@x.example>',
        timestamp: '2026-11-27T14:20:01.5Z',
        destination: ['bob@gmx.net', 7, ''],
        commonHeaders: { from: ['"Ada" <ada@y.example>', 'b'], messageId: '<c@x>' },
        headers: [{ name: 'Message-ID', value: '<h@x>' }, 7],
      },
      bounce: { bounceSubType: 'OnAccountSuppressionList' },
    },
    {
      program: 'ses',
      at: '2026-11-27T14:20:01.500Z',
      text: { id: 'M1', event: 'rejected', from: 'ada@x.example', header_from: 'ada@y.example', message_id: '<h@x>', to: [] },
    },
  ],
  [
    {
      eventType: 'DeliveryDelay',
      mail: {
        messageId: 'M1',
        source: 'Ada <ada@x.example>',
        timestamp: '2026-11-27T14:20:01.5Z',
        destination: ['bob@gmx.net', 7, ''],
        commonHeaders: { from: ['"Ada" <ada@y.example>', 'b'], messageId: '<c@x>' },
        headers: [{ name: 'Message-ID', value: '<h@x>' }, 7],
      },
      deliveryDelay: { delayedRecipients: [{ emailAddress: 'bob@gmx.net', status: '4.4.1' }] },
    },
    {
      program: 'ses',
      at: '2026-11-27T14:20:01.500Z',
      text: {
        id: 'M1',
        event: 'deferred',
        from: 'ada@x.example',
        header_from: 'ada@y.example',
        message_id: '<h@x>',
        to: ['bob@gmx.net'],
        dsn: '4.4.1',
      },
    },
  ],
  [
    {
      eventType: 'Reject',
      mail: {
        messageId: 'M1',
        source: 'Ada <ada@x.example>',
        timestamp: '2026-11-27T14:20:01.5Z',
        destination: ['bob@gmx.net', 7, ''],
        commonHeaders: { from: ['"Ada" <ada@y.example>', 'b'], messageId: '<c@x>' },
        headers: [{ name: 'Message-ID', value: '<h@x>' }, 7],
      },
      reject: { reason: 'Bad content' },
    },
    {
      program: 'ses',
      at: '2026-11-27T14:20:01.500Z',
      text: {
        id: 'M1',
        event: 'rejected',
        from: 'ada@x.example',
        header_from: 'ada@y.example',
        message_id: '<h@x>',
        to: ['bob@gmx.net', ''],
        words: 'Bad content',
      },
    },
  ],
  [
    {
      eventType: 'Rendering Failure',
      mail: {
        messageId: 'M1',
        source: 'Ada <ada@x.example>',
        timestamp: '2026-11-27T14:20:01.5Z',
        destination: ['bob@gmx.net', 7, ''],
        commonHeaders: { from: ['"Ada" <ada@y.example>', 'b'], messageId: '<c@x>' },
        headers: [{ name: 'Message-ID', value: '<h@x>' }, 7],
      },
    },
    {
      program: 'ses',
      at: '2026-11-27T14:20:01.500Z',
      text: {
        id: 'M1',
        event: 'rejected',
        from: 'ada@x.example',
        header_from: 'ada@y.example',
        message_id: '<h@x>',
        to: ['bob@gmx.net', ''],
      },
    },
  ],
  [
    {
      eventType: 'Open',
      mail: {
        messageId: 'M1',
        source: 'Ada <ada@x.example>',
        timestamp: '2026-11-27T14:20:01.5Z',
        destination: ['bob@gmx.net', 7, ''],
        commonHeaders: { from: ['"Ada" <ada@y.example>', 'b'], messageId: '<c@x>' },
        headers: [{ name: 'Message-ID', value: '<h@x>' }, 7],
      },
    },
    { program: 'ses', at: null, text: {} },
  ],
  [
    { notificationType: 'Delivery', mail: { messageId: 'M1' } },
    { program: 'ses', at: null, text: { id: 'M1', event: 'sent', to: [] } },
  ],
  [
    {
      source: 'aws.ses',
      detail: {
        eventType: 'Send',
        mail: {
          messageId: 'M1',
          source: 'Ada <ada@x.example>',
          timestamp: '2026-11-27T14:20:01.5Z',
          destination: ['bob@gmx.net', 7, ''],
          commonHeaders: { from: ['"Ada" <ada@y.example>', 'b'], messageId: '<c@x>' },
          headers: [{ name: 'Message-ID', value: '<h@x>' }, 7],
        },
      },
    },
    {
      program: 'ses',
      at: '2026-11-27T14:20:01.500Z',
      text: {
        id: 'M1',
        event: 'handed',
        from: 'ada@x.example',
        header_from: 'ada@y.example',
        message_id: '<h@x>',
        to: ['bob@gmx.net', ''],
      },
    },
  ],
  [
    {
      source: 'other',
      detail: {
        eventType: 'Send',
        mail: {
          messageId: 'M1',
          source: 'Ada <ada@x.example>',
          timestamp: '2026-11-27T14:20:01.5Z',
          destination: ['bob@gmx.net', 7, ''],
          commonHeaders: { from: ['"Ada" <ada@y.example>', 'b'], messageId: '<c@x>' },
          headers: [{ name: 'Message-ID', value: '<h@x>' }, 7],
        },
      },
    },
    null,
  ],
  [
    {
      Type: 'Notification',
      Message:
        '{"eventType":"Send","mail":{"messageId":"M1","source":"Ada <ada@x.example>","timestamp":"2026-11-27T14:20:01.5Z","destination":["bob@gmx.net",7,""],"commonHeaders":{"from":["\\"Ada\\" <ada@y.example>","b"],"messageId":"<c@x>"},"headers":[{"name":"Message-ID","value":"<h@x>"},7]}}',
    },
    {
      program: 'ses',
      at: '2026-11-27T14:20:01.500Z',
      text: {
        id: 'M1',
        event: 'handed',
        from: 'ada@x.example',
        header_from: 'ada@y.example',
        message_id: '<h@x>',
        to: ['bob@gmx.net', ''],
      },
    },
  ],
  [
    {
      Type: 'Other',
      Message:
        '{"eventType":"Send","mail":{"messageId":"M1","source":"Ada <ada@x.example>","timestamp":"2026-11-27T14:20:01.5Z","destination":["bob@gmx.net",7,""],"commonHeaders":{"from":["\\"Ada\\" <ada@y.example>","b"],"messageId":"<c@x>"},"headers":[{"name":"Message-ID","value":"<h@x>"},7]}}',
      eventType: 'Send',
      mail: {
        messageId: 'M1',
        source: 'Ada <ada@x.example>',
        timestamp: '2026-11-27T14:20:01.5Z',
        destination: ['bob@gmx.net', 7, ''],
        commonHeaders: { from: ['"Ada" <ada@y.example>', 'b'], messageId: '<c@x>' },
        headers: [{ name: 'Message-ID', value: '<h@x>' }, 7],
      },
    },
    {
      program: 'ses',
      at: '2026-11-27T14:20:01.500Z',
      text: {
        id: 'M1',
        event: 'handed',
        from: 'ada@x.example',
        header_from: 'ada@y.example',
        message_id: '<h@x>',
        to: ['bob@gmx.net', ''],
      },
    },
  ],
  [
    { Type: 'Notification', Message: 7, eventType: 'Send', mail: { messageId: 'M1' } },
    { program: 'ses', at: null, text: { id: 'M1', event: 'handed', to: [] } },
  ],
  [{ Type: 'Notification', Message: '{' }, null],
  [{ Type: 'Notification', Message: 7 }, null],
  [{ eventType: '', mail: { messageId: 'M1' } }, null],
  [{ eventType: 'Send', mail: {} }, null],
  [{}, null],
])('what is taken of %j (givenBySes)', (given, taken) => {
  const found = [givenBySes(given as never)]
    .flat()
    .map((one) =>
      one === null ? null : { ...one, at: one.at === null ? null : new Date(one.at).toISOString(), text: JSON.parse(one.text) },
    );
  expect(found).toEqual([taken].flat());
});

test.each<[unknown, unknown]>([
  [
    {
      event: 'delivered',
      email: 'bob@gmx.net',
      sg_message_id: '14c5.dfd.filter0001.16648.0',
      'smtp-id': '<14c5@x>',
      timestamp: 1795789201,
      response: '250 OK',
      status: '2.0.0',
    },
    {
      program: 'sendgrid',
      at: '2026-11-27T14:20:01.000Z',
      text: { id: '14c5.dfd', event: 'sent', message_id: '14c5@x', to: ['bob@gmx.net'], dsn: '2.0.0', words: '250 OK' },
    },
  ],
  [
    { event: 'bounce', email: 'bob@gmx.net', sg_event_id: 'e', 'smtp-id': '<14c5.recvd-1@x>', reason: '550 no', response: 'x' },
    {
      program: 'sendgrid',
      at: null,
      text: { id: '14c5', event: 'bounced', message_id: '14c5.recvd-1@x', to: ['bob@gmx.net'], words: '550 no' },
    },
  ],
  [
    { event: 'dropped', email: 'bob@gmx.net', sg_message_id: 'a', timestamp: '7' },
    { program: 'sendgrid', at: null, text: { id: 'a', event: 'rejected', to: ['bob@gmx.net'] } },
  ],
  [
    { event: 'open', email: 'bob@gmx.net', sg_message_id: 'a', timestamp: 7 },
    { program: 'sendgrid', at: '1970-01-01T00:00:07.000Z', text: {} },
  ],
  [{ event: 'processed', email: 'bob@gmx.net', 'smtp-id': '<14c5@x>' }, null],
  [{ event: 'deferred', sg_message_id: 'a' }, null],
  [{ email: 'bob@gmx.net', sg_message_id: 'a' }, null],
  [{}, null],
])('what is taken of %j (givenBySendgrid)', (given, taken) => {
  const found = [givenBySendgrid(given as never)]
    .flat()
    .map((one) =>
      one === null ? null : { ...one, at: one.at === null ? null : new Date(one.at).toISOString(), text: JSON.parse(one.text) },
    );
  expect(found).toEqual([taken].flat());
});

test.each<[unknown, unknown]>([
  [
    {
      messagetraceid: '1A2B3C4D-0000-1111-2222-333344445555',
      messageid: '<m@x>',
      senderaddress: 'ada@x.example',
      recipientaddress: '<bob@gmx.net> ',
      status: 'Delivered',
      received: '2026-11-27T14:20:01',
    },
    [
      {
        program: 'm365',
        at: '2026-11-27T14:20:01.000Z',
        text: {
          id: '1a2b3c4d000011112222333344445555',
          event: 'sent',
          from: 'ada@x.example',
          message_id: 'm@x',
          to: ['bob@gmx.net'],
        },
      },
    ],
  ],
  [
    {
      networkmessageid: 'n',
      sender: 'ada@x.example',
      recipientstatus: 'bob@gmx.net##Receive, Send;eve@y.example##Receive, Fail;nobody##Send;z@y.example',
      origintimestamp: '2026-11-27T14:20:01Z',
    },
    [
      {
        program: 'm365',
        at: '2026-11-27T14:20:01.000Z',
        text: { id: 'n', event: 'sent', from: 'ada@x.example', to: ['bob@gmx.net'] },
      },
      {
        program: 'm365',
        at: '2026-11-27T14:20:01.000Z',
        text: { id: 'n', event: 'bounced', from: 'ada@x.example', to: ['eve@y.example'] },
      },
      {
        program: 'm365',
        at: '2026-11-27T14:20:01.000Z',
        text: { id: 'n', event: 'handed', from: 'ada@x.example', to: ['z@y.example'] },
      },
    ],
  ],
  [
    {
      messageid: '<m@x>',
      sender: 'ada@x.example',
      recipient: 'bob@x.example',
      status: 'delivered',
      directionality: 'Incoming',
      date: '27.11.2026 14:20',
    },
    [
      {
        program: 'm365',
        at: '2026-11-27T14:20:00.000Z',
        text: { id: 'm@x', event: 'sent', from: 'ada@x.example', message_id: 'm@x', to: ['bob@x.example'], local: true },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', status: 'Delivered', toip: '', recipientstatus: 'no mark' },
    [{ program: 'm365', at: null, text: { id: 'm', event: 'sent', from: 'a@x', message_id: 'm', to: ['b@y'], local: true } }],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', eventid: 'DELIVER', status: 'Failed', directionality: '2' },
    [{ program: 'm365', at: null, text: { id: 'm', event: 'sent', from: 'a@x', message_id: 'm', to: ['b@y'], local: true } }],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', status: 'Zugestellt', toip: '192.0.2.1' },
    [{ program: 'm365', at: null, text: { id: 'm', event: 'sent', from: 'a@x', message_id: 'm', to: ['b@y'] } }],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', status: 'En attente' },
    [{ program: 'm365', at: null, text: { id: 'm', event: 'deferred', from: 'a@x', message_id: 'm', to: ['b@y'] } }],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', status: 'Con errores' },
    [{ program: 'm365', at: null, text: { id: 'm', event: 'bounced', from: 'a@x', message_id: 'm', to: ['b@y'] } }],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y' },
    [{ program: 'm365', at: null, text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] } }],
  ],
  [{ sender: 'a@x', recipient: 'b@y' }, []],
  [{ messageid: 'm', recipient: 'b@y' }, []],
  [{ messageid: 'm', sender: 'a@x', recipient: '' }, []],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '11/27/2026 2:20:01 PM' },
    [
      {
        program: 'm365',
        at: '2026-11-27T14:20:01.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '11/27/2026, 12:20 a.m.' },
    [
      {
        program: 'm365',
        at: '2026-11-27T00:20:00.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '27/11/2026 14:20' },
    [
      {
        program: 'm365',
        at: '2026-11-27T14:20:00.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '11/12/2026 10:00' },
    [{ program: 'm365', at: null, text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] } }],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '12/12/2026 10:00' },
    [
      {
        program: 'm365',
        at: '2026-12-12T10:00:00.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '12/11/2026 10:00:00 AM' },
    [
      {
        program: 'm365',
        at: '2026-12-11T10:00:00.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '13/13/2026 10:00' },
    [{ program: 'm365', at: null, text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] } }],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '31.11.2026 10:00' },
    [{ program: 'm365', at: null, text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] } }],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '30.11.2026 10:00:59' },
    [
      {
        program: 'm365',
        at: '2026-11-30T10:00:59.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '1.12.2026 9:00' },
    [
      {
        program: 'm365',
        at: '2026-12-01T09:00:00.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '1.13.2026 9:00' },
    [{ program: 'm365', at: null, text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] } }],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '1.0.2026 9:00' },
    [{ program: 'm365', at: null, text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] } }],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '12-11-2026 10:00' },
    [
      {
        program: 'm365',
        at: '2026-11-12T10:00:00.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '27.11.2026\u00a010:00' },
    [
      {
        program: 'm365',
        at: '2026-11-27T10:00:00.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '2026-11-27T14:20:01+01:00' },
    [
      {
        program: 'm365',
        at: '2026-11-27T13:20:01.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: 'soon' },
    [{ program: 'm365', at: null, text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] } }],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '12/13/2026 12:00:00 PM' },
    [
      {
        program: 'm365',
        at: '2026-12-13T12:00:00.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '13/12/2026 10:00' },
    [
      {
        program: 'm365',
        at: '2026-12-13T10:00:00.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '11.12/2026 10:00' },
    [
      {
        program: 'm365',
        at: '2026-11-12T10:00:00.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '13/1/2026 10:00' },
    [
      {
        program: 'm365',
        at: '2026-01-13T10:00:00.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '12/1/2026 10:00' },
    [{ program: 'm365', at: null, text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] } }],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '1/13/2026 10:00' },
    [
      {
        program: 'm365',
        at: '2026-01-13T10:00:00.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '1/12/2026 10:00' },
    [{ program: 'm365', at: null, text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] } }],
  ],
  [
    { messageid: 'm', sender: 'a@x', recipient: 'b@y', received: '31.1.2026 10:00' },
    [
      {
        program: 'm365',
        at: '2026-01-31T10:00:00.000Z',
        text: { id: 'm', event: 'handed', from: 'a@x', message_id: 'm', to: ['b@y'] },
      },
    ],
  ],
  [
    { messagetraceid: 'Not-A-Guid', sender: 'a@x', recipient: 'b@y' },
    [{ program: 'm365', at: null, text: { id: 'Not-A-Guid', event: 'handed', from: 'a@x', to: ['b@y'] } }],
  ],
])('what is taken of %j (givenByM365)', (given, taken) => {
  const found = [givenByM365(given as never)]
    .flat()
    .map((one) =>
      one === null ? null : { ...one, at: one.at === null ? null : new Date(one.at).toISOString(), text: JSON.parse(one.text) },
    );
  expect(found).toEqual([taken].flat());
});

test.each<[string, unknown]>([
  [
    '{"id":"i","event":"sent","from":"Ada <h:1@X.example>","header_from":"\\"A\\" <h:1@Y.example>","message_id":"<m@x>","to":["h:2@gmx.net","h:3@gmx.net"],"dsn":"2.0.0","words":"ok"}',
    {
      queueId: 'i',
      events: [
        { kind: 'message_id', id: 'm@x' },
        { kind: 'envelope', from: { local: 'h:1', domain: 'x.example' } },
        { kind: 'author', domain: 'y.example' },
        {
          kind: 'delivery',
          to: { local: 'h:2', domain: 'gmx.net' },
          by: 'smtp',
          relay: null,
          ip: null,
          status: 'sent',
          dsn: '2.0.0',
          words: null,
          queuedAs: null,
        },
        {
          kind: 'delivery',
          to: { local: 'h:3', domain: 'gmx.net' },
          by: 'smtp',
          relay: null,
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
    '{"id":"i","event":"bounced","to":["h:2@gmx.net"],"dsn":"5.1.1","words":"no"}',
    {
      queueId: 'i',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:2', domain: 'gmx.net' },
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
    '{"id":"i","event":"deferred","to":["h:2@gmx.net"]}',
    {
      queueId: 'i',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:2', domain: 'gmx.net' },
          by: 'smtp',
          relay: null,
          ip: null,
          status: 'deferred',
          dsn: null,
          words: null,
          queuedAs: null,
        },
      ],
    },
  ],
  [
    '{"id":"i","event":"sent","local":true,"to":["h:2@gmx.net"]}',
    {
      queueId: 'i',
      events: [
        {
          kind: 'delivery',
          to: { local: 'h:2', domain: 'gmx.net' },
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
  ['{"id":"i","event":"sent"}', { queueId: 'i', events: [] }],
  ['{"id":"i","event":"rejected"}', { queueId: 'i', events: [{ kind: 'rejected', words: '' }] }],
  [
    '{"id":"i","event":"rejected","words":"no","to":["h:2@gmx.net"]}',
    { queueId: 'i', events: [{ kind: 'rejected', words: 'no' }] },
  ],
  ['{"id":"i","event":"handed","to":["h:2@gmx.net"],"header_from":"nobody"}', { queueId: 'i', events: [] }],
  [
    `{"id":"${'x'.repeat(201)}","event":"handed","message_id":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"}`,
    { queueId: `${'x'.repeat(200)}`, events: [{ kind: 'message_id', id: `${'m'.repeat(255)}` }] },
  ],
  ['{"id":"i"}', { queueId: null, events: [] }],
  ['{"event":"sent"}', { queueId: null, events: [] }],
  ['[]', { queueId: null, events: [] }],
  ['7', { queueId: null, events: [] }],
  ['{', null],
])('what %s says', (line, reading) => {
  expect(readService(line)).toEqual(reading);
});

test('of very many recipients a thousand are taken', () => {
  const many = Array.from({ length: 1_001 }, (_, n) => `r${n}@x.example`);
  const count = (given: { text: string } | null) => (JSON.parse(given!.text) as { to: string[] }).to.length;
  const mail = { messageId: 'M1', destination: many };
  const hit = many.map((emailAddress) => ({ emailAddress }));
  expect([
    count(givenBySes({ eventType: 'Send', mail })),
    count(givenBySes({ eventType: 'Delivery', mail, delivery: { recipients: many } })),
    count(givenBySes({ eventType: 'Bounce', mail, bounce: { bouncedRecipients: hit } })),
    givenByM365({ messageid: 'm', sender: 'a@x', recipient: many.join(';') }).length,
  ]).toEqual([1_000, 1_000, 1_000, 1_000]);
});
