import { expect, test } from 'vitest';
import { adviceHolds, byDecision, endingSchema } from '../../services/findings/end-reasons.ts';
import { ENDINGS } from './endings.ts';

test.each(ENDINGS)('$reason is read back as it is stored', (ending) => {
  expect(endingSchema.parse(JSON.parse(JSON.stringify(ending)))).toEqual(ending);
});

test('what this version does not know is refused, not guessed', () => {
  expect(endingSchema.safeParse({ reason: 'of_tomorrow' }).success).toBe(false);
  expect(endingSchema.safeParse({ reason: 'no_such_mail' }).success).toBe(false);
});

test("a person's word ends four of them, and evidence all others", () => {
  expect(ENDINGS.filter(byDecision).map(({ reason }) => reason)).toEqual([
    'denied',
    'no_longer_denied',
    'denied_kept_out',
    'listed',
  ]);
  expect(byDecision(undefined)).toBe(false);
});

test('what is over is no longer told what to do, unless it is merely not seen any more or a person closed it', () => {
  const holds = ENDINGS.filter(adviceHolds).map(({ reason }) => reason);
  expect(holds).toEqual([
    'no_such_mail',
    'no_failing_mail',
    'no_passing_mail',
    'no_mail',
    'no_such_report',
    'sent_no_more',
    'unrepeated',
  ]);
  expect(adviceHolds(undefined)).toBe(true);
  expect(adviceHolds({ reason: 'closed', by: 'Ada', why: 'ticket 7' })).toBe(true);
});
