import { describe, expect, test } from 'vitest';
import { lasting, requestLines, requestsAct } from '../../services/mails/weekly-requests.ts';

const HEAD = `17:${'ab'.repeat(32)}`;
const WEEK = { waiting: 0, oldest: null, decided: 0, median_hours: null, overrides: [], head: HEAD };
const OVERRIDE = {
  request_key: 7,
  domain: 'example.com',
  person: 'dora@example.com',
  why: 'mail is\non fire.',
  at: new Date('2026-11-26T03:00:00Z'),
};

describe('what the digest says of requests', () => {
  test('nothing while nothing was ever requested', () => {
    expect(requestLines(null)).toEqual([]);
    expect(requestsAct(null)).toBe(false);
  });
  test.each([
    [{}, ['No request waits for a decision.'], false],
    [
      { waiting: 1, oldest: new Date('2026-11-20T10:00:00Z') },
      ['1 request waits for a decision, since 2026-11-20: "ruawatch requests".'],
      true,
    ],
    [
      { waiting: 1200, oldest: new Date('2026-11-20T10:00:00Z'), decided: 3, median_hours: 4.52 },
      [
        '1,200 requests wait for a decision, the oldest since 2026-11-20: "ruawatch requests". People decided 3 requests, in 4.5 hours at the median.',
      ],
      true,
    ],
    [
      { decided: 1, median_hours: 0.001, overrides: [OVERRIDE] },
      [
        'Break-glass: dora@example.com approved request 7 for example.com alone on 2026-11-26: mail is on fire.',
        'No request waits for a decision. People decided 1 request, in 1 minute.',
      ],
      true,
    ],
    [{ waiting: 2 }, ['2 requests wait for a decision: "ruawatch requests".'], true],
    [{ decided: 2, median_hours: null }, ['No request waits for a decision.'], false],
    [{ decided: 0, median_hours: 4 }, ['No request waits for a decision.'], false],
    [
      { overrides: [{ ...OVERRIDE, why: '', person: 'p'.repeat(81), domain: 'd'.repeat(81) }] },
      [
        `Break-glass: ${'p'.repeat(79)}… approved request 7 for ${'d'.repeat(79)}… alone on 2026-11-26.`,
        'No request waits for a decision.',
      ],
      true,
    ],
    [
      { overrides: [{ ...OVERRIDE, why: 'w'.repeat(201) }] },
      [
        `Break-glass: dora@example.com approved request 7 for example.com alone on 2026-11-26: ${'w'.repeat(199)}….`,
        'No request waits for a decision.',
      ],
      true,
    ],
  ])('%j', (part, lines, acts) => {
    expect(requestLines({ ...WEEK, ...part })).toEqual([...lines, `Head of the audit chain: ${HEAD}`]);
    expect(requestsAct({ ...WEEK, ...part })).toBe(acts);
  });
  test('many break-glasses are counted', () => {
    expect(requestLines({ ...WEEK, overrides: Array(13).fill(OVERRIDE) })).toContain('Break-glass: 3 more.');
    expect(requestLines({ ...WEEK, overrides: Array(11).fill(OVERRIDE) })).toContain('Break-glass: 1 more.');
    expect(requestLines({ ...WEEK, overrides: Array(10).fill(OVERRIDE) })).toHaveLength(12);
  });
});

test.each([
  [0.001, '1 minute'],
  [0.7, '42 minutes'],
  [0.999, '60 minutes'],
  [1, '1 hour'],
  [1.26, '1.3 hours'],
  [47, '47 hours'],
  [48, '2 days'],
  [60, '3 days'],
  [59, '2 days'],
  [80, '3 days'],
])('%d hours are %s', (hours, words) => {
  expect(lasting(hours)).toBe(words);
});
