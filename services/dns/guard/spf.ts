import type { SpfCheck } from '../check/spf.ts';
import { parseSpf } from '../spf/record.ts';
import { nodesOf } from '../spf/tree.ts';
import { type GuardFinding, guardFinding, type Place } from './codes.ts';
import type { WantedSpf } from './schema.ts';
import { allOf, forbiddenIn, isThere, normalTerm, sendingTerms, termsIn } from './spf-terms.ts';

/** What the SPF record has otherwise than wanted. Nothing is said while the record is unknown. */
export function compareSpf(place: Omit<Place, 'name' | 'text'>, wanted: WantedSpf, { tree }: SpfCheck): GuardFinding[] {
  const { domain } = place;
  const { root } = tree;
  if (root.state === 'unknown') return [];
  const at: Place = { ...place, name: domain, text: root.texts.length === 0 ? null : root.texts.join('\n') };
  const { record } = root;
  if (record === null || root.texts.length !== 1) return asksForOne(wanted) ? [missing(at, wanted, root.texts.length)] : [];
  if (wanted.record !== undefined) {
    if (sameRecord(wanted.record, record.text)) return [];
    const message = `The SPF record of ${domain} is not the one that is declared.`;
    return [guardFinding('guard_spf_record', at, { message, wanted: wanted.record, publish: wanted.record })];
  }
  const found: GuardFinding[] = [];
  const complete = [...nodesOf(root)].every(({ node }) => node.state !== 'unknown');
  const known: Known = { own: sendingTerms(record, domain), terms: termsIn(tree), complete };
  const publish = corrected(domain, wanted, record.text, known);
  const say = (code: GuardFinding['code'], message: string, values: { wanted: string | null; published: string | null }) =>
    found.push(guardFinding(code, at, { message, ...values, publish: publish === record.text ? undefined : publish }));
  for (const term of missingTerms(domain, wanted, known))
    say('guard_spf_source_missing', `The SPF record of ${domain} does not let ${term} send, which is declared.`, {
      wanted: term,
      published: null,
    });
  for (const { text } of extraTerms(domain, wanted, known))
    say('guard_spf_source_extra', `The SPF record of ${domain} lets ${text} send, which is not declared.`, {
      wanted: null,
      published: text,
    });
  for (const forbidden of wanted.forbid) {
    const [first] = forbiddenIn(forbidden, domain, known.terms);
    if (first === undefined) continue;
    const via = first.domain === domain ? '' : `, in the record of ${first.domain} that it includes`;
    say('guard_spf_forbidden', `The SPF record of ${domain} has ${first.text}${via}, which is forbidden.`, {
      wanted: null,
      published: first.text,
    });
  }
  const all = allOf(record);
  if (wanted.all !== undefined && all !== wanted.all) {
    const ends = all === null ? 'ends in a redirect' : `ends in ${all}`;
    say('guard_spf_all', `The SPF record of ${domain} ${ends}, and ${wanted.all} is declared.`, {
      wanted: wanted.all,
      published: all,
    });
  }
  if (wanted.max_lookups !== undefined && tree.lookups > wanted.max_lookups)
    found.push(
      guardFinding('guard_spf_lookups', at, {
        message: `The SPF record of ${domain} needs ${tree.lookups} look-ups, and at most ${wanted.max_lookups} are declared.`,
        wanted: String(wanted.max_lookups),
        published: String(tree.lookups),
      }),
    );
  return found;
}

/** Whether something is declared that a domain without a record has not. */
function asksForOne({ record, sources, require, all }: WantedSpf): boolean {
  return record !== undefined || sources !== undefined || require.length > 0 || all !== undefined;
}

/** No record, or several, of which receivers use none. */
function missing(at: Place, wanted: WantedSpf, records: number): GuardFinding {
  const has = records === 0 ? 'has no SPF record' : `has ${records} SPF records, and receivers use none of them`;
  const terms = [...(wanted.sources ?? []), ...wanted.require];
  const text = wanted.record ?? ['v=spf1', ...new Set(terms), wanted.all ?? '~all'].join(' ');
  return guardFinding('guard_spf_record', at, { message: `${at.domain} ${has}; one is declared.`, wanted: text, publish: text });
}

/** Blanks, letter case and "+" make no difference. */
function sameRecord(a: string, b: string): boolean {
  const terms = (text: string) =>
    text
      .trim()
      .split(/ +/)
      .slice(1)
      .map((term) => normalTerm(term, ''));
  return JSON.stringify(terms(a)) === JSON.stringify(terms(b));
}

interface Known {
  /** The terms of the record itself that let somebody send. */
  own: ReturnType<typeof sendingTerms>;
  /** Those of included records, too. */
  terms: ReturnType<typeof termsIn>;
  /** Every included record is known. */
  complete: boolean;
}

function missingTerms(domain: string, { sources = [], require }: WantedSpf, { own, terms, complete }: Known): string[] {
  const absent = sources.filter((term) => !own.some(({ normal }) => normal === normalTerm(term, domain)));
  return [...new Set([...absent, ...(complete ? require.filter((term) => !isThere(term, domain, terms)) : [])])];
}

function extraTerms(domain: string, { sources, require }: WantedSpf, { own }: Known): Known['own'] {
  if (sources === undefined) return [];
  const wanted = new Set([...sources, ...require].map((term) => normalTerm(term, domain)));
  return own.filter(({ normal }) => !wanted.has(normal));
}

/** The record as it should be, as far as its own terms decide that. */
function corrected(domain: string, wanted: WantedSpf, text: string, known: Known): string {
  const forbidden = wanted.forbid.flatMap((one) =>
    forbiddenIn(one, domain, known.terms).filter((term) => term.domain === domain),
  );
  const away = new Set([...extraTerms(domain, wanted, known), ...forbidden].map((one) => one.text));
  const kept = text
    .split(/ +/)
    .slice(1)
    .filter((term) => term !== '' && !away.has(term));
  const isEnd = (term: string) => /^[+?~-]?all$/i.test(term) || /^(?:redirect|exp)=/i.test(term);
  const sources = [...kept.filter((term) => !isEnd(term)), ...missingTerms(domain, wanted, known)];
  const ends = kept.filter(isEnd);
  // With "+all" no other term has an effect: what lets everybody send is never what to publish.
  const own = ends.map((term) => (/^\+?all$/i.test(term) ? '~all' : term));
  if (wanted.all === undefined) return ['v=spf1', ...sources, ...own].join(' ');
  // Beside "all" a redirect has no effect (RFC 7208 section 6.1): whom it lets send would be shut out.
  const led =
    wanted.sources !== undefined || allOf(parseSpf(text)) !== null
      ? []
      : ends.filter((term) => /^redirect=/i.test(term)).map((term) => term.replace(/^redirect=/i, 'include:'));
  return ['v=spf1', ...sources, ...led, wanted.all, ...ends.filter((term) => /^exp=/i.test(term))].join(' ');
}
