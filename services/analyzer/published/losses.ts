import { parseDkimKey } from '../../dns/dkim.ts';
import { isDmarc } from '../../dns/dmarc/record.ts';
import { parseSpf } from '../../dns/spf/record.ts';
import { parsePolicy, strength, TAGS } from '../../shared/policy.ts';
import type { KeyMail, Published, PublishedRecord } from '../../store/dns/published.ts';

export type RecordLoss = 'spf_terms' | 'spf_gone' | 'spf_several' | 'dmarc_gone' | 'dmarc_weaker';
/**
 * `key_absent`: mail has passed with it, and DNS was not seen to have it; `key_unpublished`: no mail ever
 * passed.
 */
export type KeyLoss = 'key_gone' | 'key_revoked' | 'key_absent' | 'key_unpublished';

/** What a record lost that mail may rest on. */
export interface Loss {
  loss: RecordLoss | KeyLoss;
  /** The name of the record: the subject of the finding. */
  name: string;
  /** When it was first seen so. */
  at: Date;
  /** The record before, and what is published now; null when there is nothing. */
  before: string;
  now: string | null;
  /** spf_terms: the terms; dmarc_weaker: "p=reject → p=none". */
  terms: string[];
}

/** A value that was published for a shorter time was a trial. */
const TRIED_MS = 2 * 3_600_000;

/** What the records of a domain lost since a time. */
export function lossesOf(domain: string, { records, questions }: Published, since: Date): Loss[] {
  const of = (purpose: string) => records.filter((one) => one.purpose === purpose && one.type === 'TXT');
  const absent = (name: string) => questions.some((one) => one.name === name && one.type === 'TXT' && one.state === 'absent');
  const keys = new Set(of('dkim').map(({ name }) => name));
  return [
    ...spfLoss(domain, of('spf'), absent(domain)),
    ...[...keys].flatMap((name) =>
      keyLoss(
        name,
        of('dkim').filter((one) => one.name === name),
        absent(name),
      ),
    ),
    ...dmarcLoss(`_dmarc.${domain}`, of('dmarc'), absent(`_dmarc.${domain}`)),
  ].filter(({ at }) => at >= since);
}

/** Whether its SPF record lost terms. */
export function lostSpf(domain: string, { records }: Published): boolean {
  return spfLoss(
    domain,
    records.filter(({ purpose, type }) => purpose === 'spf' && type === 'TXT'),
    false,
  ).some(({ loss }) => loss === 'spf_terms');
}

function spfLoss(name: string, records: readonly PublishedRecord[], absent: boolean): Loss[] {
  const { live, gone } = split(records);
  const before = gone[0];
  const [current, ...others] = live;
  if (current === undefined)
    return absent && before ? [{ loss: 'spf_gone', name, at: before.gone_at!, before: before.value, now: null, terms: [] }] : [];
  if (others.length > 0) {
    // It is the second record that makes both void (RFC 7208 section 4.5).
    const newest = [...live].sort((a, b) => b.first_seen.getTime() - a.first_seen.getTime())[0]!;
    const oldest = live.find((one) => one !== newest)!;
    if (newest.first_seen.getTime() <= oldest.first_seen.getTime()) return [];
    return [{ loss: 'spf_several', name, at: newest.first_seen, before: oldest.value, now: newest.value, terms: [] }];
  }
  const now = new Set(termsOf(current.value));
  const lost = new Map<string, PublishedRecord>();
  for (const record of gone)
    for (const term of termsOf(record.value)) if (!now.has(term) && !lost.has(term)) lost.set(term, record);
  if (lost.size === 0) return [];
  const at = new Date(Math.max(...[...lost.values()].map((one) => one.gone_at!.getTime())));
  return [{ loss: 'spf_terms', name, at, before: [...lost.values()][0]!.value, now: current.value, terms: [...lost.keys()] }];
}

/** The terms that let somebody send, in lower case and without "+". */
export function termsOf(text: string): string[] {
  const { mechanisms, redirect } = parseSpf(text);
  const passing = mechanisms.filter(({ qualifier, kind }) => qualifier === '+' && kind !== 'all');
  return [...passing.map((one) => one.text.toLowerCase().replace(/^\+/, '')), ...(redirect ? [redirect.text.toLowerCase()] : [])];
}

function keyLoss(name: string, records: readonly PublishedRecord[], absent: boolean): Loss[] {
  const { live, gone } = split(records);
  const usable = (one: PublishedRecord) => !parseDkimKey(one.value).revoked;
  const before = gone.find(usable);
  if (before === undefined) return [];
  const of = { name, before: before.value, terms: [] };
  if (live.length === 0) return absent ? [{ ...of, loss: 'key_gone', at: gone[0]!.gone_at!, now: null }] : [];
  if (live.some(usable)) return [];
  return [{ ...of, loss: 'key_revoked', at: live[0]!.first_seen, now: live[0]!.value }];
}

/**
 * The keys that mail is signed with and that were never seen in DNS, since a time: what begins later, the
 * mail or the answer, is when the key was first missed.
 */
export function absentKeys({ records, questions }: Published, keyMail: readonly KeyMail[], since: Date): Loss[] {
  const seen = new Set(records.map(({ name }) => name));
  return questions.flatMap(({ name, type, state, first_answered_at }): Loss[] => {
    const mail = keyMail.find((one) => one.name === name);
    if (mail === undefined || type !== 'TXT' || state !== 'absent' || seen.has(name) || first_answered_at == null) return [];
    const missed = mail.passed > 0 ? first_answered_at : latest(first_answered_at, new Date(mail.failed_from || 0));
    const loss = mail.passed > 0 ? 'key_absent' : 'key_unpublished';
    return missed < since ? [] : [{ loss, name, at: missed, before: '', now: null, terms: [] }];
  });
}

const latest = (a: Date, b: Date) => (a > b ? a : b);

function dmarcLoss(name: string, records: readonly PublishedRecord[], absent: boolean): Loss[] {
  const { live, gone } = split(records);
  const valid = live.filter(({ value }) => isDmarc(value));
  const before = gone.find(({ value }) => isDmarc(value));
  if (before === undefined) return [];
  const of = { name, before: before.value, at: before.gone_at! };
  if (valid.length === 0)
    return live.length > 0 || absent ? [{ ...of, loss: 'dmarc_gone', now: live[0]?.value ?? null, terms: [] }] : [];
  const [was, is] = [parsePolicy(before.value), parsePolicy(valid[0]!.value)];
  const weaker = TAGS.filter((tag) => (strength(tag, is[tag]) ?? 0) < (strength(tag, was[tag]) ?? 0));
  // Unpublished, sp follows p and np follows sp.
  const own = weaker.filter(
    (tag) => !((tag === 'sp' || tag === 'np') && weaker.includes('p') && was[tag] === was.p && is[tag] === is.p),
  );
  if (own.length === 0) return [];
  return [
    { ...of, loss: 'dmarc_weaker', now: valid[0]!.value, terms: own.map((tag) => `${tag}=${was[tag]} → ${tag}=${is[tag]}`) },
  ];
}

/** What is published, and what is gone, the newest first; tries left out. */
function split(records: readonly PublishedRecord[]): { live: PublishedRecord[]; gone: PublishedRecord[] } {
  const lasted = (one: PublishedRecord) => one.gone_at!.getTime() - one.first_seen.getTime() >= TRIED_MS;
  const gone = records.filter((one) => one.gone_at !== null && lasted(one));
  return {
    live: records.filter((one) => one.gone_at === null),
    gone: gone.sort((a, b) => b.gone_at!.getTime() - a.gone_at!.getTime()),
  };
}
