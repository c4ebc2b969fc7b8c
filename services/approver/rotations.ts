import type { AskOptions, Dns } from '../dns/client/types.ts';
import { shownValue } from '../dns/shown-value.ts';
import { type DnsWish, PlanError, planDns } from '../requests/plans/dns.ts';
import type { Rule } from '../requests/rules.ts';
import type { State } from '../requests/states.ts';
import { addDays, DAY_MS, dayOf } from '../shared/days.ts';
import { codeOf, messageOf } from '../shared/errors.ts';
import { counted } from '../shared/format.ts';
import type { Db } from '../shared/runtime/db.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { DkimKey } from '../shared/settings/dkim-keys.ts';
import { openRequest } from '../store/requests/open.ts';
import { loadRequest, requestOf } from '../store/requests/requests.ts';
import {
  beginRotation,
  keyVisibleSince,
  lastReportDay,
  lastRotations,
  noteWaiting,
  passedWith,
  type Rotation,
  type RotationStep,
  rotationsIn,
  stepRotation,
} from '../store/requests/rotations.ts';
import { seenMail } from '../store/requests/seen.ts';

const ACTOR = 'approver';
const HOUR_MS = 3_600_000;
/**
 * Without an SOA record that says so, a name that was not there is remembered for this long at most (RFC 2308
 * section 5).
 */
const NEGATIVE_TTL_MS = 3 * HOUR_MS;
/** Mail waits in queues for five days; reports about it come in the two days after. */
const QUIET_DAYS = 7;
/**
 * Who signs with the new key must be seen in reports within this time, or something is wrong with the signer.
 */
const SEEN_DAYS = 4;
/**
 * A revoked key stays for this long: it says that the selector is no longer used (RFC 6376 section 3.6.1).
 */
const REVOKED_DAYS = 7;

export interface RotationMeans {
  db: Db;
  dns: Dns;
  log: Log;
  rules: readonly Rule[];
  keys: readonly DkimKey[];
  registrable: (name: string) => string;
  /** The clock that waits go by; null for the database's. */
  at: Date | null;
  now: Date;
  asking: AskOptions;
  /** Called with each one that was looked at. */
  turned: () => void;
}

/**
 * Takes rotations on: opens those that are due, asks for each change of DNS by a request of its own, and
 * waits for what makes the next step safe. The steps that touch keys are the applier's.
 */
export async function keepRotations(means: RotationMeans): Promise<void> {
  await beginDue(means);
  for (const rotation of await rotationsIn(means.db, ['made', 'publishing', 'switched', 'revoking', 'revoked', 'removing'])) {
    try {
      await keep(rotation, means);
    } catch (error) {
      const code = codeOf(error);
      if (!(error instanceof PlanError) && code !== 'no_rule' && code !== 'nobody_can_approve') throw error;
      await noteWaiting(means.db, rotation.rotation_key, messageOf(error));
    }
    means.turned();
  }
}

async function beginDue({ db, keys, now, log }: RotationMeans): Promise<void> {
  const timed = keys.filter(({ rotateEveryDays }) => rotateEveryDays !== null);
  if (timed.length === 0) return;
  const last = await lastRotations(
    db,
    timed.map(({ domain }) => domain),
  );
  for (const { domain, rotateEveryDays } of timed) {
    const at = last.get(domain);
    if (at !== undefined && now.getTime() - at.getTime() < rotateEveryDays! * DAY_MS) continue;
    try {
      await beginRotation(db, domain, { person: ACTOR, why: `rotate_every_days is ${rotateEveryDays}` }, now);
      log.info({ domain }, 'the rotation of a DKIM key begins');
    } catch (error) {
      if (codeOf(error) !== 'rotating') throw error;
    }
  }
}

async function keep(rotation: Rotation, means: RotationMeans): Promise<void> {
  const { domain, old_selector, new_selector } = rotation;
  switch (rotation.step) {
    case 'made': {
      const summary = `Publish the new DKIM key ${new_selector} of ${domain}.`;
      return ask(rotation, 'publishing', { selector: new_selector!, value: rotation.record!, summary, why: rotation.why }, means);
    }
    case 'publishing':
      return afterRequest(rotation, means, () => published(rotation, means));
    case 'switched': {
      if (old_selector === null || old_selector === new_selector) return finish(rotation, 'done', means);
      const wait = await waitOfOld(rotation, means);
      if (wait !== null) return noteWaiting(means.db, rotation.rotation_key, wait);
      const summary = `Revoke the old DKIM key ${old_selector} of ${domain}.`;
      const why = `No mail has passed with it for ${QUIET_DAYS} days, and ${new_selector} signs.`;
      return ask(rotation, 'revoking', { selector: old_selector, value: 'v=DKIM1; p=', summary, why }, means);
    }
    case 'revoking':
      return afterRequest(rotation, means, () => finish(rotation, 'revoked', means));
    case 'revoked': {
      const end = rotation.stepped_at.getTime() + REVOKED_DAYS * DAY_MS;
      if (means.now.getTime() < end)
        return noteWaiting(means.db, rotation.rotation_key, `the revoked key stays until ${dayOf(new Date(end))}`);
      const summary = `Remove the revoked DKIM key ${old_selector} of ${domain}.`;
      return ask(
        rotation,
        'removing',
        { selector: old_selector!, value: null, summary, why: `It was revoked on ${dayOf(rotation.stepped_at)}.` },
        means,
      );
    }
    case 'removing':
      return afterRequest(rotation, means, () => finish(rotation, 'done', means));
  }
}

async function finish(rotation: Rotation, to: RotationStep, { db, now }: RotationMeans): Promise<void> {
  await stepRotation(db, rotation, to, { actor: ACTOR, now });
}

/** Opens the request for one change of DNS. A change that is made already needs none. */
async function ask(
  rotation: Rotation,
  to: RotationStep,
  { selector, value, summary, why }: { selector: string; value: string | null; summary: string; why: string },
  { db, dns, rules, registrable, asking, at, now }: RotationMeans,
): Promise<void> {
  const { domain } = rotation;
  const name = `${selector}._domainkey.${domain}`;
  const wish: DnsWish = { kind: 'dkim.rotate', domain, records: [{ name, value }], summary, why: [why], finding: null };
  const playbook = `rotation ${rotation.rotation_key} ${to}`;
  // A process that ended after it asked has left the request.
  const asked = await requestOf(db, playbook);
  if (asked !== null) return void (await stepRotation(db, rotation, to, { actor: ACTOR, now, request_key: asked }));
  const mail = await seenMail(db, domain, now);
  try {
    const plan = await planDns(wish, dns, { ...asking, ...mail, registrable });
    const given = { plan, requester: 'rotation', requester_kind: 'service' as const, why, playbook };
    const request_key = await openRequest(db, rules, given, at);
    await stepRotation(db, rotation, to, { actor: ACTOR, now, request_key });
  } catch (error) {
    if (!(error instanceof PlanError) || error.code !== 'nothing_to_do') throw error;
    await stepRotation(db, rotation, to, { actor: ACTOR, now, waits_for: error.message });
  }
}

const MADE: readonly State[] = ['active', 'done'];
const WAITS: readonly State[] = ['draft', 'pending', 'approved', 'applying', 'handed_over'];

/** Goes on when the request is applied; stops when it came to nothing. */
async function afterRequest(rotation: Rotation, { db, now }: RotationMeans, then: () => Promise<void>): Promise<void> {
  if (rotation.request_key === null) return then();
  const { state, outcome } = await loadRequest(db, rotation.request_key);
  if (MADE.includes(state)) return then();
  if (WAITS.includes(state))
    return noteWaiting(db, rotation.rotation_key, `request ${rotation.request_key} is ${state.replace('_', ' ')}`);
  await stepRotation(db, rotation, 'stopped', {
    actor: ACTOR,
    now,
    waits_for: `Request ${rotation.request_key} is ${state}${outcome === null ? '' : `: ${outcome}`}`,
  });
}

/**
 * The new key is used once all servers of the zone give it, and no cache can still hold that there is none.
 */
async function published(rotation: Rotation, means: RotationMeans): Promise<void> {
  const { db, now } = means;
  const { domain, new_selector, record } = rotation;
  const name = `${new_selector}._domainkey.${domain}`;
  const since = await keyVisibleSince(db, domain, name, shownValue(record!));
  if (since === null)
    return noteWaiting(db, rotation.rotation_key, `not all servers of the zone give ${name} yet, as far as the watcher has seen`);
  const negative = await negativeTtl(domain, means);
  const ready = new Date(since.getTime() + negative);
  if (now < ready)
    return noteWaiting(
      db,
      rotation.rotation_key,
      `resolvers may not know ${name} before ${ready.toISOString().slice(0, 16)} UTC`,
    );
  await stepRotation(db, rotation, 'published', { actor: ACTOR, now });
}

async function negativeTtl(domain: string, { dns, asking }: RotationMeans): Promise<number> {
  const answer = await dns.ask(domain, 'SOA', asking);
  const seconds = answer.state === 'records' ? answer.records[0]!.minimum : null;
  return seconds === null ? NEGATIVE_TTL_MS : Math.min(seconds * 1000, DAY_MS);
}

/** Why the old key cannot be revoked yet; null when it can. */
async function waitOfOld(
  { domain, old_selector, new_selector, switched_at }: Rotation,
  { db, now }: RotationMeans,
): Promise<string | null> {
  const switched = dayOf(switched_at!);
  const fresh = await passedWith(db, domain, new_selector!, switched);
  const days = (now.getTime() - switched_at!.getTime()) / DAY_MS;
  if (fresh.messages === 0)
    return days > SEEN_DAYS
      ? `no report shows mail that passes with ${new_selector}, ${counted(Math.floor(days), 'day')} after the switch: look whether the signer has read its tables`
      : `no report shows mail that passes with ${new_selector} yet`;
  const old = await passedWith(db, domain, old_selector!, switched);
  const from = addDays(old.last_day ?? switched, 1);
  const covered = await lastReportDay(db, domain);
  const quietUntil = addDays(from, QUIET_DAYS);
  if (covered === null || covered < quietUntil || dayOf(now) <= quietUntil)
    return `mail may still pass with ${old_selector}: reports up to ${quietUntil} have to show none since ${from}`;
  return null;
}
