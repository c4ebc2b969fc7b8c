import type { Plan } from '../../services/requests/plan.ts';
import { approvalsSchema, type Rule } from '../../services/requests/rules.ts';

/** A plan that approves a sender, with what a test needs to be different. */
export const planOf = (part: Partial<Plan> = {}): Plan => ({
  version: 1,
  kind: 'sender.approve',
  domain: 'example.com',
  summary: 'Approve mailer.example as a sender of example.com.',
  warnings: [],
  why: ['1,200 messages in the last week.'],
  risk: 'low',
  risk_because: ['It changes how reports are judged, and no mail.'],
  changes: [
    {
      target: 'senders',
      domain: 'example.com',
      source: 'mailer.example',
      is_service: false,
      before: null,
      after: 'approved',
      until: null,
    },
  ],
  back: { watch_hours: 0, text: 'The entry is ended.' },
  finding: null,
  reviews: null,
  ...part,
});

export const GROUPS = {
  mail: ['ada@example.com', 'ben@example.com', 'cleo@example.com'],
  security: ['dora@example.com', 'emil@example.com'],
};

/** Rules as the settings read them. */
export const rulesOf = (...rules: object[]): Rule[] => approvalsSchema.parse({ groups: GROUPS, rules }).rules;
