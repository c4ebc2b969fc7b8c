import { z } from 'zod';
import { readEvidence } from '../findings/evidence.ts';
import { PlanError } from '../requests/plans/dns.ts';
import type { Rule } from '../requests/rules.ts';
import { codeOf, messageOf } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import { openRequest } from '../store/requests/open.ts';
import { evidenceOf, findingsWithoutRequest, type OpenFinding } from '../store/requests/playbook-findings.ts';
import { PLAYBOOKS } from './playbooks/index.ts';
import type { PlaybookMeans } from './playbooks/playbook.ts';

/** Questions to DNS for one plan. */
const QUESTIONS = 400;
/** Refusals that settings cause: the finding is asked about again when they have changed. */
const BY_SETTINGS = new Set(['no_rule', 'nobody_can_approve', 'wrong_domain']);

/**
 * Opens the requests of the playbooks: one for each open finding that has one. What cannot be planned now (DNS does not
 * answer) is tried again at the next turn; a finding that no plan fits is left to people.
 */
export class PlaybookRunner {
  /** Findings that no plan fits, or no rule; by key, with what is known of them. */
  private readonly passed = new Map<number, string>();
  /** Findings whose plan waits for a name server. */
  private readonly late = new Set<number>();
  private readonly rules: readonly Rule[];
  private readonly log: Log;

  constructor(rules: readonly Rule[], log: Log) {
    this.rules = rules;
    this.log = log;
  }

  /**
   * @returns how many requests were opened
   * @throws the first failure that was not foreseen; it keeps no other finding from its request
   */
  async run(means: PlaybookMeans, at: Date | null): Promise<number> {
    const kinds = PLAYBOOKS.flatMap((playbook) => playbook.kinds);
    const open = await findingsWithoutRequest(means.db, kinds);
    const untold = open.filter(({ finding_key, summary }) => this.passed.get(finding_key) !== summary);
    // What waits for a name server that does not answer takes its time, and comes last.
    const inOrder = [false, true].flatMap((late) => untold.filter(({ finding_key }) => this.late.has(finding_key) === late));
    let opened = 0;
    let failure: unknown = null;
    for (const finding of inOrder) {
      if (means.asking.signal?.aborted) break;
      try {
        if (await this.openFor(finding, means, at)) opened += 1;
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== null) throw failure;
    return opened;
  }

  private async openFor(stored: OpenFinding, means: PlaybookMeans, at: Date | null): Promise<boolean> {
    const { finding_key, kind, summary } = stored;
    const playbook = PLAYBOOKS.find((one) => one.kinds.includes(kind))!;
    const about = { finding: finding_key, playbook: playbook.name };
    try {
      const finding = { ...stored, evidence: readEvidence(await evidenceOf(means.db, finding_key)) };
      const plan = await playbook.plan(finding, { ...means, asking: { ...means.asking, budget: { left: QUESTIONS } } });
      this.late.delete(finding_key);
      if (plan === null) {
        this.passed.set(finding_key, summary);
        return false;
      }
      const { name } = playbook;
      const given = { plan, requester: name, requester_kind: 'playbook' as const, why: summary, playbook: name };
      const key = await openRequest(means.db, this.rules, given, at);
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
