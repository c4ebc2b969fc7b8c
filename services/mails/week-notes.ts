import { counted, number } from '../shared/format.ts';
import { unverifiedSentence } from '../shared/unverified.ts';
import type { LoadedWeek } from '../store/alerts/week.ts';
import { clean } from './plain-text.ts';

/**
 * What the operator must know of the reading of reports: mails set aside, and reports that cannot be
 * verified.
 */
export function readingNotes(reading: LoadedWeek['reading']): string[] {
  if (reading === null) return [];
  const { mails, quarantined, codes, senders } = reading.unread;
  const some = (list: { name: string; n: number }[]) => list.map(({ name, n }) => `${clean(name, 60)} (${number(n)})`).join(', ');
  const unread =
    quarantined === 0
      ? []
      : [
          `${number(quarantined)} of ${counted(mails, 'mail')} could not be read and ${quarantined === 1 ? 'is' : 'are'} in quarantine: ${some(codes)}; from ${some(senders)}. See "ruawatch messages list --state quarantined"; where many are of one reporter, the fault may be ours.`,
        ];
  const unverified = unverifiedSentence(reading.verified);
  return [...unread, ...(unverified === null ? [] : [unverified])];
}
