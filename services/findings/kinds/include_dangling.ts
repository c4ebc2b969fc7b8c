import { checked } from './checked.ts';

export const includeDangling = checked('include_dangling', { name: 'SPF includes a missing record' }, (domain, { problems }) => ({
  title: problems.some(({ code }) => code === 'spf_include_free')
    ? `SPF of ${domain} includes a domain that anyone can register`
    : `SPF of ${domain} includes a name without a record`,
  topic: `includes of SPF of ${domain}`,
}));
