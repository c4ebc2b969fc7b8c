import { z } from 'zod';
import { short } from '../../shared/format.ts';
import { type Advice, seenOn } from './kind.ts';

/** The domain's own DMARC record as the watcher saw it; null when it is not watched. */
export const ownRecord = z.object({ value: z.string().nullable(), since: z.string(), changed: z.boolean() }).nullish();

/**
 * What to do about the own record where reports stay away: it is looked at before anybody else is blamed.
 * @param domain short
 * @param given.more what else is known of it, a sentence
 * @param given.silent the day since which reports stay away
 */
export function ownRecordAdvice(
  domain: string,
  record: z.output<typeof ownRecord>,
  { when = 'first', more = '', silent = null }: { when?: 'first' | 'next'; more?: string; silent?: string | null } = {},
): Advice {
  if (record == null)
    return seenOn(
      'dns_check',
      `Look at your own DMARC record ${when} ("ruawatch dns check ${domain}"): it must name your mailbox in rua=, and a mailbox at another domain needs the consent of that domain (RFC 9990 section 4).${more}`,
    );
  const { value, since, changed } = record;
  if (value === null)
    return seenOn(
      'dns_history',
      `Your own DMARC record has been gone since ${since}: publish it again ("ruawatch dns history ${domain}" has the old one).${more}`,
    );
  const now = `"${short(value, 160)}"`;
  if (!changed && silent !== null && since > silent)
    return seenOn(
      'dns_check',
      `Look at your own DMARC record ${when}: it is ${now}. ruawatch has seen it since ${since} only, and reports stay away since ${silent}: whether it was changed then, nobody here knows. Its rua= must name your mailbox ("ruawatch dns check ${domain}").${more}`,
    );
  return changed
    ? seenOn(
        'dns_history',
        `Look at your own DMARC record ${when}: it was changed on ${since} and is now ${now} ("ruawatch dns history ${domain}"). Its rua= must name your mailbox.${more}`,
      )
    : `Your own DMARC record was not changed: it has been ${now} since ${since} at least. If its rua= names your mailbox, the fault is elsewhere.${more}`;
}
