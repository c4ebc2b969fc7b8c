import { type DomainCheck, needsDecision } from '../../dns/check/check.ts';
import type { Severity } from '../../dns/check/codes.ts';
import type { DnssecState } from '../../dns/check/dnssec.ts';
import { type Finding, type Publication, webForm, zoneLine } from '../../dns/check/finding.ts';
import { escapedOctet } from '../../dns/shown-value.ts';
import type { SpfTreeNode, TreeTerm } from '../../dns/spf/tree.ts';
import { escaped } from '../../shared/escape.ts';
import type { SeenSelector } from '../../store/analysis/signatures.ts';
import { wrapped } from './wrap.ts';

const MARKS: Record<Severity, string> = { error: 'error  ', unknown: 'unknown', warning: 'warning', hint: 'hint   ' };
const COLOURS: Record<Severity, string> = { error: '31', unknown: '35', warning: '33', hint: '36' };
/** Lines of the tree of includes: a hostile record has hundreds. */
const MOST_LINES = 40;
const WIDTH = 110;

/**
 * A check for a person: the records, the tree of includes with its look-ups, what is wrong and what to
 * publish. Foreign text is escaped.
 * @param signed what the reports say of its selectors
 * @param corrected the records with all corrections in them; what a finding would publish by itself is shown
 *   where it is no part of these
 */
export function renderCheck(
  check: DomainCheck,
  corrected: readonly Publication[],
  signed: readonly SeenSelector[],
  colours: boolean,
): string[] {
  const paint = (text: string, code: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
  const lines = [paint(check.domain, '1')];
  const { spf, dkim, dmarc } = check;
  if (spf !== null) {
    const { root, lookups, voids } = spf.tree;
    lines.push(`  SPF    ${root.record !== null ? shown(root.record.text) : root.state === 'unknown' ? 'unknown' : 'none'}`);
    if (root.record !== null) {
      lines.push(`         ${lookups} of 10 look-ups, ${voids} of 2 that find nothing`);
      const tree = [...treeLines(root, '         ')];
      lines.push(...tree.slice(0, MOST_LINES));
      if (tree.length > MOST_LINES) lines.push(`         and ${tree.length - MOST_LINES} more`);
    }
  }
  for (const { selector, state, key } of dkim?.selectors ?? []) {
    const what =
      key === null ? state : key.revoked ? 'revoked' : `${key.type}, ${key.bits === null ? 'unreadable' : `${key.bits} bits`}`;
    const seen = signed.find((one) => one.selector === selector);
    lines.push(`  DKIM   ${escaped(selector)}: ${escaped(what)}${seen === undefined ? '' : escaped(seenIn(seen))}`);
  }
  if (dmarc !== null) {
    const { discovery } = dmarc;
    const found =
      discovery.state === 'found' ? `${shown(discovery.record.text)}` : discovery.state === 'unknown' ? 'unknown' : 'none';
    lines.push(`  DMARC  ${found}`);
    if (discovery.state === 'found' && discovery.at !== check.domain)
      lines.push(`         of ${escaped(discovery.at)}: ${discovery.policy}`);
  }
  lines.push(...transportLines(check));
  const together = new Set(corrected.map(({ name }) => name));
  for (const one of check.findings) lines.push(...findingLines(one, together, paint));
  if (check.findings.length === 0) lines.push(`  ${paint('ok', '32')}     nothing to say`);
  if (corrected.length > 0) {
    lines.push(
      `  ${paint('publish', '32')}  ${corrected.length === 1 ? 'this record instead' : 'these records instead'}, with every correction that needs no decision:`,
    );
    for (const one of corrected) lines.push(...publicationLines(one, check.domain));
  }
  lines.push('');
  return lines;
}

const DNSSEC: Record<DnssecState, string> = {
  validated: 'validated by the resolver',
  unsigned: 'not signed',
  no_chain: 'signed, but not vouched for from above',
  bogus: 'BROKEN: the resolver refuses answers that do not validate',
  not_validating: 'unknown: the resolver validates nothing, or does not say so',
  unknown: 'unknown',
};

/** Where mail goes, under which promise of encryption, the own servers' names, and the logo. */
function* transportLines({ mx, mtaSts, tlsRpt, bimi, ptr, dnssec }: DomainCheck): Generator<string> {
  if (mx !== null) {
    const hosts = `${mx.hosts.slice(0, 5).join(', ')}${mx.hosts.length > 5 ? ` and ${mx.hosts.length - 5} more` : ''}`;
    const states = { null: 'takes no mail ("0 .")', address: 'none, the address counts', none: 'none', unknown: 'unknown' };
    yield `  MX     ${escaped(mx.state === 'hosts' ? hosts : states[mx.state])}`;
  }
  const { policy, record } = mtaSts ?? {};
  if (record) {
    const days = policy?.maxAge == null ? '' : `, kept for ${Math.round(policy.maxAge / 86_400)} days`;
    yield `  STS    ${policy ? `${policy.mode ?? 'no mode'}${days}` : 'no policy read'}`;
  }
  if (tlsRpt?.record) yield `  TLSRPT ${shown(tlsRpt.record.text)}`;
  const named = (ptr?.addresses ?? []).map(
    ({ address, names, confirmed }) => `${address} ${confirmed ?? names?.[0] ?? 'no name'}`,
  );
  if (named.length > 0) yield `  PTR    ${escaped(named.join(', '))}`;
  if (dnssec !== null) yield `  DNSSEC ${DNSSEC[dnssec.state]}`;
  if (bimi?.record) yield `  BIMI   ${shown(bimi.record.text)}`;
  if (bimi?.mark) {
    const { type, issuer, until } = bimi.mark;
    yield `  MARK   ${escaped(`${type ?? 'a mark certificate'}, from ${issuer}, until ${until.toISOString().slice(0, 10)}`)}`;
  }
}

/** What the reports say of a selector. */
function seenIn({ passed, last_passed, sources }: SeenSelector): string {
  return `; ${passed.toLocaleString('en')} messages passed, last on ${last_passed}, of ${sources.join(', ')}`;
}

function* findingLines(
  one: Finding,
  together: ReadonlySet<string>,
  paint: (text: string, code: string) => string,
): Generator<string> {
  yield `  ${paint(MARKS[one.severity], COLOURS[one.severity])}  ${one.code} (${one.section})`;
  yield* wrapped(escaped(octets(one.message)), '           ', WIDTH);
  // One record, corrected as a whole, says more than a version of it for each finding.
  const decision = needsDecision(one);
  if (one.publish !== null && (decision || !together.has(one.publish.name))) yield* publicationLines(one.publish, one.domain);
}

function* publicationLines({ name, value }: Publication, domain: string): Generator<string> {
  if (value === null) return yield `           take away:  ${escaped(name)}`;
  const form = webForm({ name, value }, domain);
  yield `           zone file:  ${escaped(zoneLine({ name, value }))}`;
  yield `           web form:   ${escaped(form.host)}   TXT   ${escaped(form.value)}`;
}

/** The terms of a record and of those it includes, each with the number of its look-up. */
function* treeLines(node: SpfTreeNode, indent: string): Generator<string> {
  for (const term of node.terms) {
    yield `${indent}${(term.lookup ?? '').toString().padStart(2)} ${shown(term.term.text)}${noteOf(term)}`;
    if (term.inner !== null) yield* treeLines(term.inner, `${indent}   `);
  }
}

function noteOf({ state, inner, hosts }: TreeTerm): string {
  if (state === 'void') return '   finds nothing';
  if (state === 'unknown') return '   unknown';
  if (state === 'not evaluated') return '   not evaluated';
  if (inner !== null && inner.state !== 'record')
    return `   ${{ none: 'no SPF record', nxdomain: 'does not exist', several: 'several records', loop: 'a circle', unknown: 'unknown', 'not evaluated': 'not evaluated' }[inner.state]}`;
  return hosts !== null ? `   ${hosts} ${hosts === 1 ? 'host' : 'hosts'}` : '';
}

function shown(text: string): string {
  const plain = escaped(octets(text));
  return plain.length > 600 ? `${plain.slice(0, 600)}…` : plain;
}

/**
 * Records are octets, one character each: those beyond ASCII as in a zone file (RFC 1035 section 5.1), so
 * that a blank copied from a page is seen and not taken for a blank.
 */
function octets(text: string): string {
  return text.replace(/[\u0080-\u00ff]/g, escapedOctet);
}
