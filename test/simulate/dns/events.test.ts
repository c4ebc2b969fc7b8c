import { expect, test } from 'vitest';
import { Random } from '../../../demo/random.ts';
import { checkDomain } from '../../../services/dns/check/check.ts';
import { CODES } from '../../../services/dns/check/codes.ts';
import { DNS_EVENTS } from '../../../simulate/dns/events.ts';
import { nameService } from '../../../simulate/dns/zones.ts';
import { Site } from '../../../simulate/families/site.ts';

const worldOf = (event: (typeof DNS_EVENTS)[number], draw = 0) => {
  const site = new Site(new Random(`test/${event.name}${draw === 0 ? '' : `/${draw}`}`), 60);
  const planted = event.plant(site);
  return { site, planted, dns: nameService(site.world, planted.changes) };
};

test.each(DNS_EVENTS.map((event) => [event.name, event] as const))(
  '%s: the records are right before it, and its mail agrees with them',
  async (_, event) => {
    const { site, planted, dns } = worldOf(event);
    const [domain] = site.world.domains;
    const selectors = domain!.flows
      .flatMap((flow) => (flow.active(0) > 0 ? flow.dkim : []))
      .filter((one) => one.domain === domain!.name && one.result === 'pass');
    const check = await checkDomain(domain!.name, dns(1), { selectors: [...new Set(selectors.map(({ selector }) => selector))] });
    expect(check.findings.filter(({ code }) => CODES[code].severity === 'error')).toEqual([]);
    expect(event.benign).toBe(site.world.incidents.length === 0);
    expect(planted.from).toBeGreaterThanOrEqual(28);
    expect(event.source.length).toBeGreaterThan(10);
  },
);

const textsOf = async (dns: ReturnType<ReturnType<typeof nameService>>, name: string) => {
  const answer = await dns.ask(name, 'TXT');
  return answer.state === 'records' ? answer.records.map((strings) => strings.join('')) : answer.state;
};

test('records change on the day, and come back', async () => {
  const event = (name: string) => worldOf(DNS_EVENTS.find((one) => one.name === name)!);
  // One that is over before its world is.
  const removing = DNS_EVENTS.find((one) => one.name === 'include-removed')!;
  const removed = Array.from({ length: 20 }, (_, draw) => worldOf(removing, draw)).find(
    ({ planted, site }) => planted.to + 1 < site.days,
  )!;
  const spf = (tick: number) => textsOf(removed.dns(tick), removed.planted.domain);
  expect(await spf(removed.planted.from)).not.toEqual(await spf(removed.planted.from - 1));
  expect(await spf(removed.planted.to + 1)).toEqual(await spf(removed.planted.from - 1));
  const gone = event('dmarc-removed');
  expect(await textsOf(gone.dns(gone.planted.from), `_dmarc.${gone.planted.domain}`)).toBe('nodata');
  const weaker = event('policy-weakened');
  const dmarc = async (tick: number) => (await textsOf(weaker.dns(tick), `_dmarc.${weaker.planted.domain}`))[0];
  expect(await dmarc(weaker.planted.from)).toContain('p=none');
  expect(await dmarc(weaker.planted.from - 1)).not.toContain('p=none');
  const failing = event('name-service-fails');
  expect(await textsOf(failing.dns(failing.planted.from), failing.planted.domain)).toBe('unknown');
});
