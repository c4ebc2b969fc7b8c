import { checkDomain } from '../../dns/check/check.ts';
import { policyOf } from '../../dns/posture/published-policy.ts';
import { textOfValue } from '../../dns/shown-value.ts';
import { parseTags } from '../../dns/tag-list.ts';
import { PlanError } from '../../requests/plans/dns.ts';
import { valueBefore } from '../../store/requests/playbook-findings.ts';
import { planBack, planRecord } from './dns-means.ts';
import type { Playbook, PlaybookFinding, PlaybookMeans } from './playbook.ts';

/**
 * The DMARC record of a domain with some tags set; null when the domain has no record of its own.
 * @throws PlanError when DNS does not answer
 */
async function withTags(finding: PlaybookFinding, means: PlaybookMeans, tags: Record<string, string>): Promise<string | null> {
  const check = await checkDomain(finding.domain, means.dns, { ...means.asking, registrable: means.registrable });
  const discovery = check.dmarc?.discovery;
  if (discovery?.state === 'unknown')
    throw new PlanError('unknown', `The DMARC record of ${finding.domain} is not known: ${discovery.message}`);
  const found = policyOf(check);
  if (found === null) return null;
  const kept = parseTags(found.record.text).tags.map(({ name, value }) => ({ name, value: tags[name.toLowerCase()] ?? value }));
  const had = new Set(kept.map(({ name }) => name.toLowerCase()));
  const added = Object.entries(tags).flatMap(([name, value]) => (had.has(name) ? [] : [{ name, value }]));
  // RFC 9989 section 4.7: v comes first; p follows it, as all readers take it.
  const order = [...kept.slice(0, 2), ...added, ...kept.slice(2)];
  return order.map(({ name, value }) => `${name}=${value}`).join('; ');
}

/** Names below the domain are forged: names that do not exist are refused, which can affect no mail of ours. */
export const protectSubdomains: Playbook = {
  name: 'protect-subdomains',
  kinds: ['subdomain_abuse'],
  async plan(finding, means) {
    const facts = finding.evidence.facts;
    const unused = facts?.rule === 'subdomain_abuse' && facts.used_in_all === 0;
    const tags: Record<string, string> = unused ? { np: 'reject', sp: 'reject' } : { np: 'reject' };
    const value = await withTags(finding, means, tags);
    if (value === null) return null;
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
    const value = await withTags(finding, means, { p: facts.next });
    if (value === null) return null;
    return planRecord(
      finding,
      {
        kind: 'policy.step',
        records: [{ name: `_dmarc.${finding.domain}`, value }],
        summary: `Raise the policy of ${finding.domain} to p=${facts.next}.`,
      },
      means,
    );
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
