import { createHash } from 'node:crypto';
import { readingNotes } from '../../mails/week-notes.ts';
import { renderWeekly } from '../../mails/weekly.ts';
import { DAY_MS } from '../../shared/days.ts';
import { groupBy } from '../../shared/group-by.ts';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Config } from '../../shared/settings/config.ts';
import * as weekly from '../../store/alerts/digests.ts';
import * as outbox from '../../store/alerts/outbox.ts';
import { loadWeek } from '../../store/alerts/week.ts';
import type { ComposeSettings } from './compose.ts';
import { composeMail, messageIdOf } from './message.ts';
import { audiencesOf, recipientsOf } from './recipients.ts';

const WEEK_MS = 7 * DAY_MS;
/**
 * A digest that is later than this (the program was stopped) is skipped: the next one covers its time too.
 */
const LATEST_MS = 3 * DAY_MS;
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
  moment.setUTCDate(moment.getUTCDate() - moment.getUTCDay() + DAYS.indexOf(schedule.digest_day));
  if (moment > now) moment.setUTCDate(moment.getUTCDate() - 7);
  return moment > born && now.getTime() - moment.getTime() <= LATEST_MS ? moment : null;
}

/**
 * Makes the digest of a moment for all recipients who do not have it yet, but for those who were refused and
 * whose next try is still to come. Safe to run at any time, in any number of processes. It covers the seven
 * report days that end two days before the moment, and the findings since the digest that a recipient got
 * before.
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
    await weekly.endRetries(tx, { before: moment });
    const made = await weekly.digestsOf(tx, moment);
    const all = audiences(await weekly.knownDomains(tx), settings);
    let mails = 0;
    for (const audience of all) {
      const to = withoutDigest(audience, made, now);
      for (const group of await sameBefore(tx, moment, audience, to))
        mails += await put(tx, settings, { moment, now, ...group, ...audience });
    }
    // What was due was mailed by now, unless its recipients are no longer in the settings.
    const over = made.filter(
      ({ recipients, retry_at }) =>
        (retry_at !== null && retry_at <= now) || !all.some((audience) => same(audience.recipients, recipients)),
    );
    await weekly.endRetries(tx, { digests: over.map(({ digest_key }) => digest_key) });
    if (mails > 0) log.info({ mails, due_at: moment }, 'queued the weekly digest in the outbox');
    return mails;
  });
}

const same = (a: readonly string[], b: readonly string[]) => a.join('\n') === b.join('\n');

/** The recipients of an audience who neither have the digest about its domains nor wait for another try. */
function withoutDigest({ recipients, domains }: Audience, made: readonly weekly.MadeDigest[], now: Date): string[] {
  const theirs = new Set(domains);
  const alike = made.filter(
    (digest) =>
      same(digest.recipients, recipients) ||
      digest.domains?.some((domain) => theirs.has(domain)) ||
      (digest.domains?.length === 0 && theirs.size === 0),
  );
  const waits = ({ retry_at }: weekly.MadeDigest) => retry_at !== null && retry_at > now;
  const done = new Set(alike.flatMap((digest) => [...digest.mailed_to, ...(waits(digest) ? digest.refused_for : [])]));
  return recipients.filter((recipient) => !done.has(recipient));
}

/** Recipients by the beginning of the time that the digest covers for them. */
async function sameBefore(
  tx: Tx,
  moment: Date,
  audience: Audience,
  to: readonly string[],
): Promise<{ to: string[]; since: Date }[]> {
  const before = await weekly.digestsBefore(tx, moment, { ...audience, to });
  const groups = groupBy(to, (recipient) => before.get(recipient)?.getTime() ?? moment.getTime() - WEEK_MS);
  return [...groups].map(([since, some]) => ({ to: some, since: new Date(since) }));
}

interface Audience {
  recipients: string[];
  domains: string[];
}

/**
 * Which domains each set of recipients gets. Recipients for domains that no report mentions still get a
 * digest that says so; where a set is empty, nobody does.
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
  return [...sets.values()];
}

/** Puts the digest of an audience into the outbox, for some of its recipients. @returns how many mails */
async function put(
  tx: Tx,
  settings: ComposeSettings,
  digest: Audience & { moment: Date; now: Date; to: string[]; since: Date },
): Promise<number> {
  const { moment, now, to, since, recipients, domains } = digest;
  const { alertTo } = settings;
  // Only the operator can say whose they are, not the recipients of a single domain.
  const operator = alertTo.length === 0 || same(recipients, recipientsOf('', {}, alertTo));
  const week = await loadWeek(tx, { domains, operator, moment, since, until: now });
  const content = renderWeekly({
    ...week,
    notes: readingNotes(week.reading),
    console: settings.console,
    next: new Date(moment.getTime() + WEEK_MS),
  });
  const { digest_key, refusals } = await weekly.markDigest(tx, moment, { recipients, domains, to, now });
  const hash = createHash('sha256').update(to.join('\n')).digest('hex').slice(0, 8);
  const name = `weekly-${moment.toISOString().slice(0, 13).replace(/\D/g, '')}-${hash}${refusals > 0 ? `-again-${refusals}` : ''}`;
  const installation = await outbox.installation(tx);
  const mails = audiencesOf(to);
  for (const [i, some] of mails.entries()) {
    const message_id = messageIdOf(i === 0 ? name : `${name}-apart-${i}`, installation, settings.from);
    const parts = { from: settings.from, to: some, message_id, inReplyTo: null, date: now, urgent: false, content };
    await outbox.insertMail(tx, {
      message_id,
      kind: 'weekly',
      finding_key: null,
      recipients: some,
      subject: content.subject,
      raw: await composeMail(parts),
      urgent: false,
      created_at: now,
      digest_key,
    });
  }
  return mails.length;
}
