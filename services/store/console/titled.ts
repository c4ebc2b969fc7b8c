import { readEvidence } from '../../findings/evidence.ts';
import { wordsOf } from '../../findings/sentences/finding.ts';

/** Columns of the view `findings` that `titled` takes, for queries. */
export const TITLE_COLUMNS = 'domain, subject, summary, evidence';

export interface TitleColumns {
  domain: string;
  subject: string;
  summary: string;
  /** As it is stored. */
  evidence: unknown;
}

/** A row of a finding with its title, as its page and its mails have it, in the place of the evidence. */
export function titled<Row extends TitleColumns>({ evidence, ...row }: Row): Omit<Row, 'evidence'> & { title: string } {
  return { ...row, title: wordsOf({ ...row, evidence: readEvidence(evidence) }).title };
}
