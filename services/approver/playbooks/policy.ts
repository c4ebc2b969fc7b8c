import { checkDomain } from '../../dns/check/check.ts';
import { withTags } from '../../dns/dmarc/edit.ts';
import { parseDmarc } from '../../dns/dmarc/record.ts';
import { policyOf } from '../../dns/posture/published-policy.ts';
import { textOfValue } from '../../dns/shown-value.ts';
import { PlanError } from '../../requests/plans/dns.ts';
import { halfStepWords, mayHalve, wholeStepWords } from '../../requests/plans/half-step.ts';
import { knowsTesting } from '../../store/requests/knows-testing.ts';
import { valueBefore } from '../../store/requests/playbook-findings.ts';
import { planBack, planRecord } from './dns-means.ts';
import type { Playbook, PlaybookFinding, PlaybookMeans } from './playbook.ts';

/**
 * The text of the DMARC record of a domain; null when it has none of its own.
 * @throws PlanError when DNS does not answer
 */
async function recordOf(finding: PlaybookFinding, means: PlaybookMeans): Promise<string | null> {
  const check = await checkDomain(finding.domain, means.dns, { ...means.asking, registrable: means.registrable });
  const discovery = check.dmarc?.discovery;
  if (discovery?.state === 'unknown')
    throw new PlanError('unknown', `The DMARC record of ${finding.domain} is not known: ${discovery.message}`);
  return policyOf(check)?.record.text ?? null;
}

/**
 * Names below the domain are forged: names that do not exist are refused, which can affect no mail of ours.
 */
export const protectSubdomains: Playbook = {
  name: 'protect-subdomains',
  kinds: ['subdomain_abuse'],
  async plan(finding, means) {
    const facts = finding.evidence.facts;
    const unused = facts?.rule === 'subdomain_abuse' && facts.used_in_all === 0;
    const tags: Record<string, string> = unused ? { np: 'reject', sp: 'reject' } : { np: 'reject' };
    const text = await recordOf(finding, means);
    if (text === null) return null;
    const value = withTags(text, tags);
    const set = Object.entries(tags).map(([tag, policy]) => `${tag}=${policy}`);
    return planRecord(
      finding,
      {
        kind: 'dns.change',
        records: [{ name: `_dmarc.${finding.domain}`, value }],
        summary: `Publish ${set.join(' and ')} for ${finding.domain}, so that receivers refuse mail in the name of ${unused ? 'any subdomain' : 'subdomains that do not exist'}.`,
      },
      means,
    );
  },
};

/** The reports say that a stricter policy costs no mail. */
export const policyStep: Playbook = {
  name: 'policy-step',
  kinds: ['policy_ready'],
  async plan(finding, means) {
    const facts = finding.evidence.facts;
    if (facts?.rule !== 'policy_ready') return null;
    const { domain } = finding;
    const text = await recordOf(finding, means);
    if (text === null) return null;
    const now = parseDmarc(text);
    const step = (value: string, summary: string, why: string[]) =>
      planRecord(finding, { kind: 'policy.step', records: [{ name: `_dmarc.${domain}`, value }], summary, why }, means);
    if (now?.testing === true && now.p === facts.next)
      return step(withTags(text, { t: null }), `Apply p=${facts.next} of ${domain} in full: take t=y away.`, []);
    const known = await knowsTesting(means.db, domain, means.now);
    if (mayHalve(text, facts.next, known, means.halfStepShare))
      return step(
        withTags(text, { p: facts.next, t: 'y' }),
        `Raise the policy of ${domain} to p=${facts.next}, with t=y at first.`,
        halfStepWords(facts.next, known),
      );
    const whole = means.halfStepShare === null || known.messages === 0 ? [] : [wholeStepWords(known)];
    return step(withTags(text, { p: facts.next, t: null }), `Raise the policy of ${domain} to p=${facts.next}.`, whole);
  },
};

/** The published policy became weaker, and nobody has asked for it here: the record before it is put back. */
export const policyBack: Playbook = {
  name: 'policy-back',
  kinds: ['policy_change'],
  async plan(finding, means) {
    const name = `_dmarc.${finding.domain}`;
    const value = textOfValue((await valueBefore(means.db, { domain: finding.domain, name })) ?? '');
    const summary = `Put the DMARC record of ${finding.domain} back as it was before it changed.`;
    return planBack(finding, { name, value, summary }, means);
  },
};
