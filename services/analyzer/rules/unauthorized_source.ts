import type { Ending } from '../../findings/end-reasons.ts';
import type { Culprit } from '../../findings/figures.ts';
import { publishedTag } from '../../shared/policy.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { recordsQuery } from '../../store/findings/kind-queries.ts';
import { deniedOf, endedByDenial, isKeptOut } from '../unauthenticated/denied.ts';
import { namedRiseOf } from '../unauthenticated/named-rise.ts';
import { numbersOf, severityOf } from '../unauthenticated/numbers.ts';
import { UNAUTHORIZED_DAYS } from '../unauthenticated/part.ts';
import type { Rise } from '../unauthenticated/rise.ts';
import type { DomainRule } from './rule.ts';
import { isOwnAfterAll, silent } from './silence.ts';
import { coveredDays, type DomainWindow } from './window.ts';

const KIND = 'unauthorized_source';

/**
 * Mail in the domain's name that nothing authenticates and no forwarder explains (RFC 9989 section 5.3.5:
 * neither mechanism yields an aligned identifier, nor any other). One finding for the domain, whatever the
 * number of networks: a botnet is one cause.
 *
 * Every domain gets a trickle of it. An alarm is what rises above that habit, in one of two ways: all of it
 * together (a day, three or seven, against the negative binomial of Habit); or one network alone, where the
 * trickle comes a message or two from each (the geometric law of how much a network sends).
 *
 * Each day of the week looked back on is tested by itself, against the habit before it and all that its
 * reporters, the awaited ones too, may bring: so it does not matter how often or in what order that week was
 * looked at, and there is nothing to wait for.
 *
 * A network that mostly passes is a rightful sender with noise and stays out. So does one whose own mail
 * stops passing as the failing mail begins: that is a sender that broke, and authentication_regression's as
 * soon as it shows. A network where both go on side by side (a spoofer beside a forwarder) is in.
 *
 * Networks most of whose mail comes from below the domain are subdomain_abuse's.
 */
export const unauthorizedSource: DomainRule = {
  kind: KIND,
  scope: 'domain',
  severity: ['low', 'medium', 'high', 'critical'],
  tested: true,
  find,
  over,
};

function find(window: DomainWindow): Candidate[] {
  const rise = namedRiseOf(window, 'domain');
  return rise === null ? [] : candidate(window, rise);
}

function candidate(window: DomainWindow, found: Rise): Candidate[] {
  const { confidence, first_day, evidence } = numbersOf(window, found);
  const { last_day } = evidence;
  const p = publishedTag(window.policy, 'p');
  const denied = deniedOf(window, found, evidence.who);
  if (isKeptOut(denied, found, p)) return [];
  const one: Candidate = {
    kind: KIND,
    subject: window.domain,
    severity: severityOf(found.harm),
    confidence,
    first_day,
    last_day,
    evidence: {
      ...evidence,
      facts: { rule: KIND, p, ...servicesAmong(evidence.who, window), ...(denied && { denied }) },
      query: recordsQuery({ domain: window.domain, from: evidence.since, to: last_day, rows: 'unauthenticated' }),
    },
  };
  return [one];
}

/**
 * Resolved when the rule saw enough newer report days and holds no more, or when a person denied all its
 * networks and the policy stops their mail.
 */
function over(finding: KnownFinding, window: DomainWindow): Ending | null {
  if (isOwnAfterAll(finding, window)) return { reason: 'own_sender' };
  const denied = endedByDenial(finding, window, 'domain', publishedTag(window.policy, 'p'));
  if (denied !== null) return denied;
  return silent(finding, coveredDays(window), UNAUTHORIZED_DAYS)
    ? { reason: 'no_such_mail', days: UNAUTHORIZED_DAYS, unusual: true }
    : null;
}

/** The services of the domain's that some of the networks belong to, by name, with their networks. */
function servicesAmong(who: readonly Culprit[], { used = new Map() }: DomainWindow) {
  const services = new Map<string, string[]>();
  for (const { source } of who) {
    const service = used.get(source);
    if (service !== undefined) services.set(service.name, [...(services.get(service.name) ?? []), source]);
  }
  return services.size === 0 ? {} : { services: [...services].map(([name, networks]) => ({ name, networks })) };
}
