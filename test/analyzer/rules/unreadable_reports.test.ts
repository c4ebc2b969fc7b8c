import { describe, expect, test } from 'vitest';
import type { MailWindow } from '../../../services/analyzer/mail-window.ts';
import { EVERYTHING, unreadableReports } from '../../../services/analyzer/rules/unreadable_reports.ts';
import { addDays } from '../../../services/shared/days.ts';
import type { KnownFinding } from '../../../services/store/findings/findings.ts';
import { expectLives } from '../invented-changes.ts';

const TODAY = '2026-10-20';
const ago = (n: number) => addDays(TODAY, -n);

interface Given {
  /** Mails read and set aside a day, before and during the last three days. */
  read?: [number, number];
  aside?: [number, number];
  /** google.com: reports a day before, and in the last three days; those of them that are not proven. */
  google?: [number, number];
  bad?: number;
  /** From which domain the mails of the last days are that were set aside. */
  from?: string;
  /** Reports that two readers read in different ways, and how many of them count. */
  differing?: [reports: number, proven: number];
  open?: KnownFinding;
}

function windowOf({
  read = [50, 50],
  aside = [0, 0],
  google = [4, 4],
  bad = 0,
  from = 'stranger.example',
  differing,
  open,
}: Given): MailWindow {
  const days = Array.from({ length: 35 }, (_, n) => ({ day: ago(34 - n), recent: n >= 32 ? 1 : 0 }));
  return {
    today: TODAY,
    days: days.map(({ day, recent }) => ({ day, read: read[recent]!, aside: aside[recent]! })),
    aside:
      aside[1] > 0 ? [{ sender: from, code: 'archive_damaged', mails: 3 * aside[1], first_day: ago(2), last_day: TODAY }] : [],
    arrivals: days.map(({ day, recent }) => ({ reporter: 'google.com', day, good: google[recent]!, bad: recent ? bad : 0 })),
    differing: differing
      ? [{ reporter: 'mail.example', reports: differing[0], proven: differing[1], first_day: ago(1), last_day: ago(1) }]
      : [],
    stuck: [],
    overdue: [],
    behind: [],
    unjudged: null,
    known: open ? [open] : [],
  };
}
const severity = (given: Given) => unreadableReports.find(windowOf(given))[0]?.severity ?? null;
const opened = (given: Given): KnownFinding => ({
  ...unreadableReports.find(windowOf(given))[0]!,
  finding_key: 1,
  summary: '',
  state: 'open',
  revision: 1,
  told: null,
  heard: true,
  acknowledged: false,
  snoozed: false,
  pending: false,
  waiting: [],
});

describe('a share of the mails', () => {
  test('that is sudden and large is low, whoever they claim to be from', () => {
    for (const from of ['stranger.example', 'google.com', '']) expect(severity({ aside: [0, 20], from })).toBe('low');
    expect(severity({ aside: [0, 100_000] })).toBe('low');
  });
  test('that is small, few, or no more than usual is nothing', () => {
    expect(severity({})).toBeNull();
    expect(severity({ aside: [0, 12] })).toBeNull();
    expect(severity({ read: [1, 1], aside: [0, 1] })).toBeNull();
    expect(severity({ aside: [20, 20] })).toBeNull();
    expect(severity({ read: [0, 0], google: [0, 0] })).toBeNull();
  });
  test('is told from the first mails on: there was nothing usual before', () => {
    expect(severity({ read: [0, 45], aside: [0, 13], google: [0, 0] })).toBe('low');
  });
  test('says how many of how many, with codes, senders and days', () => {
    const [found] = unreadableReports.find(windowOf({ aside: [0, 20] }));
    expect(found).toMatchObject({ subject: EVERYTHING, first_day: ago(2), last_day: TODAY });
    expect(found!.evidence.facts).toMatchObject({
      mails: 210,
      aside: 60,
      codes: [{ name: 'archive_damaged', mails: 60 }],
      senders: [{ name: 'stranger.example', mails: 60 }],
      missed: [],
    });
  });
});

describe('a known reporter', () => {
  test('whose reports are set aside, or not proven, instead of read is medium', () => {
    expect(severity({ google: [4, 0], aside: [0, 4], from: 'google.com' })).toBe('medium');
    expect(severity({ google: [4, 0], aside: [0, 4], from: 'mail.google.com' })).toBe('medium');
    expect(severity({ google: [4, 1], bad: 3 })).toBe('medium');
    const [found] = unreadableReports.find(windowOf({ google: [4, 0], bad: 4 }));
    expect(found!.evidence).toMatchObject({
      reporters: ['google.com'],
      facts: { missed: [{ reporter: 'google.com', unusable: 12, good: 0, expected: 12 }] },
    });
  });
  test('that goes on reporting is not made a medium by forged or damaged mails in its name', () => {
    expect(severity({ bad: 300 })).toBeNull();
    expect(severity({ google: [4, 3], bad: 300 })).toBeNull();
    expect(severity({ aside: [0, 300], from: 'google.com' })).toBe('low');
  });
  test('that only falls silent, or reports little, is the business of other rules', () => {
    expect(severity({ google: [4, 0] })).toBeNull();
    expect(severity({ google: [4, 0], bad: 0, aside: [0, 2], from: 'other.example' })).toBeNull();
    expect(severity({ google: [0, 0], bad: 4 })).toBeNull();
  });
  test('that nobody knows is none: anybody can report for weeks and then send junk', () => {
    const window = windowOf({ google: [4, 0], bad: 4 });
    const unknown = { ...window, arrivals: window.arrivals.map((row) => ({ ...row, reporter: 'stranger.example' })) };
    expect(unreadableReports.find(unknown)).toEqual([]);
  });
});

describe('an open finding', () => {
  test('goes on while a tenth of a week is set aside, and is over when hardly any is', () => {
    const open = opened({ aside: [0, 20] });
    expect(severity({ aside: [10, 8], open })).toBe('low');
    const calm = windowOf({ aside: [0, 0], open });
    expect(unreadableReports.find(calm)).toEqual([]);
    expect(unreadableReports.over(open, calm)).toEqual({ reason: 'readable_again', days: 7 });
    expect(unreadableReports.over(open, windowOf({ read: [0, 0], open }))).not.toBeNull();
    // As long as a stranger goes on it is the same finding.
    expect(unreadableReports.over(open, windowOf({ aside: [20, 20], open }))).toBeNull();
  });
  test('stays medium while the reporter is missed, however long, and no longer', () => {
    const open = opened({ google: [4, 0], bad: 4 });
    expect(severity({ google: [0, 0], bad: 4, open })).toBe('medium');
    expect(severity({ google: [0, 4], bad: 0, open })).toBeNull();
    expect(severity({ google: [4, 0], bad: 0, open })).toBeNull();
  });
});

describe('reports that two readers read in different ways', () => {
  test('are found however few they are: medium when one of them counts', () => {
    expect(severity({ differing: [1, 1] })).toBe('medium');
    expect(severity({ differing: [40, 0] })).toBe('low');
    const [found] = unreadableReports.find(windowOf({ differing: [2, 1] }));
    expect(found).toMatchObject({ first_day: ago(1), last_day: ago(1) });
    expect(found!.evidence.facts).toMatchObject({ aside: 0, differing: [{ name: 'mail.example', mails: 2 }] });
    expect(found!.evidence.query).toContain('readers_differ');
  });
  test('are over when a week has none', () => {
    const open = opened({ differing: [1, 1] });
    expect(unreadableReports.over(open, windowOf({ differing: [1, 1], open }))).toBeNull();
    expect(unreadableReports.over(open, windowOf({ open }))).toEqual({ reason: 'readable_again', days: 7 });
  });
});

test('what it says of invented mails is as it was', () => expectLives('unreadable'));
