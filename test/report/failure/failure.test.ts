import { describe, expect, test } from 'vitest';
import { readAll } from '../build.ts';

/** A failure report; `fields` are those of its machine-readable part, beside its type and address. */
function arf(
  fields: string[],
  { from = 'DMARC <dmarc@receiver.example>', original = 'From: ann@example.com\r\nSubject: hi' } = {},
): string {
  return [
    `From: ${from}`,
    'Subject: FW: hi',
    'Content-Type: multipart/report; report-type=feedback-report; boundary=f',
    '',
    '--f',
    'Content-Type: message/feedback-report',
    '',
    'Feedback-Type: auth-failure',
    'Source-IP: 192.0.2.1',
    ...fields,
    '',
    '--f',
    'Content-Type: message/rfc822',
    '',
    original,
    '',
    'hello',
    '--f--',
    '',
  ].join('\r\n');
}

async function one(raw: string) {
  const { failures, codes } = await readAll(raw);
  expect(codes).toEqual([]);
  expect(failures).toHaveLength(1);
  return failures[0]!;
}

/** Ways to write an address or domain, and the domain. */
const WRITTEN: [string, string][] = [
  ['DMARC Filter <DMARC@gen.example>;', 'gen.example'],
  ['"DMARC, Filter; the" <dmarc@gen.example>', 'gen.example'],
  ['dmarc@gen.example (the filter)', 'gen.example'],
  ['(a (nested) comment) DMARC <dmarc@gen.example> (and another)', 'gen.example'],
  ['dmarc (at) someone <dmarc@gen.example>', 'gen.example'],
  ['DMARC <dmarc@gen.example>, Other <x@other.example>', 'gen.example'],
  ['dmarc@gen.example, x@other.example;', 'gen.example'],
  ['Filters: DMARC <dmarc@gen.example>, x@other.example;', 'gen.example'],
  ['Filters:dmarc@gen.example;', 'gen.example'],
  ['"dmarc@forged.example" <dmarc@gen.example>', 'gen.example'],
  ['<@relay.example,@other.example:dmarc@gen.example>', 'gen.example'],
  ['"a b@c"@gen.example', 'gen.example'],
  ['DMARC <dmarc@GEN.Example.>', 'gen.example'],
  ['DMARC <dmarc@gen.example', 'gen.example'],
  ['"Unended <dmarc@gen.example>', 'gen.example'],
  ['dmarc@bücher.example', 'xn--bcher-kva.example'],
];

describe('addresses and domains, however they are written', () => {
  test.each(WRITTEN)('From: %s', async (written, domain) => {
    const from = /[^\x00-\x7f]/.test(written) ? Buffer.from(written).toString('latin1') : written;
    const raw = Buffer.from(arf(['Reported-Domain: example.com'], { from }), 'latin1');
    expect((await readAll(raw)).failures).toMatchObject([{ reporter: domain, domain: 'example.com' }]);
  });

  test.each([
    ...WRITTEN.filter(([written]) => !/[^\x00-\x7f]/.test(written)),
    ['gen.example', 'gen.example'],
    ['gen.example;', 'gen.example'],
    ['gen.example.', 'gen.example'],
    ['GEN.Example ,', 'gen.example'],
    ['gen.example; other.example', 'gen.example'],
    ['gen.example, other.example', 'gen.example'],
    ['"gen.example"', 'gen.example'],
    ['<gen.example>', 'gen.example'],
    ['[gen.example]', 'gen.example'],
    ['@gen.example', 'gen.example'],
    ['gen.example (the one of the author)', 'gen.example'],
    ['(comment) gen.example', 'gen.example'],
    ['dns; gen.example', 'gen.example'],
    ['rfc822; ann@gen.example', 'gen.example'],
  ])('Reported-Domain and DKIM-Domain: %s', async (written, domain) => {
    const failure = await one(arf([`Reported-Domain: ${written}`, `DKIM-Domain: ${written}`]));
    expect([failure.domain, failure.dkim_domain]).toEqual([domain, domain]);
    // The domain of the author, where the report names none.
    const quoted = await one(arf([], { original: `From: ${written}\r\nSubject: hi` }));
    expect(quoted.domain).toBe(domain);
    expect(quoted.problems.map(({ code }) => code)).toEqual(['reported_domain_missing']);
  });

  test('other fields lose what is around their values', async () => {
    const failure = await one(
      arf([
        'Reported-Domain: example.com',
        'DKIM-Domain: ietf.org; example.net',
        'DKIM-Selector: s1;',
        'Identity-Alignment: dkim, spf;',
        'Delivery-Result: reject (policy);',
        'Auth-Failure: dmarc;',
      ]),
    );
    expect(failure).toMatchObject({
      dkim_domain: 'ietf.org',
      dkim_selector: 's1',
      identity_alignment: 'dkim, spf',
      delivery_result: 'reject',
      auth_failure: ['dmarc'],
    });
  });

  test.each([
    ['[192.0.2.7]', '192.0.2.7'],
    ['192.0.2.7:25', '192.0.2.7'],
    ['192.0.2.7;', '192.0.2.7'],
    ['IPv6:2001:DB8::1', '2001:db8::1'],
    ['[IPv6:2001:db8::1]:25', '2001:db8::1'],
    ['mail.example [192.0.2.7]', '192.0.2.7'],
    ['dns; mail.example (192.0.2.7)', '192.0.2.7'],
  ])('Source-IP: %s', async (written, address) => {
    const raw = arf(['Reported-Domain: example.com']).replace('Source-IP: 192.0.2.1', `Source-IP: ${written}`);
    expect((await one(raw)).source_ip).toBe(address);
  });

  test('the time of its arrival is read in its zone, and in UTC, with a problem, where it names none', async () => {
    const arrived = async (written: string | null) => {
      const field = written === null ? [] : [`Arrival-Date: ${written}`];
      const failure = await one(arf(['Reported-Domain: example.com', ...field]));
      return [failure.arrived, failure.problems.map(({ code }) => code)];
    };
    expect(await arrived('Thu, 1 Oct 2026 10:00:00 +0200')).toEqual([Date.UTC(2026, 9, 1, 8) / 1000, []]);
    expect(await arrived('Thu, 1 Oct 2026 10:00:00')).toEqual([Date.UTC(2026, 9, 1, 10) / 1000, ['time_zone_missing']]);
    expect(await arrived('yesterday')).toEqual([null, ['time_unreadable']]);
    expect(await arrived(null)).toEqual([null, []]);
  });

  test.each([
    ['From: ann@example.com', { header_from: 'ann@example.com', subject: null, message_id: null }],
    ['Subject: alone', { header_from: null, subject: 'alone', message_id: null }],
    ['Message-ID: <1@example.com>', { header_from: null, subject: null, message_id: '<1@example.com>' }],
  ])('the mail that it is about may have one field of its header only: %s', async (original, wanted) => {
    expect(await one(arf(['Reported-Domain: example.com'], { original }))).toMatchObject(wanted);
  });

  test.each(['unknown', 'null', 'none', '-', '(none)', 'N/A'])('%s for a domain is none', async (word) => {
    const failure = await one(arf([`Reported-Domain: ${word}`], { original: 'From: ann@example.com' }));
    expect(failure).toMatchObject({ domain: 'example.com', problems: [{ code: 'reported_domain_missing' }] });
  });

  test('a domain without a dot stands where the author has none either', async () => {
    const failure = await one(arf(['Reported-Domain: localhost'], { original: 'From: ann@localhost' }));
    expect(failure).toMatchObject({ domain: 'localhost' });
  });

  test('without any domain it is set aside, never stored for none', async () => {
    for (const fields of [[], ['Reported-Domain: ;'], ['Reported-Domain: not a domain!'], ['Reported-Domain: <>']]) {
      const outcome = await readAll(arf(fields, { original: 'Subject: hi' }));
      expect(outcome.failures).toEqual([]);
      expect(outcome.codes).toEqual(['reported_domain_missing']);
    }
  });
});

const NOTICE = [
  'A message claiming to be from you has failed the published DMARC policy for your domain.',
  '',
  '  Sender Domain: example.com',
  '  Sender IP Address: 203.0.113.68',
  '  Received date: Fri, 01 May 2026 23:16:09 +0200',
  '  SPF Alignment: no',
  '  DKIM Alignment: yes',
  '  DMARC Results: None, Accept',
  '',
  '------ This is a copy of the headers that were received before the error was detected.',
  '',
  'Received: from [203.0.113.68] (helo=client.example)',
  '\tby node04.gateway.example with esmtp (Exim 4.92)',
  'From: <ann.author@example.com>',
  'Subject: Payment from',
  ' your account.',
  'Message-Id: <134117F8@example.com>',
  '',
];

describe('a notice in prose that was quoted', () => {
  const quote = (mark: string) => NOTICE.map((line) => `${mark}${line}`);
  const mail = (lines: string[], more = '') => `From: ann@example.com\r\nSubject: Re: DMARC\r\n${more}\r\n${lines.join('\r\n')}`;
  const wanted = {
    form: 'notice',
    domain: 'example.com',
    source_ip: '203.0.113.68',
    identity_alignment: 'dkim',
    header_from: '<ann.author@example.com>',
    subject: 'Payment from your account.',
    message_id: '<134117F8@example.com>',
  };

  test.each([
    ['not at all', ''],
    ['with "> "', '> '],
    ['with ">"', '>'],
    ['twice', '> > '],
    ['twice, close', '>> '],
    ['with bars', '| '],
    ['indented', '  > '],
  ])('%s', async (_name, mark) => {
    expect(await one(mail(quote(mark)))).toMatchObject(wanted);
    const answered = ['What is this?', '', 'On Friday, the gateway wrote:', ...quote(mark), '', 'Regards'];
    expect(await one(mail(answered))).toMatchObject(wanted);
  });

  test('with its first sentence broken over lines', async () => {
    const lines = quote('> ');
    lines[0] = '> A message claiming to be from you\r\n> has failed the published DMARC policy';
    expect(await one(mail(lines))).toMatchObject(wanted);
  });

  test('in a mail that was forwarded', async () => {
    const forwarded = `Content-Type: message/rfc822\r\n\r\nFrom: gateway <no-reply@node01.gateway.example>\r\nSubject: DMARC\r\n`;
    expect(await one(mail(NOTICE, forwarded))).toMatchObject({ ...wanted, reporter: 'node01.gateway.example' });
  });

  test('without facts or header is set aside', async () => {
    for (const lines of [[NOTICE[0]!], [`> ${NOTICE[0]}`, '> '], [`> ${NOTICE[0]}`, '> Sender Domain:']]) {
      const outcome = await readAll(mail(lines));
      expect([outcome.failures, outcome.codes]).toEqual([[], ['reported_domain_missing']]);
    }
  });
});

test('everything that a report says is read, and what it says of the mail', async () => {
  const raw = arf(
    [
      'User-Agent: Filter/1.0',
      'Version: 1',
      'Original-Mail-From: <bounce@Example.com>',
      'Original-Rcpt-To: <bob@receiver.example>',
      'Original-Rcpt-To: <eve@receiver.example>',
      'Original-Envelope-Id: Q1',
      'Arrival-Date: Thu, 1 Oct 2026 10:00:00 +0000',
      'Reported-Domain: Example.com',
      'Auth-Failure: DKIM (bad);',
      'Auth-Failure: dmarc',
      'Authentication-Results: receiver.example; dmarc=fail header.from=example.com',
      'Delivery-Result: Reject;',
      'Identity-Alignment: DKIM, SPF',
      'Incidents: 3',
      'DKIM-Domain: D.Example.com',
      'DKIM-Selector: s1; old',
      'DKIM-Identity: @d.example.com',
    ],
    { original: 'From: Ann <ann@example.com>\r\nSubject: hi\r\nMessage-ID: <m1@example.com>' },
  );
  const { content_hash, ...report } = await one(raw);
  expect(content_hash).toMatch(/^[0-9a-f]{64}$/);
  expect(report).toEqual({
    kind: 'failure',
    form: 'arf',
    reporter: 'receiver.example',
    user_agent: 'Filter/1.0',
    domain: 'example.com',
    source_ip: '192.0.2.1',
    arrived: Date.UTC(2026, 9, 1, 10) / 1000,
    incidents: 3,
    auth_failure: ['dkim', 'dmarc'],
    identity_alignment: 'dkim, spf',
    delivery_result: 'reject',
    authentication_results: ['receiver.example; dmarc=fail header.from=example.com'],
    dkim_domain: 'd.example.com',
    dkim_selector: 's1',
    dkim_identity: '@d.example.com',
    original_envelope_id: 'Q1',
    original_mail_from: '<bounce@Example.com>',
    original_rcpt_to: ['<bob@receiver.example>', '<eve@receiver.example>'],
    header_from: 'Ann <ann@example.com>',
    subject: 'hi',
    message_id: '<m1@example.com>',
    redacted: false,
    problems: [],
  });
});

test.each([
  ['Source-IP: [2001:DB8::1]', '2001:db8::1', []],
  ['Source-IP: mail.example.com [192.0.2.7]', '192.0.2.7', []],
  ['Source-IP: nobody', null, ['source_ip_invalid']],
  ['X-Nothing: here', null, ['source_ip_missing']],
])('%s is the address %j', async (field, address, problems) => {
  const report = await one(arf(['Reported-Domain: example.com']).replace('Source-IP: 192.0.2.1', field));
  expect([report.source_ip, report.problems.map(({ code }) => code)]).toEqual([address, problems]);
});

test('times from 1970 to 9999 are times', async () => {
  const arrived = async (date: string) => {
    const { arrived: at, problems } = await one(arf([`Arrival-Date: ${date}`, 'Reported-Domain: example.com']));
    return [at, ...problems.map(({ code }) => code)];
  };
  expect(await arrived('Thu, 1 Jan 1970 00:00:00 +0000')).toEqual([0]);
  expect(await arrived('Wed, 31 Dec 1969 23:59:59 +0000')).toEqual([null, 'time_unreadable']);
});
