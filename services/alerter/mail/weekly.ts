import { createHash } from 'node:crypto';
import { DAY_MS } from '../../shared/days.ts';
import { counted, number } from '../../shared/format.ts';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Config } from '../../shared/settings/config.ts';
import { unverifiedSentence } from '../../shared/unverified.ts';
import * as weekly from '../../store/alerts/digests.ts';
import * as outbox from '../../store/alerts/outbox.ts';
import { foreignDomains } from '../../store/domains/domains.ts';
import { unreadSince } from '../../store/messages/unread.ts';
import { verifiedShare } from '../../store/reports/verified-share.ts';
import { clean } from '../templates/plain-text.ts';
import { renderWeekly } from '../templates/weekly.ts';
import type { ComposeSettings } from './compose.ts';
import { composeMail, messageIdOf } from './message.ts';
import { audiencesOf, recipientsOf } from './recipients.ts';

const WEEK_MS = 7 * DAY_MS;
/**
 * A digest that is later than this (the program was stopped) is skipped: the next one covers its time too.
 */
const LATEST_MS = 3 * DAY_MS;
/**
 * Reports of a day come in until the second day after it: the week of a digest ends so many days before it.
 */
const SETTLED_DAYS = 2;
const MOST_FINDINGS = 10;
const MOST_SOURCES = 5;

const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

export type Schedule = Pick<Config['alerts'], 'digest' | 'digest_day' | 'digest_hour'>;

/**
 * The moment whose digest is to be made now, if it was not made yet; null when there is none: digests are
 * off, the last moment is long past, or was before this installation.
 */
export function dueDigest(schedule: Schedule, now: Date, born: Date): Date | null {
  if (schedule.digest === 'off') return null;
  const moment = new Date(now);
  moment.setUTCHours(schedule.digest_hour, 0, 0, 0);
  moment.setUTCDate(moment.getUTCDate() - ((moment.getUTCDay() - DAYS.indexOf(schedule.digest_day) + 7) % 7));
  if (moment > now) moment.setUTCDate(moment.getUTCDate() - 7);
  return moment > born && now.getTime() - moment.getTime() <= LATEST_MS ? moment : null;
}

/**
 * Makes the digest of a moment for every set of recipients that does not have it yet. Safe to run at any
 * time, in any number of processes. It covers the seven report days that end two days before the moment, and
 * the findings since the digest before.
 * @returns how many mails were made
 */
export async function composeWeekly(
  { db, log }: { db: Db; log: Log },
  settings: ComposeSettings,
  moment: Date,
  now: Date,
): Promise<number> {
  return transaction(db, async (tx) => {
    await outbox.lockComposing(tx);
    let made = 0;
    for (const { recipients, domains } of audiences(await weekly.knownDomains(tx), settings)) {
      const before = await weekly.digestBefore(tx, moment, recipients);
      if (!(await weekly.claimDigest(tx, moment, recipients, now))) continue;
      await put(tx, settings, { moment, now, before, recipients, domains });
      made++;
    }
    if (made > 0) log.info({ mails: made, due_at: moment.toISOString() }, 'queued the weekly digest in the outbox');
    return made;
  });
}

interface Audience {
  recipients: string[];
  domains: string[];
}

/**
 * Which domains each set of recipients gets. Recipients for domains that no report mentions still get a
 * digest that says so.
 */
function audiences(known: readonly string[], { alertTo, alerts }: ComposeSettings): Audience[] {
  const sets = new Map<string, Audience>();
  const of = (recipients: string[]): Audience => {
    const id = recipients.join('\n');
    const set = sets.get(id) ?? { recipients, domains: [] };
    sets.set(id, set);
    return set;
  };
  for (const domain of known) of(recipientsOf(domain, alerts.domains, alertTo)).domains.push(domain);
  for (const name of Object.keys(alerts.domains)) of(recipientsOf(name, alerts.domains, alertTo));
  if (known.length === 0) of(recipientsOf('', {}, alertTo));
  return [...sets.values()].filter(({ recipients }) => recipients.length > 0);
}

/** What the operator must know of the reading of reports: mails set aside, and reports that cannot be verified. */
async function readingNotes(tx: Tx, since: Date): Promise<string[]> {
  const { mails, quarantined, codes, senders } = await unreadSince(tx, since);
  const some = (list: { name: string; n: number }[]) => list.map(({ name, n }) => `${clean(name, 60)} (${number(n)})`).join(', ');
  const unread =
    quarantined === 0
      ? []
      : [
          `${number(quarantined)} of ${counted(mails, 'mail')} could not be read and ${quarantined === 1 ? 'is' : 'are'} in quarantine: ${some(codes)}; from ${some(senders)}. See "ruawatch messages list --state quarantined"; where many are of one reporter, the fault may be ours.`,
        ];
  const unverified = unverifiedSentence(await verifiedShare(tx, since));
  return [...unread, ...(unverified === null ? [] : [unverified])];
}

async function put(
  tx: Tx,
  settings: ComposeSettings,
  digest: Audience & { moment: Date; now: Date; before: Date | null },
): Promise<void> {
  const { moment, now, recipients, domains } = digest;
  const day = (n: number) => new Date(moment.getTime() - n * DAY_MS).toISOString().slice(0, 10);
  const days = { before: day(SETTLED_DAYS + 13), from: day(SETTLED_DAYS + 6), to: day(SETTLED_DAYS) };
  const since = digest.before ?? new Date(moment.getTime() - WEEK_MS);
  const { alertTo } = settings;
  // Only the operator can say whose they are, not the recipients of a single domain.
  const operator = alertTo.length === 0 || recipients.join('\n') === recipientsOf('', {}, alertTo).join('\n');
  const { count: foreign } = operator ? await foreignDomains(tx, { since, limit: 1 }) : { count: 0 };
  const notes = operator ? await readingNotes(tx, since) : [];
  const content = renderWeekly({
    notes,
    days,
    foreign,
    since,
    next: new Date(moment.getTime() + WEEK_MS),
    domains: await weekly.loadDomainWeeks(tx, domains, days, MOST_SOURCES),
    ...(await weekly.loadWeekFindings(tx, { domains, since, until: now, listed: MOST_FINDINGS })),
  });
  const hash = createHash('sha256').update(recipients.join('\n')).digest('hex').slice(0, 8);
  const name = `weekly-${moment.toISOString().slice(0, 13).replace(/\D/g, '')}-${hash}`;
  const installation = await outbox.installation(tx);
  for (const [i, to] of audiencesOf(recipients).entries()) {
    const message_id = messageIdOf(i === 0 ? name : `${name}-apart-${i}`, installation, settings.from);
    const parts = { from: settings.from, to, message_id, inReplyTo: null, date: now, urgent: false, content };
    await outbox.insertMail(tx, {
      message_id,
      kind: 'weekly',
      finding_key: null,
      recipients: to,
      subject: content.subject,
      raw: await composeMail(parts),
      urgent: false,
      created_at: now,
    });
  }
}
