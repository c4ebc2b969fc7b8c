import { expect, test } from 'vitest';
import type { DomainData, Others } from '../../services/analyzer/domain-data.ts';
import {
  arrivalWindow,
  dnsWindow,
  domainDaysOf,
  domainWindow,
  sendingWindow,
  undecidedWindow,
} from '../../services/analyzer/domain-windows.ts';
import { BrokenSenders } from '../../services/analyzer/rules/broken_senders.ts';
import { TESTED_KINDS } from '../../services/analyzer/rules/index.ts';
import { Attendance } from '../../services/analyzer/statistics/habit.ts';
import type { ReporterDay } from '../../services/store/analysis/window-reads.ts';
import type { KnownFinding } from '../../services/store/findings/findings.ts';
import { domainData, listEntry } from './domain-data.ts';
import { inventedService } from './invented.ts';
import { ago, DOMAIN, onFile, policyDays, row, TODAY } from './rows.ts';

const NONE = { networks: 0, failed: 0, days: [] };
const NET = (n: number) => `198.51.${n}.0/24`;
const ROWS = [1, 2, 3].map((n) => row(ago(1), 'unauthenticated', 10 * n, { source: NET(n) }));
const reported = (day: string, reporter: string, messages: number): ReporterDay => ({
  day,
  reporter,
  messages,
  background: 0,
  networks: 0,
  background_below: 0,
  networks_below: 0,
  contradicted: 0,
  dkim_aligned: 0,
  spf_aligned: 0,
});
const DAYS = [reported(ago(1), 'google.com', 70), reported(ago(0), 'yahoo.com', 5), reported(ago(1), 'yahoo.com', 30)];
const HEADS = [
  { day: ago(0), messages: 5, reporters: ['yahoo.com'] },
  { day: ago(1), messages: 100, reporters: ['google.com', 'yahoo.com'] },
];
const finding = (kind: string, state: KnownFinding['state'], subject = DOMAIN): KnownFinding =>
  onFile(
    { kind, subject, severity: 'high', confidence: 1, first_day: ago(3), last_day: ago(1), evidence: { facts: null } as never },
    { state, summary: '' },
  );
const noneBroken = (data: DomainData) => new BrokenSenders(data.domain, data.today, data.known);
const attendance = new Attendance(DAYS);
const PUBLISHED = { records: [], questions: [], servers: [] };
const COMMON = {
  domain: DOMAIN,
  from: ago(41),
  today: TODAY,
  domainDays: HEADS.map((day) => ({ ...day, known: day.reporters })),
  reporterDays: DAYS,
  attendance,
  budget: { perMonth: 2, kinds: TESTED_KINDS },
};

test('the days of a domain are the newest fourteen, each with all of its reporters', () => {
  const days = Array.from({ length: 15 }, (_, n) => reported(ago(n), 'google.com', 10 + n));
  expect(domainDaysOf([...DAYS].reverse(), false)).toEqual([
    HEADS[0],
    { day: ago(1), messages: 100, reporters: ['yahoo.com', 'google.com'] },
  ]);
  expect(domainDaysOf(days, false)).toEqual(
    Array.from({ length: 14 }, (_, n) => ({ day: ago(n), messages: 10 + n, reporters: ['google.com'] })),
  );
  expect(domainDaysOf(days.slice(0, 1).concat(days.slice(3, 4)), true)).toEqual([
    { day: ago(0), messages: 10, reporters: ['google.com'], known: ['google.com'] },
    { day: ago(3), messages: 13, reporters: ['google.com'], known: ['google.com'] },
  ]);
  expect(domainDaysOf([], true)).toEqual([]);
});

test('the window of the domain holds what was loaded, and leaves out what other findings are about', () => {
  const data = domainData(ROWS, {
    reporterDays: DAYS,
    falseAlarmsPerMonth: 2,
    policyDays: policyDays('google.com', ['p=none', 'p=reject'], 1),
    senderList: [
      listEntry(NET(1), 'approved'),
      listEntry(NET(2), 'denied'),
      listEntry(NET(9), 'approved'),
      listEntry(NET(8), 'denied'),
    ],
  });
  const known = [finding('unauthorized_source', 'open')];
  const plain = {
    ...COMMON,
    networks: data.networks,
    names: data.names,
    policyDays: data.policyDays,
    policy: 'p=reject; sp=reject; np=reject; pct=100; t=n; adkim=r; aspf=r',
    reporting: { elsewhere: [], spread: new Map(), lateness: new Map(), undecided: new Map(), published: null },
    excluded: new Set([NET(1)]),
    denied: new Map([[NET(2), data.senderList[1]]]),
    known,
  };
  expect(domainWindow(data, noneBroken(data), attendance, known)).toStrictEqual(plain);
  expect(domainWindow({ ...data, networks: null }, noneBroken(data), attendance, known)).toBeNull();
  expect(
    domainWindow({ ...data, networks: { largest: [], others: NONE, others_below: NONE } }, noneBroken(data), attendance, known),
  ).toMatchObject({ excluded: new Set(), denied: new Map() });

  const service = inventedService('crm');
  const others: Others = {
    reporters: [{ reporter: 'new.example', standing: 'new' }],
    from: ago(40),
    today: ago(0),
    reporterDays: [reported(ago(2), 'new.example', 1), reported(ago(0), 'new.example', 1), reported(ago(5), 'new.example', 1)],
    networks: { largest: [], others: NONE, others_below: NONE },
  };
  const broken = noneBroken(data);
  broken.fail({ source: 'mail.example', mechanism: 'dkim', day: ago(2), messages: 5, failed: 5, before: 90 } as never);
  broken.fail({ source: 'half.example', mechanism: 'dkim', day: ago(2), survives_on: 'spf' } as never);
  const reporting = {
    elsewhere: [{ kind: 'reporter_silent', subject: 'google.com', domain: 'example.net', first_day: ago(3) }],
    spread: new Map([['google.com', { silent: 1, reporting: 2 }]]),
    lateness: new Map([['google.com', 3]]),
  };
  const whole = {
    ...data,
    ...reporting,
    ownServers: [NET(4)],
    outgrown: new Map([[NET(5), service]]),
    gateways: [NET(6)],
    unnamed: new Set([NET(7)]),
    used: new Map([[NET(3), service]]),
    published: PUBLISHED,
    others,
  };
  expect(domainWindow(whole, broken, attendance, known)).toStrictEqual({
    ...plain,
    excluded: new Set(['mail.example', NET(1), NET(4), NET(5), NET(6)]),
    unnamed: whole.unnamed,
    used: whole.used,
    reporting: { ...reporting, undecided: new Map([['new.example', ago(0)]]), published: PUBLISHED },
  });
  const alone = domainWindow({ ...data, byKnown: false }, noneBroken(data), attendance, known);
  expect(alone).toStrictEqual({ ...plain, domainDays: HEADS });
});

test('the window of arrivals counts by the day of the clock', () => {
  const known = [finding('forged_report', 'open')];
  const forged = [
    { reporter: 'google.com', sender: null, day: ago(0), reports: 1, messages: 1, mismatched: 0, contradicting: 0 },
  ];
  const genuine = [{ reporter: 'google.com', reports: 1, messages: 1, last_day: ago(1) }];
  const plain = {
    domain: DOMAIN,
    now: ago(-1),
    forged,
    genuine,
    deciders: new Set(['google.com', 'yahoo.com']),
    others: new Map(),
    known,
  };
  const data = domainData([], { forged, genuine });
  expect(arrivalWindow(data, attendance, known)).toStrictEqual(plain);
  const others = { reporters: [{ reporter: 'new.example', standing: 'new' }] } as unknown as Others;
  expect(arrivalWindow({ ...data, others }, attendance, known)).toStrictEqual({
    ...plain,
    others: new Map([['new.example', 'new']]),
  });
});

test('the window of those that decide nothing has their rows alone, and what is over or theirs', () => {
  const data = domainData([], { policyDays: policyDays('google.com', ['p=none']), falseAlarmsPerMonth: 2 });
  const [over, open, own] = [
    finding('unauthorized_source', 'resolved'),
    finding('unauthorized_source', 'open'),
    finding('unconfirmed_report', 'open'),
  ];
  expect(undecidedWindow(data, [over, open, own])).toEqual({ window: null, others: [], told: new Set() });
  const others: Others = {
    reporters: [{ reporter: 'new.example', standing: 'new' }],
    from: ago(40),
    today: ago(0),
    reporterDays: DAYS,
    networks: { largest: [], others: NONE, others_below: NONE },
  };
  expect(undecidedWindow({ ...data, others, from: ago(30), today: ago(9) }, [over, open, own])).toStrictEqual({
    window: {
      domain: DOMAIN,
      from: ago(40),
      today: ago(0),
      domainDays: HEADS,
      reporterDays: DAYS,
      attendance,
      budget: { perMonth: 2, kinds: TESTED_KINDS },
      networks: others.networks,
      names: { largest: [], names: 0 },
      policyDays: [],
      policy: 'p=none; sp=none; np=none; pct=100; t=n; adkim=r; aspf=r',
      excluded: new Set(),
      known: [over, own],
    },
    others: others.reporters,
    told: new Set(),
  });
});

test('the window of DNS holds what was looked up, and nothing in the place of what was not', () => {
  const known = [finding('dns_broken', 'open')];
  const data = domainData([], { reporterDays: DAYS });
  const plain = {
    domain: DOMAIN,
    confirmation: null,
    silence: null,
    today: TODAY,
    elsewhere: [],
    known,
    now: data.now,
    published: null,
    check: null,
    keyMail: [],
    spfMail: [],
    senders: null,
    days: 2,
  };
  expect(dnsWindow(data, known)).toStrictEqual(plain);
  const looked = {
    confirmation: { confirmed_at: null, last_checked: data.now, lost_since: null, reason: null },
    silence: { domain: DOMAIN, since: ago(3) } as unknown as NonNullable<DomainData['silence']>,
    elsewhere: [{ kind: 'reports_stopped', subject: DOMAIN, domain: 'example.net', first_day: ago(3) }],
    published: PUBLISHED,
    check: { checked_at: data.now, findings: [], spf_lookups: 1, spf_voids: 0, spf_over: null },
    drift: { checked_at: data.now, drifts: [] },
    lookalikes: [],
    keyMail: [
      { name: `s1._domainkey.${DOMAIN}`, passed: 3, last_day: ago(2), sources: [NET(1)] },
    ] as unknown as DomainData['keyMail'] & {},
    spfMail: [{ source: 'mail.example', network: NET(1), messages: 3 }],
    senders: [],
  };
  expect(dnsWindow({ ...data, ...looked }, known)).toStrictEqual({ ...plain, ...looked });
  expect(dnsWindow({ ...data, drift: null }, known)).toStrictEqual({ ...plain, drift: null });
});

test('the window of sending is there once the logs show something', () => {
  const known = [finding('unsigned_mail', 'open')];
  const data = domainData([]);
  const sending = { days: [], verified: [], refusals: new Map(), receivers: [], egress: [] };
  expect(sendingWindow(data, known)).toBeNull();
  const plain = { ...sending, domain: DOMAIN, now: data.now, declared: undefined, published: null, known };
  expect(sendingWindow({ ...data, sending }, known)).toStrictEqual(plain);
  expect(sendingWindow({ ...data, sending, declared: null, published: PUBLISHED }, known)).toStrictEqual({
    ...plain,
    declared: null,
    published: PUBLISHED,
  });
});
