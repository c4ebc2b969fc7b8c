import { z } from 'zod';
import { counted, list, short } from '../../shared/format.ts';
import { kind, seenOn } from './kind.ts';

const facts = z.object({
  rule: z.literal('nobody_can_approve'),
  /** Requests that too few people are left for: the oldest first, and how many there are in all. */
  requests: z.array(z.object({ key: z.number(), domain: z.string(), groups: z.array(z.string()) })),
  in_all: z.number(),
});

const NAMED = 3;

export const nobodyCanApprove = kind(facts, { name: 'Nobody can decide' }, ({ evidence: { since } }, { requests, in_all }) => {
  const [first] = requests;
  const one = in_all === 1 && first !== undefined;
  const groups = [...new Set(requests.flatMap((request) => request.groups))].map((name) => `"${short(name, 40)}"`);
  const title = one ? `Nobody is left to decide request ${first.key}` : `Nobody is left to decide ${counted(in_all, 'request')}`;
  const more = in_all - Math.min(NAMED, requests.length);
  const named = requests.slice(0, NAMED).map(({ key, domain }) => `request ${key} (${short(domain, 60)})`);
  return {
    title,
    topic: 'requests that nobody can decide',
    summary: `${title}, since ${since}`,
    what: `Too few people are left in ${groups.length === 0 ? 'its groups' : list(groups)} for ${list(named)}${more > 0 ? ` and ${counted(more, 'more request')}` : ''}: whoever asked does not decide, and each person decides once. What nobody decides ends without approval.`,
    advice: [
      seenOn(
        'requests',
        'Add people to the groups of approvals in the settings, or name a deputy for those who are away; "ruawatch requests list" shows what waits.',
      ),
      'A request that is no longer wanted: "ruawatch requests withdraw KEY --why …".',
    ],
  };
});
