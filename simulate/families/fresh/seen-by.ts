import type { Flow } from '../../model.ts';
import type { DomainSite } from '../domain-site.ts';

/**
 * From a report day on, what these reporters see of a flow is a flow of its own, to be changed at will: a
 * break, an address or a day has no reporter. The others go on as before. The sum stays the same.
 */
export function seenBy(domain: DomainSite, flow: Flow, names: readonly string[], from = 0): Flow {
  const weights = domain.domain.mix.map(({ reporter, share }) => {
    const name = reporter.dialect.org_name;
    const factor = flow.reporters.get(name) ?? 1;
    return { name, factor, weight: share * factor, theirs: names.includes(name) };
  });
  const sum = (list: typeof weights) => list.reduce((total, { weight }) => total + weight, 0);
  const share = sum(weights.filter(({ theirs }) => theirs)) / sum(weights);
  const { active } = flow;
  const part = (who: string, theirs: boolean, mean: number): Flow => ({
    ...flow,
    id: `${flow.id}/${who}/${domain.domain.flows.length}`,
    mean,
    active: (day) => (day >= from ? active(day) : 0),
    reporters: new Map(weights.map((one) => [one.name, one.theirs === theirs ? one.factor : 0])),
    breaks: [...flow.breaks],
  });
  flow.active = (day) => (day < from ? active(day) : 0);
  domain.domain.flows.push(part('others', false, flow.mean * (1 - share)));
  const seen = part('theirs', true, flow.mean * share);
  domain.domain.flows.push(seen);
  return seen;
}

/** Factors by which this reporter alone sees a flow. */
export function onlyBy(domain: DomainSite, name: string): Flow['reporters'] {
  return new Map(domain.domain.mix.map(({ reporter: { dialect } }) => [dialect.org_name, dialect.org_name === name ? 1 : 0]));
}
