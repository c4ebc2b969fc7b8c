import { expect, test } from 'vitest';
import { factWords } from '../../../services/findings/kinds/index.ts';
import { EVIDENCE, SAMPLES } from './samples.ts';

const what = (spread: { silent: number; reporting: number } | null) =>
  factWords({ domain: 'example.com', subject: 'google.com', evidence: EVIDENCE }, { ...SAMPLES.reporter_silent, spread }).what;

test('on which other domains the reporter is silent too says whose fault it is', () => {
  for (const nothing of [null, { silent: 0, reporting: 0 }]) expect(what(nothing)).toMatch(/while others have\.$/);
  expect(what({ silent: 1, reporting: 0 })).toMatch(/says nothing on 1 other domain of yours either/);
  expect(what({ silent: 0, reporting: 1 })).toMatch(/still reports on 1 other domain of yours\.$/);
  expect(what({ silent: 1, reporting: 4 })).toMatch(/still reports on 4 other domains of yours, and is silent on 1 more\.$/);
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
