import { expect, test } from 'vitest';
import { Random } from '../../demo/random.ts';
import { Networks } from '../../services/dns/networks.ts';
import { lookUp } from '../../services/enricher/look.ts';
import { canonicalAddress, networkOf } from '../../services/report/address.ts';
import { Pace } from '../../services/shared/pace.ts';
import { Internet } from '../../simulate/internet/internet.ts';
import { PROVIDERS, type ProviderName, provider } from '../../simulate/internet/providers.ts';

const random = new Random('internet');

test.each(Object.keys(PROVIDERS) as ProviderName[])(
  'addresses of %s lie in one of its networks and bear its names',
  async (name) => {
    const internet = new Internet(random.fork(name));
    const of = provider(name);
    for (const family of of.v6 ? ([4, 6] as const) : ([4] as const)) {
      const list = internet.network(of, 5, random, family);
      expect(new Set(list.map(networkOf)).size).toBe(1);
      for (const ip of list) {
        expect(canonicalAddress(ip)).toBe(ip);
        expect(new Networks([...(family === 4 ? of.v4 : of.v6!)]).contains(ip)).toBe(true);
        const found = await lookUp(ip, internet.resolver(), new Pace(Number.POSITIVE_INFINITY));
        expect(found.confirmed).toBe(found.name !== null);
      }
    }
  },
);

test('a name that its owner gives counts only when it leads back', async () => {
  const internet = new Internet(random);
  internet.put('203.0.113.7', provider('ec2'), 'mail.heron.example', false);
  const found = await lookUp('203.0.113.7', internet.resolver(), new Pace(Number.POSITIVE_INFINITY));
  expect(found).toMatchObject({ name: 'mail.heron.example', confirmed: false });
});
