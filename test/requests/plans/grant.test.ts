import { expect, test } from 'vitest';
import { digestOf } from '../../../services/requests/canonical.ts';
import { type GrantWish, planGrant } from '../../../services/requests/plans/grant.ts';
import { planReduce } from '../../../services/requests/plans/reduce.ts';

const DAY = 86_400;
const wish = (given: Partial<GrantWish> = {}): GrantWish => ({
  kind: 'access.email',
  domain: 'example.com',
  holder: 'ada@example.com',
  holder_kind: 'person',
  groups: ['mail'],
  server: 'post',
  scope: { from: 'shop@example.com' },
  seconds: DAY,
  uses: 3,
  credential: 'hash',
  risk: 'low',
  ...given,
});

test('the whole plan for a right of a day', () => {
  expect(planGrant(wish())).toEqual({
    version: 1,
    kind: 'access.email',
    domain: 'example.com',
    summary: 'Lend ada@example.com an account of post that sends as shop@example.com for 1 day.',
    warnings: [],
    why: [],
    risk: 'low',
    risk_because: ['The settings call what post lends of low risk.', 'It ends by itself.'],
    changes: [
      {
        target: 'grant',
        kind: 'access.email',
        holder: 'ada@example.com',
        holder_kind: 'person',
        groups: ['mail'],
        server: 'post',
        scope: { from: 'shop@example.com' },
        seconds: DAY,
        uses: 3,
        credential: digestOf('hash'),
      },
    ],
    back: { watch_hours: 0, text: 'It ends 1 day after it is applied at the latest, or at once with "ruawatch access end".' },
    finding: null,
    reviews: null,
  });
});

test('what is lent for longer than a day is of high risk; a target may have no credential', () => {
  const { warnings, risk, risk_because, changes } = planGrant(wish({ seconds: DAY + 1, credential: null }));
  expect([warnings, risk, risk_because]).toEqual([
    [expect.stringMatching(/^It is lent for 1 day.*: what is lent longer than a day is seldom watched\.$/)],
    'high',
    ['It is lent for longer than a day.', 'It ends by itself.'],
  ]);
  expect(changes).toMatchObject([{ seconds: DAY + 1, credential: null }]);
});

test('the whole plan of what people are to take away', () => {
  const change = {
    what: 'role of Ada',
    before: 'admin',
    after: 'viewer',
    run: 'ruawatch people',
    seen: { by: 'person', id: '1', value: 'admin' },
  } as const;
  expect(planReduce({ ...change, summary: 'Less.', why: ['Not used.'], back: 'By hand.' })).toEqual({
    version: 1,
    kind: 'rights.reduce',
    domain: '*',
    summary: 'Less.',
    warnings: [],
    why: ['Not used.'],
    risk: 'medium',
    risk_because: ['What still needs the right stops working: look at its last use first.'],
    changes: [{ target: 'manual', ...change }],
    back: { watch_hours: 0, text: 'By hand.' },
    finding: null,
    reviews: null,
  });
});
