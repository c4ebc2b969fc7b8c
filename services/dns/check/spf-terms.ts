import { isIPv6 } from 'node:net';
import { unseen } from '../copied.ts';
import { Networks } from '../networks.ts';
import { WIDE_4, WIDE_6 } from '../spf/admitted.ts';
import { MOST_LOOKUPS } from '../spf/evaluate.ts';
import type { Mechanism, Modifier, SpfRecord } from '../spf/record.ts';
import type { SpfTree, SpfTreeNode, TreeTerm } from '../spf/tree.ts';
import type { Code } from './codes.ts';
import { type Finding, finding, type Publication } from './finding.ts';
import { repaired, replaced, withoutTerm } from './spf-correct.ts';
import { coversEveryHost } from './spf-everyone.ts';
import { ownFindings } from './spf-record.ts';

export const PRIVATE = new Networks([
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
]);

/** A record of the tree, and how the domain's own record leads to it. */
interface Place {
  domain: string;
  node: SpfTreeNode;
  /** The terms that lead here; empty for the domain's own record. */
  path: readonly TreeTerm[];
  /** The domain's own record; null when it has none. */
  root: SpfRecord | null;
}

interface Problem {
  code: Code;
  message: string;
  term: { at: number; text: string };
  publish: Publication | null;
}

/**
 * What is wrong with one record of the tree: in the domain's own, everything; in others, what affects the
 * domain.
 */
export function* nodeFindings(domain: string, tree: SpfTree, node: SpfTreeNode, path: readonly TreeTerm[]): Generator<Finding> {
  const place = { domain, node, path, root: tree.root.record };
  if (path.length > 0) yield* includeFindings(place);
  if (node.record === null) return;
  if (path.length === 0) {
    for (const term of node.record.errors) {
      const message = `${term.message}. A record with an error is a permanent error as a whole.${unseen(term.text)}`;
      const meant = repaired(term.text);
      const publish = meant === null ? withoutOwn(place, term) : { name: domain, value: replaced(node.record, term, meant) };
      yield atTerm(place, { code: 'spf_syntax', message, term, publish });
    }
    yield* ownFindings(domain, node.record, node);
  }
  for (const term of node.terms) {
    if (term.state === 'not evaluated') continue;
    yield* lookupFindings(place, term);
    if ('kind' in term.term) yield* mechanismFindings(place, term, term.term);
  }
}

function atTerm({ domain, node }: Place, { code, message, term, publish }: Problem): Finding {
  const record = node.record === null ? null : { name: node.domain, text: node.record.text };
  return finding(code, { domain, message, record, place: { at: term.at, text: term.text }, publish });
}

/** The domain's own record without a term of it. */
function withoutOwn({ domain, root }: Place, term: { at: number; text: string }): Publication | null {
  return root === null ? null : { name: domain, value: withoutTerm(root, term) };
}

/**
 * The correction of a term: in the domain's own record as given; otherwise the own record without what leads
 * to the term.
 */
function correction(place: Place, own: () => string): Publication | null {
  const first = place.path[0]?.term;
  return first === undefined ? { name: place.domain, value: own() } : withoutOwn(place, first);
}

const via = ({ path }: Place) => path.map(({ term }) => term.text).join(', ');

/** " in the record of other.example (by include:other.example)", or nothing in the domain's own record. */
const inRecord = (place: Place) => (place.path.length === 0 ? '' : ` in the record of ${place.node.domain} (by ${via(place)})`);

/** What is wrong with an included record as a whole. */
function* includeFindings(place: Place): Generator<Finding> {
  const { domain, node, path, root } = place;
  const lead: Mechanism | Modifier = path.at(-1)!.term;
  const at = {
    domain,
    record: path.length === 1 ? { name: domain, text: root!.text } : null,
    place: { at: lead.at, text: lead.text },
  };
  const base = { ...at, publish: withoutOwn(place, path[0]!.term) };
  const by = `(by ${via(place)})`;
  if (node.state === 'several')
    yield finding('spf_include_several', {
      ...base,
      message: `${node.domain} has ${node.texts.length} SPF records ${by}: the whole record is a permanent error.`,
    });
  if (node.state === 'none')
    yield finding('spf_include_none', {
      ...base,
      message: `${node.domain} has no SPF record ${by}: the whole record is a permanent error.`,
    });
  if (node.state === 'loop')
    yield finding('spf_loop', {
      ...base,
      message: `${node.domain} includes itself ${by}: the evaluation never ends, which is a permanent error.`,
    });
  if (node.state === 'unknown') yield finding('spf_unknown', { ...at, message: node.message! });
  const error = node.record?.errors[0];
  if (error !== undefined) {
    const message = `The record of ${node.domain} ${by} is wrong, and with it this one: ${error.message}.`;
    yield atTerm(place, { code: 'spf_include_syntax', message, term: error, publish: base.publish });
  }
}

/** What the look-up of a term found. */
function* lookupFindings(place: Place, term: TreeTerm): Generator<Finding> {
  const own = place.path.length === 0;
  const { text } = term.term;
  const problem = (code: Code, message: string, publish: Publication | null = null) =>
    atTerm(place, { code, message, term: term.term, publish });
  if (term.state === 'unknown' && term.inner === null) yield problem('spf_unknown', term.message!);
  if (term.state === 'void')
    yield problem(
      'spf_void',
      term.hosts === null
        ? `${text}${inRecord(place)} finds nothing: ${term.name} has no such record. Receivers tolerate two of these.`
        : `${text}${inRecord(place)} finds nothing: ${term.name} has the MX record "0 .", and so no mail host.`,
      own ? withoutOwn(place, term.term) : null,
    );
  const isPtr = 'kind' in term.term && term.term.kind === 'ptr';
  if (term.state === 'macro' && own && !isPtr)
    yield problem('spf_macro', `${text} depends on the mail: what it allows cannot be determined from outside.`);
}

/** What a mechanism allows. */
function* mechanismFindings(place: Place, term: TreeTerm, mechanism: Mechanism): Generator<Finding> {
  const { domain, node, path } = place;
  const record = node.record!;
  const subject = `${mechanism.text}${inRecord(place)}`;
  const problem = (code: Code, message: string, own = () => withoutTerm(record, mechanism)) =>
    atTerm(place, { code, message, term: mechanism, publish: correction(place, own) });
  if (term.hosts !== null && term.hosts > MOST_LOOKUPS)
    yield problem('spf_mx_many', `${subject} finds ${term.hosts} mail hosts: more than ten are a permanent error.`);
  if (mechanism.kind === 'ptr')
    yield problem(
      'spf_ptr',
      `${subject} should not be used: it is slow, and many receivers ignore it. List the networks instead.`,
    );
  // Of an included record only a pass counts, and "all" passes everyone.
  if (passesAll(mechanism) && includedPasses(path))
    yield problem('spf_pass_all', `${subject} lets anyone send as ${domain}.`, () =>
      mechanism.kind === 'all' ? replaced(record, mechanism, '~all') : withoutTerm(record, mechanism),
    );
  else if (isWide(mechanism) && mechanism.qualifier === '+')
    yield problem('spf_wide', `${subject} allows ${sizeOf(mechanism)}: more than one sender needs.`);
  if (mechanism.address !== null && PRIVATE.contains(mechanism.address))
    yield problem('spf_private', `${subject} is a network of private addresses: no receiver ever sees one.`);
}

/** One term that admits everybody; terms that do so together are found in spf-everyone.ts. */
function passesAll({ kind, qualifier, prefix4, prefix6, address }: Mechanism): boolean {
  if (qualifier !== '+') return false;
  if (address !== null) return coversEveryHost(address, { prefix4, prefix6 });
  return kind === 'all' || ((kind === 'a' || kind === 'mx') && prefix4 === 0);
}

/**
 * Whether a pass in an included record is a pass of the domain's record: no include on the way has another
 * qualifier.
 */
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
