import { planSender } from '../../requests/plans/sender.ts';
import { seenSource, standingEntry } from '../../store/requests/seen.ts';
import { planRecord } from './dns-means.ts';
import { aboutOf, type Playbook } from './playbook.ts';

/**
 * A sender that passes and was never seen before: is it ours? Where several new ones sign with one key of
 * ours, the key was copied: it is revoked, by a plan that says how much of our own mail rests on it.
 */
export const newSender: Playbook = {
  name: 'new-sender',
  kinds: ['new_source'],
  async plan(finding, means) {
    const { db, now } = means;
    const { domain, subject: source } = finding;
    const facts = finding.evidence.facts;
    if (facts?.rule === 'new_source' && facts.key?.age === 'old' && (facts.joined ?? 1) > 1) {
      const { name } = facts.key;
      if (!name.endsWith(`._domainkey.${domain}`)) return null;
      return planRecord(
        finding,
        {
          // Not dkim.rotate, which rules may decide by themselves: own mail may rest on this key.
          kind: 'dns.change',
          records: [{ name, value: 'v=DKIM1; p=' }],
          summary: `Revoke the DKIM key ${name}, which ${facts.joined} new senders sign with.`,
          why: [
            `Rotate the key first, so that your own mail is signed with another one: ruawatch dns rotate ${domain} --why "the key was copied".`,
            'A revoked key makes every signature with it fail at once, yours and theirs.',
          ],
        },
        means,
      );
    }
    if ((await standingEntry(db, { domain, source, is_service: false }, now)) !== null) return null;
    const seen = await seenSource(db, { domain, source }, now);
    return planSender({
      domain,
      source,
      is_service: false,
      before: null,
      after: 'approved',
      until: null,
      seen,
      finding: aboutOf(finding),
    });
  },
};

/** A service that sends for us and does not align: the records that its documentation gives are published. */
export const alignSender: Playbook = {
  name: 'align-sender',
  kinds: ['alignment_failure'],
  async plan(finding, means) {
    const facts = finding.evidence.facts;
    if (facts?.rule !== 'alignment_failure' || facts.relayed_by || facts.scattered) return null;
    const publish = facts.service?.publish ?? [];
    if (publish.length === 0) return null;
    const { name } = facts.service!;
    return planRecord(
      finding,
      {
        kind: 'dns.change',
        records: publish,
        summary: `Publish the records of ${name} for ${finding.domain}, so that its mail passes DMARC.`,
        why: [
          facts.approved_by === null
            ? `Nobody has approved ${name} as a sender of ${finding.domain}: make sure that it sends for you, since its customers may sign as ${finding.domain} from then on.`
            : `${name} was approved by ${facts.approved_by}.`,
        ],
      },
      means,
    );
  },
};
