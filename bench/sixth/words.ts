import { domainToASCII } from 'node:url';
import type { Random } from '../../demo/random.ts';

/** Labels outside ASCII, each as people write it and as DNS has it. */
const LABELS = ['bücher', 'почта', '例え', 'mañana', 'çalışma', 'ελλάδα', 'fête'].map(
  (name) => [name, domainToASCII(name)] as const,
);

const PLAIN_LABELS = ['news', 'mail', 'bounce', 'em3', 'shop-a', 'notify', 'MTA-7', 'x', 'crm', 'return'];

/** A label below or beside a domain: ASCII mostly, else a U-label or its A-label. */
export function label(random: Random): string {
  if (random.chance(0.15)) return random.pick(LABELS)[random.int(0, 1)] as string;
  return random.pick(PLAIN_LABELS);
}

/** A domain of someone else: a service, a forwarder, a stranger. */
export function otherDomain(random: Random): string {
  const name = random.chance(0.1) ? label(random) : `sender-${random.int(1, 4_000)}`;
  return random.chance(0.3) ? `${label(random)}.${name}.example` : `${name}.example`;
}

/** The domain, at times in capitals: DNS does not distinguish them. */
export function spelled(domain: string, random: Random): string {
  if (!random.chance(0.04)) return domain;
  return random.chance(0.5) ? domain.toUpperCase() : domain.charAt(0).toUpperCase() + domain.slice(1);
}

/** The form to compare domains in: A-labels, small letters. */
export function canonical(domain: string): string {
  return /^[\u0000-\u007f]*$/.test(domain) ? domain.toLowerCase() : domainToASCII(domain);
}

const hex = (n: number): string => n.toString(16);

/** RFC 5952 section 4.2: the longest run of zero groups, of two at least, becomes `::`. */
function compressed(groups: number[]): string {
  let best = { at: -1, length: 1 };
  for (let at = 0; at < groups.length; at++) {
    let length = 0;
    while (groups[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  if (best.at < 0) return groups.map(hex).join(':');
  return `${groups.slice(0, best.at).map(hex).join(':')}::${groups
    .slice(best.at + best.length)
    .map(hex)
    .join(':')}`;
}

/** An IPv6 address of the global space in any of the spellings of RFC 4291 section 2.2. */
function ipv6(random: Random): string {
  const groups = Array.from({ length: 8 }, () => random.int(0, 0xffff));
  groups[0] = 0x2000 + random.int(0, 0xfff);
  const from = random.int(1, 6);
  if (random.chance(0.7)) groups.fill(0, from, from + random.int(1, 7 - from));
  const spelling = random.next();
  if (spelling < 0.4) return compressed(groups);
  if (spelling < 0.55) return compressed(groups).toUpperCase();
  if (spelling < 0.7) return groups.map((group) => hex(group).padStart(4, '0')).join(':');
  if (spelling < 0.8) return groups.map(hex).join(':');
  if (spelling < 0.9) return groups.map((group) => hex(group).padStart(4, '0').toUpperCase()).join(':');
  const [high, low] = [groups[6]!, groups[7]!];
  return `${groups.slice(0, 6).map(hex).join(':')}:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** Any address a host can have, and no two records of a load share one but by accident. */
export function address(random: Random): string {
  if (random.chance(0.3)) return ipv6(random);
  return `${random.int(1, 223)}.${random.int(0, 255)}.${random.int(0, 255)}.${random.int(1, 254)}`;
}

/**
 * Prose as receivers put it into human_result, comment, error and contact, with a mark of its own each time.
 */
const PROSE: readonly ((mark: string) => string)[] = [
  (mark) => `2048-bit rsa key <sha256> & relaxed/relaxed, b=${mark}`,
  (mark) => `signature "${mark}" didn't verify`,
  (mark) => `Schlüssel ${mark} geprüft — gültig`,
  (mark) => `подпись ${mark} не подошла`,
  (mark) => `署名 ${mark} は有効です 📬`,
  (mark) => `arc=pass as[1].d=list-${mark}.example as[1].s=arc`,
  (mark) => `body hash </result> mismatch; l=${mark}, i > 3`,
  (mark) => `first line ${mark}\n\tsecond line, a tab before it`,
  (mark) => `domain owner discourages use of this host (${mark})`,
  (mark) => `clé révoquée n° ${mark} : « p= » est vide`,
  (mark) => `]]> ${mark} &amp; &#65; &lt;`,
  (mark) => `ok`.padEnd(2 + (mark.charCodeAt(0) & 1), '.'),
];

export function prose(random: Random): string {
  return random.pick(PROSE)(random.hex(8));
}

/** The language of a text by RFC 9990's `lang`, or none. */
export function lang(random: Random): string | undefined {
  return random.chance(0.3) ? random.pick(['en', 'de', 'fr-CA', 'ja', 'zh-Hant-TW']) : undefined;
}
