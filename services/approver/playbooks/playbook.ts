import type { AskOptions, Dns } from '../../dns/client/types.ts';
import type { Evidence } from '../../findings/evidence.ts';
import type { Plan } from '../../requests/plan.ts';
import type { Db } from '../../shared/runtime/db.ts';
import type { OpenFinding } from '../../store/requests/playbook-findings.ts';

/** What a playbook works with. */
export interface PlaybookMeans {
  db: Db;
  dns: Dns;
  now: Date;
  registrable: (name: string) => string;
  asking: AskOptions;
  /**
   * The share of the mail that receivers which know `t=y` must see for half a step; null without half steps.
   */
  halfStepShare: number | null;
}

export interface PlaybookFinding extends OpenFinding {
  evidence: Evidence;
}

/** Turns findings of some kinds into plans. */
export interface Playbook {
  /** Its name in requests and in the audit chain. */
  name: string;
  kinds: readonly string[];
  /**
   * @returns null when there is nothing that can be done about it by a request
   * @throws PlanError
   */
  plan(finding: PlaybookFinding, means: PlaybookMeans): Promise<Plan | null>;
}

export const aboutOf = ({ finding_key: key, kind, severity, summary }: PlaybookFinding): Plan['finding'] => ({
  key,
  kind,
  severity,
  summary,
});
