import { readEvidence } from '../../findings/evidence.ts';
import { wordsOf } from '../../findings/sentences.ts';
import { storedFindings } from '../../store/console/findings.ts';
import type { Reader } from '../../store/console/scope.ts';

/** The titles of findings, as their pages and mails have them. */
export async function titlesOf(
  reader: Reader,
  findings: readonly { finding_key: number | null }[],
): Promise<ReadonlyMap<number, string>> {
  const keys = [...new Set(findings.flatMap(({ finding_key }) => finding_key ?? []))];
  const rows = keys.length === 0 ? [] : await storedFindings(reader, keys);
  return new Map(rows.map((row) => [row.finding_key, wordsOf({ ...row, evidence: readEvidence(row.evidence) }).title]));
}
