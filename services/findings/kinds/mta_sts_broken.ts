import { checked } from './checked.ts';

/** What is wrong, by the first of these codes that was found. */
const WRONG: readonly [code: string, title: (domain: string) => string][] = [
  ['mta_sts_mx', (domain) => `MTA-STS policy of ${domain} leaves out a mail host`],
  ['mta_sts_policy_missing', (domain) => `MTA-STS policy of ${domain} cannot be fetched`],
  ['mta_sts_id_kept', (domain) => `MTA-STS policy of ${domain} changed without its id`],
];

export const mtaStsBroken = checked('mta_sts_broken', { name: 'MTA-STS is broken' }, (domain, { problems }) => {
  const wrong = WRONG.find(([code]) => problems.some((one) => one.code === code));
  return { title: wrong?.[1](domain) ?? `MTA-STS of ${domain} has an error`, topic: `MTA-STS of ${domain}` };
});
