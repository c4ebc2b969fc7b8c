import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { subdomainAbuse } from '../../../services/analyzer/rules/subdomain_abuse.ts';
import { unauthorizedSource } from '../../../services/analyzer/rules/unauthorized_source.ts';
import type { DomainWindow } from '../../../services/analyzer/rules/window.ts';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import type { SubdomainName } from '../../../services/store/rollups/subdomain-days.ts';
import { DAY, receive, reportMail, reportXml, type TestRow, trusting } from '../../helpers/report.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, DOMAIN, domainDays, domainWindow, onFile, REPORTERS, row, span, TODAY, wordsFor } from '../rows.ts';
import { expectLives } from './invented-lives.ts';

const net = (n: number) => ({ source: `198.18.${n}.0/24` });
const open = (rows: SourceDay[]): SourceDay[] =>
  rows.map((r) => ({ ...r, rejected: 0, delivered: r.messages, failed_delivered: r.messages }));
const named = (...names: [string, boolean][]): Pick<DomainWindow, 'names'> => ({
  names: { largest: names.map(([name, used], i): SubdomainName => ({ name, used, messages: 100 - i })), names: names.length },
});
const both = (rows: SourceDay[], extra: Partial<DomainWindow> = {}) => {
  const window = domainWindow(rows, extra);
  return { below: subdomainAbuse.find(window), domain: unauthorizedSource.find(window) };
};

describe('subdomain_abuse', () => {
  test('a name that nobody uses: who, how much, which policy applies, and what to publish; no other alarm for the same mail', () => {
    const { below, domain } = both(open(span(3, 0, 'below', 20, REPORTERS, net(1))), {
      ...named(['billing.example.com', false]),
      policy: 'p=quarantine; sp=none; np=none; adkim=r; aspf=r',
    });
    expect(domain).toEqual([]);
    expect(below).toMatchObject([
      {
        kind: 'subdomain_abuse',
        subject: DOMAIN,
        severity: 'medium',
        first_day: ago(3),
        last_day: TODAY,
        evidence: {
          messages: 240,
          delivered: 240,
          policy: 'sp=none',
          names: [{ name: 'billing.example.com', used: false }],
          names_in_all: 1,
          query: expect.stringContaining("= '.example.com'"),
        },
      },
    ]);
    expect(wordsFor(below[0])).toMatchObject({
      summary: expect.stringMatching(/^1 network sends as billing\.example\.com without authentication: 240 messages/),
      what: expect.stringMatching(/No passing mail was ever seen under that name\. sp=none lets it through\./),
      advice: [expect.anything(), expect.stringMatching(/np=reject/), expect.stringMatching(/sp=quarantine/)],
    });
  });

  test.each([
    [
      'p=reject; sp=reject; np=reject',
      'p=reject',
      /p=reject, which applies to subdomains too, asks receivers to refuse it\./,
      /there is nothing else to do/,
    ],
    [
      'p=reject; sp=none; np=reject',
      'sp=none; np=reject',
      /names that exist, sp=none lets it through; for others, np=reject asks/,
      /Publish sp=reject/,
    ],
    ['p=reject; sp=quarantine; np=quarantine; t=y', 'sp=quarantine', /one step less while t=y/, /np=reject/],
    [null, undefined, /not known/, /np=reject/],
  ])('under %s it says what applies', (policy, tag, what, advice) => {
    const [finding] = subdomainAbuse.find(
      domainWindow(span(2, 0, 'below', 20, REPORTERS, net(1)), { ...named(['a.example.com', false]), policy }),
    );
    expect(finding!.evidence.policy).toBe(tag);
    expect(wordsFor(finding).what).toMatch(what);
    expect(wordsFor(finding).advice.join(' ')).toMatch(advice);
  });

  test('a name in use is said to be, is graver, and np is no answer to it', () => {
    const rows = open(span(3, 0, 'below', 60, REPORTERS, net(1)));
    const policy = 'p=reject; sp=none; np=none';
    const [unused] = subdomainAbuse.find(domainWindow(rows, { ...named(['news.example.com', false]), policy }));
    const [used] = subdomainAbuse.find(domainWindow(rows, { ...named(['news.example.com', true]), policy }));
    expect([unused!.severity, used!.severity]).toEqual(['medium', 'high']);
    expect(wordsFor(used).what).toContain('Passing mail has also been seen under news.example.com.');
    expect(wordsFor(used).advice.join(' ')).not.toContain('np=reject');
  });

  test('a flood of names is one finding that counts them', () => {
    const { names } = named(...Array.from({ length: 200 }, (_, i): [string, boolean] => [`n${i}.example.com`, false]));
    const rows = Array.from({ length: 30 }, (_, n) => span(1, 0, 'below', 2, REPORTERS, net(n))).flat();
    const [finding, ...more] = subdomainAbuse.find(domainWindow(rows, { names: { ...names, names: 41_000 } }));
    expect(more).toEqual([]);
    expect(wordsFor(finding).summary).toMatch(
      /^30 networks send as 41,000 names below example\.com \(such as n0\.example\.com\) without/,
    );
    expect(finding!.evidence.names).toHaveLength(10);
    expect(wordsFor(finding).what).toContain('under any of the 200 most used.');
  });

  test('networks that forge the domain and names below it are one incident, told as what most of their mail is', () => {
    const mixed = (a: number, b: number) => [
      ...span(2, 0, 'unauthenticated', a, REPORTERS, net(1)),
      ...span(2, 0, 'below', b, REPORTERS, net(1)),
    ];
    const mostlyDomain = both(mixed(20, 15));
    expect([mostlyDomain.below.length, mostlyDomain.domain[0]?.evidence.messages]).toEqual([0, 315]);
    const mostlyBelow = both(mixed(15, 20));
    expect([mostlyBelow.below[0]?.evidence.messages, mostlyBelow.domain.length]).toEqual([315, 0]);
    // An open finding keeps its networks, whatever they turn to.
    const known = [onFile(mostlyBelow.below[0]!)];
    const later = both(mixed(40, 15), { known });
    expect([later.below[0]?.evidence.messages, later.domain.length]).toEqual([495, 0]);
  });

  test('networks of their own forging both are two', () => {
    const rows = [...span(2, 0, 'unauthenticated', 20, REPORTERS, net(1)), ...span(2, 0, 'below', 10, REPORTERS, net(2))];
    const { below, domain } = both(rows);
    expect(below[0]?.evidence.who).toMatchObject([{ source: net(2).source, messages: 90 }]);
    expect(domain[0]?.evidence.who).toMatchObject([{ source: net(1).source, messages: 180 }]);
  });

  test.each<[string, SourceDay[]]>([
    ['a trickle', [row(ago(0), 'below', 2, net(1)), row(ago(1), 'below', 2, net(2))]],
    ['a habit of a month', Array.from({ length: 20 }, (_, n) => span(41, 0, 'below', 1, [REPORTERS[n % 3]!], net(n))).flat()],
    ['one unknown reporter', [row(ago(0), 'below', 5000, { ...net(1), reporter: 'forged.example' })]],
  ])('%s raises nothing', (_, rows) => {
    expect(both(rows)).toEqual({ below: [], domain: [] });
  });

  test('it is over after seven report days without', () => {
    const [then] = subdomainAbuse.find(domainWindow(span(6, 0, 'below', 20, REPORTERS, net(1))));
    const finding = onFile({ ...then!, last_day: ago(8) });
    expect(subdomainAbuse.over(finding, domainWindow([], { domainDays: domainDays([]) }))).toEqual({
      reason: 'no_such_mail',
      days: 7,
      unusual: true,
    });
    expect(subdomainAbuse.over({ ...finding, last_day: ago(3) }, domainWindow([]))).toBeNull();
  });
});

describe('through the real store', () => {
  let f: Fixture;
  beforeEach(async () => {
    f = await fixture();
  });
  afterEach(() => f.close());

  test('reports of a month, then a flood of made-up names: one finding with the names, and none of another kind', async () => {
    const nothing = { dkim: 'fail', spf: 'fail', auth_dkim: null, auth_spf: null } as const;
    const mails = [];
    for (let d = 30; d >= 0; d--) {
      for (const org of REPORTERS) {
        const rows: TestRow[] = [
          { ip: '192.0.2.1', count: 200 },
          { ip: '192.0.2.1', count: 5, header_from: 'news.example.com' },
        ];
        if (d <= 2) {
          for (let i = 0; i < 12; i++) rows.push({ ip: '198.18.1.7', count: 3, header_from: `pay${i}.Example.com`, ...nothing });
          rows.push({ ip: '198.18.1.7', count: 9, header_from: 'news.example.com', ...nothing });
        }
        const begin = Date.parse(`${ago(d)}T00:00:00Z`) / 1000;
        mails.push(
          reportMail(reportXml({ org, id: `${org}-${d}`, begin, end: begin + DAY - 1, rows }), { unique: `${org}-${d}` }),
        );
      }
    }
    await parseMessages(f.t.db, await receive(f.t, mails), { trust: trusting('off') });
    await f.analyze();
    const found = await f.findings();
    expect(found.map(({ kind, first_day }) => ({ kind, first_day }))).toEqual([{ kind: 'subdomain_abuse', first_day: ago(2) }]);
    const { evidence } = found[0]!;
    expect(evidence).toMatchObject({
      messages: 405,
      names_in_all: 13,
      policy: 'p=reject',
      who: [{ source: '198.18.1.0/24', messages: 405 }],
    });
    expect(evidence.names).toContainEqual({ name: 'news.example.com', messages: 81, used: true });
    expect(evidence.names).toContainEqual({ name: 'pay0.example.com', messages: 27, used: false });
    const { rows } = await f.t.db.query(evidence.query);
    expect(rows.reduce((n, r) => n + Number(r.messages), 0)).toBe(405);
  });
});

test('what it says of invented domains is as it was', () => expectLives('subdomain_abuse'));
