import { describe, expect, test } from 'vitest';
import { type AuditedRequest, controlsOf, exceptionsOf } from '../../services/requests/audit-report.ts';

const at = new Date('2026-11-27T08:00:00Z');
const later = new Date('2026-11-27T09:00:00Z');
const vote = (part: Partial<AuditedRequest['decisions'][number]> = {}) => ({
  person: 'ada@example.com',
  decision: 'approve' as const,
  why: 'fine',
  via: 'console',
  at,
  of_this_plan: true,
  ...part,
});
const request = (part: Partial<AuditedRequest> = {}): AuditedRequest => ({
  request_key: 7,
  kind: 'policy.step',
  domain: 'example.com',
  summary: 'Set the policy.',
  requester: 'zoe@example.com',
  requester_kind: 'person',
  why: 'ready',
  rule: 'rest',
  automatic: false,
  emergency: false,
  state: 'done',
  created_at: at,
  decided_at: at,
  applied_at: later,
  outcome: 'Applied.',
  decisions: [vote()],
  changes: [],
  review: null,
  ...part,
});
const override = vote({ decision: 'override', why: 'on fire' });

describe('what an auditor must look at', () => {
  test.each<[string, Partial<AuditedRequest>, string[]]>([
    ['nothing of a request that people approved', {}, []],
    ['nothing of one that a rule decided', { automatic: true, decisions: [] }, []],
    ['nothing of one that was denied', { state: 'denied', applied_at: null, decisions: [vote({ decision: 'deny' })] }, []],
    [
      'break-glass without a review',
      { emergency: true, decisions: [override] },
      [
        'privileged: It was approved by break-glass by ada@example.com: on fire.',
        'privileged: Nobody has looked back at the break-glass.',
      ],
    ],
    [
      'break-glass of which nobody is known any more',
      { emergency: true, decisions: [], automatic: true, review: { request_key: 8, state: 'done' } },
      ['privileged: It was approved by break-glass.'],
    ],
    [
      'break-glass that is looked at',
      { emergency: true, decisions: [override], review: { request_key: 8, state: 'done' } },
      ['privileged: It was approved by break-glass by ada@example.com: on fire.'],
    ],
    [
      'break-glass about a request of his own, not looked at yet',
      { emergency: true, requester: 'ada@example.com', decisions: [override], review: { request_key: 8, state: 'pending' } },
      [
        'privileged: It was approved by break-glass by ada@example.com: on fire.',
        'privileged: The look back at the break-glass (request 8) is pending.',
        'duties: ada@example.com approved a request of his or her own by break-glass.',
      ],
    ],
    [
      'a row that no function wrote',
      { requester: 'ada@example.com' },
      ['duties: ada@example.com decided about a request of his or her own.'],
    ],
    [
      'a plan that was changed',
      { decisions: [vote({ of_this_plan: false })] },
      ['change: ada@example.com decided about another text than the plan that is stored.'],
    ],
    [
      'what was published without a decision',
      { decided_at: null, decisions: [] },
      ['change: Its records were published without a decision: somebody else made the change.'],
    ],
    [
      'what was applied before it was decided',
      { decided_at: later, applied_at: at },
      ['change: It was applied before it was decided.'],
    ],
    [
      'what was taken back',
      { state: 'returned', outcome: 'Mail broke.' },
      ['change: It was applied and rolled back: Mail broke.'],
    ],
    [
      'what is stale',
      { state: 'stale', applied_at: null, outcome: 'It is otherwise.' },
      ['change: It was approved and not applied: It is otherwise.'],
    ],
    ['what failed without a word', { state: 'failed', outcome: null }, ['change: It was approved and not applied: failed']],
    ['what was taken back without a word', { state: 'returned', outcome: null }, ['change: It was applied and rolled back:']],
    ['what expired without a word', { state: 'expired', applied_at: null, outcome: null }, ['change: It expired.']],
    [
      'what somebody else published although it was denied',
      { decisions: [vote({ decision: 'deny' })] },
      ['change: Its records were published without a decision: somebody else made the change.'],
    ],
    ['nothing of what one of two denied', { decisions: [vote({ decision: 'deny' }), vote({ person: 'ben@example.com' })] }, []],
    ['nothing of what was not applied', { applied_at: null, decided_at: null, decisions: [], state: 'pending' }, []],
    [
      'what expired',
      { state: 'expired', applied_at: null, decisions: [], decided_at: null, outcome: 'Nobody decided in time.' },
      ['change: Nobody decided in time.'],
    ],
    ['nothing of one that was applied the moment it was decided', { decided_at: at, applied_at: at }, []],
    [
      'changes of which one failed, without a word',
      {
        changes: [
          { name: 'a.example', is_return: false, state: 'applied', answer: null, settled_at: at },
          { name: 'b.example', is_return: false, state: 'failed', answer: null, settled_at: at },
        ],
      },
      ['change: The change at b.example failed: no answer'],
    ],
    [
      'a change that failed',
      {
        state: 'failed',
        applied_at: null,
        outcome: 'Refused.',
        changes: [{ name: 'a.example', is_return: false, state: 'failed', answer: 'REFUSED', settled_at: at }],
      },
      ['change: It was approved and not applied: Refused.', 'change: The change at a.example failed: REFUSED'],
    ],
  ])('%s', (_, part, wanted) => {
    expect(exceptionsOf(request(part)).map(({ control, says }) => `${control}: ${says}`)).toEqual(wanted);
  });

  test('break-glass and its review are evidence for privileged access too', () => {
    expect(controlsOf(request())).toEqual(['change', 'duties']);
    for (const part of [{ emergency: true }, { kind: 'review' as const }])
      expect(controlsOf(request(part))).toEqual(['change', 'duties', 'privileged']);
  });
});
