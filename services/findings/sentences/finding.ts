import { adviceHolds, type Ending } from '../end-reasons.ts';
import { EVIDENCE_VERSION, type Evidence } from '../evidence.ts';
import { factWords } from '../kinds/index.ts';
import type { Words } from '../kinds/kind.ts';
import { senderActions } from './commands.ts';
import { endingWords } from './end-reasons.ts';

/** A finding as it was read from its row. */
export interface StoredFinding {
  domain: string;
  subject: string;
  summary: string;
  evidence: Evidence;
}

/**
 * The words of a finding, made of its facts; of a row without facts, the sentences that are stored in it.
 * What its end has answered is no advice any more, wherever it is read.
 */
export function wordsOf(finding: StoredFinding): Words {
  const { advice, pages, senders, ...words } = allWordsOf(finding);
  if (!adviceHolds(finding.evidence.ended)) return { ...words, advice: [] };
  return { ...words, advice, ...(pages && { pages }), ...(senders && { senders }) };
}

function allWordsOf({ domain, subject, summary, evidence }: StoredFinding): Words {
  const { facts, sentences } = evidence;
  if (facts !== null) return factWords({ domain, subject, evidence }, facts);
  return { title: summary, topic: summary, summary, what: sentences?.what ?? '', advice: sentences?.advice ?? [] };
}

/** Since when it is, for a person: the days that were looked at may begin with it. */
export function begunWords({ since, sent_since = '' }: Pick<Evidence, 'since' | 'sent_since'>): string {
  return sent_since === '' ? since : `${since} or before (it has sent since ${sent_since})`;
}

/** Why it is over; the empty string when it is not, or nobody said. */
export function overWords({ ended, sentences }: Evidence): string {
  return ended ? endingWords(ended) : (sentences?.resolved_why ?? '');
}

/**
 * What is written of a finding: the summary, and the evidence with its sentences for those who query the
 * table.
 */
export function storedForm(finding: { domain: string; subject: string; summary?: string; evidence: Evidence }): {
  summary: string;
  evidence: Record<string, unknown>;
} {
  const { sentences, mended, facts, ...evidence } = finding.evidence;
  const { summary, what, advice, senders } = wordsOf({ summary: '', ...finding });
  const over = overWords(finding.evidence);
  return {
    summary,
    evidence: {
      // A row without facts stays one of its version.
      ...(facts !== null && { v: EVIDENCE_VERSION, facts }),
      ...evidence,
      what,
      ...(mended && { mended: mended.map((one) => ({ ...one, why: endingWords(one.ended) })) }),
      advice: [...advice, ...senderActions(finding.domain, senders).map(({ when, command }) => `${when}: ${command}`)],
      ...(over !== '' && { resolved_why: over }),
    },
  };
}

/** The part of the evidence that says a person closed the finding. */
export function closedForm(by: string, why: string): { ended: Ending; resolved_why: string } {
  const ended: Ending = { reason: 'closed', by, why };
  return { ended, resolved_why: endingWords(ended) };
}
