import type { Answer } from './types.ts';

/**
 * The TXT records of an answer, the strings of each joined without a space (RFC 7208 section 3.3). Empty when
 * there are none, and for an answer that is `unknown`: ask for that first.
 */
export function textsOf(answer: Answer<'TXT'>): string[] {
  return answer.state === 'records' ? answer.records.map((strings) => strings.join('')) : [];
}
