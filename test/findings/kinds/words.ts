import path from 'node:path';
import { expect } from 'vitest';
import type { Figures } from '../../../services/findings/figures.ts';
import { factWords, KINDS, readFacts } from '../../../services/findings/kinds/index.ts';
import { EVIDENCE, SAMPLES } from './samples.ts';

/** What differs from the sample facts and figures. */
export interface Case<Rule extends keyof typeof SAMPLES> {
  facts?: Partial<(typeof SAMPLES)[Rule]>;
  evidence?: Partial<Figures>;
  domain?: string;
  subject?: string;
}

/**
 * Compares all words of a kind with `golden/<rule>.txt`, which a person has read: one paragraph a case, one
 * line a sentence, and before advice the page of the console where it is followed.
 * `npx vitest run test/findings/kinds -u` writes the files anew.
 */
export async function expectWords<Rule extends keyof typeof SAMPLES>(
  rule: Rule,
  cases: Readonly<Record<string, Case<Rule>>>,
): Promise<void> {
  // A trait that a rule does not have is left out: what asks for it asks whether it is there.
  expect(Object.values(KINDS[rule].traits)).not.toContain(false);
  const paragraphs = Object.entries(cases).map(([name, given]) => {
    const facts = readFacts({ ...SAMPLES[rule], ...given.facts });
    if (facts === null) throw new Error(`the facts of "${name}" do not fit the schema`);
    const { domain = 'example.com', subject = 'mailer.example' } = given;
    const {
      title,
      topic,
      summary,
      what,
      advice,
      senders,
      expected,
      links,
      pages = [],
    } = factWords({ domain, subject, evidence: { ...EVIDENCE, ...given.evidence } }, facts);
    return [
      `# ${name}`,
      `title    ${title}`,
      `topic    ${topic}`,
      `summary  ${summary}`,
      `what     ${what}`,
      ...advice.map((sentence, i) => `advice   ${pages[i] ? `[${pages[i]}] ` : ''}${sentence}`),
      ...(senders ?? []).map(({ verdict, source, when }) => `${verdict.padEnd(7)}  ${source}: ${when}`),
      ...(expected === undefined ? [] : [`expected ${expected}`]),
      ...(links ?? []).map((link) => `link     ${link}`),
    ].join('\n');
  });
  await expect(`${paragraphs.join('\n\n')}\n`).toMatchFileSnapshot(path.join(import.meta.dirname, 'golden', `${rule}.txt`));
}
