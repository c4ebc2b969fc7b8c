import { runDnsCheck } from '../services/cli/commands/dns.ts';
import { loadConfig } from '../services/shared/settings/config.ts';
import { startKnot, startSilent } from '../test/helpers/knot.ts';
import { startUnbound } from '../test/helpers/nameservers.ts';
import type { StageInput } from './input.ts';
import { type Measure, measure, round } from './measure.ts';

/** Domains whose only name server takes questions and never answers. */
const SILENT = 50;
/** Domains that are checked again one by one, when the resolver has all answers. */
const AGAIN = 50;
const KEY = `v=DKIM1; k=rsa; p=${'A'.repeat(392)}`;
const SERVICES = 5;

/**
 * `dns check` of `input.records` domains through Unbound, at the rate of the command: their records are on
 * Knot, and 50 more have a name server that is silent. Then some of them alone, each with an empty cache of
 * its own, while the resolver's is warm. `records` are domains.
 */
export async function dns(stage: string, input: StageInput): Promise<Measure> {
  const count = input.records!;
  const good = Array.from({ length: count }, (_, n) => `d${n}.test`);
  const bad = Array.from({ length: SILENT }, (_, n) => `s${n}.silent`);
  const zones = { ...Object.fromEntries(good.map((name, n) => [name, zoneOf(n)])), 'service.test': serviceZone(good), test: [] };
  const knot = await startKnot(zones);
  const silent = await startSilent();
  const portOf = ({ server }: { server: string }) => Number(server.slice(server.lastIndexOf(':') + 1));
  const resolver = await startUnbound({
    ...Object.fromEntries(Object.keys(zones).map((zone) => [zone, portOf(knot)])),
    silent: portOf(silent),
    // The root, which Knot refuses: without it Unbound looks for one.
    '': portOf(knot),
  });
  try {
    // Those that do not answer are spread over the list, as they are in life.
    const every = Math.max(1, Math.floor(count / SILENT));
    const all = good.flatMap((name, n) => (n % every === 0 && bad[n / every] ? [bad[n / every]!, name] : [name]));
    let answered = 0;
    const measured = await measure(stage, null, async () => {
      const found = await check(all, resolver.server);
      answered = found.filter(({ domain, unknown }) => domain.endsWith('.test') && !unknown).length;
      const claimed = found.filter(({ domain, errors }) => domain.endsWith('.silent') && errors > 0);
      if (claimed.length > 0) throw new Error(`${claimed[0]!.domain} has errors, though nobody answered.`);
      return { mails: 0, reports: 0, records: all.length };
    });
    if (answered !== count)
      throw new Error(`${count - answered} of ${count} domains had something unknown beside a silent server.`);
    const alone: number[] = [];
    for (const domain of good.slice(0, AGAIN)) {
      const start = performance.now();
      await check([domain], resolver.server);
      alone.push((performance.now() - start) / 1000);
    }
    alone.sort((a, b) => a - b);
    const [middle, slowest] = [alone[Math.floor(alone.length / 2)]!, alone.at(-1)!];
    return {
      ...measured,
      note: `alone on a warm resolver: median ${round(middle, 2)} s, slowest of ${alone.length} ${round(slowest, 2)} s; ${SILENT} domains of a silent name server are unknown, no other is`,
    };
  } finally {
    await Promise.all([knot.stop(), silent.stop(), resolver.stop()]);
  }
}

/** What one domain publishes: three senders, two mail hosts, a key of its own and one at a service. */
function zoneOf(n: number): string[] {
  const service = `s${n % SERVICES}.service.test.`;
  return [
    `@ TXT "v=spf1 ip4:192.0.2.${n % 250} mx include:${service.slice(0, -1)} include:both.service.test -all"`,
    '@ MX 10 mx1',
    '@ MX 20 mx2',
    'mx1 A 198.51.100.1',
    'mx2 A 198.51.100.2',
    `k1._domainkey TXT "${KEY.slice(0, 200)}" "${KEY.slice(200)}"`,
    `k2._domainkey CNAME k2.${service}`,
    '_dmarc TXT "v=DMARC1; p=none; rua=mailto:dmarc@service.test"',
    '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@service.test"',
  ];
}

function serviceZone(domains: readonly string[]): string[] {
  const each = Array.from({ length: SERVICES }, (_, n) => [
    `s${n} TXT "v=spf1 ip4:203.0.113.${n} -all"`,
    `k2.s${n} TXT "${KEY.slice(0, 200)}" "${KEY.slice(200)}"`,
  ]);
  const accepts = domains.map((name) => `${name}._report._dmarc TXT "v=DMARC1"`);
  return [
    'both TXT "v=spf1 ip4:203.0.113.128/28 a:s.service.test -all"',
    's A 203.0.113.200',
    '@ MX 5 s',
    ...each.flat(),
    ...accepts,
  ];
}

async function check(
  domains: readonly string[],
  resolver: string,
): Promise<{ domain: string; unknown: boolean; errors: number }[]> {
  const config = loadConfig({ HTTP_LISTEN: 'off' }, '/nonexistent');
  const lines: string[] = [];
  await runDnsCheck(
    config,
    domains,
    { resolver: [resolver], json: true, selector: ['k1', 'k2'], web: false },
    { out: (line) => void lines.push(line) },
  );
  const found = JSON.parse(lines.join('\n')) as { domain: string; findings: { code: string; severity: string }[] }[];
  return found.map(({ domain, findings }) => ({
    domain,
    unknown: findings.some(({ severity }) => severity === 'unknown'),
    errors: findings.filter(({ severity, code }) => severity === 'error' && !code.startsWith('dkim_')).length,
  }));
}
