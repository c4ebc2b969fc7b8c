import type { Dns } from '../../dns/client/types.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Db } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Access } from '../../shared/settings/access.ts';
import type { DnsTarget } from '../../shared/settings/dns-servers.ts';
import { addRunTime, dueGrants, lookAround, namesThatMayBe, noteLook, unsafeAfterRestore } from '../../store/grants/due.ts';
import { type Grant, grantMark, grantsIn, noteUsed, noteUses } from '../../store/grants/grants.ts';
import { activateGrant, beginEnd, claimGrant, endGrant, grantsToApply, retryEnd, toEnd } from '../../store/grants/life.ts';
import { noteStrays, type StrayRight } from '../../store/grants/strays.ts';
import { whileAlone } from '../../store/requests/alone.ts';
import { endApprovals } from '../../store/requests/restored.ts';
import type { GrantMeans } from './grant-kind.ts';
import { GRANT_WORKERS } from './index.ts';

/** How often the targets are asked what they have. */
const SWEEP_MS = 60_000;
/** A clock may be corrected by so much. */
const CLOCK_SLACK_MS = 5_000;
/**
 * A copy of a disk or of a whole machine shows nothing but that nobody has looked for so long. Approvals end
 * then; a pause that is shorter is one of the services, and what was lent ends after a much shorter one.
 */
const APPROVALS_UNWATCHED_MS = 4 * 3_600_000;
/** After so long without an answer lending has failed. */
const GIVE_UP_MS = 3_600_000;

export interface KeepMeans {
  db: Db;
  log: Log;
  access: Access;
  dnsTargets: readonly DnsTarget[];
  dns: Dns;
  /** The moment that decides; null for the database's. */
  at: () => Date | null;
  signal: AbortSignal;
}

const COPIED = 'The database is a copy, or was restored: what was done since then is not known for certain.';
const unwatched = (gap_ms: number): string =>
  `Nothing looked at grants for ${Math.round(gap_ms / 60_000)} minutes: the database may have been restored from a copy.`;

/**
 * Keeps the rights that are lent, and ends approvals that an older copy of the database brings back: ends
 * what is due, first of all; then ends what targets have and the store does not know; then lends what is
 * approved. Any number may run: one works at a time.
 */
export class GrantKeeper {
  /** When this process looked last without another in between, by a clock that nobody can set. */
  private looked: number | null = null;
  private swept: number | null = null;
  /** How long the audit chain was then: it becomes shorter in a database that was restored alone. */
  private head = 0;
  /** What waits, for the health page. */
  waiting: string | null = null;

  /** @returns whether this process did it, or another one does */
  async turn(means: KeepMeans): Promise<boolean> {
    const alone = await whileAlone(
      means.db,
      (lost) => this.keep({ ...means, signal: AbortSignal.any([means.signal, lost]) }),
      'grants',
    );
    if (!alone) this.looked = null;
    return alone;
  }

  private async keep(means: KeepMeans): Promise<void> {
    const { db, access, dnsTargets, dns, signal } = means;
    const grantMeans: GrantMeans = { access, dnsTargets, dns, mark: await grantMark(db), signal };
    await this.endUnsafe(means);
    for (const due of await dueGrants(db, means.at())) await beginEnd(db, due, { reason: due.reason }, means.at());
    await this.endAll(means, grantMeans);
    if (this.swept === null || performance.now() - this.swept >= SWEEP_MS) {
      await this.sweep(means, grantMeans);
      this.swept = performance.now();
    }
    await this.applyAll(means, grantMeans);
    await this.look(means, grantMeans);
  }

  /** Ends everything when the database may be an older copy of itself, or its clock was set back. */
  private async endUnsafe(means: KeepMeans): Promise<void> {
    const { db, log, at } = means;
    const now = performance.now();
    const seen = await lookAround(db, at());
    if (this.looked !== null) await addRunTime(db, now - this.looked);
    this.looked = now;
    const copied = seen.copied || seen.head < this.head;
    if (copied || (seen.gap_ms ?? 0) > APPROVALS_UNWATCHED_MS) {
      const why = copied ? COPIED : unwatched(seen.gap_ms!);
      const ended = await endApprovals(db, why, at());
      if (ended > 0)
        log.warn({ requests: ended, reason: why }, 'all approvals that wait end: ask again for what is still wanted');
    }
    await this.endLent(means, copied, seen.gap_ms);
    await noteLook(db, seen.at);
    this.head = seen.head;
  }

  private async endLent({ db, log, access, at }: KeepMeans, copied: boolean, gap_ms: number | null): Promise<void> {
    const reason = copied
      ? COPIED
      : gap_ms !== null && gap_ms > access.unwatchedMs
        ? unwatched(gap_ms)
        : gap_ms !== null && gap_ms < -CLOCK_SLACK_MS
          ? 'The clock of the database was set back.'
          : null;
    if (reason === null) return;
    const all = await unsafeAfterRestore(db);
    for (const one of all) await beginEnd(db, one, { reason }, at());
    if (all.length > 0) log.warn({ grants: all.length, reason }, 'all grants end: ask again for what is still needed');
  }

  private async endAll(means: KeepMeans, grantMeans: GrantMeans): Promise<void> {
    const { db, log, at } = means;
    const waiting: string[] = [];
    await Promise.all(
      (await toEnd(db, at())).map(async (grant) => {
        const taken = await GRANT_WORKERS[grant.kind].end(grant, grantMeans);
        if (taken.state === 'ended') return endGrant(db, grant, taken.answer, at());
        log.warn({ grant: grant.grant_key, answer: taken.answer }, 'a grant could not be ended yet; it is tried again');
        await retryEnd(db, grant, taken.answer, at());
      }),
    );
    for (const { grant_key, answer } of await grantsIn(db, ['ending']))
      waiting.push(`${grant_key} (${answer ?? 'not tried yet'})`);
    this.waiting = waiting.length === 0 ? null : `Grants could not be ended yet: ${waiting.slice(0, 3).join(', ')}`;
  }

  /**
   * Ends what targets have with our mark and the store does not, and what the store has and targets do not.
   */
  private async sweep({ db, log, at }: KeepMeans, grantMeans: GrantMeans): Promise<void> {
    for (const worker of Object.values(GRANT_WORKERS)) {
      if (worker.present === undefined) continue;
      const silent = new Set<string>();
      const active = (await grantsIn(db, ['active'])).filter(({ kind }) => kind === worker.kind);
      const there = await worker.present(grantMeans, (server, answer) => {
        silent.add(server);
        log.warn({ server, answer }, 'a target does not say what it lends; it is queried again');
      });
      const known = await namesThatMayBe(db);
      const strays: StrayRight[] = [];
      for (const { server, name } of there.filter((one) => !known.has(one.name))) {
        const taken = await worker.end({ server, name, scope: null, applied_at: null, ends_at: null }, grantMeans);
        if (taken.state === 'ended')
          log.warn({ server, name, answer: taken.answer }, 'a right that no grant is for was ended at its target');
        else {
          strays.push({ server, name, answer: taken.answer });
          log.error({ server, name, answer: taken.answer }, 'a right that no grant is for could not be ended; it is tried again');
        }
      }
      await noteStrays(db, worker.kind, { strays, silent: [...silent] }, at());
      await noteUsed(
        db,
        there.flatMap(({ name, sessions }) => (sessions !== null && sessions > 0 ? [name] : [])),
        at(),
      );
      const names = new Set(there.map(({ name }) => name));
      const gone = active.filter((one) => !silent.has(one.server) && !names.has(one.name));
      for (const grant of gone.filter((one) => worker.lists?.(one.server, grantMeans) !== false))
        await beginEnd(db, grant, { reason: 'Its target does not have it any more.' }, at());
    }
  }

  private async applyAll(means: KeepMeans, grantMeans: GrantMeans): Promise<void> {
    for (const grant of await grantsToApply(means.db)) {
      if (means.signal.aborted) return;
      try {
        await apply(grant, means, grantMeans);
      } catch (error) {
        means.log.error({ grant: grant.grant_key, err: messageOf(error) }, 'a right could not be lent');
      }
    }
  }

  /** Counts uses, and ends what has done its task. */
  private async look({ db, at }: KeepMeans, grantMeans: GrantMeans): Promise<void> {
    for (const grant of await grantsIn(db, ['active'])) {
      const worker = GRANT_WORKERS[grant.kind];
      if (worker.uses !== undefined && grant.uses !== null)
        await noteUses(db, grant.grant_key, await worker.uses(grant, grantMeans));
      const done = (await worker.done?.(grant, grantMeans)) ?? null;
      if (done !== null) await beginEnd(db, grant, { reason: done }, at());
    }
  }
}

async function apply(grant: Grant, { db, log, at }: KeepMeans, grantMeans: GrantMeans): Promise<void> {
  if (!(await claimGrant(db, grant, at()))) return;
  const lent = await GRANT_WORKERS[grant.kind].apply(grant, grantMeans);
  if (lent.state === 'active') {
    await activateGrant(db, grant, { answer: lent.answer, most: lent.most ?? null, sealed: lent.sealed ?? null }, at());
    return;
  }
  const [now] = await grantsIn(db, ['applying']).then((all) => all.filter((one) => one.grant_key === grant.grant_key));
  const since = now?.claimed_at?.getTime() ?? 0;
  const late = lent.state === 'later' && (at() ?? new Date()).getTime() - since > GIVE_UP_MS;
  if (lent.state === 'failed' || late) await beginEnd(db, grant, { reason: lent.answer }, at());
  else log.warn({ grant: grant.grant_key, answer: lent.answer }, 'a right could not be lent yet; it is tried again');
}
