import { describe, expect, test } from 'vitest';
import type { DomainData } from '../../services/analyzer/domain-data.ts';
import { evaluate } from '../../services/analyzer/evaluate.ts';
import { examineSources, examineTogether } from '../../services/analyzer/examine-sources.ts';
import type { FailedCheck } from '../../services/store/analysis/signatures.ts';
import type { KnownFinding } from '../../services/store/findings/findings.ts';
import type { NetworkFacts } from '../../services/store/sources/identities.ts';
import { CATALOGUE, domainData } from './domain-data.ts';
import { ago, DOMAIN, onFile, REPORTERS, reporterDays, row, senderData, span } from './rows.ts';
import { NOW, SHOP_KEY, sendingOf, signedUntil, unsigned } from './sent-rows.ts';

const NET = '192.0.2.0/24';
const SERVICE = CATALOGUE.senders.get('bulk-service')!;
const good = (source: string, from = 41, to = 0, n = 40) => span(from, to, 'both', n, REPORTERS, { source });

function changesOf(data: DomainData, checks: readonly FailedCheck[] = []) {
  const examined = examineSources(data);
  examineTogether(data, examined);
  return evaluate(data, examined, checks);
}
const openedBy = (data: DomainData, checks: readonly FailedCheck[] = []) =>
  changesOf(data, checks).opened.map(({ kind, subject }) => `${kind} ${subject}`);
const finding = (kind: string, subject: string, extra: Partial<KnownFinding> = {}): KnownFinding =>
  onFile(
    {
      kind,
      subject,
      severity: 'low',
      confidence: 1,
      first_day: ago(30),
      last_day: ago(20),
      evidence: {
        facts: null,
        who: [],
        messages: 1,
        reporters: [...REPORTERS],
        query: '',
      } as unknown as KnownFinding['evidence'],
    },
    { summary: '', ...extra },
  );

describe('what is found', () => {
  const unset = span(9, 0, 'foreign', 20, REPORTERS, { source: 'shop.example' });

  test('a finding has who has not reported on its last day, and is only as severe as it is sure', () => {
    const late = unset.filter(({ day, reporter }) => reporter !== 'yahoo.com' || day < ago(0));
    const days = reporterDays(late).filter(({ day, reporter }) => reporter !== 'yahoo.com' || day < ago(0));
    const { opened } = changesOf(domainData(late, { reporterDays: days }));
    expect(opened).toMatchObject([{ kind: 'alignment_failure', subject: 'shop.example', evidence: { missing: ['yahoo.com'] } }]);
  });

  test('what people expect is kept quiet, unless it is more severe than it was then', () => {
    const of = (expected: NonNullable<DomainData['expected']> = []) => changesOf(domainData(unset, { expected })).opened;
    const [one] = of();
    expect(one).toMatchObject({ kind: 'alignment_failure', severity: 'medium', notify: true });
    expect(one).not.toHaveProperty('quiet');
    const said = (severity: 'low' | 'medium' | 'high', kind = 'alignment_failure', subject = 'shop.example') =>
      of([{ kind, subject, severity }])[0];
    expect(said('medium')).toMatchObject({ quiet: true, notify: false });
    expect(said('high')).toMatchObject({ quiet: true, notify: false });
    for (const other of [said('low'), said('high', 'new_source'), said('high', 'alignment_failure', 'other.example')])
      expect(other).toEqual(one);
  });

  test('who broke is named by what did not pass', () => {
    const rows = [...good('a.example', 41, 3), ...span(2, 0, 'foreignSpf', 40, REPORTERS, { source: 'a.example' })];
    const check = { source: 'a.example', mechanism: 'dkim' as const, domain: DOMAIN, selector: 's1', passed: false };
    const checks = [{ ...check, messages: 360, of: 360, dead: null }];
    const broken = (of: readonly FailedCheck[]) => changesOf(domainData(rows), of).opened.map(({ evidence }) => evidence.broken);
    expect(broken(checks)).toMatchObject([[{ source: 'a.example', names: [`s1._domainkey.${DOMAIN}`] }]]);
    expect(broken([])[0]![0]).not.toHaveProperty('names');
  });

  test('what receivers could not evaluate has the number of lookups that its record needs', () => {
    const rows = [...good('a.example', 41, 3), ...span(2, 0, 'dkim', 40, REPORTERS, { source: 'a.example', spf_permerror: 40 })];
    const check = { checked_at: new Date(0), findings: [], spf_lookups: 12, spf_voids: 0, spf_over: 'include:b.example' };
    const factsOf = (data: Partial<DomainData>) => changesOf(domainData(rows, data)).opened.map(({ evidence }) => evidence.facts);
    expect(factsOf({ check })).toMatchObject([{ limit: { lookups: 12, over: 'include:b.example' } }]);
    expect(factsOf({})[0]).not.toHaveProperty('limit');
  });

  test('what sources of one sender fail at together takes the place of what each shows', () => {
    const nets = ['198.51.100.0/24', '203.0.113.0/24'];
    const failing = nets.flatMap((source, n) =>
      span(6, 0, 'unauthenticated', 12 - 6 * n, REPORTERS, { source, failed_delivered: 12 - 6 * n }),
    );
    const outgrown = new Map(nets.map((source) => [source, SERVICE]));
    const unaligned = [{ key: 'outgrown bulk-service', sources: nets, rows: failing }];
    const data = domainData([...failing, ...unset], { outgrown });
    const found = (of: DomainData) =>
      changesOf(of)
        .opened.filter(({ kind }) => kind === 'alignment_failure')
        .map(({ subject, evidence }) => [subject, evidence.senders, evidence.messages]);
    expect(found(data)).toEqual([
      ['198.51.100.0/24', 1, 252],
      ['203.0.113.0/24', 1, 126],
      ['shop.example', 1, 600],
    ]);
    expect(found({ ...data, unaligned })).toEqual([
      ['203.0.113.0/24', 1, 126],
      ['shop.example', 1, 600],
      ['198.51.100.0/24', 2, 378],
    ]);
  });

  test('rules about senders are asked when the senders were loaded, but not those that another finding is about', () => {
    const rows = good('new.example', 5, 0);
    const sender = senderData('new.example', rows);
    const data = domainData(rows, { senders: [sender] });
    expect(openedBy(data)).toEqual(['new_source new.example']);
    expect(openedBy({ ...data, senders: null })).toEqual([]);
  });

  test('rules about the domain wait for the last of its work, those about logs for what these show', () => {
    const forged = Array.from({ length: 30 }, (_, n) => row(ago(0), 'unauthenticated', 100, { source: `198.51.${n}.0/24` }));
    const data = domainData(forged);
    expect(openedBy(data)).toEqual([`unauthorized_source ${DOMAIN}`]);
    expect(openedBy({ ...data, networks: null })).toEqual([]);
    const logs = domainData([], { now: NOW, sending: sendingOf([...signedUntil(1), unsigned(3, 0.9, 0.5)]) });
    expect(openedBy(logs)).toEqual([`unsigned_mail ${SHOP_KEY}`]);
    const { sending: _, ...without } = logs;
    expect(openedBy(without)).toEqual([]);
  });
});

describe('those whose word decides nothing', () => {
  const forged = Array.from({ length: 30 }, (_, n) =>
    row(ago(0), 'unauthenticated', 100, { source: `198.51.${n}.0/24`, reporter: 'google.com' }),
  );
  const of = domainData(forged);
  const others: DomainData['others'] = {
    reporters: [{ reporter: 'google.com', standing: 'new' }],
    from: ago(41),
    today: ago(0),
    reporterDays: of.reporterDays.filter(({ reporter }) => reporter === 'google.com'),
    networks: of.networks!,
  };
  const quiet = domainData([], { others });

  test('open a finding of their own, where no deciding one says the same', () => {
    expect(openedBy(quiet)).toEqual([`unconfirmed_report ${DOMAIN}`]);
    expect(openedBy({ ...of, others })).toEqual([`unauthorized_source ${DOMAIN}`]);
    const known = [finding('unauthorized_source', DOMAIN)];
    expect(openedBy({ ...quiet, known })).toEqual([]);
    expect(openedBy({ ...quiet, known: [{ ...known[0]!, state: 'resolved' }] })).toEqual([`unconfirmed_report ${DOMAIN}`]);
    expect(openedBy({ ...quiet, known: [{ ...known[0]!, heard: false }] })).toEqual([`unconfirmed_report ${DOMAIN}`]);
  });
});

describe('what is known of the other sources of a sender', () => {
  const own = senderData('bulk-service', good('service.example', 41, 20));
  const [first] = own.sources;
  const service = (extra: Partial<typeof first & object>, key = 'bulk-service') => ({
    ...own,
    key,
    service: SERVICE,
    rows: [],
    sources: [{ ...first!, source: 'service.example', ...extra }],
  });
  const beside = span(6, 0, 'foreign', 20, REPORTERS, { source: 'x.service.example' });
  const abuse = (extra: Partial<typeof first & object>, key?: string) =>
    openedBy(domainData(beside, { senders: [service(extra, key)] }));

  test('mail of somebody else through a service that we use is abuse; of one that we do not use it is a failure', () => {
    const used = { messages: 50, passed: 50 };
    expect(abuse(used)).toEqual(['unauthorized_source x.service.example']);
    const not = ['alignment_failure x.service.example'];
    expect(abuse({ messages: 49, passed: 49 })).toEqual(not);
    expect(abuse({ messages: 100, passed: 50 })).toEqual(not);
    expect(abuse({ ...used, source: 'x.service.example' })).toEqual(not);
    expect(abuse(used, 'crm-service')).toEqual(not);
    const unknown = span(6, 0, 'foreign', 20, REPORTERS, { source: 'free.example', signing_domain: 'free.example' });
    expect(openedBy(domainData(unknown, { senders: [service(used)] }))).toEqual(['alignment_failure free.example']);
    expect(openedBy(domainData(beside))).toEqual(not);
  });

  const server: NetworkFacts = {
    source: NET,
    messages: 100,
    passed: 100,
    answered: 1,
    organization: DOMAIN,
    organization_addresses: 1,
    name: `www.${DOMAIN}`,
    asn: null,
    owner: null,
    country: null,
  };
  const hosts = (
    others: readonly Partial<typeof first & object>[],
    mine: Partial<typeof first & object> = {},
    facts = [server],
  ) => {
    const rows = span(3, 0, 'spf', 10, REPORTERS, { source: NET });
    const sources = [
      { ...first!, source: NET, messages: 120, passed: 120, dkim_aligned: 0, first_day: ago(3), ...mine },
      ...others.map((one, n) => ({ ...first!, source: `198.51.${n}.0/24`, ...one })),
    ];
    const stranger = { ...own, key: 'else', sources: [{ ...first!, source: '203.0.113.0/24', messages: 900, passed: 900 }] };
    const senders = [stranger, { ...own, key: DOMAIN, rows: [], sources }];
    const { opened } = changesOf(domainData([...rows, ...good('a.example')], { senders, facts }));
    return opened.filter(({ subject }) => subject === NET).map(({ kind, evidence }) => `${kind} ${evidence.facts?.rule}`);
  };
  const signed = { messages: 50, passed: 50, dkim_aligned: 50, first_day: ago(4) };

  test('a new host that does not sign is news where older servers of its sender do', () => {
    const news = ['new_source new_host'];
    expect(hosts([signed])).toEqual(news);
    expect(hosts([signed, { ...signed, messages: 60, passed: 60, dkim_aligned: 60 }])).toEqual(news);
    expect(hosts([{ ...signed, dkim_aligned: 48 }])).toEqual(news);
    expect(hosts([{ ...signed, dkim_aligned: 47 }])).toEqual([]);
    expect(hosts([signed, { ...signed, dkim_aligned: 0 }])).toEqual([]);
    expect(hosts([{ ...signed, first_day: ago(3) }])).toEqual([]);
    expect(hosts([{ ...signed, messages: 49, passed: 49, dkim_aligned: 49 }])).toEqual([]);
    expect(hosts([{ ...signed, messages: 100 }])).toEqual([]);
    expect(
      hosts([
        { ...signed, messages: 25, passed: 25, dkim_aligned: 25 },
        { ...signed, messages: 25, passed: 25, dkim_aligned: 25 },
      ]),
    ).toEqual(news);
    expect(hosts([signed], { source: '198.51.77.0/24' })).toEqual([]);
    expect(hosts([signed], {}, [])).toEqual([]);
    expect(hosts([])).toEqual([]);
  });

  const stranger = (extra: Partial<typeof first & object> = {}) => ({
    ...first!,
    source: 'far.example',
    messages: 10,
    passed: 0,
    dkim_aligned: 0,
    ...extra,
  });
  /** Whether 60 messages of somebody never seen count as a stranger's, beside these. */
  const stands = (sources: readonly (typeof first & object)[]) => {
    const rows = span(3, 0, 'foreign', 5, REPORTERS, { source: 'new.example', signing_domain: 'new.example' });
    const senders = [{ ...own, key: 'all', rows: [], sources }];
    const [one] = changesOf(domainData(rows, { senders })).opened;
    const facts = one?.evidence.facts;
    return facts?.rule === 'alignment_failure' ? facts.stranger : undefined;
  };
  const signs = (passed: number, dkim_aligned: number) => ({
    ...first!,
    source: 'a.example',
    messages: passed,
    passed,
    dkim_aligned,
  });
  const mine = stranger({ source: 'new.example', messages: 60 });

  test('who brings more than any other stranger of a domain that signs is told as one', () => {
    expect(stands([signs(100, 90), mine])).toBe(true);
    expect(stands([signs(100, 89), mine])).toBeUndefined();
    expect(stands([signs(0, 0), mine])).toBeUndefined();
    expect(stands([signs(1, 1), mine])).toBe(true);
    expect(stands([])).toBeUndefined();
    // Its own mail is no stray, and of others the largest counts.
    expect(stands([signs(100, 100), mine, stranger({ messages: 20 })])).toBe(true);
    expect(stands([signs(100, 100), mine, stranger({ messages: 4000 })])).toBeUndefined();
    expect(stands([signs(100, 100), stranger({ messages: 20 }), stranger({ messages: 4000 }), mine])).toBeUndefined();
    expect(stands([signs(100, 100), stranger({ messages: 4000, passed: 1 }), mine])).toBe(true);
    expect(stands([signs(100, 100), stranger({ messages: 4000, class: 'forwarded' }), mine])).toBe(true);
    expect(stands([signs(100, 100), stranger({ messages: 4000, source: NET }), mine])).toBe(true);
    expect(stands([signs(100, 100)])).toBe(true);
    const little = { ...mine, messages: 1 };
    expect(stands([signs(100, 100), stranger({ messages: 4000 }), little])).toBeUndefined();
  });
});

describe('what is over', () => {
  const over = (data: Partial<DomainData>) =>
    changesOf(domainData([], data)).updated.map(({ kind, event }) => `${kind} ${event}`);
  const none = { senders: [], sending: sendingOf([]) };

  test.each([
    ['alignment_failure', 'x.example', null],
    ['volume_surge', 'x.example', 'senders'],
    ['unauthorized_source', DOMAIN, 'networks'],
    ['unsigned_mail', SHOP_KEY, 'sending'],
    ['unconfirmed_report', DOMAIN, 'networks'],
  ] as const)('%s is by silence, but while its work waits, or what it needs was not loaded', (kind, subject, needs) => {
    const known = [finding(kind, subject)];
    expect(over({ ...none, known })).toEqual([`${kind} resolved`]);
    expect(over({ ...none, known: [{ ...known[0]!, pending: true }] })).toEqual([]);
    if (needs === 'sending') expect(over({ senders: [], known })).toEqual([]);
    else if (needs !== null) expect(over({ ...none, known, [needs]: null })).toEqual([]);
  });
});
