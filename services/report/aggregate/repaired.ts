import { hostNameOf } from '../hostname.ts';
import type { Problems } from '../problem-list.ts';
import { excerpt } from '../text.ts';
import * as el from '../xml/report-elements.ts';

/** Elements whose value is a domain. */
const DOMAINS = new Set([el.P_DOMAIN, el.HEADER_FROM, el.ENVELOPE_FROM, el.ENVELOPE_TO, el.D_DOMAIN, el.S_DOMAIN]);
const MARKUP = /^[\s<>/&]+|[\s<>/&]+$/g;

/**
 * A value out of a document that is not well-formed: a domain without the remains of markup around it; any
 * other value, and a domain with markup in the middle of it, as it is.
 */
export function repaired(what: number, value: string, problems: Problems): string {
  if (!DOMAINS.has(what) || value.length > 1_000 || !/[<>&]/.test(value)) return value;
  const domain = value.replace(MARKUP, '');
  if (domain !== '' && hostNameOf(domain) === null) return value;
  const became = domain === '' ? 'was left out' : `was read as ${domain}`;
  problems.add('value_repaired', `A domain with remains of markup around it, ${excerpt(value, 80)}, ${became}.`);
  return domain;
}
