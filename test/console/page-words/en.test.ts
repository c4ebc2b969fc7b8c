import { expect, test } from 'vitest';
import { RULES } from '../../../services/analyzer/rules/index.ts';
import { words } from '../../../services/console/page-words/en.ts';

test('every kind of finding has a name on the pages', () => {
  const kinds = [...new Set(RULES.map(({ kind }) => kind))];
  expect(kinds.filter((kind) => !Object.hasOwn(words.kinds, kind))).toEqual([]);
  expect(kinds.filter((kind) => !/\w+.*\.$/.test(words.kinds_mean[kind] ?? ''))).toEqual([]);
});

test('the week says how much was reported, and how much of it passed where that is known', () => {
  const lead = (over: object) =>
    words.digest.lead({ from: 'A', to: 'B', messages: '5', domains: '2', passing: '80%', before: '4', ...over });
  expect(lead({})).toBe(
    'From A to B, receivers reported 5 messages in the name of 2 domains; 80% passed DMARC. The week before, there were 4.',
  );
  expect(lead({ domains: '1', passing: '' })).toBe(
    'From A to B, receivers reported 5 messages in the name of 1 domain. The week before, there were 4.',
  );
});

test('a sentence about a wrong value ends once', () => {
  expect(words.problems.wrong_parameter('days', 'it must be a number')).toBe(
    'The value of "days" is wrong: it must be a number.',
  );
  expect(words.problems.wrong_parameter('domain', '"x" is not a domain: write example.com.')).toBe(
    'The value of "domain" is wrong: "x" is not a domain: write example.com.',
  );
});

const { digest, domain, health, message, month, other_reports, overview, reports } = words;

test('sentences about reports and health say one, several and none', () => {
  const mail = (change: number | null) => month.mail(9, 'a.example', 'May 2026', change);
  const of = (opened: number, resolved: number, open: number) => month.findings({ opened, resolved, open });
  expect([
    ...['2026-01', '2026-12'].map(month.name),
    mail(null),
    mail(0),
    mail(0.05),
    mail(-0.05),
    month.passing('90%', null),
    month.passing('90%', '90%'),
    month.passing('90%', '80%'),
    month.sender('News', 'Authorized', 3),
    month.sender('News', 'Authorized', 1),
    of(0, 0, 0),
    of(1, 0, 0),
    of(0, 2, 0),
    of(0, 0, 1),
    of(2, 1, 3),
    ...[0.9, 1, 119, 120, 150].map(health.minutes),
    health.archive_size('1 GB', null),
    health.archive_size('1 GB', 5),
    health.unwell(1),
    health.refused(2),
    message.of('id', ''),
    message.of('id', 'a.example'),
    other_reports.failure_of(''),
    other_reports.failure_of('a.example'),
    reports.does_not_count('is new'),
    digest.silent(Array.from({ length: 12 }, (_, i) => `n${i}.example`)),
  ]).toMatchInlineSnapshot(`
    [
      "January 2026",
      "December 2026",
      "In May 2026, receivers reported 9 messages in the name of a.example.",
      "In May 2026, receivers reported 9 messages in the name of a.example, as many as the month before.",
      "In May 2026, receivers reported 9 messages in the name of a.example, 5% more than the month before.",
      "In May 2026, receivers reported 9 messages in the name of a.example, 5% fewer than the month before.",
      "90% of them passed DMARC.",
      "90% of them passed DMARC, as the month before.",
      "90% of them passed DMARC (80% the month before).",
      "News (authorized, 3 messages)",
      "News (authorized, 1 message)",
      "No finding opened, ended or is open.",
      "1 finding opened; those for information are not counted.",
      "2 findings ended; those for information are not counted.",
      "1 older finding is still open; those for information are not counted.",
      "2 findings opened, 1 finding ended and 3 older findings are still open; those for information are not counted.",
      "under a minute",
      "1 minute",
      "119 minutes",
      "2 hours",
      "3 hours",
      "1 GB of raw mail",
      "1 GB of raw mail, of 5 GB",
      "1 thing needs attention.",
      "2 alerts were refused by the mail server: “ruawatch doctor” says why.",
      "Message id",
      "Message id as a.example",
      "Failure report about an unnamed domain",
      "Failure report about a.example",
      "does not count: its reporter is new",
      "Nobody reported on n0.example, n1.example, n2.example, n3.example, n4.example, n5.example, n6.example, n7.example, n8.example and 3 more, although there were reports the week before.",
    ]
  `);
});

test('sentences about a domain say what they know, and leave out what nobody does', () => {
  const lead = { policy: 'reject', dns: 'DNS has none', below: 'sp=none', messages: '5', passing: '80%' };
  const says = (policy: string, given: Partial<Parameters<typeof domain.funnel_says>[1]>) =>
    domain.funnel_says(policy, { stopped: 0, already: 0, wanted: 0, part: '2%', below: false, ...given });
  expect([
    domain.lead(lead),
    domain.lead({ ...lead, policy: null, dns: '', below: '', passing: '' }),
    ...['none', 'quarantine', 'reject'].flatMap((policy) => [
      says(policy, {}),
      says(policy, { below: true }),
      says(policy, { stopped: 1, already: 1 }),
      says(policy, { wanted: 2, below: true }),
      says(policy, { stopped: 3, wanted: 1 }),
    ]),
    domain.several_why(2, '1', '3', null),
    domain.several_why(2, '1', '3', '50%'),
    overview.totals(1, 2, { findings: 3, info: 0 }),
    overview.totals(1, 2, { findings: 3, info: 1 }),
    overview.adding_up('none'),
    overview.adding_up('2026-11-01'),
    overview.unauthorized_says('0', '9'),
    overview.unauthorized_says('1', '9'),
    words.lookalikes.changed('mail servers changed', '2026-11-01'),
    ...['0', '1'].map((passed) => words.sender.means.authorized_failing('Monday', { messages: '9', passed })),
    words.sender.one_of('9', '', null),
    words.sender.one_of('9', '80%', 'denied'),
    ...[0, 1, 2].map((waiting) => words.held.figures(waiting, 5, 3, 1)),
    ...[0, 1, 2].map((days) => words.finding.days_what(days, 'Monday')),
    words.sender.decided.approved('ada', 'Monday', 'ours', null),
    words.sender.decided.denied('ada', 'Monday', 'not ours', 'Friday'),
  ]).toMatchInlineSnapshot(`
    [
      "Policy reject (DNS has none), sp=none for names below it · 5 messages · 80% passing",
      "Policy unknown · 5 messages",
      "The policy is p=none. With quarantine or reject, receivers would have been told to stop no mail of this range, forwarded mail aside.",
      "The policy is p=none.",
      "The policy is p=none. With quarantine or reject all along, receivers would have been told to stop 1 unauthorized message, forwarded mail aside. Of the unauthorized mail, 1 message was stopped in fact, by receivers themselves or by an earlier policy.",
      "The policy is p=none. With quarantine or reject all along, receivers would have been told to stop 2 messages that may be wanted (2% of all), forwarded mail aside.",
      "The policy is p=none. With quarantine or reject all along, receivers would have been told to stop 3 unauthorized messages and 1 message that may be wanted (2% of all), forwarded mail aside.",
      "The policy is p=quarantine. It stops no mail of this range, forwarded mail aside.",
      "The policy is p=quarantine.",
      "The policy is p=quarantine: it tells receivers to stop 1 unauthorized message, forwarded mail aside.",
      "The policy is p=quarantine: it tells receivers to stop 2 messages that may be wanted (2% of all), forwarded mail aside.",
      "The policy is p=quarantine: it tells receivers to stop 3 unauthorized messages and 1 message that may be wanted (2% of all), forwarded mail aside.",
      "The policy is p=reject. It stops no mail of this range, forwarded mail aside.",
      "The policy is p=reject.",
      "The policy is p=reject: it tells receivers to stop 1 unauthorized message, forwarded mail aside.",
      "The policy is p=reject: it tells receivers to stop 2 messages that may be wanted (2% of all), forwarded mail aside.",
      "The policy is p=reject: it tells receivers to stop 3 unauthorized messages and 1 message that may be wanted (2% of all), forwarded mail aside.",
      "All 2 together: 1 of 3 messages pass DMARC.",
      "All 2 together: 1 of 3 messages pass DMARC; 50% of what fails was delivered.",
      "1 domain · 2 messages in 30 days · 3 open findings",
      "1 domain · 2 messages in 30 days · 3 open findings, and 1 for information",
      "After an upgrade, the mail of earlier days is added up by class of sender. That begins within 20 minutes: until then, this page says nothing of classes.",
      "After an upgrade, the mail of earlier days is added up by class of sender. The days before 2026-11-01 are still missing here.",
      "none of 9 delivered",
      "1 of 9 delivered",
      "mail servers changed on 2026-11-01",
      "Yours: most of its mail used to pass. Since Monday, none of 9 messages passes.",
      "Yours: most of its mail used to pass. Since Monday, 1 of 9 messages passes.",
      "9 messages",
      "9 messages, 80% passing, denied",
      "No mail is waiting. In the last 30 days: 5 held, 3 delivered, 1 stopped.",
      "1 mail is waiting. In the last 30 days: 5 held, 3 delivered, 1 stopped.",
      "2 mails are waiting. In the last 30 days: 5 held, 3 delivered, 1 stopped.",
      "Messages a day of those named below, from its first day on, in reports that count",
      "Messages a day of those named below, from 1 day before Monday on, in reports that count",
      "Messages a day of those named below, from 2 days before Monday on, in reports that count",
      "Approved by ada on Monday UTC: ours",
      "Denied by ada on Monday UTC, until Friday UTC: not ours",
    ]
  `);
});

test('each status of an answer has a title', () => {
  expect([400, 401, 403, 404, 405, 409, 413, 415, 421, 429, 499, 500, 503, 599].map(words.status)).toMatchInlineSnapshot(`
    [
      "That request cannot be read",
      "Who are you?",
      "You may not do that",
      "There is no such page",
      "That is not possible here",
      "That is not possible now",
      "That is too large",
      "That type is not read",
      "The console has another address",
      "Too many requests",
      "That did not work",
      "Something went wrong",
      "ruawatch is waiting",
      "Something went wrong",
    ]
  `);
});
