import { expect, test } from 'vitest';
import { seal } from '../../../services/requests/plan.ts';
import { planSender, type SenderWish } from '../../../services/requests/plans/sender.ts';
import { changeLines } from '../../../services/requests/plans/text.ts';

const wish = (part: Partial<SenderWish> = {}): SenderWish => ({
  domain: 'example.com',
  source: 'mailer.example',
  is_service: false,
  before: null,
  after: 'approved',
  until: null,
  seen: { days: 7, messages: 1200, passed: 1180, class: 'authorized' },
  finding: null,
  ...part,
});

test('says what the reports show, and that no mail changes', () => {
  const plan = planSender(wish());
  expect(plan).toMatchObject({
    kind: 'sender.approve',
    summary: 'Approve mailer.example as a sender of example.com.',
    warnings: [],
    why: ['1,200 messages in the last 7 days, of which 1,180 passed DMARC; class authorized.'],
    risk: 'low',
    risk_because: ['It changes how reports are read, and no mail.'],
  });
  expect(seal(plan).text).toContain('mailer.example');
});

test.each<[string, Partial<SenderWish>, string[]]>([
  [
    'nothing of it passed',
    { seen: { days: 7, messages: 900, passed: 0, class: 'unauthorized' } },
    ['None of its 900 messages passed DMARC: approving it hides that somebody may be forging example.com.'],
  ],
  ['one of it passed', { seen: { days: 7, messages: 900, passed: 1, class: 'unauthorized' } }, []],
  ['it sent nothing', { seen: { days: 7, messages: 0, passed: 0, class: null } }, []],
  ['no report mentions it', { seen: null }, ['No report mentions it: nothing shows that it sends.']],
  [
    'it is denied and passes',
    { after: 'denied' },
    ['1,180 messages of it passed DMARC in 7 days: if it is yours, alarms about your own mail follow.'],
  ],
  [
    'it is denied and is not one of yours',
    { after: 'denied', seen: { days: 7, messages: 9, passed: 0, class: 'unauthorized' } },
    [],
  ],
  ['it is denied and no report mentions it', { after: 'denied', seen: null }, []],
  ['its entry is taken away', { after: null, before: 'approved', seen: null }, []],
  ['it is for all domains', { domain: '*' }, ['It is for every domain.']],
  [
    'it is for all domains, and nothing of it passed',
    { domain: '*', seen: { days: 7, messages: 1, passed: 0, class: null } },
    [
      'None of its 1 message passed DMARC: approving it hides that somebody may be forging every domain.',
      'It is for every domain.',
    ],
  ],
])('what speaks against it comes first: %s', (_, part, warnings) => {
  const plan = planSender(wish(part));
  expect(plan.warnings).toEqual(warnings);
  expect([plan.risk, plan.risk_because.slice(1)]).toEqual(
    warnings.length > 0 ? ['medium', ['There is a warning.']] : ['low', []],
  );
  expect(plan.kind).toBe(part.after === 'denied' ? 'sender.deny' : 'sender.approve');
  if (part.seen === null) expect(plan.why).toEqual([]);
});

test.each<[Partial<SenderWish>, string]>([
  [{}, 'Approve mailer.example as a sender of example.com.'],
  [{ after: 'denied' }, 'Deny mailer.example as a sender of example.com.'],
  [{ after: null, before: 'denied' }, 'Take the entry on mailer.example as a sender of example.com.'],
  [{ is_service: true, domain: '*' }, 'Approve mailer.example (service) as a sender of every domain.'],
  [{ until: '2026-12-01T10:00:00Z' }, 'Approve mailer.example as a sender of example.com until 2026-12-01.'],
])('%j is said as: %s', (part, summary) => {
  expect(planSender(wish(part)).summary).toBe(summary);
});

test('the whole plan, without a class and with a warning', () => {
  const seen = { days: 7, messages: 1, passed: 0, class: null };
  expect(planSender(wish({ seen, before: 'denied', until: '2026-12-01T10:00:00Z' }))).toEqual({
    version: 1,
    kind: 'sender.approve',
    domain: 'example.com',
    summary: 'Approve mailer.example as a sender of example.com until 2026-12-01.',
    warnings: ['None of its 1 message passed DMARC: approving it hides that somebody may be forging example.com.'],
    why: ['1 message in the last 7 days, of which 0 passed DMARC.'],
    risk: 'medium',
    risk_because: ['It changes how reports are read, and no mail.', 'There is a warning.'],
    changes: [
      {
        target: 'senders',
        domain: 'example.com',
        source: 'mailer.example',
        is_service: false,
        before: 'denied',
        after: 'approved',
        until: '2026-12-01T10:00:00Z',
      },
    ],
    back: { watch_hours: 0, text: 'The entry ends, and the previous one is restored; reports decide again.' },
    finding: null,
    reviews: null,
  });
});

test('what changes is a line for the entry that goes and one for the entry that comes', () => {
  const lines = (part: Partial<SenderWish>) => changeLines(planSender(wish(part)));
  expect(lines({})).toEqual(['+ approved: mailer.example as a sender of example.com']);
  expect(lines({ before: 'denied', domain: '*', until: '2026-12-01T10:00:00Z' })).toEqual([
    '- denied: mailer.example as a sender of every domain',
    '+ approved: mailer.example as a sender of every domain until 2026-12-01T10:00:00Z',
  ]);
  expect(lines({ before: 'denied', after: null })).toEqual(['- denied: mailer.example as a sender of example.com']);
});
