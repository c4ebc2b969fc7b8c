import { lowerName } from '../../dns/client/name.ts';
import { Networks } from '../../dns/networks.ts';
import { admittedNetworks } from '../../dns/spf/admitted.ts';
import { parseSpf } from '../../dns/spf/record.ts';
import type { SeenSource } from '../../store/analysis/senders.ts';
import type { KeyMail, Published, SpfMail } from '../../store/dns/published.ts';
import { isAligned, type SenderData } from '../senders/units.ts';
import { isNetwork } from '../sources/network.ts';
import type { Loss } from './losses.ts';

/** A sender whose mail rested on what was lost. */
export interface Affected {
  key: string;
  name: string;
  /** Messages of the window that passed. */
  passed: number;
  /** Of them, those that passed by the lost mechanism alone. */
  alone: number;
}

/** Includes that are followed, and how deep: the texts are stored, and strangers write them. */
const MOST_INCLUDES = 100;

/** The senders whose mail rested on what an SPF record or a key lost, those of the most mail first. */
export function affectedBy(
  loss: Loss,
  senders: readonly SenderData[],
  {
    published,
    keyMail,
    spfMail = [],
  }: { published: Published; keyMail: readonly KeyMail[]; spfMail?: readonly SpfMail[] | undefined },
): Affected[] {
  const rests = loss.loss.startsWith('key_') ? ofKey(loss, keyMail) : ofSpf(loss, published, spfMail);
  const dkim = loss.loss.startsWith('key_');
  const found = senders.flatMap((sender): Affected[] => {
    const sources = sender.sources.filter((one) => isAligned(one) && rests(one, sender));
    const passed = sources.reduce((n, one) => n + one.passed, 0);
    const other = sources.reduce((n, one) => n + Math.min(one.passed, dkim ? one.spf_aligned : one.dkim_aligned), 0);
    return passed === 0 ? [] : [{ key: sender.key, name: sender.name, passed, alone: passed - other }];
  });
  return found.sort((a, b) => b.passed - a.passed || (a.key < b.key ? -1 : 1));
}

/**
 * The senders that sign with a key that no mail passed with: `passed` and `alone` are the messages that they
 * signed.
 */
export function ofUnpublished(mail: KeyMail | undefined, senders: readonly SenderData[]): Affected[] {
  if (mail === undefined) return [];
  const messages = mail.failed ?? 0;
  const sender = senders.find(({ sources }) => sources.some(({ source }) => mail.sources.includes(source)));
  const name = sender?.name ?? mail.sources[0] ?? mail.name;
  return messages === 0 ? [] : [{ key: sender?.key ?? name, name, passed: messages, alone: messages }];
}

type Rests = (source: SeenSource, sender: SenderData) => boolean;

function ofKey({ name }: Loss, keyMail: readonly KeyMail[]): Rests {
  const sources = new Set(keyMail.find((one) => one.name === name)?.sources);
  return ({ source, dkim_aligned }) => dkim_aligned > 0 && sources.has(source);
}

function ofSpf(loss: Loss, published: Published, spfMail: readonly SpfMail[]): Rests {
  if (loss.loss !== 'spf_terms') return ({ spf_aligned }) => spf_aligned > 0;
  const lost = reach(loss.name, `v=spf1 ${loss.terms.join(' ')}`, published);
  const still = reach(loss.name, loss.now!, published);
  return ({ source, spf_aligned }, { service }) => {
    if (spf_aligned === 0) return false;
    const named = service?.include.filter((name) => lost.names.has(name)) ?? [];
    // Flattened: other terms admit the same networks.
    const flattened = lost.networks.length > 0 && lost.networks.every((network) => overlaps(still, network));
    if (named.length > 0) return !flattened && !service!.include.some((name) => still.names.has(name));
    const gone = (network: string) => overlaps(lost, network) && !overlaps(still, network);
    if (isNetwork(source)) return gone(source);
    // Somebody else signs it, whom no catalogue knows: most of its mail must come from what was lost.
    const mail = spfMail.filter((one) => one.source === source);
    const messages = (list: readonly SpfMail[]) => list.reduce((n, one) => n + one.messages, 0);
    return 2 * messages(mail.filter(({ network }) => gone(network))) > messages(mail);
  };
}

/**
 * The terms of a domain's own SPF record, as it is published now, that admit one of some networks or include
 * one of some names.
 */
export function admittingTerms(
  domain: string,
  published: Published,
  { networks, include }: { networks: readonly string[]; include: readonly string[] },
): string[] {
  const own = published.records.filter(
    (one) => one.purpose === 'spf' && one.type === 'TXT' && one.name === domain && one.gone_at === null,
  );
  // Two records are none (RFC 7208 section 4.5).
  if (own.length !== 1) return [];
  const standing: Published = { ...published, records: published.records.filter(({ gone_at }) => gone_at === null) };
  return parseSpf(own[0]!.value)
    .mechanisms.filter(({ kind, qualifier }) => kind !== 'all' && qualifier === '+')
    .map(({ text }) => text)
    .filter((term) => {
      const of = reach(domain, `v=spf1 ${term}`, standing);
      return include.some((name) => of.names.has(name)) || networks.some((network) => overlaps(of, network));
    });
}

interface Reach {
  /** The names that are included. */
  names: Set<string>;
  networks: string[];
}

/** What an SPF record admits, with all that it includes, as far as the texts are stored. */
function reach(domain: string, text: string, { records }: Published): Reach {
  const names = new Set<string>();
  const networks: string[] = [];
  const known = (name: string, type: string) =>
    records.filter((one) => one.name === name && one.type === type).map(({ value }) => value);
  const waiting = [{ domain, text }];
  for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
    networks.push(...admittedNetworks(one.domain, one.text, known).map(({ network }) => network));
    const { mechanisms, redirect } = parseSpf(one.text);
    const includes = mechanisms.flatMap(({ kind, domainText }) => (kind === 'include' ? [domainText!] : []));
    for (const given of [...includes, ...(redirect ? [redirect.valueText] : [])]) {
      const name = lowerName(given).replace(/\.$/, '');
      if (names.has(name) || names.size >= MOST_INCLUDES) continue;
      names.add(name);
      for (const inner of known(name, 'TXT')) waiting.push({ domain: name, text: inner });
    }
  }
  return { names, networks };
}

/** Whether a network and one of the networks that are reached have an address in common. */
function overlaps({ networks }: Reach, source: string): boolean {
  const of = new Networks([source]);
  const base = source.slice(0, source.indexOf('/'));
  return networks.some((network) => {
    const address = network.slice(0, network.indexOf('/'));
    return of.contains(address) || new Networks([network]).contains(base);
  });
}
