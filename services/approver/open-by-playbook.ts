import { z } from 'zod';
import { readEvidence } from '../findings/evidence.ts';
import type { Plan } from '../requests/plan.ts';
import { PlanError } from '../requests/plans/dns.ts';
import type { Rule } from '../requests/rules.ts';
import { codeOf, messageOf } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import { openRequest } from '../store/requests/open.ts';
import { evidenceOf, findingsWithoutRequest, type OpenFinding } from '../store/requests/playbook-findings.ts';
import { PLAYBOOKS } from './playbooks/index.ts';
import type { Playbook, PlaybookFinding, PlaybookMeans } from './playbooks/playbook.ts';

/** Questions to DNS for one plan. */
const QUESTIONS = 400;
/** Refusals that settings cause: the finding is asked about again when they have changed. */
const BY_SETTINGS = new Set(['no_rule', 'nobody_can_approve', 'wrong_domain']);
/** Findings that are planned at once, and those that wait for a name server. */
const AT_ONCE = 16;
const LATE_AT_ONCE = 4;
/** A plan that takes longer is made among the late ones, where it has all the time that it needs. */
const SOON_MS = 4_000;

const KINDS = PLAYBOOKS.flatMap((playbook) => playbook.kinds);
export const hasPlaybook = (kind: string): boolean => KINDS.includes(kind);

export interface PlaybookRun extends PlaybookMeans {
  /** The clock of the requests; null for the database's. */
  at: Date | null;
  /** Called with each finding that is done with. */
  turned: () => void;
}

/**
 * Opens the requests of the playbooks: one for each open finding that has one. What cannot be planned now
 * (DNS does not answer) is tried again beside the turns, which do not wait for it; a finding that no plan
 * fits is left to people.
 */
export class PlaybookRunner {
  /** Findings that no plan fits, or no rule; by key, with what is known of them. */
  private readonly passed = new Map<number, string>();
  /** Findings whose plan waits for a name server. */
  private readonly late = new Set<number>();
  private readonly underWay = new Set<number>();
  /** The work on what is late, and what went wrong in it. */
  private slow: Promise<unknown> | null = null;
  private slowFailure: unknown = null;
  private readonly rules: readonly Rule[];
  private readonly log: Log;

  private readonly soonMs: number;

  constructor(rules: readonly Rule[], log: Log, soonMs = SOON_MS) {
    this.rules = rules;
    this.log = log;
    this.soonMs = soonMs;
  }

  /**
   * @returns how many requests were opened; those of what is late are not waited for
   * @throws the first failure that was not foreseen; it keeps no other finding from its request
   */
  async run(means: PlaybookRun): Promise<number> {
    const open = await findingsWithoutRequest(means.db, KINDS);
    const untold = open.filter(
      ({ finding_key, summary }) => this.passed.get(finding_key) !== summary && !this.underWay.has(finding_key),
    );
    const isLate = ({ finding_key }: OpenFinding) => this.late.has(finding_key);
    const late = untold.filter(isLate);
    const soon = await this.openAll(
      untold.filter((finding) => !isLate(finding)),
      means,
      AT_ONCE,
    );
    this.slow ??= this.openAll(late, means, LATE_AT_ONCE)
      .then(({ failure }) => {
        this.slowFailure = failure;
      })
      .finally(() => {
        this.slow = null;
      });
    const failure = soon.failure ?? this.slowFailure;
    this.slowFailure = null;
    if (failure !== null) throw failure;
    return soon.opened;
  }

  /** Resolves when no finding is worked on. */
  async settled(): Promise<void> {
    await this.slow;
  }

  private async openAll(
    findings: readonly OpenFinding[],
    means: PlaybookRun,
    atOnce: number,
  ): Promise<{ opened: number; failure: unknown }> {
    const done = { opened: 0, failure: null as unknown };
    const waiting = findings.values();
    const work = async () => {
      for (const finding of waiting) {
        if (means.asking.signal?.aborted) return;
        this.underWay.add(finding.finding_key);
        try {
          if (await this.openFor(finding, means)) done.opened += 1;
        } catch (error) {
          done.failure ??= error;
        } finally {
          this.underWay.delete(finding.finding_key);
          means.turned();
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, findings.length) }, work));
    return done;
  }

  /**
   * @throws PlanError `unknown` when a first try takes too long: what DNS has not said until then is not in
   *   the plan
   */
  private async plan(finding: PlaybookFinding, playbook: Playbook, means: PlaybookRun): Promise<Plan | null> {
    const { signal } = means.asking;
    const asking = { ...means.asking, budget: { left: QUESTIONS } };
    if (this.late.has(finding.finding_key)) return playbook.plan(finding, { ...means, asking });
    const soon = AbortSignal.timeout(this.soonMs);
    const ends = signal === undefined ? soon : AbortSignal.any([signal, soon]);
    const plan = await playbook.plan(finding, { ...means, asking: { ...asking, signal: ends } });
    if (ends.aborted) throw new PlanError('unknown', 'The name servers have not said all that the plan needs in time.');
    return plan;
  }

  private async openFor(stored: OpenFinding, means: PlaybookRun): Promise<boolean> {
    const { finding_key, kind, summary } = stored;
    const playbook = PLAYBOOKS.find((one) => one.kinds.includes(kind))!;
    const about = { finding: finding_key, playbook: playbook.name };
    try {
      const finding = { ...stored, evidence: readEvidence(await evidenceOf(means.db, finding_key)) };
      const plan = await this.plan(finding, playbook, means);
      this.late.delete(finding_key);
      if (plan === null) {
        this.passed.set(finding_key, summary);
        return false;
      }
      const { name } = playbook;
      const given = { plan, requester: name, requester_kind: 'playbook' as const, why: summary, playbook: name };
      const key = await openRequest(means.db, this.rules, given, means.at);
      if (key === null) return false;
      this.log.info({ ...about, request: key }, 'a playbook has opened a request');
      return true;
    } catch (error) {
      const unknown = error instanceof PlanError && error.code === 'unknown';
      // What does not fit a plan, such as a hundred records at one name, is left to people too.
      const settled =
        (error instanceof PlanError && !unknown) || error instanceof z.ZodError || BY_SETTINGS.has(codeOf(error) ?? '');
      if (unknown) this.late.add(finding_key);
      else if (settled) this.passed.set(finding_key, summary);
      else throw error;
      this.log[settled ? 'warn' : 'info']({ ...about, err: messageOf(error) }, 'a playbook could not open a request');
      return false;
    }
  }
}
