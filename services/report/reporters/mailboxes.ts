import { organizationalDomain } from '../orgdomain.ts';
import { keyOfId, keyOfOrganization } from './reporters.ts';

/**
 * Domains of mailboxes whose reports come from a reporter of another organizational domain, by its id in the
 * catalogue.
 */
const MAILBOXES: Readonly<Record<string, readonly string[]>> = {
  google: ['gmail.com', 'googlemail.com'],
  microsoft: ['outlook.com', 'hotmail.com', 'live.com', 'msn.com'],
  yahoo: ['yahoo.com', 'ymail.com', 'rocketmail.com', 'aol.com'],
  gmx: ['gmx.net', 'gmx.de', 'gmx.at', 'gmx.ch', 'gmx.com'],
  'mail-ru': ['mail.ru', 'bk.ru', 'inbox.ru', 'list.ru'],
  seznam: ['seznam.cz', 'email.cz', 'post.cz'],
};
/**
 * National names of these, such as hotmail.co.uk: the first label decides, whatever is registered below it.
 */
const EVERYWHERE: Readonly<Record<string, string>> = {
  hotmail: 'microsoft',
  outlook: 'microsoft',
  live: 'microsoft',
  yahoo: 'yahoo',
};

const idOf = new Map(Object.entries(MAILBOXES).flatMap(([id, domains]) => domains.map((domain) => [domain, id] as const)));

/**
 * The key of the reporter that reports what the mailboxes of a domain get: that of the catalogue for large
 * providers and for domains of a catalogue entry, else the organizational domain, under which a reporter of
 * its own is kept.
 */
export function reporterOfMailbox(domain: string): string {
  const organization = organizationalDomain(domain);
  const id = idOf.get(organization) ?? EVERYWHERE[organization.split('.')[0]!];
  return (id === undefined ? null : keyOfId(id)) ?? keyOfOrganization(organization) ?? organization;
}
