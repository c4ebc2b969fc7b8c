import { z } from 'zod';
import { counted, list, number, short } from '../../shared/format.ts';
import type { Told } from './kind.ts';

/** What people said of networks that forged mail came from: the newest word for all of them. */
export const deniedNetworks = z.object({
  by: z.string(),
  on: z.string(),
  why: z.string(),
  /** The networks that are denied. */
  sources: z.array(z.string()),
  /** Whether these are all networks of the finding. */
  all: z.boolean(),
});
export type DeniedNetworks = z.output<typeof deniedNetworks>;

/** Who denied them, to follow what happened; empty where nobody did. */
export function deniedWords(denied: DeniedNetworks | undefined): string {
  if (denied === undefined) return '';
  const { by, on, why, sources, all } = denied;
  const which = all ? (sources.length === 1 ? 'it' : 'all of them') : `${number(sources.length)} of them`;
  return ` ${short(by, 40)} denied ${which} on ${on} (${short(why)}).`;
}

/**
 * "2 networks (198.51.100.0/24 and 203.0.113.0/24)", "8 networks, the largest 203.0.113.0/24,", "280
 * networks": a verb may follow.
 */
export function networksOf({ evidence }: Told): string {
  const sources = evidence.who.map(({ source }) => source);
  const many = counted(evidence.senders, 'network');
  if (evidence.senders <= 3) return `${many} (${list(sources)})`;
  // Of hundreds with a message each, none is the one to look at.
  const first = evidence.who[0]?.messages ?? 0;
  return first >= LARGE * evidence.messages ? `${many}, the largest ${sources[0]},` : many;
}

/** One network is worth naming among many from this part of their mail on. */
const LARGE = 0.1;

/** From so many networks on it is a botnet or a rented one, and nobody looks at each. */
const BOTNET = 20;

/** Whether so many networks are nobody's that one can ask. */
export function isBotnet(senders: number): boolean {
  return senders >= BOTNET;
}

/**
 * What to do about the networks that forged mail came from. Of those that are denied nobody has to be asked.
 * @param repair what to do for one of the own
 */
export function whoseAdvice(senders: number, repair: string, denied?: DeniedNetworks): string[] {
  if (denied?.all === true) return [];
  if (isBotnet(senders))
    return [
      'So many networks are a botnet or rented hosts: none of them has to be looked at or blocked, as tomorrow it will be others. The policy of your domain is what stops such mail.',
    ];
  return [
    senders === 1
      ? `Ask your own teams first whether the network is yours (a new server, an office, a device that mails); if so, ${repair}. If neither they nor a service that you use sent it, somebody forges your domain.`
      : `Ask your own teams first whether one of the ${denied === undefined ? '' : 'other '}networks is yours; if so, ${repair}. If neither they nor a service that you use sent it, somebody forges your domain.`,
  ];
}
