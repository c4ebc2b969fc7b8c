import { type Plan, readPlan } from '../requests/plan.ts';
import type { Rule } from '../requests/rules.ts';
import { counted } from '../shared/format.ts';
import type { Db } from '../shared/runtime/db.ts';
import { transaction } from '../shared/runtime/db.ts';
import type { Log } from '../shared/runtime/log.ts';
import { type DnsTarget, targetFor } from '../shared/settings/dns-servers.ts';
import { applySender, restoreSender } from '../store/requests/apply-sender.ts';
import {
  type ApplyEnd,
  changesOf,
  claim,
  endApplying,
  intend,
  type MadeChange,
  mayBegin,
  noteTtl,
  settleChange,
} from '../store/requests/applying.ts';
import { refuseUndecided, undecided } from '../store/requests/decided.ts';
import type { Request } from '../store/requests/requests.ts';
import { applyByCommand } from './targets/command.ts';
import type { Around } from './targets/everywhere.ts';
import { applyByUpdate } from './targets/rfc2136.ts';
import { applyByRoute53 } from './targets/route53/route53.ts';
import { type Applied, reversed } from './targets/target.ts';
import { ttlAt, ttlBack, withTtl } from './ttl.ts';

export interface Applying {
  db: Db;
  log: Log;
  targets: readonly DnsTarget[];
  /**
   * Of the settings: what decides by itself must be one of them. Without them, a request's own word for it
   * counts.
   */
  rules?: readonly Rule[];
  /** The moment that decides; null for the database's. */
  at: () => Date | null;
  /** For entries of lists. */
  now: () => Date;
  signal: AbortSignal;
  /** Asks the other servers of a zone; without it, changes are read back from the primary alone. */
  around?: Around;
}

type Change = MadeChange;

/**
 * What a plan changes, without rights that are lent, mails that are held, and what people do by hand: others
 * carry those out.
 */
const madeBy = ({ changes }: Plan): Change[] =>
  changes.flatMap((change) => (change.target === 'dns' || change.target === 'senders' ? [change] : []));

/** After so long without an answer a request has failed. */
const GIVE_UP_MS = 24 * 3_600_000;

const targetName = (change: Change, targets: readonly DnsTarget[]): string =>
  change.target === 'senders' ? 'senders' : (targetFor(targets, change.name)?.target.name ?? 'nobody');

/**
 * Applies one approved request, or goes on with one that a process left behind. What is intended is written
 * before it is sent; each change is a compare-and-swap, so that doing it again does nothing twice. When a
 * later change of a plan cannot be made, those before it are taken back.
 * @returns false when it has to be tried again later
 */
export async function applyRequest(request: Request, means: Applying): Promise<boolean> {
  const { db, targets, log } = means;
  const { request_key: key } = request;
  const plan = readPlan({ text: request.plan, digest: request.digest });
  const lacks = await undecided(db, request, means.rules ?? null);
  if (lacks !== null) {
    log.error({ request: key, lacks }, 'a request says that it is approved, and nobody has approved it');
    await refuseUndecided(db, key, lacks, means.at());
    return true;
  }
  const changes = madeBy(plan);
  const intended = changes.map((change, position) => ({
    position,
    forward: true,
    target: targetName(change, targets),
    change,
  }));
  if (request.state === 'approved' && !(await claim(db, key, intended, means.at()))) return true;
  if (!(await changesOf(db, key)).some(({ state }) => state === 'applied')) {
    const may = await mayBegin(db, key, means.at());
    if (may === 'over') {
      const says = 'It could not be applied in time: the approval has ended.';
      await endApplying(db, key, { step: 'fail', says }, means.at());
    }
    if (may !== 'go') return true;
  }
  const handed: Change[] = [];
  for (const [position, change] of changes.entries()) {
    const applied = await once(request, { position, forward: true, change }, means);
    if (applied.state === 'later') {
      log.warn({ request: key, answer: applied.answer }, 'a change could not be made yet; it is tried again');
      return lateOrFailed(request, applied, means);
    }
    if (applied.state === 'handed_over') {
      handed.push(change);
      continue;
    }
    if (applied.state === 'applied') continue;
    const undone = await takeBack(request, handed.length > 0, means);
    // A server that is away for a moment must not leave half of a plan behind.
    if (undone.again && !(await isOverdue(request, means))) return false;
    const says = `${applied.answer}${undone.says}`;
    await endApplying(db, key, { step: applied.state === 'stale' ? 'outdate' : 'fail', says }, means.at());
    return true;
  }
  await endApplying(db, key, endOf(plan, handed), means.at());
  return true;
}

function endOf(plan: Plan, handed: readonly Change[]): ApplyEnd {
  if (plan.changes.some(({ target }) => target === 'manual'))
    return {
      step: 'hand_over',
      says: 'It is handed over, to be done by hand: the request is done when it is seen (ruawatch requests show has how).',
    };
  if (handed.length > 0)
    return {
      step: 'hand_over',
      partly: handed.length < plan.changes.length,
      says: 'It is handed over to be published: the request is done when the watcher sees the records (ruawatch requests show has them).',
    };
  const { watch_hours } = plan.back;
  return watch_hours > 0
    ? { step: 'activate', says: `It is applied, and watched for ${counted(watch_hours, 'hour')}.`, watch_hours }
    : { step: 'finish', says: 'It is applied.', watch_hours };
}

/** Whether a day has gone since a request was first tried. */
async function isOverdue(request: Request, { db, now }: Applying): Promise<boolean> {
  const rows = (await changesOf(db, request.request_key)).filter(({ forward }) => forward);
  return now().getTime() - Math.min(...rows.map(({ intended_at }) => intended_at.getTime())) >= GIVE_UP_MS;
}

async function lateOrFailed(request: Request, { answer }: Applied, means: Applying): Promise<boolean> {
  if (!(await isOverdue(request, means))) return false;
  const says = `Given up after a day. ${answer}${(await takeBack(request, false, means)).says}`;
  await endApplying(means.db, request.request_key, { step: 'fail', says }, means.at());
  return true;
}

interface Step {
  position: number;
  forward: boolean;
  change: Change;
}

/** Makes one change, unless a row says that it is made already, and notes its end. */
async function once(request: Request, step: Step, means: Applying): Promise<Applied> {
  const { db } = means;
  const rows = await changesOf(db, request.request_key);
  const row = rows.find((one) => one.position === step.position && one.forward === step.forward);
  if (row !== undefined && row.state !== 'intended') return { state: row.state, answer: row.answer ?? '' };
  if (step.forward && row?.ttl_before === null) await noteTtlOf(request, step, means);
  const made = rows.find((one) => one.position === step.position && one.forward);
  const change = step.forward ? step.change : withTtl(step.change, made);
  const applied = await make(request, { ...step, change }, means);
  const where = { key: request.request_key, position: step.position, forward: step.forward };
  if (applied.state === 'applied' || applied.state === 'stale' || applied.state === 'failed')
    await settleChange(db, where, { state: applied.state, answer: applied.answer });
  return applied;
}

async function noteTtlOf(request: Request, { position, change }: Step, { db, targets, signal }: Applying): Promise<void> {
  const found = change.target === 'dns' ? targetFor(targets, change.name) : null;
  const ttl = change.target !== 'dns' || found === null ? null : await ttlAt(found.target, change, signal);
  if (ttl !== null) await noteTtl(db, request.request_key, position, ttl);
}

async function make(
  request: Request,
  { forward, change }: Step,
  { db, targets, now, signal, around }: Applying,
): Promise<Applied> {
  if (change.target === 'senders') {
    const word = { by: request.requester, why: `request ${request.request_key}: ${request.why}` };
    const state = await (forward ? applySender : restoreSender)(db, change, word, now());
    return {
      state,
      answer: state === 'applied' ? 'The list of senders is changed.' : 'The list of senders has another entry by now.',
    };
  }
  const found = targetFor(targets, change.name);
  if (found === null)
    return { state: 'handed_over', answer: `No server in the settings (dns.servers) has the zone of ${change.name}.` };
  const wanted = forward ? change : reversed(change);
  const record = { name: wanted.name, type: wanted.type, ttl: wanted.ttl, before: wanted.before, after: wanted.after };
  switch (found.target.kind) {
    case 'command':
      return applyByCommand(found.target, found.zone, record, { signal });
    case 'route53':
      return applyByRoute53(found.target, found.zone, record, { signal });
    case 'rfc2136':
      return applyByUpdate(found.target, found.zone, record, { signal, ...(around === undefined ? {} : { around }) });
  }
}

/**
 * Takes back what was made, the last first. @returns what is to be said of it, and whether a later try may do
 * more
 */
async function takeBack(request: Request, handed: boolean, means: Applying): Promise<{ says: string; again: boolean }> {
  const left = handed ? ' What was handed over must be stopped by hand.' : '';
  const { made, all, state } = await back(request, means);
  if (made === 0) return { says: left, again: false };
  return all
    ? { says: ` The changes before it are rolled back.${left}`, again: false }
    : {
        says: ` Not all changes before it could be rolled back: check them by hand.${left}`,
        again: state === 'later',
      };
}

/**
 * The way back of the changes of a plan that were made; those that were handed over are not ours to take
 * back.
 * @returns how many were made, whether all of them went back, and the first answer that was none
 */
async function back(
  request: Request,
  means: Applying,
): Promise<{ made: number; all: boolean; state: Applied['state']; answer: string }> {
  const changes = madeBy(readPlan({ text: request.plan, digest: request.digest }));
  const rows = await changesOf(means.db, request.request_key);
  const steps = changes
    .map((change, position) => ({ position, forward: false, target: targetName(change, means.targets), change }))
    .filter(({ position }) => rows.some((row) => row.forward && row.position === position && row.state === 'applied'))
    .reverse();
  const made = steps.length;
  await transaction(means.db, (tx) => intend(tx, request.request_key, steps, means.now()));
  for (const step of steps) {
    const applied = await once(request, step, means);
    if (applied.state !== 'applied') return { made, all: false, ...applied };
  }
  return { made, all: true, state: 'applied', answer: '' };
}

/** Restores the state before an active request. @returns null when it has to be tried again later */
export async function returnRequest(request: Request, means: Applying): Promise<{ done: boolean; answer: string } | null> {
  const { all, state, answer } = await back(request, means);
  if (all) return { done: true, answer };
  return state === 'later' ? null : { done: false, answer };
}

/**
 * Gives the records of a policy step the TTL again that they had before: the step set a short one, so that it
 * could be taken back quickly.
 * @returns what is to be said of it, empty when there is nothing to put back; null when it has to be tried
 *   again later
 */
export async function putBackTtl(request: Request, means: Applying): Promise<string | null> {
  const plan = readPlan({ text: request.plan, digest: request.digest });
  if (plan.kind !== 'policy.step') return '';
  const rows = await changesOf(means.db, request.request_key);
  const steps = madeBy(plan).flatMap((change, position) => {
    const row = rows.find((one) => one.forward && one.position === position && one.state === 'applied');
    const known = withTtl(change, row);
    const back = row === undefined || known.target !== 'dns' ? null : ttlBack(known);
    const target = targetName(change, means.targets);
    return back === null ? [] : [{ position: plan.changes.length + position, forward: true, target, change: back }];
  });
  await transaction(means.db, (tx) => intend(tx, request.request_key, steps, means.now()));
  for (const step of steps) {
    const { state, answer } = await once(request, step, means);
    if (state === 'later') return null;
    if (state !== 'applied') return ` The TTL of ${step.change.name} could not be restored: ${answer}`;
  }
  return steps.length === 0 ? '' : ' The previous TTL was restored.';
}
