import type { DomainCheck } from '../check/check.ts';
import { lowerName } from '../client/name.ts';
import type { Answer, AskOptions, Dns, RecordType } from '../client/types.ts';
import { type GuardFinding, guardFinding, type Place } from './codes.ts';
import { reportPlace } from './dmarc.ts';
import type { WantedDomain } from './schema.ts';
import { canonicalNetwork } from './spf-terms.ts';

/**
 * What MTA-STS, TLS-RPT, BIMI and MX have otherwise than wanted. What is unknown is reported by `dns check`
 * already.
 */
export function compareTransport(place: Omit<Place, 'name' | 'text'>, wanted: WantedDomain, check: DomainCheck): GuardFinding[] {
  const unknown = (part: string) => check.findings.some(({ code }) => code === `${part}_unknown`);
  return [
    ...(wanted.mta_sts === undefined || unknown('mta_sts') ? [] : mtaSts(place, wanted.mta_sts, check)),
    ...(wanted.tls_rpt === undefined || unknown('tlsrpt') ? [] : tlsRpt(place, wanted.tls_rpt, check)),
    ...(wanted.bimi === undefined || unknown('bimi') ? [] : bimi(place, wanted.bimi, check)),
    ...(wanted.mx === undefined || unknown('mx') ? [] : mx(place, wanted.mx, check)),
  ];
}

type Near = Omit<Place, 'name' | 'text'>;

function mtaSts(place: Near, { mode, id }: NonNullable<WantedDomain['mta_sts']>, { mtaSts }: DomainCheck): GuardFinding[] {
  const record = mtaSts?.record ?? null;
  const at: Place = { ...place, name: `_mta-sts.${place.domain}`, text: record?.text ?? null };
  if (record === null)
    return [
      guardFinding('guard_mta_sts', at, {
        message: `${place.domain} has no MTA-STS record; one is declared.`,
        wanted: id === undefined ? 'v=STSv1' : `v=STSv1; id=${id}`,
        publish: id === undefined ? undefined : `v=STSv1; id=${id}`,
      }),
    ];
  const found: GuardFinding[] = [];
  if (id !== undefined && record.id !== id)
    found.push(
      guardFinding('guard_mta_sts', at, {
        message: `The MTA-STS record of ${place.domain} has the id ${record.id ?? 'of no policy'}, and ${id} is declared.`,
        wanted: `id=${id}`,
        publish: `v=STSv1; id=${id}`,
      }),
    );
  const policy = mtaSts?.policy;
  if (mode !== undefined && policy != null && policy.mode !== mode)
    found.push(
      guardFinding('guard_mta_sts', at, {
        message: `The MTA-STS policy of ${place.domain} has the mode ${policy.mode ?? 'of none'}, and ${mode} is declared.`,
        wanted: `mode: ${mode}`,
        published: `mode: ${policy.mode ?? ''}`,
      }),
    );
  return found;
}

function tlsRpt(place: Near, { rua }: NonNullable<WantedDomain['tls_rpt']>, { tlsRpt }: DomainCheck): GuardFinding[] {
  const text = tlsRpt?.record?.text ?? null;
  const has = tlsRpt?.record?.rua.map((uri) => reportPlace(uri.text)) ?? [];
  const missing = rua.filter((uri) => !has.includes(reportPlace(uri)));
  if (missing.length === 0) return [];
  const publish = `v=TLSRPTv1; rua=${[...(tlsRpt?.record?.rua.map((uri) => uri.text) ?? []), ...missing].join(',')}`;
  const message = `TLS reports about ${place.domain} do not go to ${missing.join(', ')} as is declared.`;
  return [
    guardFinding('guard_tls_rpt', { ...place, name: `_smtp._tls.${place.domain}`, text }, { message, wanted: publish, publish }),
  ];
}

function bimi(place: Near, { logo, certificate }: NonNullable<WantedDomain['bimi']>, { bimi }: DomainCheck): GuardFinding[] {
  const record = bimi?.record ?? null;
  if (
    record !== null &&
    (logo === undefined || record.location === logo) &&
    (certificate === undefined || record.authority === certificate)
  )
    return [];
  const publish = logo === undefined ? undefined : `v=BIMI1; l=${logo}; a=${certificate ?? record?.authority ?? ''}`;
  const message =
    record === null
      ? `${place.domain} has no BIMI record; one is declared.`
      : `The BIMI record of ${place.domain} is not as declared.`;
  const at = { ...place, name: `default._bimi.${place.domain}`, text: record?.text ?? null };
  return [guardFinding('guard_bimi', at, { message, wanted: publish ?? 'v=BIMI1', publish })];
}

function mx(place: Near, wanted: readonly string[], { mx }: DomainCheck): GuardFinding[] {
  const hosts = [...(mx?.hosts ?? [])].sort();
  const declared = wanted
    .map((one) => lowerName(one.replace(/^\d+ /, '').replace(/\.$/, '')))
    .filter((host) => host !== '')
    .sort();
  if (JSON.stringify(hosts) === JSON.stringify([...new Set(declared)])) return [];
  const name = (list: readonly string[]) => (list.length === 0 ? 'none' : list.join(', '));
  const message = `The mail hosts of ${place.domain} are ${name(hosts)}, and ${name(declared)} ${declared.length === 1 ? 'is' : 'are'} declared.`;
  const at = { ...place, name: place.domain, text: hosts.length === 0 ? null : hosts.join('\n') };
  return [guardFinding('guard_mx', at, { message, wanted: declared.join(', ') || null, published: hosts.join(', ') || null })];
}

/**
 * What the records under `records` have otherwise than declared. Beside the TXT records of the domain itself
 * there may be others.
 */
export async function compareRecords(
  place: Near,
  wanted: WantedDomain['records'],
  dns: Dns,
  options: AskOptions,
): Promise<GuardFinding[]> {
  const found: GuardFinding[] = [];
  for (const [label, types] of Object.entries(wanted))
    for (const [type, values] of Object.entries(types)) {
      const name = label === '@' ? place.domain : `${label}.${place.domain}`;
      const answer = await dns.ask(name, type as RecordType, options);
      if (answer.state === 'unknown') {
        found.push(guardFinding('guard_unknown', { ...place, name, text: null }, { message: answer.message }));
        continue;
      }
      const published = valuesOf(answer);
      const declared = values.map((value) => normalValue(type, value));
      const missing = declared.filter((value) => !published.includes(value));
      const others = published.filter((value) => !declared.includes(value));
      if (missing.length === 0 && (others.length === 0 || (label === '@' && type === 'TXT'))) continue;
      const shown = (list: readonly string[]) => (list.length === 0 ? 'nothing' : list.map((value) => `"${value}"`).join(', '));
      const message =
        label === '@' && type === 'TXT'
          ? `${name} does not have ${shown(missing)} as ${type}, which is declared.`
          : `${name} has ${shown(published)} as ${type}, and ${shown(declared)} is declared.`;
      const at = { ...place, name, text: published.length === 0 ? null : published.join('\n') };
      // At the domain itself the value would be read as one that replaces the others.
      const publish = type === 'TXT' && declared.length === 1 && label !== '@' ? declared[0] : undefined;
      found.push(guardFinding('guard_record', at, { message, wanted: declared.join('\n') || null, publish }));
    }
  return found;
}

function valuesOf(answer: Answer): string[] {
  if (answer.state !== 'records') return [];
  return answer.records.map((one: unknown) => {
    if (Array.isArray(one)) return one.join('');
    if (typeof one === 'string') return one;
    const { preference, exchange } = one as { preference: number; exchange: string };
    return `${preference} ${lowerName(exchange)}`;
  });
}

function normalValue(type: string, value: string): string {
  if (type === 'TXT') return value;
  if (type === 'A' || type === 'AAAA') return addressIn(value, type);
  return lowerName(value.trim().replace(/\s+/g, ' ')).replace(/(?<=.)\.$/, '');
}

/** Text that is no address stays as it is, and differs from all that is published. */
function addressIn(value: string, type: 'A' | 'AAAA'): string {
  const fine = type === 'A' ? /^\d{1,3}(?:\.\d{1,3}){3}$/ : /^[0-9a-f:.]+$/i;
  return fine.test(value) && URL.canParse(type === 'A' ? `http://${value}` : `http://[${value}]`)
    ? canonicalNetwork(value, type === 'A' ? 32 : 128)
    : value;
}
