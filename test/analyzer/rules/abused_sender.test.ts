import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { abusedSender } from '../../../services/analyzer/rules/abused_sender.ts';
import { ruleOf } from '../../../services/analyzer/rules/index.ts';
import { weakenedSince } from '../../../services/analyzer/rules/weakened_sender.ts';
import type { SourceWindow } from '../../../services/analyzer/rules/window.ts';
import type { Sender } from '../../../services/analyzer/senders/catalogue.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, DOMAIN, merged, onFile, REPORTERS, sourceWindow, span, TODAY, wordsFor } from '../rows.ts';
import { expectLives } from './invented-lives.ts';

const HOSTER = { source: '192.0.2.0/24' };
const SERVICE = { source: 'mailer.example' };
const service = (kind: Sender['kind']): Sender => ({
  id: 'mailer',
  name: 'Mailer',
  kind,
  dkim_domains: ['mailer.example'],
  spf_domains: [],
  include: [],
  reverse_suffixes: [],
  align: 'Publish its CNAMEs.',
  source: null,
  checked: null,
  records: [],
});
const found = (rows: readonly SourceDay[], extra: Partial<SourceWindow> = {}) => abusedSender.find(sourceWindow(rows, extra));
const signed = (n: number, to = 0, from = 41) => span(from, to, 'both', n, REPORTERS, HOSTER);
const unsigned = (from: number, to: number, n: number) => span(from, to, 'spf', n, REPORTERS, HOSTER);
const foreign = (from: number, to: number, n: number, extra = {}) =>
  span(from, to, 'foreignDkim', n, REPORTERS, { ...SERVICE, ...extra });

describe('unsigned mail that passes SPF beside our signed mail at one hoster', () => {
  test.each([10, 100, 2000])('%i messages a day and reporter for three days are told of as what SPF cannot see', (n) => {
    const [finding] = found([...signed(100), ...unsigned(2, 0, n)]);
    expect(finding).toMatchObject({
      kind: 'unauthorized_source',
      subject: HOSTER.source,
      severity: 9 * n >= 1000 ? 'high' : 'medium',
      first_day: ago(2),
      evidence: { messages: 9 * n, facts: { rule: 'abused_sender', how: 'unsigned' } },
    });
    expect(wordsFor(finding).title).toBe(`Unsigned mail as ${DOMAIN} from ${HOSTER.source}`);
    expect(finding!.confidence).toBeGreaterThan(0.7);
  });

  test.each([10, 100, 2000])('%i a day of a server by whose names it is ours are its bounces and automatic replies', (n) => {
    const rows = [...signed(100), ...unsigned(2, 0, n)];
    expect(found(rows, { own: true, ownByName: true })).toEqual([]);
    // An SPF record may admit a whole network of a hoster.
    expect(found(rows, { own: true, ownByName: false, admittedBy: 'ip4:192.0.2.0/24' })).toHaveLength(1);
  });

  const twins: [string, SourceDay[]][] = [
    ['our mail was never signed', unsigned(41, 0, 100)],
    ['our mail is signed in part', [...signed(100), ...unsigned(41, 0, 20)]],
    ['our server stopped signing', [...signed(100, 3), ...unsigned(2, 0, 100)]],
    ['half of it stopped signing', [...signed(100, 3), ...signed(50, 0, 2), ...unsigned(2, 0, 50)]],
    ['a campaign with its usual noise', [...signed(100, 3), ...unsigned(41, 3, 1), ...signed(900, 0, 2), ...unsigned(2, 0, 9)]],
    ['a few messages', [...signed(100), ...unsigned(1, 0, 2)]],
    [
      'a key that broke for a part',
      [...signed(100), ...unsigned(2, 0, 20).map((row) => ({ ...row, dkim_broken: row.messages }))],
    ],
  ];
  test.each(twins)('%s: nothing', (_, rows) => {
    expect(found(rows)).toEqual([]);
  });

  test('goes on while such mail comes, and is over after a week without', () => {
    const [finding] = found([...signed(100), ...unsigned(6, 4, 100)]);
    expect(finding).toBeDefined();
    const open = onFile({ ...finding!, first_day: ago(20) });
    expect(found([...signed(100), ...unsigned(20, 0, 100)], { known: [open] })[0]).toMatchObject({
      first_day: ago(20),
      last_day: TODAY,
    });
    const old = onFile({ ...finding!, last_day: ago(8) });
    expect(found(signed(100), { known: [old] })).toEqual([]);
    expect(abusedSender.over(old, sourceWindow(signed(100), { known: [old] }))).toMatchObject({ reason: 'no_such_mail' });
    expect(ruleOf(old, DOMAIN)).toBe(abusedSender);
  });
});

describe('unsigned mail of a source that was silent for weeks after signed mail', () => {
  const signedUntil = (to: number, n = 10) => span(to + 20, to, 'both', n, REPORTERS, HOSTER);
  const back = (n: number, kind: 'spf' | 'both' = 'spf', extra = {}) => span(2, 0, kind, n, REPORTERS, { ...HOSTER, ...extra });
  const split = (rows: readonly SourceDay[]) => ({
    rows: rows.filter(({ day }) => day >= ago(41)),
    past: rows.filter(({ day }) => day < ago(41)),
  });
  const seen = (rows: readonly SourceDay[], extra: Partial<SourceWindow> = {}) => {
    const { rows: newest, past } = split(rows);
    return found(newest, { past, ...extra });
  };

  // The first day of the return is two days ago.
  test.each([16, 30, 41, 60])('whose mail ended %i days ago is told of, whatever the window shows of it', (end) => {
    const [finding] = seen([...signedUntil(end), ...back(4)]);
    expect(finding).toMatchObject({
      kind: 'unauthorized_source',
      subject: HOSTER.source,
      severity: 'medium',
      first_day: ago(2),
      evidence: { messages: 36, of: 36, facts: { how: 'returned', last_before: ago(end) } },
    });
    expect(wordsFor(finding).what).toContain(`ended on ${ago(end)}`);
    expect(weakenedSince(sourceWindow(split([...signedUntil(end), ...back(4)]).rows, split(signedUntil(end))), null)).toBeNull();
  });

  const half = (rows: SourceDay[]) => rows.map((row) => ({ ...row, dkim_broken: row.messages }));
  const twins: [string, SourceDay[], Partial<SourceWindow>][] = [
    ['its last mail is 13 days old', [...signedUntil(15), ...back(4)], {}],
    ['it returns with its signature', [...signedUntil(30), ...back(40, 'both')], {}],
    ['it never signed', [...span(60, 30, 'spf', 10, REPORTERS, HOSTER), ...back(40)], {}],
    [
      'it signed for nine of ten messages',
      [...signedUntil(30, 9), ...span(50, 30, 'spf', 1, REPORTERS, HOSTER), ...back(40)],
      {},
    ],
    ['it signs with a key that does not verify', [...signedUntil(30), ...half(back(40))], {}],
    ['most of what comes back fails', [...signedUntil(30), ...back(4), ...span(2, 0, 'foreign', 10, REPORTERS, HOSTER)], {}],
    ['19 messages come back', [...signedUntil(30), ...span(0, 0, 'spf', 19, ['google.com'], HOSTER)], {}],
    ['six days are known from before', [...span(35, 30, 'both', 10, REPORTERS, HOSTER), ...back(4)], {}],
    ['it came back more than two weeks ago', [...signedUntil(40), ...span(14, 0, 'spf', 4, REPORTERS, HOSTER)], {}],
    ['it is a pool of a mail service', [...signedUntil(30), ...back(4)], { sender: service('transactional') }],
    ['a person approved it', [...signedUntil(30), ...back(4)], { listed: { verdict: 'approved' } as SourceWindow['listed'] }],
  ];
  test.each(twins)('%s: nothing', (_, rows, extra) => {
    expect(seen(merged(rows), extra)).toEqual([]);
  });

  test('is told of at a hoster that is known, and of a network that has a name of ours', () => {
    const rows = [...signedUntil(30), ...back(4)];
    expect(seen(rows, { sender: service('hosting') })[0]?.evidence.facts).toMatchObject({ how: 'returned', service: 'Mailer' });
    // The name may be from the time when it was ours.
    expect(seen(rows, { own: true, ownByName: true })).toHaveLength(1);
  });

  test('goes on while it comes, ends a week after, and is not told of twice', () => {
    const [finding] = seen([...signedUntil(30), ...back(4)]);
    const known = [onFile({ ...finding!, first_day: ago(20) })];
    const longer = [...signedUntil(50), ...span(20, 0, 'spf', 4, REPORTERS, HOSTER)];
    expect(seen(longer, { known })[0]).toMatchObject({
      first_day: ago(20),
      evidence: { messages: 252, facts: { how: 'returned', last_before: ago(30) } },
    });
    const settled = [onFile({ ...finding!, last_day: ago(0) }, { state: 'resolved' })];
    expect(seen([...signedUntil(30), ...back(4)], { known: settled })).toEqual([]);
    const old = onFile({ ...finding!, last_day: ago(8) });
    expect(abusedSender.over(old, sourceWindow(signedUntil(30), { known: [old] }))).toMatchObject({ reason: 'no_such_mail' });
  });
});

describe("a stranger's account at a service that we use", () => {
  const ours = span(41, 0, 'both', 100, REPORTERS, SERVICE);

  test('beside our mail in one source', () => {
    const [finding] = found([...ours, ...foreign(2, 0, 30)], { sender: service('transactional') });
    expect(finding).toMatchObject({
      severity: 'medium',
      evidence: { messages: 270, facts: { how: 'foreign', service: 'Mailer' } },
    });
    const { title, advice } = wordsFor(finding);
    expect(title).toBe(`Unknown account at Mailer sends as ${DOMAIN}`);
    expect(advice[0]).toMatch(/^Ask your own teams first/);
    expect(advice[1]).toContain('report the abuse to Mailer');
    expect(advice.join(' ')).not.toContain('CNAME');
  });

  test('as a source of its own, when our mail through the service is another', () => {
    const extra = { sender: service('transactional'), uses: true };
    expect(found(foreign(2, 0, 30), extra)[0]).toMatchObject({ severity: 'medium', evidence: { messages: 270 } });
    expect(found(foreign(2, 0, 30), { ...extra, uses: false })).toEqual([]);
    expect(found(foreign(2, 0, 1), extra)).toEqual([]);
  });

  const twins: [string, SourceDay[], Partial<SourceWindow>][] = [
    ['all of our mail stopped aligning', [...span(41, 3, 'both', 100, REPORTERS, SERVICE), ...foreign(2, 0, 100)], {}],
    [
      'half of it did',
      merged([
        ...span(41, 3, 'both', 100, REPORTERS, SERVICE),
        ...span(2, 0, 'both', 50, REPORTERS, SERVICE),
        ...foreign(2, 0, 50),
      ]),
      {},
    ],
    ['our own key is wrong for a part of it', [...ours, ...foreign(2, 0, 30, { failed_signed: 30, dkim_broken: 30 })], {}],
    ['a person approved it', [...ours, ...foreign(2, 0, 30)], { broken: true }],
    ['a mailbox provider, whose users forward', foreign(2, 0, 30), { sender: service('mailbox_provider'), uses: true }],
    ['what passes on mail', foreign(2, 0, 30, { failed_signed: 30 }), { sender: service('other'), uses: true, relayed: 270 }],
  ];
  test.each(twins)('%s: nothing', (_, rows, extra) => {
    expect(found(rows, { sender: service('transactional'), ...extra })).toEqual([]);
  });
});

describe('as the analyzer sees a domain', () => {
  let f: Fixture;
  beforeEach(async () => {
    f = await fixture();
  });
  afterEach(() => f.close());
  const kinds = async () => {
    await f.analyze();
    return (await f.findings()).map(({ kind, subject, severity }) => [kind, subject, severity]);
  };
  const at = (from: number, to: number, shape: 'both' | 'foreignDkim', n: number, source: string) =>
    span(from, to, shape, n, REPORTERS, { source, signing_domain: source });
  const ordinary = span(41, 0, 'both', 500, REPORTERS, { source: '192.0.2.0/24' });

  test('our mail at the service is one source, the stranger another: one finding, of abuse', async () => {
    await f.put([...ordinary, ...at(41, 0, 'both', 50, 'shopifyemail.com'), ...at(2, 0, 'foreignDkim', 40, 'shopify.com')]);
    expect(await kinds()).toEqual([['unauthorized_source', 'shopify.com', 'medium']]);
  });

  test('without mail of ours there, it is a service to set up', async () => {
    await f.put([...ordinary, ...at(2, 0, 'foreignDkim', 40, 'sendgrid.net')]);
    expect(await kinds()).toEqual([['alignment_failure', 'sendgrid.net', 'medium']]);
  });

  test('what returns unsigned after more than the window is one finding; what returns signed is none', async () => {
    const was = (source: string) => span(80, 50, 'both', 20, REPORTERS, { source });
    const [gone, again] = ['198.51.100.0/24', '203.0.113.0/24'];
    await f.put([
      ...ordinary,
      ...was(gone),
      ...was(again),
      ...span(1, 0, 'spf', 20, REPORTERS, { source: gone }),
      ...span(1, 0, 'both', 20, REPORTERS, { source: again }),
    ]);
    expect(await kinds()).toEqual([['unauthorized_source', gone, 'medium']]);
  });

  test('unsigned mail through the network of ours is one finding, and no surge beside it', async () => {
    await f.put([...ordinary, ...span(1, 0, 'spf', 900, REPORTERS, { source: '192.0.2.0/24' })]);
    expect(await kinds()).toEqual([['unauthorized_source', '192.0.2.0/24', 'high']]);
  });
});

test('what it says of invented senders is as it was', () => expectLives('abused_sender'));
