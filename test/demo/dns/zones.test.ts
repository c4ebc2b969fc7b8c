import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DemoNameServer, startNameServer } from '../../../demo/dns/server.ts';
import { findLookalikes } from '../../../demo/dns/watch.ts';
import { demoZones, LOOKALIKE } from '../../../demo/dns/zones.ts';
import { CLUB, MORE_FLOWS, PRESS } from '../../../demo/incidents.ts';
import { BOOKS, FLOWS, PAY } from '../../../demo/senders.ts';
import { checkDomain } from '../../../services/dns/check/check.ts';
import { createDnsClient } from '../../../services/dns/client/client.ts';
import { evaluateSpf } from '../../../services/dns/spf/evaluate.ts';
import { organizationalDomain } from '../../../services/report/orgdomain.ts';

let running: DemoNameServer;
beforeAll(async () => {
  running = await startNameServer({ zones: demoZones() });
});
afterAll(() => running.stop());
const dns = () => createDnsClient({ servers: [running.server] });

test.each([
  [BOOKS, ['mta1', 'lc2'], []],
  [PAY, ['mta1', 'lm1'], ['dkim_key_weak']],
  [CLUB, ['mta1', 'th1'], ['spf_lookups', 'dmarc_subdomains_open']],
  [PRESS, ['mta1', 'pw1'], []],
])('%s has what is planted and nothing else', async (domain, selectors, planted) => {
  const { findings } = await checkDomain(domain, dns(), { selectors, registrable: organizationalDomain });
  expect(findings.filter(({ severity }) => severity !== 'hint').map(({ code }) => code)).toEqual(planted);
});

test('the eleventh look-up is that of the service that is new', async () => {
  const { findings, spf } = await checkDomain(CLUB, dns(), { selectors: [], registrable: organizationalDomain });
  expect(spf?.tree.lookups).toBe(11);
  expect(findings.find(({ code }) => code === 'spf_lookups')?.place?.text).toBe('include:spf.tickethall.example');
});

test('SPF says of every flow what the reports say', async () => {
  const flows = [...FLOWS, ...MORE_FLOWS].filter(({ spf, domain }) => spf.domain === domain || spf.domain.endsWith(`.${domain}`));
  expect(flows.length).toBeGreaterThan(8);
  for (const { spf, addresses, name } of flows)
    for (const ip of addresses) {
      const { result } = await evaluateSpf({ ip, mailFrom: `a@${spf.domain}`, helo: 'mail.example' }, dns());
      // Of a forger, a receiver may come to the look-up that is too much before it comes to "-all".
      const expected = spf.result === 'fail' && spf.domain === CLUB ? 'permerror' : spf.result;
      expect(result, `${name} ${ip}`).toBe(expected);
    }
});

test('one name that looks like one of the domains is registered while the demo runs', async () => {
  const { name: registered, records } = LOOKALIKE;
  expect(await findLookalikes([PAY], running.server)).toEqual([]);
  running.add(registered, records);
  const found = await findLookalikes([BOOKS, PAY, CLUB, PRESS], running.server);
  expect(found.map(({ name, of, mailHosts }) => [name, of, mailHosts])).toEqual([[registered, PAY, [`mail.${registered}`]]]);
});
