import { checked } from './checked.ts';

/** RFC 7208 section 4.6.4. */
const ALLOWED = 10;

export const spfLimit = checked('spf_limit', { name: 'SPF costs too many look-ups', stopsMail: true }, (domain, { lookups }) => ({
  title:
    lookups !== null && lookups > ALLOWED
      ? `SPF of ${domain} needs ${lookups} look-ups, and ten are allowed`
      : `SPF of ${domain} exceeds what receivers look up`,
  topic: `look-ups of SPF of ${domain}`,
}));
