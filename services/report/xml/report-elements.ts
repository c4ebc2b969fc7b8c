/**
 * The elements of an aggregate report (RFC 9990 appendix A, RFC 7489 appendix C) and where they may occur.
 * Local names only, in any letter case: the builder says which elements are of another namespace. Order and
 * number are not checked here.
 */

/** Containers. */
export const DOCUMENT = 0;
export const FEEDBACK = 1;
export const METADATA = 2;
const DATE_RANGE = 3;
export const POLICY = 4;
export const RECORD = 5;
export const ROW = 6;
const EVALUATED = 7;
export const REASON = 8;
const IDENTIFIERS = 9;
const AUTH = 10;
export const DKIM = 11;
export const SPF = 12;
/** An unknown element: it is skipped with all its content. */
export const SKIPPED = 13;

/** Elements with text start here. */
export const LEAF = 20;
export const VERSION = 20;
export const ORG_NAME = 21;
export const EMAIL = 22;
export const EXTRA_CONTACT = 23;
export const REPORT_ID = 24;
export const GENERATOR = 25;
export const ERROR = 26;
export const BEGIN = 27;
export const END = 28;
export const P_DOMAIN = 29;
export const P_ADKIM = 30;
export const P_ASPF = 31;
export const P_P = 32;
export const P_SP = 33;
export const P_NP = 34;
export const P_PCT = 35;
export const P_FO = 36;
export const P_TESTING = 37;
export const P_DISCOVERY = 38;
export const SOURCE_IP = 39;
export const COUNT = 40;
export const DISPOSITION = 41;
export const E_DKIM = 42;
export const E_SPF = 43;
export const REASON_TYPE = 44;
export const REASON_COMMENT = 45;
export const HEADER_FROM = 46;
export const ENVELOPE_FROM = 47;
export const ENVELOPE_TO = 48;
export const D_DOMAIN = 49;
export const D_SELECTOR = 50;
export const D_RESULT = 51;
export const D_HUMAN = 52;
export const S_DOMAIN = 53;
export const S_SCOPE = 54;
export const S_RESULT = 55;
export const S_HUMAN = 56;

const CHILDREN: ReadonlyArray<ReadonlyMap<string, number>> = [
  // An unknown wrapper, such as the xs:schema that one reporter puts around its report, is looked into.
  new Map([['feedback', FEEDBACK]]),
  new Map([
    ['version', VERSION],
    ['report_metadata', METADATA],
    ['policy_published', POLICY],
    ['record', RECORD],
  ]),
  new Map([
    ['org_name', ORG_NAME],
    ['email', EMAIL],
    ['extra_contact_info', EXTRA_CONTACT],
    ['report_id', REPORT_ID],
    ['date_range', DATE_RANGE],
    ['error', ERROR],
    ['generator', GENERATOR],
  ]),
  new Map([
    ['begin', BEGIN],
    ['end', END],
  ]),
  new Map([
    ['domain', P_DOMAIN],
    ['adkim', P_ADKIM],
    ['aspf', P_ASPF],
    ['p', P_P],
    ['sp', P_SP],
    ['np', P_NP],
    ['pct', P_PCT],
    ['fo', P_FO],
    ['testing', P_TESTING],
    ['discovery_method', P_DISCOVERY],
  ]),
  new Map([
    ['row', ROW],
    ['identifiers', IDENTIFIERS],
    // Communigate's spelling.
    ['identities', IDENTIFIERS],
    ['auth_results', AUTH],
  ]),
  new Map([
    ['source_ip', SOURCE_IP],
    ['count', COUNT],
    ['policy_evaluated', EVALUATED],
  ]),
  new Map([
    ['disposition', DISPOSITION],
    ['dkim', E_DKIM],
    ['spf', E_SPF],
    ['reason', REASON],
  ]),
  new Map([
    ['type', REASON_TYPE],
    ['comment', REASON_COMMENT],
  ]),
  new Map([
    ['header_from', HEADER_FROM],
    ['envelope_from', ENVELOPE_FROM],
    ['envelope_to', ENVELOPE_TO],
  ]),
  new Map([
    ['dkim', DKIM],
    ['spf', SPF],
  ]),
  new Map([
    ['domain', D_DOMAIN],
    ['selector', D_SELECTOR],
    ['result', D_RESULT],
    ['human_result', D_HUMAN],
  ]),
  new Map([
    ['domain', S_DOMAIN],
    ['scope', S_SCOPE],
    ['result', S_RESULT],
    ['human_result', S_HUMAN],
  ]),
];

/**
 * Whether a namespace may be that of a report: RFC 9990's, `http://dmarc.org/dmarc-xml/0.1`, and what
 * reporters make of them.
 */
const isNamespace = (xmlns: string): boolean => /dmarc/i.test(xmlns);

/**
 * Whether an element without a prefix is the report's own: by the default namespace in scope, and that of the
 * record around it; null and '' are none.
 */
export const isOwn = (scope: string | null, record: string | null): boolean =>
  scope === record || (scope ? isNamespace(scope) : !record);

const NAMES = [
  'document',
  'feedback',
  'report_metadata',
  'date_range',
  'policy_published',
  'record',
  'row',
  'policy_evaluated',
  'reason',
  'identifiers',
  'auth_results',
  'dkim',
  'spf',
] as const;

/** The name of a container. */
export const nameOf = (what: number): string => NAMES[what] ?? 'unknown';

interface Child {
  name: Uint8Array;
  what: number;
  /** Another one of the same slot. */
  next: Child | null;
}

/** The children of each container, by length and first letter of their names: few share both. */
const CHILDREN_BY_SLOT = CHILDREN.map((children) => {
  const slots: (Child | null)[] = new Array<null>(1_024).fill(null);
  for (const [name, what] of children) {
    const slot = slotOf(name.length, name.charCodeAt(0));
    slots[slot] = { name: new TextEncoder().encode(name), what, next: slots[slot]! };
  }
  return slots;
});

function slotOf(length: number, letter: number): number {
  return ((length & 31) << 5) | (letter & 31);
}

/**
 * The element inside `parent` whose local name stands between `start` and `end`, in any letter case.
 * Outside of feedback, unknown elements are looked into; inside, they are skipped.
 */
export function childIn(parent: number, codes: Uint16Array, start: number, end: number): number {
  if (parent > SPF) return SKIPPED;
  let child = CHILDREN_BY_SLOT[parent]![slotOf(end - start, codes[start]!)] as Child | null;
  for (; child !== null; child = child.next) if (isNamed(child.name, codes, start, end)) return child.what;
  return parent === DOCUMENT ? DOCUMENT : SKIPPED;
}

/** Whether the characters between these are those of `name`, which is in lower case. */
function isNamed(name: Uint8Array, codes: Uint16Array, start: number, end: number): boolean {
  const { length } = name;
  if (length !== end - start) return false;
  for (let k = 0; k < length; k++) {
    const c = codes[start + k]!;
    if (c !== name[k] && (c | 32) !== name[k]) return false;
  }
  return true;
}

const LONGEST = 24;
const scratch = new Uint16Array(LONGEST);

/** The element with this tag name, as written, inside `parent`: see `childIn`. */
export function childOf(parent: number, tag: string): number {
  const start = tag.indexOf(':') + 1;
  // No name of the schema is that long.
  const length = Math.min(tag.length - start, LONGEST);
  for (let k = 0; k < length; k++) scratch[k] = tag.charCodeAt(start + k);
  return childIn(parent, scratch, 0, length);
}
