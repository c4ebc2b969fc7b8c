import { checked, selectorIn } from './checked.ts';

export const dkimKeyWeak = checked('dkim_key_weak', { name: 'A weak DKIM key' }, (domain, { name, problems }) => ({
  title: problems.some(({ code }) => code === 'dkim_key_short')
    ? `DKIM key ${selectorIn(name)} of ${domain} is too short to count`
    : `DKIM key ${selectorIn(name)} of ${domain} is short`,
  topic: `length of DKIM key ${selectorIn(name)} of ${domain}`,
}));
