import { textOfValue } from '../../dns/shown-value.ts';
import { reduceSpf } from '../../dns/spf/reduce.ts';
import type { CheckedFacts } from '../../findings/kinds/checked.ts';
import { counted } from '../../shared/format.ts';
import { passedBySpf } from '../../store/requests/seen.ts';
import { planBack, planRecord } from './dns-means.ts';
import type { Playbook, PlaybookFinding, PlaybookMeans } from './playbook.ts';

/**
 * Days without mail after which a term of SPF passes for unused, and least days of reports that can show it.
 */
const UNUSED_DAYS = 90;
const LEAST_DAYS = 30;

/** A record with a fault whose correction the check of DNS gives. */
export const correctRecord: Playbook = {
  name: 'correct-record',
  kinds: ['record_invalid', 'include_dangling', 'dkim_key_weak'],
  async plan(finding, means) {
    const facts = finding.evidence.facts;
    if (facts?.rule !== 'record_invalid' && facts?.rule !== 'include_dangling' && facts?.rule !== 'dkim_key_weak') return null;
    return correction(finding, facts, means);
  },
};

async function correction(finding: PlaybookFinding, { name, problems }: CheckedFacts, means: PlaybookMeans) {
  const [first, ...others] = problems.filter(({ publish }) => publish !== null);
  if (first === undefined) return null;
  return planRecord(
    finding,
    {
      kind: 'dns.change',
      records: [{ name, value: first.publish }],
      summary: `Correct the record at ${name}.`,
      why: others.length === 0 ? [] : [`It has ${counted(others.length, 'more fault')}, each with a correction of its own.`],
    },
    means,
  );
}

/**
 * SPF above its ten lookups: what no mail has passed by is taken out, then what little mail passes by comes
 * last.
 */
export const reduceLookups: Playbook = {
  name: 'reduce-lookups',
  kinds: ['spf_limit'],
  async plan(finding, means) {
    const { domain } = finding;
    const { days, sources } = await passedBySpf(means.db, domain, means.now, UNUSED_DAYS);
    if (days < LEAST_DAYS) return null;
    const reduced = await reduceSpf(domain, means.dns, { ...means.asking, sources });
    if (reduced === null) return null;
    const { value, removed, lookups } = reduced;
    const what = [
      ...(removed.length > 0 ? [`take ${removed.join(' ')} out of it`] : []),
      ...(reduced.moved ? ['put first what most mail passes by'] : []),
    ].join(', and ');
    return planRecord(
      finding,
      {
        kind: 'dns.change',
        records: [{ name: domain, value }],
        summary: `Bring SPF of ${domain} from ${lookups.before} look-ups to ${lookups.after}: ${what}.`,
        why: removed.length > 0 ? [`No mail of the last ${days} days passed by ${removed.join(', ')}.`] : [],
      },
      means,
    );
  },
};

/** A record that mail rests on was lost, and no request took it away: it is published again. */
export const restoreRecord: Playbook = {
  name: 'restore-record',
  kinds: ['dns_broken', 'dkim_key_missing'],
  async plan(finding, means) {
    const facts = finding.evidence.facts;
    if (facts?.rule !== 'dns_broken' && facts?.rule !== 'dkim_key_missing') return null;
    const { name, at } = facts;
    const value = textOfValue(facts.before);
    return planBack(finding, { name, value, summary: `Publish ${name} again as it was before ${at} UTC.` }, means);
  },
};

/**
 * What is published is not what mail-guard.yaml declares, and no request changed it: what is declared is
 * published.
 */
export const restoreDeclared: Playbook = {
  name: 'restore-declared',
  kinds: ['dns_drift'],
  async plan(finding, means) {
    const facts = finding.evidence.facts;
    if (facts?.rule !== 'dns_drift') return null;
    const { name, approved } = facts;
    const value = facts.differences.find(({ publish }) => publish !== null)?.publish ?? null;
    const summary = `Publish ${name} as mail-guard.yaml declares it for ${approved.environments.join(', ')}.`;
    return planBack(finding, { name, value, summary }, means);
  },
};
