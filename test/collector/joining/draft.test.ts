import { describe, expect, test } from 'vitest';
import type { LogEvent } from '../../../services/collector/events.ts';
import { addLine, newDraft, ofFiltersAlone, signsSilently } from '../../../services/collector/joining/draft.ts';
import type { Program } from '../../../services/collector/programs/index.ts';

let lines = 0;
const line = (program: Program, ...events: LogEvent[]) => ({ at: 1_000, hash: `h${++lines}`, program, place: null, events });
const client = (ip: string): LogEvent => ({ kind: 'client', name: null, ip, sasl: null });
const draftOf = (...added: ReturnType<typeof line>[]) => {
  const draft = newDraft({ source_id: 1, host: 'mx1', queue_id: '4F' }, 1_000);
  for (const one of added) addLine(draft, one, () => false);
  return draft;
};

test('the client that the server names stands, whether a filter names one before it or behind it', () => {
  const [server, filter] = [line('postfix', client('192.0.2.1')), line('opendmarc', client('198.51.100.9'))];
  expect(draftOf(server, filter).client_ip).toBe('192.0.2.1');
  expect(draftOf(filter, server).client_ip).toBe('192.0.2.1');
  expect(draftOf(filter, line('rspamd', client('198.51.100.7'))).client_ip).toBe('198.51.100.7');
});

test('ten signatures of a message are kept, and what a line says twice counts once', () => {
  const signed = (n: number): LogEvent => ({ kind: 'signed', domain: 'example.com', selector: `s${n}` });
  const all = Array.from({ length: 12 }, (_, n) => line('opendkim', signed(n), signed(n)));
  expect(draftOf(...all).signatures.map(({ selector }) => selector)).toEqual(all.slice(0, 10).map((_, n) => `s${n}`));
});

test.each<[string, LogEvent, object]>([
  [
    'client',
    { kind: 'client', name: 'app', ip: '192.0.2.1', sasl: 'h:u' },
    { client_name: 'app', client_ip: '192.0.2.1', sasl_username: 'h:u', clientKnown: true },
  ],
  ['client without a name that was hashed', { kind: 'client', name: null, ip: null, sasl: 'ada' }, { clientKnown: true }],
  ['local', { kind: 'local' }, { local: true }],
  ['message_id', { kind: 'message_id', id: 'm' }, { message_id: 'm' }],
  [
    'envelope',
    { kind: 'envelope', from: { local: 'h:l', domain: 'x.example' } },
    { envelope_domain: 'x.example', sender_hash: 'h:l', envelopeKnown: true },
  ],
  ['author', { kind: 'author', domain: 'x.example' }, { header_domain: 'x.example' }],
  [
    'delivery',
    {
      kind: 'delivery',
      to: { local: 'h:r', domain: 'a.example' },
      by: 'smtp',
      relay: 'mx',
      ip: '198.51.100.1',
      status: 'bounced',
      dsn: '5.1.1',
      words: 'no',
      queuedAs: 'Q',
    },
    {
      recipients: [
        {
          domain: 'a.example',
          hash: 'h:r',
          relay: 'mx',
          relay_ip: '198.51.100.1',
          status: 'bounced',
          dsn: '5.1.1',
          dmarc_words: false,
          words: 'no',
          at: 1_000,
          outside: true,
          queued_as: 'Q',
        },
      ],
      queued_as: ['Q'],
    },
  ],
  ['expired', { kind: 'expired' }, {}],
  ['ended', { kind: 'ended' }, { ended: true }],
  ['rejected', { kind: 'rejected', words: 'no' }, { rejected: true }],
  ['signed', { kind: 'signed', domain: 'x.example', selector: 's' }, { signatures: [{ domain: 'x.example', selector: 's' }] }],
  ['fault', { kind: 'fault', code: 'key_missing', about: 's' }, { sign_fault: ['key_missing s'] }],
  [
    'verdict',
    { kind: 'verdict', method: 'spf', result: 'pass', domain: null, selector: null },
    { verify: [{ program: 'postfix', method: 'spf', result: 'pass', domain: null, selector: null }] },
  ],
  ['dns_change', { kind: 'dns_change', zone: 'x', name: null, type: null, action: 'changed', client: null }, {}],
])('a line that says %s says nothing else', (_, event, part) => {
  const one = line('postfix', event);
  expect(draftOf(one)).toEqual({
    message_key: null,
    source_id: 1,
    host: 'mx1',
    queue_id: '4F',
    message_id: null,
    started_at: 1_000,
    last_at: 1_000,
    ended: false,
    client_name: null,
    client_ip: null,
    sasl_username: null,
    envelope_domain: null,
    header_domain: null,
    sender_hash: null,
    signatures: [],
    sign_fault: [],
    verify: [],
    recipients: [],
    queued_as: [],
    hashes: new Set([one.hash]),
    local: false,
    clientKnown: false,
    envelopeKnown: false,
    rejected: false,
    programs: ['postfix'],
    place: null,
    ...part,
  });
});

test('what a later line does not say of the client stays, and a filter says who sent it where no server does', () => {
  const named: LogEvent = { kind: 'client', name: 'app', ip: '192.0.2.1', sasl: 'h:u' };
  const bare: LogEvent = { kind: 'client', name: null, ip: '192.0.2.2', sasl: null };
  expect(draftOf(line('postfix', named, bare))).toMatchObject({
    client_name: 'app',
    client_ip: '192.0.2.2',
    sasl_username: 'h:u',
  });
  expect(draftOf(line('postfix', bare, named))).toMatchObject({
    client_name: 'app',
    client_ip: '192.0.2.1',
    sasl_username: 'h:u',
  });
  const from = (domain: string): LogEvent => ({ kind: 'envelope', from: { local: 'h:l', domain } });
  expect(draftOf(line('rspamd', from('filter.example')))).toMatchObject({ envelope_domain: 'filter.example' });
  expect(draftOf(line('postfix', from('a.example'), from('b.example')))).toMatchObject({ envelope_domain: 'b.example' });
});

describe('what lines say', () => {
  const delivery = (local: string, given: Partial<Extract<LogEvent, { kind: 'delivery' }>> = {}): LogEvent => ({
    kind: 'delivery',
    to: { local: `h:${local}`, domain: 'a.example' },
    by: 'smtp',
    relay: 'mx',
    ip: '198.51.100.1',
    status: 'sent',
    dsn: null,
    words: null,
    queuedAs: null,
    ...given,
  });
  const envelope = (domain: string | null): LogEvent => ({
    kind: 'envelope',
    from: domain === null ? null : { local: 'h:l', domain },
  });

  test('no more of it is kept than a message can need', () => {
    const many = <T>(n: number, of: (i: number) => T) => Array.from({ length: n }, (_, i) => of(i));
    const draft = draftOf(
      ...many(1_005, (i) => line('postfix', delivery(`r${i}`, { queuedAs: `q${i}` }))),
      ...many(12, (i) => line('opendkim', { kind: 'fault', code: 'key_missing', about: `s${i}` })),
      ...many(25, (i) => line('opendmarc', { kind: 'verdict', method: 'dkim', result: `r${i}`, domain: null, selector: null })),
    );
    expect([draft.recipients, draft.queued_as, draft.sign_fault, draft.verify].map(({ length }) => length)).toEqual([
      1_000, 50, 10, 20,
    ]);
    // A message of so many lines is not read any further.
    const long = draftOf(...many(5_005, (i) => line('postfix', { kind: 'message_id', id: `m${i}` })));
    expect(long.hashes.size).toBe(5_000);
  });

  test('twice counts once', () => {
    const fault: LogEvent = { kind: 'fault', code: 'key_missing', about: null };
    const verdict: LogEvent = { kind: 'verdict', method: 'spf', result: 'pass', domain: 'x.example', selector: null };
    const draft = draftOf(
      line('opendkim', fault, fault),
      line('opendmarc', verdict, verdict),
      line('rspamd', verdict),
      line('postfix', delivery('r', { queuedAs: 'q' }), delivery('r', { queuedAs: 'q' })),
    );
    expect(draft).toMatchObject({ sign_fault: ['key_missing'], queued_as: ['q'] });
    expect(draft.verify.map(({ program }) => program)).toEqual(['opendmarc', 'rspamd']);
    expect(draft.recipients).toHaveLength(1);
  });

  test('the same line again changes nothing, and its times span all lines', () => {
    const one = { ...line('postfix', { kind: 'message_id', id: 'm' } as const), at: 400 };
    const last = { ...line('postfix', { kind: 'ended' } as const), at: 9_000 };
    const draft = draftOf(one, last, { ...one, at: 20_000 });
    expect(draft).toMatchObject({ started_at: 400, last_at: 9_000, message_id: 'm', ended: true });
  });

  test('the newest line about a recipient stands; of the same second a final word', () => {
    const at = (ms: number, status: 'sent' | 'deferred' | 'bounced') => ({
      ...line('postfix', delivery('r', { status })),
      at: ms,
    });
    const status = (...given: ReturnType<typeof at>[]) => draftOf(...given).recipients.map((one) => one.status);
    expect(status(at(2_000, 'sent'), at(1_000, 'deferred'))).toEqual(['sent']);
    expect(status(at(1_000, 'deferred'), at(2_000, 'bounced'))).toEqual(['bounced']);
    expect(status(at(1_000, 'sent'), at(1_000, 'deferred'))).toEqual(['sent']);
    expect(status(at(1_000, 'deferred'), at(1_000, 'sent'))).toEqual(['sent']);
    expect(status(at(1_000, 'bounced'), at(1_000, 'sent'))).toEqual(['sent']);
    const other = line('postfix', { ...delivery('r'), to: { local: 'h:r', domain: 'b.example' } } as LogEvent);
    expect(draftOf(line('postfix', delivery('r')), line('postfix', delivery('s')), other).recipients).toHaveLength(3);
  });

  test('what is deferred when the queue gives up has expired, and nothing else', () => {
    const draft = draftOf(
      line('postfix', delivery('a', { status: 'deferred' }), delivery('b'), delivery('c', { status: 'bounced' })),
      line('postfix', { kind: 'expired' }),
    );
    expect(draft.recipients.map(({ status }) => status)).toEqual(['expired', 'sent', 'bounced']);
  });

  test.each([
    ['smtp', '198.51.100.1', true],
    ['smtp', null, true],
    ['smtp', '10.0.0.1', false],
    ['local', null, false],
  ] as const)('a delivery by %s to %s is outside: %s', (by, ip, outside) => {
    const draft = newDraft({ source_id: 1, host: 'mx1', queue_id: '4F' }, 1_000);
    addLine(draft, line('postfix', delivery('r', { by, ip })), (address) => address.startsWith('10.'));
    expect(draft.recipients[0]!.outside).toBe(outside);
  });

  test('words about authentication are noted, by the answer or its code', () => {
    const noted = (dsn: string | null, words: string | null) =>
      draftOf(line('postfix', delivery('r', { status: 'bounced', dsn, words }))).recipients[0]!.dmarc_words;
    expect([
      noted('5.7.26', 'rejected'),
      noted(null, 'DMARC policy'),
      noted('5.1.1', 'no such user'),
      noted('5.7.26', null),
    ]).toEqual([true, true, false, false]);
  });

  test('the sender is the one that the server names, not a filter; a bounce has none', () => {
    const [server, filter] = [line('postfix', envelope('server.example')), line('rspamd', envelope('filter.example'))];
    expect(draftOf(server, filter).envelope_domain).toBe('server.example');
    expect(draftOf(filter, server).envelope_domain).toBe('server.example');
    expect(draftOf(line('postfix', envelope(null)), line('rspamd', envelope('filter.example')))).toMatchObject({
      envelope_domain: null,
      sender_hash: null,
    });
    expect(draftOf(line('postfix', envelope('')))).toMatchObject({ envelope_domain: null });
    expect(draftOf(line('postfix', envelope('x.example'))).sender_hash).toBe('h:l');
    expect(
      draftOf(line('rspamd', { kind: 'author', domain: 'a.example' }), line('rspamd', { kind: 'author', domain: 'b.example' })),
    ).toMatchObject({ header_domain: 'a.example', rejected: false, local: false });
    expect(draftOf(line('postfix', { kind: 'rejected', words: 'no' }, { kind: 'local' }))).toMatchObject({
      rejected: true,
      local: true,
    });
  });

  test('where it ran is what the first server says; a filter only where no server does', () => {
    const at = (program: Program, place: string | null) => ({
      ...line(program, { kind: 'ended' }),
      place: place as unknown as ReturnType<typeof line>['place'],
    });
    expect(draftOf(at('rspamd', 'filter')).place).toBe('filter');
    expect(draftOf(at('rspamd', 'filter'), at('postfix', 'server')).place).toBe('server');
    expect(draftOf(at('rspamd', 'filter'), at('postfix', null)).place).toBe('filter');
    expect(draftOf(at('postfix', 'server'), at('rspamd', 'filter')).place).toBe('server');
    expect(draftOf(at('postfix', 'server'), at('postfix', 'other')).place).toBe('server');
    expect(draftOf(at('postfix', null), at('rspamd', 'filter')).place).toBe('filter');
    expect(draftOf(at('postfix', 'a'), at('postfix', 'b')).programs).toEqual(['postfix']);
  });
});

test.each([
  [[], true, false],
  [['opendkim', 'rspamd'], true, false],
  [['opendkim', 'postfix'], false, false],
  [['exim'], false, true],
  [['exim', 'ses'], false, true],
  [['exim', 'postfix'], false, false],
] as const)('lines of %j are of filters alone: %s, of servers that sign silently: %s', (programs, filters, silent) => {
  const draft = { ...draftOf(), programs: [...programs] };
  expect([ofFiltersAlone(draft), signsSilently(draft)]).toEqual([filters, silent]);
});
