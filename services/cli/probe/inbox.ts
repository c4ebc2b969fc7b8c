import { setTimeout as wait } from 'node:timers/promises';
import { messageOf } from '../../shared/errors.ts';
import { type ProbeFinding, probeFinding } from './codes.ts';
import { PROBE_LIMITS, type ProbeMail } from './mail.ts';
import type { Verdict } from './verdict.ts';

/** Mails whose verdicts are worked on at once. */
const AT_ONCE = 4;
/** Refusals that are listed; the same reason for thousands of mails is said once. */
const MOST_REFUSALS = 20;

/** The mails of a run: within its limits, each is taken and has a verdict, whatever the mails hold. */
export class Inbox {
  readonly verdicts: Verdict[] = [];
  readonly refused: ProbeFinding[] = [];
  private readonly decide: (mail: ProbeMail) => Promise<Verdict>;
  private readonly onVerdict: () => void;
  private readonly waiting: ProbeMail[] = [];
  private taken = 0;
  private bytes = 0;
  private working = 0;
  private closed = false;
  private onIdle: () => void = () => undefined;

  /** @param onVerdict called after each verdict */
  constructor(decide: (mail: ProbeMail) => Promise<Verdict>, onVerdict: () => void) {
    this.decide = decide;
    this.onVerdict = onVerdict;
  }

  /** @returns false when the mail is not taken: it may come again, or the run is over */
  take(mail: ProbeMail): boolean {
    if (this.closed || this.bytes + mail.raw.length > PROBE_LIMITS.waiting) return false;
    if (this.taken >= PROBE_LIMITS.mails) {
      this.refuse(`More than ${PROBE_LIMITS.mails} mails came, and the further ones were refused.`);
      return false;
    }
    this.taken++;
    this.bytes += mail.raw.length;
    this.waiting.push(mail);
    if (this.working < AT_ONCE) void this.work();
    return true;
  }

  /** Notes what was refused, as a sentence. */
  refuse(why: string): void {
    if (this.refused.length < MOST_REFUSALS && !this.refused.some(({ message }) => message === why))
      this.refused.push(probeFinding('probe_refused', 'refused', why));
  }

  /** Takes no more, and waits for the verdicts on what was taken, for so long and no longer. */
  async close(): Promise<void> {
    this.closed = true;
    if (this.working === 0) return;
    const stop = new AbortController();
    const idle = new Promise<void>((resolve) => (this.onIdle = resolve));
    await Promise.race([idle, wait(PROBE_LIMITS.lateMs, undefined, { signal: stop.signal }).catch(() => undefined)]);
    stop.abort();
    const late = this.taken - this.verdicts.length;
    this.waiting.length = 0;
    if (this.working > 0) this.refuse(`${late} mails were taken and not decided in time: DNS does not answer.`);
  }

  private async work(): Promise<void> {
    this.working++;
    for (let mail = this.waiting.shift(); mail !== undefined; mail = this.waiting.shift()) {
      try {
        this.verdicts.push(await this.decide(mail));
      } catch (error) {
        this.refuse(`A mail from ${mail.peer ?? 'an unknown address'} could not be decided: ${messageOf(error)}.`);
      }
      this.bytes -= mail.raw.length;
      this.onVerdict();
    }
    this.working--;
    if (this.working === 0) this.onIdle();
  }
}
