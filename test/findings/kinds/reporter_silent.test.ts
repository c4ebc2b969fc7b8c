import { expect, test } from 'vitest';
import { factWords } from '../../../services/findings/kinds/index.ts';
import { EVIDENCE, SAMPLES } from './samples.ts';
import { expectWords } from './words.ts';

const what = (spread: { silent: number; reporting: number } | null) =>
  factWords({ domain: 'example.com', subject: 'google.com', evidence: EVIDENCE }, { ...SAMPLES.reporter_silent, spread }).what;

test('on which other domains the reporter is silent too says whose fault it is', () => {
  for (const nothing of [null, { silent: 0, reporting: 0 }]) expect(what(nothing)).toMatch(/while others have\.$/);
  expect(what({ silent: 1, reporting: 0 })).toMatch(/has stopped on 1 other domain of yours as well/);
  expect(what({ silent: 0, reporting: 1 })).toMatch(/still reports on 1 other domain of yours\.$/);
  expect(what({ silent: 1, reporting: 4 })).toMatch(/still reports on 4 other domains of yours, and has stopped on 1 more\.$/);
});

test('the usual volume is a whole number, and is none when it is not known', () => {
  const summary = (usual: number | undefined) =>
    factWords(
      { domain: 'example.com', subject: 'google.com', evidence: { ...EVIDENCE, usual } as typeof EVIDENCE },
      SAMPLES.reporter_silent,
    ).summary;
  expect(summary(20.6)).toContain('21 messages a day before');
  expect(summary(undefined)).toContain('0 messages a day before');
});

test('its words, by how it does on other domains', () => {
  const over = (silent: number, reporting: number) => ({ facts: { spread: { silent, reporting } }, subject: 'google.com' });
  return expectWords('reporter_silent', {
    'not known': { subject: 'google.com' },
    'the own record was changed': {
      subject: 'google.com',
      facts: { record: { value: 'v=DMARC1; p=none', since: '2026-10-01', changed: true } },
    },
    'the own record is as it was': {
      subject: 'google.com',
      facts: { record: { value: 'v=DMARC1; p=none; rua=mailto:rua@example.com', since: '2026-08-01', changed: false } },
    },
    'the own record was seen only after the silence began': {
      subject: 'google.com',
      evidence: { since: '2026-10-02' },
      facts: { record: { value: 'v=DMARC1; p=none', since: '2026-10-07', changed: false } },
    },
    'the own record is gone': { subject: 'google.com', facts: { record: { value: null, since: '2026-10-02', changed: true } } },
    'one day each': { subject: 'google.com', facts: { of_days: 1, reported: 1, silent_days: 1 }, evidence: { usual: 1 } },
    'no other domain': over(0, 0),
    'silent on one other': over(1, 0),
    'silent on two others': over(2, 0),
    'reports on one other': over(0, 1),
    'reports on two others': over(0, 2),
    'reports on some, silent on one': over(1, 3),
    'reports on one, silent on many': over(1200, 1),
    'the usual volume is not known': { subject: 'google.com', evidence: { usual: undefined } },
  });
});
