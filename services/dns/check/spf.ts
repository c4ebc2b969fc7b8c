import { BlockList, isIPv6 } from 'node:net';
import type { AskOptions, Dns } from '../client/types.ts';
import { MOST_LOOKUPS, MOST_VOIDS } from '../spf/evaluate.ts';
import type { Mechanism, Modifier, SpfRecord } from '../spf/record.ts';
import { nodesOf, type SpfTree, type SpfTreeNode, spfTree, type TreeTerm } from '../spf/tree.ts';
import type { Code } from './codes.ts';
import { type Finding, finding, type Given, type Publication } from './finding.ts';

export interface SpfCheck {
  findings: Finding[];
  tree: SpfTree;
}

export interface SpfCheckOptions extends AskOptions {
  /** The domain that is registered for a name: the public suffix and one label. Without, nothing is said of free domains. */
  registrable?: ((name: string) => string) | undefined;
}

/** Of 512 octets, an answer leaves so many to the record (RFC 7208 section 3.4). */
const MOST_OCTETS = 450;
/** A prefix of fewer bits than this is more than one sender's network. */
const WIDE_4 = 16;
const WIDE_6 = 32;

const PRIVATE = new BlockList();
for (const [net, bits] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  PRIVATE.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  PRIVATE.addSubnet(net, bits, 'ipv6');

/** Checks the SPF record of a domain, with all that it includes. */
export async function checkSpf(domain: string, dns: Dns, options: SpfCheckOptions = {}): Promise<SpfCheck> {
  const tree = await spfTree(domain, dns, options);
  const findings = [...rootFindings(domain, tree.root)];
  for (const { node, path } of nodesOf(tree.root)) findings.push(...nodeFindings(domain, tree, node, path));
  findings.push(...countFindings(domain, tree));
  findings.push(...(await goneFindings(domain, tree, dns, options)));
  return { findings, tree };
}

function* rootFindings(domain: string, root: SpfTreeNode): Generator<Finding> {
  const told = (code: Code, given: Omit<Given, 'domain'>) => finding(code, { domain, ...given });
  switch (root.state) {
    case 'unknown':
      yield told('spf_unknown', { message: root.message! });
      return;
    case 'nxdomain':
      yield told('spf_missing', { message: `${domain} does not exist, and so has no SPF record.` });
      return;
    case 'several':
      yield told('spf_several', {
        message: `${domain} has ${root.texts.length} SPF records, so receivers take none of them. Keep one, with all terms.`,
        record: { name: domain, text: root.texts.join('\n') },
        publish: { name: domain, value: merged(root.texts) },
      });
      return;
    case 'none': {
      const meant = root.others.find((text) => /^\s*["']?\s*v?\s*=?\s*spf\s*-?\s*[12]/i.test(text));
      if (meant === undefined) {
        yield told('spf_missing', {
          message: `${domain} has no SPF record: receivers cannot tell who may send as it. A domain that sends no mail publishes the record below.`,
          publish: { name: domain, value: 'v=spf1 -all' },
        });
      } else {
        yield told('spf_misspelt', {
          message: `${domain} has a record that looks like SPF and is none: it must begin with "v=spf1" and a blank.`,
          record: { name: domain, text: meant },
          publish: {
            name: domain,
            value: meant.replace(/^\s*["']?\s*v?\s*=?\s*spf\s*-?\s*[12](?:\.0)?[^\s]*/i, 'v=spf1').replace(/["']\s*$/, ''),
          },
        });
      }
    }
  }
}

/** What one record of the tree is told for: of the domain's own, all; of others', what they do to it. */
function* nodeFindings(domain: string, tree: SpfTree, node: SpfTreeNode, path: readonly TreeTerm[]): Generator<Finding> {
  const { record } = node;
  const own = path.length === 0;
  const root = tree.root.record;
  // What leads there from the domain's own record.
  const first = path[0]?.term;
  const via = path.map(({ term }) => term.text).join(', ');
  const told = (
    code: Code,
    message: string,
    text: string | null,
    place: { at: number; text: string } | null,
    publish: Publication | null,
  ) => finding(code, { domain, message, record: text === null ? null : { name: node.domain, text }, place, publish });
  const without = (term: Mechanism | Modifier): Publication | null =>
    root === null ? null : { name: domain, value: withoutTerm(root, term) };
  if (!own) {
    const lead = path.at(-1)!.term;
    const at = path.length === 1 ? { name: domain, text: root!.text } : null;
    const place = { at: lead.at, text: lead.text };
    const base = { domain, record: at, place, publish: without(first!) };
    if (node.state === 'several')
      yield finding('spf_include_several', {
        ...base,
        message: `${node.domain} has ${node.texts.length} SPF records (by ${via}): the whole record is a permanent error.`,
      });
    if (node.state === 'none')
      yield finding('spf_include_none', {
        ...base,
        message: `${node.domain} has no SPF record (by ${via}): the whole record is a permanent error.`,
      });
    if (node.state === 'loop')
      yield finding('spf_loop', {
        ...base,
        message: `${node.domain} includes itself (by ${via}): the evaluation never ends, which is a permanent error.`,
      });
    if (node.state === 'unknown') yield finding('spf_unknown', { domain, message: node.message!, record: at, place });
    if (record !== null && record.errors.length > 0) {
      const error = record.errors[0]!;
      yield told(
        'spf_include_syntax',
        `The record of ${node.domain} (by ${via}) is wrong, and with it this one: ${error.message}.`,
        record.text,
        error,
        without(first!),
      );
    }
  }
  if (record === null) return;
  if (own) {
    for (const error of record.errors)
      yield told(
        'spf_syntax',
        `${error.message}. A record with an error counts as a whole as a permanent error.`,
        record.text,
        error,
        { name: domain, value: withoutTerm(record, error) },
      );
    yield* ownFindings(domain, record, node);
  }
  const place = ({ term }: TreeTerm) => ({ at: term.at, text: term.text });
  for (const term of node.terms) {
    const mechanism = 'kind' in term.term ? term.term : null;
    const publish = (alone: () => string): Publication | null =>
      own ? { name: domain, value: alone() } : first === undefined ? null : without(first);
    const where = own ? '' : ` in the record of ${node.domain} (by ${via})`;
    if (term.state === 'not evaluated') continue;
    if (term.state === 'unknown' && term.inner === null) yield told('spf_unknown', term.message!, record.text, place(term), null);
    if (term.state === 'void')
      yield told(
        'spf_void',
        `${term.term.text}${where} finds nothing: ${term.name} has no such record. Receivers bear two of these.`,
        record.text,
        place(term),
        own ? { name: domain, value: withoutTerm(record, term.term) } : null,
      );
    if (term.state === 'macro' && own && mechanism?.kind !== 'ptr')
      yield told(
        'spf_macro',
        `${term.term.text} hangs on the mail: what it allows cannot be seen from outside.`,
        record.text,
        place(term),
        null,
      );
    if (mechanism === null) continue;
    if (term.hosts !== null && term.hosts > MOST_LOOKUPS)
      yield told(
        'spf_mx_many',
        `${term.term.text}${where} finds ${term.hosts} mail hosts: more than ten are a permanent error.`,
        record.text,
        place(term),
        publish(() => withoutTerm(record, mechanism)),
      );
    if (mechanism.kind === 'ptr')
      yield told(
        'spf_ptr',
        `${term.term.text}${where} should not be used: it is slow, and many receivers pass it over. Name the networks instead.`,
        record.text,
        place(term),
        publish(() => withoutTerm(record, mechanism)),
      );
    // In an include, only a pass counts; that of "all" passes everybody.
    if (passesAll(mechanism) && includedPasses(path))
      yield told(
        'spf_pass_all',
        `${term.term.text}${where} lets everybody send as ${domain}.`,
        record.text,
        place(term),
        publish(() => (mechanism.kind === 'all' ? replaced(record, mechanism, '~all') : withoutTerm(record, mechanism))),
      );
    else if (isWide(mechanism) && mechanism.qualifier === '+')
      yield told(
        'spf_wide',
        `${term.term.text}${where} allows ${sizeOf(mechanism)}: more than one sender's.`,
        record.text,
        place(term),
        publish(() => withoutTerm(record, mechanism)),
      );
    if (mechanism.address !== null && PRIVATE.check(mechanism.address, isIPv6(mechanism.address) ? 'ipv6' : 'ipv4'))
      yield told(
        'spf_private',
        `${term.term.text}${where} is a network of private addresses: no receiver ever sees one.`,
        record.text,
        place(term),
        publish(() => withoutTerm(record, mechanism)),
      );
  }
}

/** What is said of the domain's own record alone. */
function* ownFindings(domain: string, record: SpfRecord, node: SpfTreeNode): Generator<Finding> {
  const told = (code: Code, message: string, term: { at: number; text: string } | null, value: string | null) =>
    finding(code, {
      domain,
      message,
      record: { name: domain, text: record.text },
      place: term && { at: term.at, text: term.text },
      publish: value === null ? null : { name: domain, value },
    });
  const { mechanisms, redirect } = record;
  const end = mechanisms.findIndex(({ kind }) => kind === 'all');
  const all = mechanisms[end];
  if (all === undefined) {
    if (redirect === null && record.errors.length === 0)
      yield told(
        'spf_no_all',
        'The record does not say what to do with everybody else: the result is "neutral", as if there were no record.',
        null,
        `${record.text.trimEnd()} ~all`,
      );
  } else {
    if (all.qualifier === '?')
      yield told(
        'spf_neutral_all',
        `${all.text} says nothing of everybody else: receivers treat it as if there were no record.`,
        all,
        replaced(record, all, '~all'),
      );
    const behind = mechanisms.slice(end + 1);
    if (behind.length > 0)
      yield told(
        'spf_after_all',
        `What stands behind ${all.text} is never looked at: ${behind.map(({ text }) => text).join(' ')}.`,
        behind[0]!,
        movedToEnd(record, all),
      );
    if (redirect !== null)
      yield told(
        'spf_redirect_ignored',
        `${redirect.text} means nothing beside ${all.text}.`,
        redirect,
        withoutTerm(record, redirect),
      );
  }
  if (record.text.length > MOST_OCTETS)
    yield told(
      'spf_long',
      `The record has ${record.text.length} octets; above ${MOST_OCTETS} an answer may not fit a packet. Move a part into a record of its own, and include it.`,
      null,
      null,
    );
  const seen = new Set<string>();
  for (const mechanism of mechanisms) {
    const key = mechanism.text.toLowerCase();
    if (seen.has(key) && node.terms.length > 0)
      yield told('spf_twice', `${mechanism.text} stands twice in the record.`, mechanism, withoutTerm(record, mechanism));
    seen.add(key);
  }
}

function* countFindings(domain: string, tree: SpfTree): Generator<Finding> {
  const { record } = tree.root;
  if (record === null) return;
  const told = (code: Code, message: string, term: TreeTerm | undefined) =>
    finding(code, {
      domain,
      message,
      record: { name: domain, text: record.text },
      place: term ? { at: term.term.at, text: term.term.text } : null,
    });
  if (tree.lookups > MOST_LOOKUPS) {
    const cliff = tree.root.terms.find((term) => lastLookup(term) > MOST_LOOKUPS);
    const behind = tree.root.terms
      .slice(tree.root.terms.indexOf(cliff!))
      .filter(({ term }) => 'kind' in term && term.kind !== 'all');
    yield told(
      'spf_lookups',
      `The record needs ${tree.lookups} look-ups, and ten are allowed: mail of senders that only ${behind.map(({ term }) => term.text).join(' ') || cliff!.term.text} would allow is a permanent error. Take out what is not used, or write networks instead of names.`,
      cliff,
    );
  } else if (tree.lookups >= MOST_LOOKUPS - 1)
    yield told(
      'spf_lookups_near',
      `The record needs ${tree.lookups} of the ten look-ups that are allowed: one more include of somebody else's may be the end.`,
      undefined,
    );
  if (tree.voids > MOST_VOIDS)
    yield told(
      'spf_voids',
      `${tree.voids} terms find nothing, and two are allowed: for mail that no term before them allows, the record is a permanent error.`,
      undefined,
    );
}

/** Domains that are gone, and of those the ones that anybody may register. */
async function goneFindings(domain: string, tree: SpfTree, dns: Dns, options: SpfCheckOptions): Promise<Finding[]> {
  const findings: Finding[] = [];
  const root = tree.root.record;
  for (const { node, path } of nodesOf(tree.root)) {
    if (node.state !== 'nxdomain' || path.length === 0) continue;
    const { term } = path.at(-1)!;
    const first = path[0]!.term;
    const own = path.length === 1;
    const base = {
      domain,
      record: own ? { name: domain, text: root!.text } : null,
      place: { at: term.at, text: term.text },
      publish: { name: domain, value: withoutTerm(root!, first) },
    };
    const by = path.map((one) => one.term.text).join(', ');
    const registered = options.registrable?.(node.domain);
    const free = registered !== undefined && (await dns.ask(registered, 'NS', options)).state === 'nxdomain';
    if (free)
      findings.push(
        finding('spf_include_free', {
          ...base,
          message: `${registered} is not registered (by ${by}): whoever registers it may send as ${domain}. Until then the record is a permanent error.`,
        }),
      );
    else
      findings.push(
        finding('spf_include_gone', {
          ...base,
          message: `${node.domain} does not exist (by ${by}): the whole record is a permanent error.`,
        }),
      );
  }
  return findings;
}

function passesAll({ kind, qualifier, prefix4, prefix6, address }: Mechanism): boolean {
  if (qualifier !== '+') return false;
  return kind === 'all' || (address !== null && (isIPv6(address) ? prefix6 : prefix4) === 0);
}

/** Whether a pass in a record is a pass of the domain's own: every include that leads there has no other qualifier. */
function includedPasses(path: readonly TreeTerm[]): boolean {
  return path.every(({ term }) => !('kind' in term) || term.qualifier === '+');
}

function isWide({ address, kind, prefix4, prefix6 }: Mechanism): boolean {
  if (address !== null) return isIPv6(address) ? prefix6 < WIDE_6 : prefix4 < WIDE_4;
  return (kind === 'a' || kind === 'mx') && (prefix4 < WIDE_4 || prefix6 < WIDE_6);
}

function sizeOf({ address, prefix4, prefix6 }: Mechanism): string {
  const six = address !== null ? isIPv6(address) : prefix4 >= WIDE_4;
  return six ? `a /${prefix6} of IPv6` : `${(2 ** (32 - prefix4)).toLocaleString('en')} addresses`;
}

function lastLookup(term: TreeTerm): number {
  return Math.max(term.lookup ?? 0, ...(term.inner?.terms.map(lastLookup) ?? []));
}

function withoutTerm(record: SpfRecord, { at, text }: { at: number; text: string }): string {
  const value = `${record.text.slice(0, at).trimEnd()} ${record.text.slice(at + text.length).trimStart()}`;
  return value.trim();
}

function replaced(record: SpfRecord, { at, text }: { at: number; text: string }, by: string): string {
  return record.text.slice(0, at) + by + record.text.slice(at + text.length);
}

function movedToEnd(record: SpfRecord, term: Mechanism): string {
  return `${withoutTerm(record, term)} ${term.text}`;
}

/** One record with the terms of all, each once, and the strictest "all" at the end. */
function merged(texts: readonly string[]): string {
  const terms = [...new Set(texts.flatMap((text) => text.slice('v=spf1'.length).split(' ').filter(Boolean)))];
  const isAll = (term: string) => /^[+?~-]?all$/i.test(term);
  const alls = terms.filter(isAll).map((term) => term.toLowerCase());
  const end = ['-all', '~all'].find((all) => alls.includes(all)) ?? '~all';
  return ['v=spf1', ...terms.filter((term) => !isAll(term)), end].join(' ');
}
