import { words } from './page-words/en.ts';
import { Refusal } from './routes.ts';

const MINUTE_MS = 60_000;
/** Tokens that are remembered: more than hold anywhere, and little memory. */
const MOST_KEPT = 10_000;

/** Counts the requests of each token by the minute, wherever they come from. */
export class TokenLimit {
  private readonly perMinute: number;
  private readonly counts = new Map<number, number>();
  private began = 0;

  constructor(perMinute: number) {
    this.perMinute = perMinute;
  }

  /**
   * Counts a request.
   * @param now in milliseconds
   * @returns how many are left in this minute
   * @throws Refusal `too_many_requests`, with the seconds to wait
   */
  count(token_key: number, now: number): number {
    if (now - this.began >= MINUTE_MS || now < this.began || this.counts.size >= MOST_KEPT) {
      this.counts.clear();
      this.began = now;
    }
    const count = (this.counts.get(token_key) ?? 0) + 1;
    this.counts.set(token_key, count);
    if (count > this.perMinute) {
      const seconds = Math.ceil((this.began + MINUTE_MS - now) / 1000);
      throw new Refusal(429, 'too_many_requests', words.problems.too_many_of_token, { after: seconds });
    }
    return this.perMinute - count;
  }
}
