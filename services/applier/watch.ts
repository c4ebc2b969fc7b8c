import { lowerName } from '../dns/client/name.ts';
import { shownValue } from '../dns/shown-value.ts';
import { changedMembers, type DnsChange, type Member, type Plan, readPlan } from '../requests/plan.ts';
import { stringsIn, targetIn } from '../requests/plans/members.ts';
import { DAY_MS, dayOf } from '../shared/days.ts';
import { counted } from '../shared/format.ts';
import { awaited, changesOf, endAwaited, endWatch, type Published, published, watched } from '../store/requests/applying.ts';
import { type Broken, brokenSince } from '../store/requests/broken.ts';
import { onboardedMail, onboardingOf } from '../store/requests/onboardings.ts';
import type { Request } from '../store/requests/requests.ts';
import { type Applying, putBackTtl, returnRequest } from './apply.ts';

/** So many messages of own senders must be lost, by the word of so many deciding reporters, */
const LEAST_LOST = 20;
const LEAST_REPORTERS = 2;
/** as this part of their mail, and this many times the part that was lost before. */
const LEAST_SHARE = 0.02;
const TIMES = 4;

/** Reports about the last hours of the watch come a day after them. */
const REPORTS_LATE_MS = DAY_MS;

/** What passed before and fails now, or failed before and is not delivered now, is own mail that is lost. */
const FELL_TO = 0.8;
/**
 * Mail has good and bad days: what passes no more is at least half of what is lost, or nearly all that
 * passed.
 */
const EXPLAINS = 0.5;
const NOTHING = 0.2;
const FAILED_BEFORE = 0.5;

/**
 * Whether a change broke the mail of own senders. Mail that fails beside all that passed before, and did not
 * fail before, is somebody else's: whoever sends as the domain through a service of ours must not get the
 * policy back that lets him in.
 */
export function isBroken(given: Broken): boolean {
  const { messages, lost, reporters, messages_before, lost_before, failed_before, passed, passed_usual } = given;
  if (lost < LEAST_LOST || reporters < LEAST_REPORTERS) return false;
  const share = lost / messages;
  if (share < LEAST_SHARE) return false;
  // Nothing shows what is usual.
  if (messages_before === 0) return true;
  if (share < (TIMES * lost_before) / messages_before) return false;
  const fell = passed_usual - passed;
  const missing =
    passed < FELL_TO * passed_usual && fell >= LEAST_LOST && (fell >= EXPLAINS * lost || passed < NOTHING * passed_usual);
  return missing || failed_before / messages_before >= FAILED_BEFORE * share;
}

/**
 * Looks at the changes that are watched: returns those that broke mail, and ends the watch whose time is
 * over.
 */
export async function watchChanges(means: Applying): Promise<void> {
  for (const request of await watched(means.db)) {
    if (means.signal.aborted) return;
    if (await returnIfBroken(request, means)) continue;
    if (
      request.state === 'active' &&
      request.ends_at !== null &&
      request.ends_at.getTime() + REPORTS_LATE_MS <= means.now().getTime()
    )
      await settleOrReturn(request, means);
  }
}

/**
 * A change whose watch is over stays; a third party whose mail did not come, or did not pass, is taken back.
 */
async function settleOrReturn(request: Request, means: Applying): Promise<void> {
  const party = request.kind === 'sender.onboard' ? await onboardingOf(means.db, request.request_key) : null;
  if (party === null || party.adopted_at !== null || request.applied_at === null) {
    const ttl = await putBackTtl(request, means);
    if (ttl === null) return;
    const says =
      party === null
        ? `The watch is over: no mail of your own senders broke.${ttl}`
        : 'Its mail arrives and passes DMARC: it is adopted.';
    return endWatch(means.db, request.request_key, { step: 'settle', says }, means.at());
  }
  const { messages } = await onboardedMail(means.db, party, request.applied_at);
  const why =
    messages === 0
      ? `Reports show no mail of ${party.source}.`
      : `None of ${counted(messages, 'message')} of ${party.source} passed DMARC.`;
  const end = await returnRequest(request, means);
  if (end === null) return;
  const says = end.done ? `${why} It is rolled back.` : `${why} It could not be rolled back: ${end.answer}`;
  await endWatch(means.db, request.request_key, { step: end.done ? 'return' : 'settle', says }, means.at());
}

async function returnIfBroken(request: Request, means: Applying): Promise<boolean> {
  const { changes } = readPlan({ text: request.plan, digest: request.digest });
  if (request.applied_at === null || !changes.some(({ target }) => target === 'dns')) return false;
  // A day counts from its beginning: on the day of the change, receivers knew the state before.
  const broken = await brokenSince(means.db, request.domain, dayOf(new Date(request.applied_at.getTime() + DAY_MS)));
  if (!isBroken(broken)) return false;
  const why = `${counted(broken.lost, 'message')} of your own senders (of ${counted(broken.messages, 'message')}) failed and were not delivered since, by ${counted(broken.reporters, 'reporter')}.`;
  const end = await returnRequest(request, means);
  if (end === null) return true;
  const says = end.done ? `${why} The previous state was restored.` : `${why} It could not be restored: ${end.answer}`;
  await endWatch(means.db, request.request_key, { step: end.done ? 'return' : 'settle', says }, means.at());
  means.log.warn({ request: request.request_key, returned: end.done }, 'a change broke mail');
  return true;
}

/** Whether a record is as it should be: an alias is no text, whatever the text says. */
function isThere(record: DnsChange, seen: Published | undefined): boolean {
  if (seen === undefined) return false;
  const { gone, come } = changedMembers(record);
  if (record.type === 'CNAME')
    return (
      come.every((one) => seen.aliases[0] === lowerName(targetIn(one))) &&
      !gone.some((one) => seen.aliases[0] === lowerName(targetIn(one)))
    );
  if (record.type !== 'TXT') return false;
  // What stands behind an alias is not at this name.
  const texts = seen.aliases.length > 0 ? [] : seen.TXT;
  const shown = (one: Member) => shownValue(stringsIn(one).join(''));
  return come.every((one) => texts.includes(shown(one))) && !gone.some((one) => texts.includes(shown(one)));
}

/** Whether all that a handed-over request changes beside its records is made. */
async function restIsMade(request: Request, { changes }: Plan, db: Applying['db']): Promise<boolean> {
  if (request.state !== 'handed_over') return false;
  const made = new Set(
    (await changesOf(db, request.request_key)).flatMap((row) => (row.forward && row.state === 'applied' ? [row.position] : [])),
  );
  return changes.every((change, position) => change.target === 'dns' || made.has(position));
}

/** Ends the requests whose records are published, by whomever. */
export async function closePublished(means: Applying): Promise<void> {
  for (const request of await awaited(means.db)) {
    const plan = readPlan({ text: request.plan, digest: request.digest });
    const records = plan.changes.flatMap((change) => (change.target === 'dns' ? [change] : []));
    // What is beside the records, such as the entry of a third party, is made by us: by then it is, or was
    // not.
    if (records.length < plan.changes.length && !(await restIsMade(request, plan, means.db))) continue;
    const seen = await published(means.db, plan, request.created_at);
    const there = records.every((record) => isThere(record, seen.get(record.name)));
    if (there) await endAwaited(means.db, request.request_key, means.at(), { watch_hours: plan.back.watch_hours });
  }
}
