import { describe, expect, test } from 'vitest';
import { seal } from '../../../services/requests/plan.ts';
import { planSender, type SenderWish } from '../../../services/requests/plans/sender.ts';

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

describe('what speaks against it comes first', () => {
  test.each<[string, Partial<SenderWish>, RegExp]>([
    [
      'nothing of it passed',
      { seen: { days: 7, messages: 900, passed: 0, class: 'unauthorized' } },
      /None of its 900 messages passed/,
    ],
    ['no report mentions it', { seen: null }, /No report mentions it/],
    ['it is denied and passes', { after: 'denied' }, /1,180 messages of it passed DMARC/],
    ['it is for all domains', { domain: '*' }, /for every domain/],
  ])('%s', (_, part, warning) => {
    const plan = planSender(wish(part));
    expect(plan.warnings.join(' ')).toMatch(warning);
    expect(plan.risk).toBe('medium');
  });
});
