import type { Family } from './family.ts';

/** A large reporter’s verdicts contradict its own results for days. */
export const verdictsContradict: Family = {
  name: 'verdicts-contradict',
  group: 'tuning',
  benign: false,
  source: 'RFC 9990 (policy_evaluated); https://github.com/mjl-/mox/issues/176',
  plant(site) {
    const { random } = site;
    const domain = site.domain({ volume: site.between(200, 20_000) });
    const from = site.day(12);
    const to = from + random.int(3, 12);
    const reporter = domain.reporter(random.int(0, 2));
    const incident = domain.expect({ what: 'contradiction', from, to }, { reporter });
    domain.reports('contradicts', reporter, { from, to }, { incident });
  },
};
