import { Networks } from '../dns/networks.ts';
import type { NewHeld } from '../requests/held/facts.ts';
import { codeOf, messageOf, PermanentError, TransientError } from '../shared/errors.ts';
import { openDns } from '../shared/runtime/resolver.ts';
import { type Context, firstStuck, repeat, type Service } from '../shared/runtime/service.ts';
import { readHoldKey } from '../shared/settings/held-mail.ts';
import type { Milter } from '../shared/settings/milter.ts';
import { holdMessage } from '../store/held/hold.ts';
import { noteContacts } from '../store/milter/known.ts';
import { cleaned, type HeldWhere, packetsFor, refusalOf, refusalOfLong } from './act.ts';
import { heldFacts } from './hold.ts';
import { HoldQueue } from './hold-queue.ts';
import { StoredNames } from './knowledge.ts';
import { listen } from './listen.ts';
import { Memory } from './memory.ts';
import { startRelease } from './release/index.ts';
import { type Arrival, type Screening, screenMail } from './screen.ts';
import { Session } from './session.ts';
import { UnjudgedNotes } from './unjudged.ts';
import { accept } from './wire/replies.ts';

export { holdQueue } from './release/postfix.ts';
export { type Tried, tryMail } from './try.ts';

const NAME = 'milter';
const NOTES_MS = 5_000;

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

export interface RunningMilter extends Service {
  /** The port that it listens on; null for a Unix socket. */
  port: number | null;
}

function holdIn({ db, config, clock }: Context): Hold {
  const { hold } = config.milter;
  const key = readHoldKey(hold);
  return (facts) =>
    holdMessage(db, facts, { rules: config.approvals.rules, key, most: hold.most, host: hold.host, at: clock.now() });
}

/** Codes of errors for which a mail comes again later: otherwise whoever fills the hold, or sends many mails at once, gets his through. */
const COMES_AGAIN = new Set(['hold_full', 'hold_late', 'store_busy', 'no_memory']);

const COUNTED = { accept: 'accepted', tag: 'tagged', hold: 'held', reject: 'rejected', unjudged: 'unjudged' } as const;

/**
 * The milter: judges each mail that a mail server hands over, and says what is to become of it (docs/milter.md). It stands in the way of mail,
 * so nothing that fails here loses one: what cannot be judged passes, or is tried again later, as set.
 * @param given in place of the store and of what carries out decisions
 * @throws SettingsError when the address cannot be listened on
 */
export async function startMilter(context: Context, given?: Hold): Promise<RunningMilter> {
  const hold = given ?? holdIn(context);
  const { config, db, clock, metrics } = context;
  const log = context.log.child({ service: NAME });
  const { milter } = config;
  const dns = { own: openDns(config.dnsServers), others: openDns(config.dnsServers) };
  const stored = new StoredNames(db, milter.people);
  const notes = new UnjudgedNotes(db, log);
  const memory = new Memory();
  const holding = new HoldQueue();
  let failure: string | null = null;
  const means = {
    settings: milter,
    dns,
    own: () => stored.own(),
    about: (asked: Parameters<StoredNames['about']>[0]) => stored.about(asked, clock.now()),
  };

  async function decide(arrival: Arrival, mayHold: boolean): Promise<Buffer[]> {
    const end = metrics.milterSeconds.startTimer();
    const refusal = refusalOf(arrival.message, milter.authservId);
    if (refusal !== null) {
      metrics.milterMails.inc({ outcome: 'rejected' });
      log.info({ queue_id: arrival.queue_id, ip: arrival.ip }, 'mail: rejected, with many fields in the name of this server');
      end();
      return [refusal];
    }
    const { judgement, held, refusal: long, onFailure = milter.onFailure } = await settled(arrival, mayHold);
    const { decided, dry, outcome } = judgement;
    metrics.milterMails.inc({ outcome: COUNTED[outcome] });
    for (const { rule } of dry) metrics.milterRules.inc({ rule: rule.when, dry_run: 'yes' });
    if (decided !== null) metrics.milterRules.inc({ rule: decided.rule.when, dry_run: 'no' });
    failure = outcome === 'unjudged' ? judgement.why : null;
    if (outcome === 'unjudged') note(arrival, judgement.why!, onFailure);
    else log[outcome === 'accept' ? 'debug' : 'info'](loggedOf(arrival, judgement), `mail: ${COUNTED[outcome]}`);
    end();
    if (long !== undefined) return [long];
    return packetsFor(arrival.message, judgement, { id: milter.authservId, onFailure, held });
  }

  /** The judgement, once what it needs of the store is done: a mail that cannot be held is not judged. */
  async function settled(arrival: Arrival, mayHold: boolean): Promise<Settled> {
    let judgement: Screening | null = null;
    try {
      judgement = await screenMail(arrival, means);
      if (judgement.outcome === 'accept' || judgement.outcome === 'tag') await contacted(judgement);
      if (judgement.outcome !== 'hold') return { judgement, held: null };
      const { keep } = milter.hold;
      if (keep === 'postfix' && !mayHold)
        throw new PermanentError('cannot_hold', 'The mail server does not offer to hold mails.');
      if (keep === 'store' && arrival.message.tooLong)
        return { judgement: { ...judgement, outcome: 'reject' }, held: null, refusal: refusalOfLong() };
      if (keep === 'store' && arrival.message.whole === null)
        throw new TransientError('no_memory', 'No memory was left to keep the mail.');
      const facts = heldFacts(arrival, judgement, keep);
      const { request_key } = await holding.take(() => hold(facts));
      return { judgement, held: { kept_in: keep, request_key } };
    } catch (error) {
      // Whatever it is, the mail must not be lost for it.
      log.error({ err: messageOf(error), code: codeOf(error) ?? undefined }, 'a mail could not be judged');
      const results = judgement?.results ?? null;
      const unjudged: Screening = { outcome: 'unjudged', results, decided: null, dry: [], why: messageOf(error), known: null };
      return { judgement: unjudged, held: null, ...(COMES_AGAIN.has(codeOf(error) ?? '') ? { onFailure: 'tempfail' } : {}) };
    }
  }

  async function contacted({ known }: Screening): Promise<void> {
    const fresh = (known?.lookalikes ?? []).filter(({ name }) => !known!.contacted.includes(name)).map(({ name }) => name);
    if (fresh.length > 0) await stored.asked((q) => noteContacts(q, fresh, clock.now()));
  }

  function note({ ip, queue_id, mail_from, message, at }: Arrival, why: string, outcome: Milter['onFailure']): void {
    notes.add({
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

  const trusted = new Networks(milter.trustedNetworks);
  const begin = () =>
    new Session({
      trusted,
      memory,
      now: () => clock.now(),
      decide,
      submitted(message) {
        const refusal = refusalOf(message, milter.authservId);
        metrics.milterMails.inc({ outcome: refusal === null ? 'submitted' : 'rejected' });
        if (refusal !== null) return [refusal];
        return [...cleaned(message, milter.authservId), accept()];
      },
      aborted: () => metrics.milterMails.inc({ outcome: 'aborted' }),
    });
  // The first mail after a start is judged as all others are: it does not wait for the store's first answer.
  await stored.own().catch((error: unknown) => log.warn({ err: messageOf(error) }, 'the milter begins without the database'));
  const listening = await listen(milter.listen!, begin, log);
  log.info({ listen: milter.listen, port: listening.port }, 'judging mail that arrives');
  // What is decided about held mails is carried out on the machine that holds them.
  const release = given === undefined ? startRelease(context) : null;
  const loop = repeat(NOTES_MS, () => notes.write(clock.now()), log, 'noting mails that could not be judged');
  return {
    name: NAME,
    port: listening.port,
    waitingFor: () =>
      failure === null ? (release?.waitingFor() ?? null) : `The milter could not judge the last mail: ${failure}`,
    stuck: () => firstStuck([loop, release]),
    async stop() {
      await listening.close();
      await release?.stop();
      await loop.stop();
      await notes.end(clock.now());
      dns.own.cancel();
      dns.others.cancel();
    },
  };
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
