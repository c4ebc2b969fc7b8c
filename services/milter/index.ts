import { Networks } from '../dns/networks.ts';
import { messageOf } from '../shared/errors.ts';
import { openDns } from '../shared/runtime/resolver.ts';
import { type Context, firstStuck, repeat, type Service } from '../shared/runtime/service.ts';
import { readHoldKey } from '../shared/settings/held-mail.ts';
import { holdMessage } from '../store/held/hold.ts';
import { cleaned, refusalOf } from './act.ts';
import { Decisions, type Hold } from './decisions.ts';
import { StoredNames } from './knowledge.ts';
import { listen } from './listen.ts';
import { Memory } from './memory.ts';
import { startRelease } from './release/index.ts';
import { Session } from './session.ts';
import { UnjudgedNotes } from './unjudged.ts';
import { accept } from './wire/replies.ts';

export { holdQueue } from './release/postfix.ts';
export { type Tried, tryMail } from './try.ts';

const NAME = 'milter';
const NOTES_MS = 5_000;

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

/**
 * The milter: judges each mail that a mail server hands over, and says what is to become of it
 * (docs/milter.md). It stands in the way of mail, so nothing that fails here loses one: what cannot be judged
 * passes, or is tried again later, as set.
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
  const decisions = new Decisions({ context: { config, clock, metrics, log }, dns, stored, notes, hold });
  const trusted = new Networks(milter.trustedNetworks);
  const begin = () =>
    new Session({
      trusted,
      memory,
      now: () => clock.now(),
      decide: (arrival, mayHold) => decisions.decide(arrival, mayHold),
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
      decisions.failure === null
        ? (release?.waitingFor() ?? null)
        : `The milter could not judge the last mail: ${decisions.failure}`,
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
