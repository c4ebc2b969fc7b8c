import type { NewHeld } from '../requests/held/facts.ts';
import { codeOf, messageOf, PermanentError, TransientError } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Context } from '../shared/runtime/service.ts';
import type { Milter } from '../shared/settings/milter.ts';
import { noteContacts } from '../store/milter/known.ts';
import { type HeldWhere, packetsFor, refusalOf, refusalOfLong } from './act.ts';
import { heldFacts } from './hold.ts';
import { HoldQueue } from './hold-queue.ts';
import type { StoredNames } from './knowledge.ts';
import { type Arrival, type Screening, screenMail } from './screen.ts';
import type { UnjudgedNotes } from './unjudged.ts';

/** Holds a mail in the store, and opens the request about it. @returns the number of the request */
export type Hold = (facts: NewHeld) => Promise<{ request_key: number }>;

interface Settled {
  judgement: Screening;
  held: HeldWhere | null;
  /** What becomes of a mail that is not judged, where that is not as set. */
  onFailure?: Milter['onFailure'];
  /** The only reply, for a mail that is to be held and never can be. */
  refusal?: Buffer;
}

/**
 * Codes of errors for which a mail comes again later: otherwise whoever fills the hold, or sends many mails
 * at once, gets his through.
 */
const COMES_AGAIN = new Set(['hold_full', 'hold_late', 'store_busy', 'no_memory']);

const COUNTED = { accept: 'accepted', tag: 'tagged', hold: 'held', reject: 'rejected', unjudged: 'unjudged' } as const;

export interface DecisionMeans {
  /** With the log of the milter. */
  context: Pick<Context, 'config' | 'clock' | 'metrics'> & { log: Log };
  dns: Parameters<typeof screenMail>[1]['dns'];
  stored: StoredNames;
  notes: UnjudgedNotes;
  hold: Hold;
}

/** Says what becomes of each mail, and counts and logs it. */
export class Decisions {
  /** Why the last mail could not be judged; null when it could. */
  failure: string | null = null;
  private readonly means: DecisionMeans;
  private readonly holding = new HoldQueue();

  constructor(means: DecisionMeans) {
    this.means = means;
  }

  async decide(arrival: Arrival, mayHold: boolean): Promise<Buffer[]> {
    const { metrics, log, config } = this.means.context;
    const { milter } = config;
    const end = metrics.milterSeconds.startTimer();
    const refusal = refusalOf(arrival.message, milter.authservId);
    if (refusal !== null) {
      metrics.milterMails.inc({ outcome: 'rejected' });
      log.info({ queue_id: arrival.queue_id, ip: arrival.ip }, 'mail: rejected, with many fields in the name of this server');
      end();
      return [refusal];
    }
    const { judgement, held, refusal: long, onFailure = milter.onFailure } = await this.settled(arrival, mayHold);
    const { decided, dry, outcome } = judgement;
    metrics.milterMails.inc({ outcome: COUNTED[outcome] });
    for (const { rule } of dry) metrics.milterRules.inc({ rule: rule.when, dry_run: 'yes' });
    if (decided !== null) metrics.milterRules.inc({ rule: decided.rule.when, dry_run: 'no' });
    this.failure = judgement.why;
    if (outcome === 'unjudged') this.note(arrival, judgement.why!, onFailure);
    else log[outcome === 'accept' ? 'debug' : 'info'](loggedOf(arrival, judgement), `mail: ${COUNTED[outcome]}`);
    end();
    if (long !== undefined) return [long];
    return packetsFor(arrival.message, judgement, { id: milter.authservId, onFailure, held });
  }

  /** The judgement, once what it needs of the store is done: a mail that cannot be held is not judged. */
  private async settled(arrival: Arrival, mayHold: boolean): Promise<Settled> {
    const { log, config } = this.means.context;
    let judgement: Screening | null = null;
    try {
      judgement = await this.screened(arrival);
      if (judgement.outcome === 'accept' || judgement.outcome === 'tag') await this.contacted(judgement);
      if (judgement.outcome !== 'hold') return { judgement, held: null };
      const { keep } = config.milter.hold;
      if (keep === 'postfix' && !mayHold)
        throw new PermanentError('cannot_hold', 'The mail server does not offer to hold mails.');
      if (keep === 'store' && arrival.message.tooLong)
        return { judgement: { ...judgement, outcome: 'reject' }, held: null, refusal: refusalOfLong() };
      if (keep === 'store' && arrival.message.whole === null)
        throw new TransientError('no_memory', 'No memory was left to keep the mail.');
      const facts = heldFacts(arrival, judgement, keep);
      const { request_key } = await this.holding.take(() => this.means.hold(facts));
      return { judgement, held: { kept_in: keep, request_key } };
    } catch (error) {
      // Whatever it is, the mail must not be lost for it.
      log.error({ err: messageOf(error), code: codeOf(error) ?? undefined }, 'a mail could not be judged');
      const results = judgement?.results ?? null;
      const unjudged: Screening = { outcome: 'unjudged', results, decided: null, dry: [], why: messageOf(error), known: null };
      return { judgement: unjudged, held: null, ...(COMES_AGAIN.has(codeOf(error) ?? '') ? { onFailure: 'tempfail' } : {}) };
    }
  }

  private screened(arrival: Arrival): Promise<Screening> {
    const { context, dns, stored } = this.means;
    return screenMail(arrival, {
      settings: context.config.milter,
      dns,
      own: () => stored.own(),
      about: (asked) => stored.about(asked, context.clock.now()),
    });
  }

  private async contacted({ known }: Screening): Promise<void> {
    const { stored, context } = this.means;
    const fresh = (known?.lookalikes ?? []).filter(({ name }) => !known!.contacted.includes(name)).map(({ name }) => name);
    if (fresh.length > 0) await stored.asked((q) => noteContacts(q, fresh, context.clock.now()));
  }

  private note({ ip, queue_id, mail_from, message, at }: Arrival, why: string, outcome: Milter['onFailure']): void {
    this.means.notes.add({
      at,
      outcome,
      why,
      queue_id,
      peer_ip: ip,
      envelope_from: mail_from,
      header_from_domain: message.authors.domains[0] ?? null,
      message_id: message.header.fields.find(({ name }) => name === 'message-id')?.value ?? null,
    });
  }
}

function loggedOf({ queue_id, ip, mail_from, recipients, message }: Arrival, { results, decided, dry }: Screening): object {
  return {
    queue_id,
    ip,
    mail_from,
    recipients: recipients.length,
    from: message.authors.domains,
    dmarc: results?.dmarc.result,
    rule: decided?.rule.when,
    match: decided?.match,
    dry_run: dry.length === 0 ? undefined : dry.map(({ rule }) => rule.when),
  };
}
