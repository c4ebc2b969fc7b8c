import { clean } from '../../mails/plain-text.ts';
import { LONGEST, TAG } from '../../mails/subject.ts';
import type { Kind, Plan } from '../../requests/plan.ts';

const ROOM = LONGEST - TAG.length;

/**
 * What the kinds ask for; after it comes the own domain. A subject has no word of a sender, a reporter or a
 * requester.
 */
const WHAT: Record<Kind, string> = {
  'sender.approve': 'approve a sender of',
  'sender.deny': 'deny a sender of',
  'dns.change': 'change DNS of',
  'policy.step': 'policy of',
  'dkim.rotate': 'rotate a DKIM key of',
  'access.database': 'lend access for',
  'access.dns': 'lend access for',
  'access.email': 'lend access for',
  'access.dns-provider': 'lend access for',
  'access.console': 'lend access for',
  'access.message': 'read a held mail of',
  'sender.onboard': 'third party for',
  'sender.offboard': 'end of a third party for',
  'messages.release': 'a held mail of',
  'rights.reduce': 'fewer rights for',
  review: 'look back at break-glass for',
};

const ASKED: Record<string, string> = {
  open: 'Decide on request',
  stage: 'Decide on request',
  remind: 'Still to decide: request',
  escalate: 'Escalated: request',
};
/** "Request 7 approved": what stands behind the number. */
const NEWS: Record<string, string> = {
  open: 'open',
  stage: 'in its next stage',
  approve: 'approved',
  deny: 'denied',
  withdraw: 'withdrawn',
  expire: 'expired',
  override: 'approved by break-glass',
  apply: 'applied',
  hand_over: 'to be published',
  fail: 'failed',
  outdate: 'stale',
  settle: 'done',
  return: 'rolled back',
  appear: 'published',
  end: 'ended',
  unreachable: 'cannot be decided',
  reachable: 'can be decided again',
};

/**
 * What the subject of a mail about a request says behind its tag: of our own words, the number and the own
 * domain, so short that the subject has under 78 characters.
 */
export function titleOf({
  event,
  asks,
  key,
  plan,
}: {
  event: string;
  asks: boolean;
  key: number;
  plan: Pick<Plan, 'kind' | 'domain' | 'risk'>;
}): string {
  const step = asks ? `${ASKED[event]} ${key}` : `Request ${key} ${NEWS[event] ?? 'changed'}`;
  const before = `${step}: ${WHAT[plan.kind]} `;
  const risk = asks ? ` (${plan.risk} risk)` : '';
  const domain = plan.domain === '*' ? 'every domain' : clean(plan.domain, 253);
  for (const after of [risk, '']) {
    const room = ROOM - before.length - after.length;
    if (domain.length <= room || (after === '' && room > 1)) return `${before}${cutName(domain, room)}${after}`;
  }
  return step;
}

/** The end of a domain says whose it is. */
const cutName = (name: string, longest: number) => (name.length <= longest ? name : `…${name.slice(1 - longest)}`);
