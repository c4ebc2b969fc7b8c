import type { AskOptions, Dns } from '../client/types.ts';
import { MOST_LOOKUPS, MOST_VOIDS } from '../spf/evaluate.ts';
import { nodesOf, type SpfTree, spfTree, type TreeTerm } from '../spf/tree.ts';
import type { Code } from './codes.ts';
import { type Finding, finding } from './finding.ts';
import { withoutTerm } from './spf-correct.ts';
import { everyoneFindings } from './spf-everyone.ts';
import { rootFindings } from './spf-record.ts';
import { nodeFindings } from './spf-terms.ts';

export interface SpfCheck {
  findings: Finding[];
  tree: SpfTree;
}

export interface SpfCheckOptions extends AskOptions {
  /**
   * The registrable domain of a name: its public suffix and one label. Without it, unregistered domains are
   * not found.
   */
  registrable?: ((name: string) => string) | undefined;
}

/** Checks the SPF record of a domain, with all that it includes. */
export async function checkSpf(domain: string, dns: Dns, options: SpfCheckOptions = {}): Promise<SpfCheck> {
  const tree = await spfTree(domain, dns, options);
  const findings = [...rootFindings(domain, tree.root)];
  for (const { node, path } of nodesOf(tree.root)) findings.push(...nodeFindings(domain, tree, node, path));
  findings.push(...everyoneFindings(domain, tree));
  findings.push(...countFindings(domain, tree));
  findings.push(...(await goneFindings(domain, tree, dns, options)));
  return { findings, tree };
}

/** Whether evaluating the record needs more look-ups than receivers allow. */
function* countFindings(domain: string, tree: SpfTree): Generator<Finding> {
  const { record } = tree.root;
  if (record === null) return;
  const found = (code: Code, message: string, term: TreeTerm | undefined) =>
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
    yield found(
      'spf_lookups',
      `The SPF record needs ${tree.lookups} look-ups, and ten are allowed: mail that only ${behind.map(({ term }) => term.text).join(' ') || cliff!.term.text} allows fails SPF with a permanent error. Remove what is not used, or list networks instead of names.`,
      cliff,
    );
  } else if (tree.lookups >= MOST_LOOKUPS - 1)
    yield found(
      'spf_lookups_near',
      `The SPF record needs ${tree.lookups} of the ten look-ups that are allowed: a change in an included record may exceed them.`,
      undefined,
    );
  if (tree.voids > MOST_VOIDS)
    yield found(
      'spf_voids',
      `${tree.voids} terms find nothing, and two are allowed: for mail that no term before them allows, the result is a permanent error.`,
      undefined,
    );
}

/** Included domains that do not exist, and those among them that anyone can register. */
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

function lastLookup(term: TreeTerm): number {
  return Math.max(term.lookup ?? 0, ...(term.inner?.terms.map(lastLookup) ?? []));
}
