import { type Candidate, type KnownFinding, type Severity, subdomainQuery } from '../../store/findings/findings.ts';
import type { SubdomainName, SubdomainNames } from '../../store/rollups/subdomain-days.ts';
import { publishedTag } from '../policy.ts';
import { count, list, number, percent, short } from '../text.ts';
import { type DomainWindow, judgedDays } from '../window.ts';
import type { DomainRule } from './rule.ts';
import { silent } from './silence.ts';
import { numbersOf, riseOf, severityOf, UNAUTHORIZED_DAYS } from './unauthorized_source.ts';

const KIND = 'subdomain_abuse';
/** Names that the evidence lists. */
const NAMES = 10;

/**
 * Unauthenticated mail under names below the domain that rises above habit, by the test of unauthorized_source. Names need not exist to be
 * forged: what applies to one that does not is `np`, else `sp`, else `p` (RFC 9989 section 4.7), and nobody notices, as nobody sends there.
 *
 * Reports do not say whether a name exists, and nothing is looked up: what is said of a name is whether mail was ever seen passing under it.
 */
export const subdomainAbuse: DomainRule = {
  kind: KIND,
  scope: 'domain',
  severity: ['low', 'medium', 'high'],
  tested: true,
  find,
  over,
};

function find(window: DomainWindow): Candidate[] {
  const rise = riseOf(window, 'below');
  if (rise === null) return [];
  const { confidence, first, evidence } = numbersOf(window, rise);
  const { messages, delivered, senders, since, last_day } = evidence;
  const { names } = window;
  const domain = short(window.domain);
  const used = names.largest.filter((one) => one.used);
  const policy = policyOf(window, names);
  return [
    {
      kind: KIND,
      subject: window.domain,
      severity: milder(severityOf(messages, delivered), used.length > 0),
      confidence,
      first_day: since,
      last_day,
      summary: `${count(senders, 'network')} ${senders === 1 ? 'sends' : 'send'} as ${namesInWords(names, domain)} without authentication: ${count(messages, 'message')} since ${since}, ${percent(delivered / messages)} delivered`,
      evidence: {
        what: `${count(messages, 'message')} that nothing authenticates came as ${namesInWords(names, domain)} from ${count(senders, 'network')}. ${usedInWords(names, used)} ${policy.words}`,
        ...evidence,
        names: names.largest.slice(0, NAMES),
        names_in_all: names.names,
        ...(policy.tag === null ? {} : { policy: policy.tag }),
        advice: adviceOf(window, names, used, delivered, messages),
        query: subdomainQuery(window.domain, first, last_day),
      },
    },
  ];
}

/** Resolved as unauthorized_source is. */
function over(finding: KnownFinding, window: DomainWindow): string | null {
  return silent(finding, judgedDays(window), UNAUTHORIZED_DAYS)
    ? `No such mail on the last ${UNAUTHORIZED_DAYS} report days beyond what is usual.`
    : null;
}

function namesInWords(names: SubdomainNames, domain: string): string {
  if (names.names === 0) return `names below ${domain}`;
  if (names.names <= 2) return list(names.largest.map(({ name }) => short(name)));
  return `${count(names.names, 'name')} below ${domain} (such as ${short(names.largest[0]!.name)})`;
}

function usedInWords({ largest, names }: SubdomainNames, used: readonly SubdomainName[]): string {
  if (used.length > 0) return `Passing mail comes under ${list(used.map(({ name }) => short(name)))} as well.`;
  if (names <= 1) return 'No passing mail was ever seen under that name.';
  const which = names > largest.length ? `the ${number(largest.length)} most used` : 'them';
  return `No passing mail was ever seen under any of ${which}.`;
}

/** The policy that receivers find for these names, and what it asks for. */
function policyOf(window: DomainWindow, names: SubdomainNames): { tag: string | null; words: string } {
  const [p, sp, np] = (['p', 'sp', 'np'] as const).map((tag) => publishedTag(window.policy, tag));
  if (!sp || !np) return { tag: null, words: 'Which policy applies is not known.' };
  const asks = (value: string) =>
    ({ none: 'lets it through', quarantine: 'asks to put it aside', reject: 'asks to refuse it' })[value] ?? 'is no policy';
  const testing = publishedTag(window.policy, 't') === 'y' ? ', a step less while t=y stands' : '';
  if (np !== sp && names.largest.some((one) => !one.used)) {
    return {
      tag: `sp=${sp}; np=${np}`,
      words: `For names that exist sp=${sp} ${asks(sp)}; for others np=${np} ${asks(np)}${testing}.`,
    };
  }
  // Some reporters write p where no sp is published: both say the same.
  const tag = sp === p ? `p=${p}` : `sp=${sp}`;
  return { tag, words: `${tag}${sp === p ? ', which holds for subdomains too,' : ''} ${asks(sp)}${testing}.` };
}

/** Nobody knows a name that was never used: it deceives fewer people than the domain or a name in use. */
function milder(severity: Severity, inUse: boolean): Severity {
  if (inUse) return severity;
  return severity === 'critical' ? 'high' : severity === 'high' ? 'medium' : severity;
}

function adviceOf(
  window: DomainWindow,
  names: SubdomainNames,
  used: readonly SubdomainName[],
  delivered: number,
  messages: number,
): string[] {
  const domain = short(window.domain);
  const sp = publishedTag(window.policy, 'sp');
  const np = publishedTag(window.policy, 'np');
  const check = `Look through the networks: if one is yours, let it sign with DKIM as ${domain} or as the name it sends under.`;
  if (sp === 'reject' && np === 'reject') {
    return [
      check,
      delivered === 0
        ? 'If none is, nothing is left to do: receivers kept this mail out, as the policy asks.'
        : `If none is, nothing is left to do in DNS: the policy asks for refusal, though ${number(delivered)} of ${number(messages)} were delivered all the same.`,
    ];
  }
  const advice = [check];
  if (np !== 'reject' && used.length < names.names) {
    advice.push(
      `Publish np=reject at _dmarc.${domain}: it concerns only names that do not exist in DNS, so that none of your mail can suffer (RFC 9989 section 4.7). Receivers that do not know it yet look at sp.`,
    );
  }
  if (sp !== 'reject') {
    advice.push(
      used.length > 0
        ? `Publish sp=reject as soon as what you send as ${list(used.map(({ name }) => short(name)))} and other subdomains passes.`
        : 'Publish sp=reject as soon as what you send from subdomains, if anything, passes.',
    );
  }
  return advice;
}
