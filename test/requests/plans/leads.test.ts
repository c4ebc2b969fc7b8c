import { expect, test } from 'vitest';
import { leadsOf, standsFor } from '../../../services/requests/plans/leads.ts';
import { dnsOf } from '../../dns/zone.ts';

const DKIM = { TXT: [['v=DKIM1; p=MIIB']] };
const key = (at: number, domain = 'example.com') => `s${at}._domainkey.${domain}`;

test('the policy and the keys in use are asked for, and what the watcher saw counts where DNS says nothing else', async () => {
  const dns = dnsOf({
    '_dmarc.example.com': { CNAME: ['Policy.Vendor.example'] },
    'policy.vendor.example': { TXT: [['v=DMARC1; p=none']] },
    [key(1)]: { CNAME: ['k1.vendor.example'] },
    'k1.vendor.example': { CNAME: ['k2.vendor.example'] },
    'k2.vendor.example': DKIM,
    [key(2)]: DKIM,
    [key(3)]: 'unknown',
  });
  const keys = new Map([key(1), key(2), key(3), key(1, 'example.org'), key(1, 'notexample.com')].map((name) => [name, 1]));
  const aliases = [
    { name: key(3), aliases: ['K3.Vendor.example'] },
    { name: key(1), aliases: ['old.vendor.example'] },
  ];
  const leads = await leadsOf('example.com', dns, { keys, aliases });
  expect(leads).toEqual([
    { name: key(3), aliases: ['k3.vendor.example'] },
    { name: key(1), aliases: ['k1.vendor.example', 'k2.vendor.example'] },
    { name: '_dmarc.example.com', aliases: ['policy.vendor.example'] },
  ]);
  expect(dns.asked.filter((one) => one.includes('example.org') || one.includes('notexample'))).toEqual([]);
  expect(standsFor('k2.vendor.example', leads)).toEqual([key(1)]);
  expect(standsFor('k4.vendor.example', leads)).toEqual([]);
});

test('forty keys are asked for at most, and twenty names stand in a plan', async () => {
  const dns = dnsOf({});
  const keys = new Map(Array.from({ length: 41 }, (_, at) => [key(at), 1]));
  expect(await leadsOf('example.com', dns, { keys })).toEqual([]);
  expect(dns.asked).toEqual(['TXT _dmarc.example.com', ...Array.from({ length: 40 }, (_, at) => `TXT ${key(at)}`)]);
  const leads = Array.from({ length: 21 }, (_, at) => ({ name: key(at), aliases: ['k.vendor.example'] }));
  expect(standsFor('k.vendor.example', leads)).toEqual(leads.slice(0, 20).map(({ name }) => name));
});
