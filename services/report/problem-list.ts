import { PROBLEMS_PER_CODE } from './limits.ts';
import type { Problem } from './model.ts';

/**
 * What was odd about one report. Bounded: a report of a million records, each odd in the same way, yields a
 * few sentences and a number. Equal sentences are listed once.
 */
export class Problems {
  private readonly byCode = new Map<string, { sentences: Set<string>; more: number }>();

  add(code: string, message: string): void {
    const entry = this.byCode.get(code);
    if (entry === undefined) {
      this.byCode.set(code, { sentences: new Set([message]), more: 0 });
    } else if (entry.sentences.has(message)) {
      entry.more++;
    } else if (entry.sentences.size < PROBLEMS_PER_CODE) {
      entry.sentences.add(message);
    } else {
      entry.more++;
    }
  }

  has(code: string): boolean {
    return this.byCode.has(code);
  }

  /** The problems, in the order in which their codes first occurred. */
  list(): Problem[] {
    const out: Problem[] = [];
    for (const [code, { sentences, more }] of this.byCode) {
      for (const message of sentences) out.push({ code, message });
      if (more > 0) {
        const last = out[out.length - 1] as Problem;
        last.message = `${last.message} (${more} more of this kind.)`;
      }
    }
    return out;
  }
}
