import { clean } from '../../../mails/plain-text.ts';
import { readPlan } from '../../../requests/plan.ts';
import { requestPage } from '../../requests/content.ts';
import { eventOf, type RequestPost } from '../../requests/post.ts';

/** The fields of a request in a JSON document: docs/approvals.md says what they are. */
export function requestFields(post: RequestPost, console: string | null): object {
  const { request, decisions } = post.story;
  const { event_key, event, actor, says, head } = eventOf(post);
  const { request_key, kind, domain, state, stage, rule, requester, requester_kind, why, digest, emergency } = request;
  const plan = readPlan({ text: request.plan, digest });
  return {
    request_key,
    event_key,
    event,
    actor,
    says,
    kind,
    domain,
    state,
    stage,
    rule: rule.rule,
    emergency,
    requester,
    requester_kind,
    why,
    finding_key: request.finding_key,
    expires_at: request.expires_at,
    outcome: request.outcome,
    ...(console !== null && { url: requestPage(console, request_key) }),
    digest,
    audit_head: head,
    decisions: decisions.map(({ person, stage: at_stage, decision, why: reason, at }) => ({
      person,
      stage: at_stage,
      decision,
      why: reason,
      at,
    })),
    // A receiver that shows it need not read the text that the digest is of.
    summary: clean(plan.summary, 500),
    risk: plan.risk,
    plan,
  };
}
