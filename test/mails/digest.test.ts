import { describe, expect, test } from 'vitest';
import { countsOf, renderDigest } from '../../services/mails/digest.ts';
import { FINDINGS } from '../alerter/events.ts';
import { bodyOf, CASES, expectGolden } from './cases.ts';

describe('a digest', () => {
  const items = Object.values(FINDINGS).map((finding) => ({ event: finding, step: finding.event }));

  test('lists each finding in two to four lines', () => {
    expect(renderDigest({ items, beyond: 0, domains: 1, perHour: 10, perDomain: 10 })).toMatchObject({
      subject: '[ruawatch] 4 findings in 1 domain, combined (critical)',
      text: `More than 10 alerts were due within an hour; the rest are combined here.

Critical: 8 networks send as example.com without authentication
    finding 17; 1,610 of 12,400 messages of the domain (13%): 1,500 delivered,
    60 quarantined, 50 rejected; since 2026-10-03, last seen 2026-10-05; …
Medium: sendgrid.net sends as example.com unaligned
    finding 18; all 4,210 messages from it: 4,210 delivered; since 2026-09-28,
    last seen 2026-10-05; fairly sure (81%); reported by google.com and Yahoo
Critical: DKIM fails at mail.example.com
    finding 19; changed, 9,120 of 9,131 messages from it (99.9%): 20
    delivered, 9,100 rejected; since 2026-10-01, last seen 2026-10-05; very …
High: Weakened policy of example.com: p=reject → p=none
    finding 20; since 2026-10-04, last seen 2026-10-05; more likely than not
    (66%); reported by google.com and Yahoo

In ruawatch, such as about finding 17:
  ruawatch findings ack 17 --why "being worked on"
  ruawatch findings resolve 17 --as false --why "false alarm"
  ruawatch findings show 17

${'_'.repeat(78)}
For psql:

select * from dmarc.findings where finding_key in (17, 18, 19, 20);
`,
    });
  });

  test('counts what it does not list', () => {
    const { subject, text, html } = renderDigest({ items, beyond: 1_200, domains: 800, perHour: 1, perDomain: 1 });
    expect(subject).toBe('[ruawatch] 1,204 findings in 800 domains, combined (critical)');
    expect(text).toContain('More than 1 alert were due within an hour');
    expect(html).toContain('and 1,200 more findings: &quot;ruawatch findings&quot; lists all that are open.');
  });
});

test('digests of one, of several steps, of two domains, and of more than is listed', () => {
  const all = Object.values(CASES);
  const digests = {
    'one finding, with the console': {
      items: all.slice(0, 1),
      beyond: 0,
      domains: 1,
      perHour: 1,
      perDomain: 1,
      console: 'https://console.example',
    },
    'every step': { items: all.slice(0, 8), beyond: 0, domains: 1, perHour: 10, perDomain: 9 },
    'two domains, one more': {
      items: [all[0]!, { ...all[0]!, event: { ...all[0]!.event, domain: 'b.example', finding_key: 99 } }],
      beyond: 1,
      domains: 2,
      perHour: 10,
      perDomain: 10,
    },
    'long names, many more': { items: all.slice(-3), beyond: 1200, domains: 800, perHour: 20, perDomain: 21 },
    'every case': { items: all, beyond: 0, domains: 2, perHour: 2, perDomain: 3 },
    'what stood at the first analysis': {
      items: all.slice(0, 8),
      beyond: 0,
      domains: 1,
      perHour: 10,
      perDomain: 10,
      standing: true as const,
    },
    'more of it than is listed': {
      items: all.slice(0, 2),
      beyond: 1200,
      domains: 700,
      perHour: 10,
      perDomain: 10,
      standing: true as const,
      counts: { critical: 2, low: 1200 },
    },
    'nothing is known': { items: [CASES['nothing is known']!], beyond: 0, domains: 1, perHour: 2, perDomain: 1 },
  };
  const parts = Object.entries(digests).map(([name, digest]): [string, string] => {
    const { subject, text, html } = renderDigest(digest);
    return [name, `Subject: ${subject}\n\n${text}\n${bodyOf(html)}`];
  });
  return expectGolden('digests.txt', Object.fromEntries(parts));
});

test('severities are counted, the gravest first, and none that there is not', () => {
  const counts = countsOf(['low', 'critical', 'low', 'medium']);
  expect(Object.entries(counts)).toEqual([
    ['critical', 1],
    ['medium', 1],
    ['low', 2],
  ]);
  expect(countsOf([])).toEqual({});
});
