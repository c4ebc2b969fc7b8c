import { textsOf } from '../client/texts.ts';
import type { AskOptions, Dns } from '../client/types.ts';
import { type DkimKey, parseDkimKey } from '../dkim.ts';
import { type GuardFinding, guardFinding, type Place } from './codes.ts';
import type { WantedKey } from './schema.ts';

/** What stands at the name of a selector. */
export type KeyRecord =
  | { state: 'unknown'; message: string }
  | { state: 'none'; aliases: readonly string[] }
  | { state: 'several'; aliases: readonly string[]; texts: readonly string[] }
  | { state: 'key'; aliases: readonly string[]; key: DkimKey };

/** Asks for the key of a selector. */
export async function keyAt(domain: string, selector: string, dns: Dns, options: AskOptions = {}): Promise<KeyRecord> {
  const answer = await dns.ask(keyName(domain, selector), 'TXT', options);
  if (answer.state === 'unknown') return { state: 'unknown', message: answer.message };
  const { aliases } = answer;
  const texts = textsOf(answer);
  if (texts.length > 1) return { state: 'several', aliases, texts };
  return texts[0] === undefined ? { state: 'none', aliases } : { state: 'key', aliases, key: parseDkimKey(texts[0]) };
}

export function keyName(domain: string, selector: string): string {
  return `${selector}._domainkey.${domain}`;
}

/** Faults of a record with which it may still verify what is signed with sha256. */
const HARMLESS = new Set(['dkim_key_weak', 'dkim_sha1', 'dkim_tag_historic', 'dkim_revoked']);

/** Why receivers cannot use a key; null when they can. */
export function unusable(key: DkimKey): string | null {
  if (key.revoked) return 'is revoked (p= is empty)';
  if (key.testing) return 'says t=y, so that its mail is treated as if it were not signed';
  const problem = key.problems.find(({ code }) => !HARMLESS.has(code));
  return problem === undefined ? null : `cannot be used (${problem.code})`;
}

/** p= without white space; null when there is none. */
export function keyData(text: string): string | null {
  const { tags } = parseDkimKey(text);
  return tags.find(({ name }) => name === 'p')?.value.replace(/\s+/g, '') ?? null;
}

/** "rsa 2048" */
export function strengthOf({ type, bits }: DkimKey): string {
  return type === 'ed25519' ? 'ed25519' : `${type} ${bits ?? 'unreadable'}`;
}

/** What the key record of a selector has otherwise than wanted. */
export function compareKey(
  place: Omit<Place, 'name' | 'text'>,
  selector: string,
  wanted: WantedKey,
  found: KeyRecord,
): GuardFinding[] {
  const name = keyName(place.domain, selector);
  const text = found.state === 'key' ? found.key.text : found.state === 'several' ? found.texts.join('\n') : null;
  const at: Place = { ...place, name, text };
  const publish = wanted.record ?? (wanted.key === undefined ? undefined : recordOf(wanted));
  const say = (code: GuardFinding['code'], message: string, what: string | null) => [
    guardFinding(code, at, { message, wanted: what, publish }),
  ];
  if (found.state === 'unknown') return say('guard_unknown', found.message, null);
  if (wanted.state !== 'key') return compareGone(at, wanted, found);
  const aliased = wanted.cname === undefined || found.aliases[0] === wanted.cname;
  const cname = aliased
    ? []
    : [
        guardFinding('guard_dkim_cname', at, {
          message: `${name} does not lead to ${wanted.cname} by a CNAME record, as is declared.`,
          wanted: wanted.cname!,
          published: found.aliases[0] ?? null,
        }),
      ];
  if (found.state === 'none')
    return [...cname, ...say('guard_dkim_missing', `${name} holds no key, and one is declared.`, wantedText(wanted))];
  if (found.state === 'several')
    return [
      ...cname,
      ...say(
        'guard_dkim_unusable',
        `${name} holds ${found.texts.length} records, and which one receivers use is undefined.`,
        wantedText(wanted),
      ),
    ];
  const { key } = found;
  if (!matches(key, wanted))
    return [...cname, ...say('guard_dkim_other', `The key at ${name} is not the one that is declared.`, wantedText(wanted))];
  const why = unusable(key);
  if (why !== null) return [...cname, ...say('guard_dkim_unusable', `The key at ${name} ${why}.`, wantedText(wanted))];
  if (wanted.type !== undefined && key.type !== wanted.type)
    return [
      ...cname,
      ...say('guard_dkim_other', `The key at ${name} is of the type ${key.type}, and ${wanted.type} is declared.`, wanted.type),
    ];
  if (key.type === 'rsa' && (key.bits ?? 0) < wanted.min_bits)
    return [
      ...cname,
      ...say(
        'guard_dkim_weak',
        `The key at ${name} has ${key.bits!.toLocaleString('en')} bits, and at least ${wanted.min_bits.toLocaleString('en')} are declared.`,
        `rsa ${wanted.min_bits}`,
      ),
    ];
  return cname;
}

function compareGone(at: Place, { state }: WantedKey, found: Exclude<KeyRecord, { state: 'unknown' }>): GuardFinding[] {
  if (found.state === 'none') return [];
  if (state === 'revoked' && found.state === 'key' && found.key.revoked) return [];
  const is = found.state === 'key' && found.key.revoked ? 'a revoked key' : 'a key';
  const message = `${at.name} holds ${is}, and is declared to be ${state}.`;
  return [guardFinding('guard_dkim_left', at, { message, wanted: state, publish: state === 'revoked' ? 'v=DKIM1; p=' : null })];
}

function matches(key: DkimKey, wanted: WantedKey): boolean {
  const data = wanted.key ?? (wanted.record === undefined ? undefined : keyData(wanted.record));
  if (data !== undefined && data !== keyData(key.text)) return false;
  return wanted.record === undefined || JSON.stringify(tagsIn(wanted.record)) === JSON.stringify(tagsIn(key.text));
}

/** The tags of a record in order of their names: blanks make no difference. */
function tagsIn(text: string): string[] {
  return parseDkimKey(text)
    .tags.map(({ name, value }) => `${name}=${value.replace(/\s+/g, '')}`)
    .sort();
}

function recordOf({ key, type }: WantedKey): string {
  return `v=DKIM1; k=${type ?? 'rsa'}; p=${key}`;
}

function wantedText(wanted: WantedKey): string {
  if (wanted.record !== undefined) return wanted.record;
  return wanted.key === undefined
    ? `${wanted.type ?? 'any key'}${wanted.type === 'ed25519' ? '' : `, ${wanted.min_bits.toLocaleString('en')} bits or more`}`
    : recordOf(wanted);
}
