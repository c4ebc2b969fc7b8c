import type { DmarcCheck } from '../check/dmarc.ts';
import { ORDER, policiesOf } from '../dmarc/applied.ts';
import { withTags } from '../dmarc/edit.ts';
import { type DmarcRecord, type Policy, parseDmarc, parseReportUri } from '../dmarc/record.ts';
import { parseTags } from '../tag-list.ts';
import { type GuardFinding, guardFinding, type Place } from './codes.ts';
import type { WantedDmarc } from './schema.ts';

/** A place of reports as it is compared. */
export function reportPlace(text: string): string {
  const uri = parseReportUri(text);
  return uri?.address === null || uri === null ? text : `mailto:${uri.address}`;
}

/** What the DMARC record that applies has otherwise than wanted. Nothing is said while it is unknown. */
export function compareDmarc(
  place: Omit<Place, 'name' | 'text'>,
  wanted: WantedDmarc,
  { discovery }: DmarcCheck,
): GuardFinding[] {
  if (discovery.state === 'unknown') return [];
  const { domain } = place;
  const name = `_dmarc.${domain}`;
  const own = discovery.walk.steps[0]!;
  const texts = own.state === 'record' ? [own.record.text] : own.state === 'several' ? own.texts : [];
  const at: Place = { ...place, name, text: texts.length === 0 ? null : texts.join('\n') };
  if (wanted.record !== undefined) {
    if (texts.length === 1 && sameTags(texts[0]!, wanted.record)) return [];
    const message =
      texts.length === 0
        ? `${name} holds no DMARC record; one is declared.`
        : `The DMARC record of ${domain} is not the one that is declared.`;
    return [guardFinding('guard_dmarc_record', at, { message, wanted: wanted.record, publish: wanted.record })];
  }
  const publish = corrected(own.state === 'record' ? own.record.text : 'v=DMARC1', wanted);
  if (discovery.state === 'none') {
    const message = `No DMARC record that counts applies to ${domain}; one is declared.`;
    return [guardFinding('guard_dmarc_record', at, { message, wanted: publish, publish })];
  }
  const { record } = discovery;
  const about: Published = { at, record, by: discovery.at === domain ? '' : `, by the record of ${discovery.at}`, publish };
  return [
    ...weakPolicies(about, wanted, policiesOf(record, discovery.policy)),
    ...otherAlignment(about, wanted),
    ...missingReports(about, wanted),
  ];
}

/** The record that applies, with how a sentence names it when it is another domain's, and what to publish. */
interface Published {
  at: Place;
  record: DmarcRecord;
  by: string;
  publish: string;
}

function weakPolicies(
  { at, record, by, publish }: Published,
  wanted: WantedDmarc,
  policies: ReturnType<typeof policiesOf>,
): GuardFinding[] {
  const found: GuardFinding[] = [];
  const trial = record.testing ? ', since t=y makes it one step weaker' : '';
  for (const [tag, is, least, what] of [
    ['p', policies.policy, wanted.policy, 'The policy of'],
    ['sp', policies.subdomains, wanted.subdomain_policy, 'The policy for subdomains of'],
    ['np', policies.nonexistent, wanted.nonexistent_policy, 'The policy for names that do not exist below'],
  ] as const)
    if (least !== undefined && ORDER.indexOf(is) < ORDER.indexOf(least) && !(follows(tag, record) && found.length > 0))
      found.push(
        guardFinding('guard_dmarc_policy', at, {
          message: `${what} ${at.domain} is ${is}${by}${trial}, and at least ${least} is declared.`,
          wanted: `${tag}=${least}`,
          published: `${tag}=${is}`,
          publish,
        }),
      );
  return found;
}

function otherAlignment({ at, record, by, publish }: Published, wanted: WantedDmarc): GuardFinding[] {
  const found: GuardFinding[] = [];
  for (const tag of ['adkim', 'aspf'] as const) {
    const mode = wanted[tag];
    if (mode === undefined || record[tag] === mode[0]) continue;
    found.push(
      guardFinding('guard_dmarc_alignment', at, {
        message: `${tag} of ${at.domain} is ${record[tag] === 's' ? 'strict' : 'relaxed'}${by}, and ${mode} is declared.`,
        wanted: `${tag}=${mode[0]}`,
        published: `${tag}=${record[tag]}`,
        publish,
      }),
    );
  }
  return found;
}

function missingReports({ at, record, by, publish }: Published, wanted: WantedDmarc): GuardFinding[] {
  const places = record.rua.map(({ text }) => reportPlace(text));
  return wanted.rua
    .filter((uri) => !places.includes(reportPlace(uri)))
    .map((uri) =>
      guardFinding('guard_dmarc_reports', at, {
        message: `Reports about ${at.domain} do not go to ${uri}${by === '' ? '' : `${by},`} as is declared.`,
        wanted: uri,
        published: places.join(',') || null,
        publish,
      }),
    );
}

/** Unpublished, sp is p and np is sp: what is wrong with these is said once. */
function follows(tag: 'p' | 'sp' | 'np', { sp, np }: DmarcRecord): boolean {
  return (tag === 'sp' && sp === null) || (tag === 'np' && np === null);
}

function sameTags(a: string, b: string): boolean {
  const tags = (text: string) =>
    parseTags(text)
      .tags.map(({ name, value }) => `${name.toLowerCase()}=${/^ru[af]$/i.test(name) ? uris(value) : value.toLowerCase()}`)
      .sort();
  return JSON.stringify(tags(a)) === JSON.stringify(tags(b));
}

function uris(value: string): string {
  return value
    .split(',')
    .map((one) => reportPlace(one.trim()))
    .sort()
    .join();
}

/** The record with the tags that are declared. */
function corrected(text: string, wanted: WantedDmarc): string {
  const record = parseDmarc(text);
  const tags: Record<string, string | null> = {};
  const raise = (tag: 'p' | 'sp' | 'np', least: Policy | undefined, is: Policy | null): Policy | null => {
    if (least === undefined || (is !== null && ORDER.indexOf(is) >= ORDER.indexOf(least))) return is;
    tags[tag] = least;
    return least;
  };
  const p = raise('p', wanted.policy, record?.p ?? null) ?? 'none';
  tags.p = p;
  const sp = raise('sp', wanted.subdomain_policy, record?.sp ?? p);
  raise('np', wanted.nonexistent_policy, record?.np ?? sp);
  for (const tag of ['adkim', 'aspf'] as const)
    if (wanted[tag] !== undefined && (record?.[tag] ?? 'r') !== wanted[tag][0]) tags[tag] = wanted[tag][0]!;
  const places = record?.rua.map((uri) => uri.text) ?? [];
  const more = wanted.rua.filter((uri) => !places.some((one) => reportPlace(one) === reportPlace(uri)));
  if (more.length > 0) tags.rua = [...places, ...more].join(',');
  if (record?.testing && policiesNeeded(wanted)) tags.t = null;
  return withTags(text, tags);
}

/** Whether a trial (t=y) makes a policy weaker than declared. */
function policiesNeeded({ policy, subdomain_policy, nonexistent_policy }: WantedDmarc): boolean {
  return [policy, subdomain_policy, nonexistent_policy].some((one) => one !== undefined && one !== 'none');
}
