import { expect, test } from 'vitest';
import { isAsk, isUrgentStep, isWanted } from '../../../services/alerter/requests/steps.ts';

const story = (part: object = {}, state = 'pending') =>
  ({ request: { state, emergency: false }, history: [], asked: new Set(['ada']), ...part }) as never;
const wanted = (event: string, of: never, recipient = 'ada') => isWanted({ event, event_key: 5 }, of, recipient);

test.each(['open', 'stage', 'remind', 'escalate'])('"%s" asks those who are asked now', (event) => {
  expect([isAsk(event, story(), 'ada'), isAsk(event, story(), 'ben')]).toEqual([true, false]);
  expect(wanted(event, story())).toBe(true);
  expect(wanted(event, story(), 'ben')).toBe(event === 'stage');
  expect(wanted(event, story({}, 'approved'))).toBe(false);
  const later = (event_key: number, one = 'stage') => story({ history: [{ event: one, event_key }] });
  expect([wanted(event, later(6)), wanted(event, later(5)), wanted(event, later(6, 'remind'))]).toEqual([false, true, true]);
});

test.each(['approve', 'deny', 'override', 'expire'])('"%s" is news for everybody', (event) => {
  expect(isAsk(event, story(), 'ada')).toBe(false);
  expect([wanted(event, story({}, 'denied')), wanted(event, story(), 'ben')]).toEqual([true, true]);
});

test('what keeps nobody waiting goes first, and so does all of a request by break-glass', () => {
  const urgent = ['escalate', 'override', 'fail', 'return', 'unreachable'];
  for (const event of urgent) expect(isUrgentStep(event, story()), event).toBe(true);
  for (const event of ['open', 'stage', 'remind', 'approve']) expect(isUrgentStep(event, story()), event).toBe(false);
  expect(isUrgentStep('open', story({ request: { state: 'pending', emergency: true } }))).toBe(true);
});
