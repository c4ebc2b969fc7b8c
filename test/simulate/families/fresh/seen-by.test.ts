import { expect, test } from 'vitest';
import { Random } from '../../../../demo/random.ts';
import { onlyBy, seenBy } from '../../../../simulate/families/fresh/seen-by.ts';
import { Site } from '../../../../simulate/families/site.ts';
import type { Flow } from '../../../../simulate/model.ts';

/** A domain with one flow, and what each reporter is to see of a flow on a day. */
function domainWithMail() {
  const domain = new Site(new Random('seen by'), 70).domain({ volume: 1000, usual: false, noise: false });
  const flow = domain.mail('own', { mean: 100, addresses: ['192.0.2.1'] });
  const seenOn = (day: number, flows: readonly Flow[]) => {
    const seen = new Map<string, number>();
    for (const one of flows) {
      const weights = domain.domain.mix.map(({ reporter, share }) => {
        const name = reporter.dialect.org_name;
        return { name, weight: share * (one.reporters.get(name) ?? 1) };
      });
      const sum = weights.reduce((total, { weight }) => total + weight, 0);
      for (const { name, weight } of weights) {
        seen.set(name, (seen.get(name) ?? 0) + (one.mean * one.active(day) * weight) / sum);
      }
    }
    return seen;
  };
  return { domain, flow, seenOn };
}

const rounded = (seen: Map<string, number>) => [...seen].map(([name, mean]) => [name, Number(mean.toFixed(6))]);

test('parting a flow by reporters changes nothing of what each of them sees', () => {
  const { domain, flow, seenOn } = domainWithMail();
  flow.reporters = new Map([[domain.reporter(1), 20]]);
  const before = seenOn(40, [flow]);
  const theirs = seenBy(domain, flow, [domain.reporter(0), domain.reporter(1)], 40);
  expect(rounded(seenOn(40, domain.domain.flows))).toEqual(rounded(before));
  expect(rounded(seenOn(39, domain.domain.flows))).toEqual(rounded(before));
  const named = [domain.reporter(0), domain.reporter(1)];
  const expected = [...before].map(([name, mean]): [string, number] => [name, named.includes(name) ? mean : 0]);
  expect(rounded(seenOn(40, [theirs]))).toEqual(rounded(new Map(expected)));
  expect([...seenOn(39, [theirs]).values()].every((mean) => mean === 0)).toBe(true);
});

test('a part can be changed without the other', () => {
  const { domain, flow } = domainWithMail();
  const theirs = seenBy(domain, flow, [domain.reporter(0)]);
  domain.breaks(theirs, { from: 0, to: 9, share: 1, mechanism: 'dkim' });
  theirs.addresses = ['192.0.2.2'];
  const [whole, others, changed] = domain.domain.flows;
  expect(changed).toBe(theirs);
  expect([whole, others].map((one) => [one!.breaks, one!.addresses])).toEqual([
    [[], ['192.0.2.1']],
    [[], ['192.0.2.1']],
  ]);
  expect(new Set(domain.domain.flows.map(({ id }) => id)).size).toBe(3);
});

test('what one reporter alone sees, no other does', () => {
  const { domain, flow, seenOn } = domainWithMail();
  const name = domain.reporter(2);
  flow.reporters = onlyBy(domain, name);
  expect(rounded(seenOn(40, [flow])).filter(([, mean]) => mean !== 0)).toEqual([[name, 100]]);
});
