import { z } from 'zod';
import { list, sentenceCase, short } from '../../shared/format.ts';
import { reporterName } from '../sentences/reporter-name.ts';
import { kind } from './kind.ts';

const facts = z.object({
  rule: z.literal('policy_change'),
  stronger: z.boolean(),
  /** Reports seen since the change. */
  reports: z.number(),
});

export const policyChange = kind(facts, { name: 'Policy changed' }, ({ domain: full, evidence }, { stronger, reports }) => {
  const domain = short(full);
  const { tags = [], since, reporters } = evidence;
  const change = tags.map(({ tag, from, to }) => `${tag}=${from} → ${tag}=${to}`).join(', ');
  const verb = stronger ? 'strengthened' : 'weakened';
  const open = tags.some(({ tag, to }) => (tag === 'p' || tag === 'sp') && to === 'none');
  return {
    title: `${sentenceCase(verb)} policy of ${domain}: ${change}`,
    topic: `${verb} policy of ${domain}`,
    summary: `The published policy of ${domain} was ${verb} on ${since}: ${change}`,
    what: `Since ${since}, ${list(reporters.map((key) => short(reporterName(key, evidence), 40)))} ${reporters.length === 1 ? 'has' : 'have'} found ${change} published for ${domain}.`,
    advice: stronger
      ? [`There is nothing to do.${reports > 0 ? ' Watch for rightful senders that fail from now on.' : ''}`]
      : [
          `If none of your people changed _dmarc.${domain}, find out who did: whoever can write that record can also redirect the domain's mail.`,
          `If it was intended, set a day to return to ${tags.map(({ tag, from }) => `${tag}=${from}`).join('; ')}${open ? ': until then receivers deliver mail that forges the domain' : ''}.`,
        ],
    expected: 'a planned change',
  };
});
