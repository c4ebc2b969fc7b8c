import { describe, expect, test } from 'vitest';
import { hostNameOf } from '../../services/report/hostname.ts';
import { readMessage } from '../../services/report/read-mail.ts';

describe('a host name', () => {
  test.each([
    ['example.com', 'example.com'],
    ['Example.COM.', 'example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['BÜCHER.example', 'xn--bcher-kva.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['пример.рф', 'xn--e1afmkfd.xn--p1ai'],
    ['_spf.mail_1.example.com', '_spf.mail_1.example.com'],
    ['bank', 'bank'],
    ['3com.co.uk', '3com.co.uk'],
    // The domains of a host are its customers', and no registry's.
    ['a_b.github.io', 'a_b.github.io'],
    [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
    [`${'a.'.repeat(123)}example`, `${'a.'.repeat(123)}example`],
  ])('%j is read as %j', (text, name) => {
    expect(hostNameOf(text)).toBe(name);
  });

  test.each([
    '',
    '.',
    'a b.example',
    'example.com\r\nBcc: x@evil.example',
    'example.com\u0000',
    'evil\u0007.example',
    'x@example.com',
    'example.com..',
    'a..example.com',
    '.example.com',
    '-a.example',
    'a-.example',
    'ex_ample.com',
    '192.0.2.1',
    '[2001:db8::1]',
    'example.com/path',
    'example.com:25',
    '*.example.com',
    'example.com;',
    'moc.elpmaxe\u202e.example',
    'goo\u200bgle.com',
    'a\u3002b.example',
    '\u{1f4a9}.example',
    'b\u00fc%2ecom',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(124)}example`,
    `${'a'.repeat(300)}.example`,
  ])('%j is none', (text) => {
    expect(hostNameOf(text)).toBeNull();
  });
});

const report = (domain: string, from: string) => `<?xml version="1.0"?>
<feedback><report_metadata><org_name>Example</org_name><email>dmarc@reporter.example</email><report_id>1</report_id>
<date_range><begin>1700006400</begin><end>1700092799</end></date_range></report_metadata>
<policy_published>${domain}<p>none</p></policy_published>
<record><row><source_ip>192.0.2.1</source_ip><count>3</count><policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row>
<identifiers><header_from>${from}</header_from></identifiers><auth_results/></record></feedback>`;

async function read(xml: string) {
  const events = [];
  for await (const event of readMessage(Buffer.from(xml), { name: 'r.xml' })) events.push(event);
  return events;
}

describe('the domain of a report', () => {
  test('what is no host name is refused with a code, and nothing of it stands raw in the sentence', async () => {
    for (const bad of ['a b', 'x&#13;&#10;Bcc: you@evil.example', 'evil\u202e.example', `${'a'.repeat(300)}.example`]) {
      const events = await read(report(`<domain>${bad}</domain>`, 'example.com'));
      const refused = events.find((event) => event.type === 'refused');
      expect(refused?.type === 'refused' && refused.problem.code).toBe('policy_domain_invalid');
      expect(refused?.type === 'refused' && refused.problem.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(events.some((event) => event.type === 'report')).toBe(false);
    }
  });

  test('a U-label is its A-label', async () => {
    const events = await read(report('<domain>Bücher.example</domain>', 'bücher.example'));
    expect(events.find((event) => event.type === 'report')).toMatchObject({ report: { domain: 'xn--bcher-kva.example' } });
  });

  test('an odd header_from is kept as it came, and the report with it', async () => {
    const events = await read(report('<domain>example.com</domain>', 'a b\u202e.example.com'));
    expect(events.find((event) => event.type === 'report')).toMatchObject({ report: { domain: 'example.com', messages: 3 } });
    expect(events.find((event) => event.type === 'records')).toMatchObject({
      records: [{ header_from: 'a b\u202e.example.com', count: 3 }],
    });
  });

  test('without one, an odd header_from does not take its place', async () => {
    const events = await read(report('', 'a b.example.com'));
    expect(events.find((event) => event.type === 'report')).toMatchObject({ report: { domain: '', messages: 3 } });
  });
});
