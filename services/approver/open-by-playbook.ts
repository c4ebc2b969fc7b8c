import { z } from 'zod';
import { readEvidence } from '../findings/evidence.ts';
import { PlanError } from '../requests/plans/dns.ts';
import type { Rule } from '../requests/rules.ts';
import { codeOf, messageOf } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import { openRequest } from '../store/requests/open.ts';
import { findingsWithoutRequest } from '../store/requests/playbook-findings.ts';
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
  private readonly rules: readonly Rule[];
  private readonly log: Log;

  constructor(rules: readonly Rule[], log: Log) {
    this.rules = rules;
    this.log = log;
  }

  /** @returns how many requests were opened */
  async run(means: PlaybookMeans, at: Date | null): Promise<number> {
    const kinds = PLAYBOOKS.flatMap((playbook) => playbook.kinds);
    const open = await findingsWithoutRequest(means.db, kinds);
    let opened = 0;
    for (const stored of open) {
      if (this.passed.get(stored.finding_key) === stored.summary) continue;
      const finding = { ...stored, evidence: readEvidence(stored.evidence) };
      const playbook = PLAYBOOKS.find((one) => one.kinds.includes(finding.kind))!;
      const about = { finding: finding.finding_key, playbook: playbook.name };
      try {
        const plan = await playbook.plan(finding, { ...means, asking: { ...means.asking, budget: { left: QUESTIONS } } });
        if (plan === null) {
          this.passed.set(finding.finding_key, finding.summary);
          continue;
        }
        const given = {
          plan,
          requester: playbook.name,
          requester_kind: 'playbook' as const,
          why: finding.summary,
          playbook: playbook.name,
        };
        const key = await openRequest(means.db, this.rules, given, at);
        if (key === null) continue;
        opened += 1;
        this.log.info({ ...about, request: key }, 'a playbook has opened a request');
      } catch (error) {
        // What does not fit a plan, such as a hundred records at one name, is left to people too.
        const settled =
          error instanceof PlanError
            ? error.code !== 'unknown'
            : error instanceof z.ZodError || BY_SETTINGS.has(codeOf(error) ?? '');
        if (!settled && !(error instanceof PlanError)) throw error;
        if (settled) this.passed.set(finding.finding_key, finding.summary);
        this.log[settled ? 'warn' : 'info']({ ...about, err: messageOf(error) }, 'a playbook could not open a request');
      }
    }
    return opened;
  }
}
