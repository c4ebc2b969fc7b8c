import { expect, test } from 'vitest';
import { consider } from '../../services/requests/rules.ts';
import { STATES } from '../../services/requests/states.ts';
import { consideredLines, planLines, reasonsOf, STATE_WORDS } from '../../services/requests/words.ts';
import { planOf, rulesOf } from './sample.ts';

test('what is bad about a plan comes before why it is wanted', () => {
  expect(planLines(planOf({ warnings: ['It locks out the newsletter.'] }))).toEqual([
    'WARNING: It locks out the newsletter.',
    '1,200 messages in the last week.',
    'Risk: low. It changes how reports are judged, and no mail.',
    'Changes:',
    '  + approved: mailer.example as a sender of example.com',
    'The way back: The entry is ended.',
  ]);
});

test('one line for each rule says which decides, and why the others do not', () => {
  const rules = rulesOf(
    { name: 'rest', stages: [{ group: 'mail', need: 2 }, { group: 'security' }] },
    { name: 'routine', when: { risk: 'low' }, decide: 'automatic', ceiling: { per_day: 3 } },
    { name: 'policy', when: { kinds: ['policy.step'] }, stages: [{ group: 'mail' }] },
  );
  const lines = consideredLines(consider(rules, { plan: planOf(), requester: 'person' }, () => ({ all: 0, domain: 0 })));
  expect(lines).toEqual([
    '> routine: decides by itself, up to 3 a day',
    '  policy: no, it is for policy.step',
    '  rest: would match, but a more specific rule decides',
  ]);
});

test('every state has its words', () => {
  for (const state of STATES) expect(STATE_WORDS[state]).toMatch(/^[a-z]/);
});

test('a plan that changes nothing has no list of changes, and each reason is said once', () => {
  const plan = planOf({ changes: [], why: ['ours', 'It sends.'] });
  expect(planLines(plan)).toEqual([
    'ours',
    'It sends.',
    'Risk: low. It changes how reports are judged, and no mail.',
    'The way back: The entry is ended.',
  ]);
  expect(reasonsOf('ours', plan)).toEqual(['ours', 'It sends.']);
  expect(reasonsOf('because', plan)).toEqual(['because', 'ours', 'It sends.']);
});

test('stages follow each other in the line of a rule', () => {
  const rules = rulesOf({ name: 'rest', stages: [{ group: 'mail', need: 2 }, { group: 'security' }] });
  expect(consideredLines(consider(rules, { plan: planOf(), requester: 'person' }, () => ({ all: 0, domain: 0 })))).toEqual([
    '> rest: 2 of mail, then 1 of security',
  ]);
});
