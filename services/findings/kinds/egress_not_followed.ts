import { z } from 'zod';
import { counted, list, short } from '../../shared/format.ts';
import { kind } from './kind.ts';

const facts = z.object({
  rule: z.literal('egress_not_followed'),
  /**
   * SPF records that cannot follow the addresses of their cluster: the oldest first, and how many there are
   * in all.
   */
  records: z.array(
    z.object({
      name: z.string(),
      domain: z.string(),
      /** What is in the way, as docs/cluster.md lists it: the code, and a sentence. */
      problems: z.array(z.object({ code: z.string(), message: z.string() })),
    }),
  ),
  in_all: z.number(),
});

const NAMED = 3;
const SENTENCES = 4;

export const egressNotFollowed = kind(
  facts,
  { name: 'SPF does not follow a cluster' },
  ({ evidence: { since } }, { records, in_all }) => {
    const title = in_all === 1 ? 'SPF does not follow a cluster' : `SPF of ${counted(in_all, 'name')} does not follow a cluster`;
    const names = records.slice(0, NAMED).map(({ name }) => short(name, 100));
    const more = in_all - names.length;
    const said = [...new Set(records.flatMap(({ problems }) => problems.map(({ message }) => message)))];
    const whose = `This affects ${list(names)}${more > 0 ? ` and ${counted(more, 'more name')}` : ''}. `;
    return {
      title,
      topic: 'SPF that does not follow a cluster',
      summary: `SPF of ${list(names)} does not follow the addresses of its cluster, since ${since}`,
      what: `${whose}${said.slice(0, SENTENCES).join(' ')}`,
      advice: [
        'Mail from an address that SPF does not admit passes DMARC only by its signature: solve the problems above.',
        '"ruawatch cluster status" shows what is known about each address, and docs/cluster.md explains each problem.',
      ],
    };
  },
);
