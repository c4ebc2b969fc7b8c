import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { composeMail } from '../../services/alerter/mail/message.ts';
import { renderFinding } from '../../services/mails/render-finding.ts';
import type { FindingEvent } from '../../services/store/alerts/outbox.ts';
import { evidenceOf, FINDINGS, unversioned } from '../alerter/events.ts';

const golden = (kind: string) => readFileSync(path.join(import.meta.dirname, '../alerter/golden', `${kind}.txt`), 'utf8');
const FOLD = `\n${'_'.repeat(78)}\nFor psql:\n`;
const beforeFold = (text: string) => text.split(FOLD)[0]!.trimEnd().split('\n');
const beforeActions = (text: string) => text.split('\nIn ruawatch:\n')[0]!.split(FOLD)[0]!.trimEnd().split('\n');
const event = (over: Partial<FindingEvent>): FindingEvent => ({ ...FINDINGS.unauthorized_source!, ...over });

describe('a finding as text', () => {
  test.each(Object.keys(FINDINGS))('%s reads as it was written by hand', (kind) => {
    const { subject, text } = renderFinding(FINDINGS[kind]!);
    expect(`Subject: ${subject}\n\n${text}`).toBe(golden(kind));
  });

  test.each(Object.keys(FINDINGS))('%s of an older version, without facts, says the same by its stored sentences', (kind) => {
    const { subject, text } = renderFinding({ ...FINDINGS[kind]!, ...evidenceOf(unversioned(FINDINGS[kind]!)) });
    const { summary, domain } = FINDINGS[kind]!;
    expect(subject).toContain(summary.slice(0, 40));
    expect(subject).toContain(domain);
    // Which senders it is about is known by its facts alone.
    const without = (whole: string) => whole.replace(/^ {2}ruawatch (?:senders|.*--as expected) .*\n/gm, '');
    expect(text).toBe(without(renderFinding(FINDINGS[kind]!).text));
  });

  test('what is absent is not shown', () => {
    const { subject, text, html } = renderFinding(
      event({ summary: 'odd mail', ...evidenceOf({}), severity: 'info', confidence: 0.2 }),
    );
    expect(subject).toBe('[ruawatch] example.com: odd mail (info)');
    expect(text).toBe(`example.com: odd mail
Info severity: unauthorized source, finding 17.

How sure    a guess (20%)

In ruawatch:
  ruawatch findings ack 17 --why "being worked on"
  ruawatch findings resolve 17 --as false --why "false alarm"
  ruawatch findings show 17

${'_'.repeat(78)}
For psql:

select * from dmarc.findings where finding_key = 17;
`);
    expect(html).not.toMatch(/undefined|null|NaN|How many/);
  });

  test('who has yet to speak of the last day is said beside those who have', () => {
    const evidence = {
      last_day: '2026-11-26',
      reporters: ['google.com'],
      missing: ['Yahoo', 'gmx.net', 'mail.ru', 'a.example', 'b.example'],
    };
    const { text } = renderFinding(event({ summary: 'x', ...evidenceOf(evidence), confidence: 0.95 }));
    expect(text.replace(/\s+/g, ' ')).toContain(
      'How sure very sure (95%); reported by google.com Not heard no report for 2026-11-26 from Yahoo, gmx.net, mail.ru, a.example and b.example',
    );
  });

  test('the owner and country of a network stand in its line, or below it', () => {
    const who = [
      { source: '203.0.113.0/24', messages: 1204, delivered: 0, asn: 24_940, owner: 'Hetzner', country: 'DE' },
      {
        source: '2001:db8:7::/48',
        messages: 9,
        delivered: 0,
        host: 'mta7.mail.crm.example',
        service: 'CRM',
        asn: 64_500,
        owner: 'Example Net',
        country: 'NL',
      },
    ];
    const { text, html } = renderFinding(event({ summary: 'x', ...evidenceOf({ who, senders: 2 }) }));
    expect(text).toContain(`Who         203.0.113.0/24   1,204 messages  AS24940 Hetzner, DE
            2001:db8:7::/48      9 messages
              mta7.mail.crm.example (CRM), AS64500 Example Net, NL
`);
    expect(html).toContain('AS24940 Hetzner, DE');
    expect(html).toContain('mta7.mail.crm.example (CRM), AS64500 Example Net, NL');
  });

  test('of a reporter that is silent it is said what it would have told, and not that it reported', () => {
    const evidence = { reporters: ['gmx'], messages: 0, of: 786 };
    const { text } = renderFinding(event({ kind: 'reporter_silent', summary: 'x', ...evidenceOf(evidence), confidence: 0.92 }));
    expect(text).toContain('How many    0 of about 786 expected messages\n');
    expect(text).toContain('How sure    very sure (92%)\n');
  });

  test('a resolved finding has three lines: why, how much it was, and where its history is', () => {
    const evidence = {
      ...(FINDINGS.unauthorized_source!.stored as object),
      ended: { reason: 'no_such_mail', days: 14 },
    };
    const rendered = renderFinding(event({ event: 'resolved', ...evidenceOf({ ...evidence, senders: 11 }) }));
    expect(rendered.subject).toBe('[ruawatch] Not seen for 14 days: unauthenticated mail as example.com');
    expect(rendered.text).toBe(`203.0.113.0/24 and 10 more: no such mail on the last 14 report days. Reports
do not show whether the cause is gone: it may come again.
It was 1,610 messages from 2026-10-03 to 2026-10-05, 1,500 of them delivered.
Its history: ruawatch findings show 17
`);
    expect(rendered.html.match(/<p /g)).toHaveLength(3);
  });

  test('a first mail that tells a change shows no "Changed"', () => {
    expect(renderFinding(event({ event: 'changed', revision: 2 }), 'opened').subject).toBe(
      '[ruawatch] 8 networks send as example.com without authentication (critical)',
    );
  });

  test('whatever the evidence, the text before the commands fits a screen and holds nothing unprintable', () => {
    const value = fc.oneof(fc.string({ unit: 'binary', maxLength: 400 }), fc.double(), fc.constant(null), fc.lorem());
    const evidence = fc.record(
      {
        what: value,
        senders: value,
        resolved_why: value,
        who: fc.oneof(value, fc.array(fc.record({ source: value, messages: value }), { maxLength: 20 })),
        messages: value,
        of: value,
        share: value,
        since: value,
        last_day: value,
        reporters: fc.oneof(value, fc.array(value, { maxLength: 20 })),
        delivered: value,
        mechanism: fc.oneof(value, fc.constantFrom('dkim', 'spf', 'both', 'valueOf', 'constructor')),
        advice: fc.array(value, { maxLength: 10 }),
        query: value,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        evidence,
        fc.string({ unit: 'binary' }),
        fc.constantFrom('opened', 'changed', 'resolved'),
        (e, summary, telling) => {
          const { subject, text, html } = renderFinding(event({ ...evidenceOf(e), summary, event: telling }));
          const lines = beforeFold(text);
          expect(beforeActions(text).length).toBeLessThanOrEqual(42);
          expect(lines.length).toBeLessThanOrEqual(35);
          expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(78);
          expect(text).not.toMatch(/[\p{Cf}\p{Cs}\p{Co}]|[^\P{Cc}\n]/u);
          expect(html).not.toMatch(/[\p{Cf}\p{Cs}\p{Co}]|[^\P{Cc}\n]/u);
          expect(subject).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
          expect([...subject].length).toBeLessThan(78);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('links', () => {
  const service = { name: 'SendGrid', align: 'Publish three records.', source: 'https://docs.sendgrid.example/a?b=c#d' };
  const facts = { ...(FINDINGS.alignment_failure!.stored as { facts: object }).facts, service };
  const found = { ...FINDINGS.alignment_failure!, ...evidenceOf({ ...(FINDINGS.alignment_failure!.stored as object), facts }) };

  test('the page of the catalogue and that of the console are links, and nothing else is', () => {
    const { html, text } = renderFinding(found, 'opened', 'https://ruawatch.example.org');
    expect([...html.matchAll(/<a class="link" href="([^"]*)"/g)].map(([, to]) => to)).toEqual([
      service.source,
      'https://ruawatch.example.org/findings/18',
    ]);
    expect(text).toContain(service.source);
    expect(text).toContain('\n  https://ruawatch.example.org/findings/18\n');
  });

  test('a name that repeats a page of the catalogue, or writes one of its own, is no link', () => {
    const who = [{ source: `${service.source} https://evil.example`, messages: 1 }];
    const hostile = { ...found, ...evidenceOf({ ...(found.stored as object), who }), domain: 'https://evil.example/' };
    const { html } = renderFinding(hostile, 'opened', null);
    expect([...html.matchAll(/href="([^"]*)"/g)].map(([, to]) => to)).toEqual([service.source]);
    expect(html).not.toContain('https://evil');
  });

  test('the HTML has no SQL', () => {
    for (const finding of Object.values(FINDINGS)) expect(renderFinding(finding).html).not.toMatch(/select [\s\S]* from|psql/i);
  });
});

describe('hostile evidence', () => {
  const attack = event({
    summary: 'x\r\nBcc: victim@example.net\r\n\r\n<script>alert(1)</script>',
    severity: 'high',
    domain: 'example.com"><img src=x onerror=alert(1)>',
    kind: '<b>kind</b>',
    ...evidenceOf({
      what: '<img src="https://evil.example/pixel.gif">\u202Etxt.exe\u2066',
      who: [
        { source: "'><a href='https://evil.example'>click</a>\u0000", messages: 3 },
        'not an object',
        { source: {}, messages: -1 },
      ],
      messages: 3,
      of: 3,
      reporters: ['</td></table><style>*{display:none}</style>', 'a\u200Bb\uFEFF', '\uD800'],
      advice: ['<form action=https://evil.example>'],
      query: "select '</pre><script>alert(2)</script>', '\u202E\u0007'\r\n;",
    }),
  });

  test('writes no tag, no link and no invisible character', () => {
    const { html, text } = renderFinding(attack);
    expect(html).not.toMatch(/<(?:script|img|a|form|b)\b/i);
    expect(html.match(/<style>/g)).toHaveLength(1);
    expect(html).not.toMatch(/<[^>]*\s(?:src|href|action|on\w+)=/);
    expect(html).toContain('&lt;img src=&quot;https[:]//evil.example/pixel.gif&quot;&gt;txt.exe');
    expect(text).not.toContain('://');
    expect(text).toContain("select '</pre><script>alert(2)</script>', ' '\n;");
  });

  test('writes no header', async () => {
    const content = renderFinding(attack);
    const raw = await composeMail({
      from: 'ruawatch@example.org',
      to: ['admin@example.org'],
      message_id: '<finding-1-1-opened.abc@example.org>',
      inReplyTo: null,
      date: attack.at,
      urgent: false,
      content,
    });
    const head = raw.toString('latin1').split('\r\n\r\n')[0]!;
    expect(head.split('\r\n').map((line) => (/^[\w-]+(?=:)/.exec(line) ?? ['(folded)'])[0])).not.toContain('Bcc');
    expect(head).toMatch(/^Date: Tue, 06 Oct 2026 07:30:00 \+0000\r$/m);
    expect(raw.toString('latin1')).not.toMatch(/[^\r]\n|\r[^\n]/);
  });
});
