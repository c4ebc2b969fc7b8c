import { createHash } from 'node:crypto';
import { Random } from '../demo/random.ts';
import { composeMails } from '../services/alerter/mail/compose.ts';
import { analyzeDomain } from '../services/analyzer/analyze.ts';
import { findSilences } from '../services/analyzer/silences.ts';
import { parseMessages } from '../services/parser/parse-messages.ts';
import { verifyMessages } from '../services/parser/verify/index.ts';
import { type Db, transaction } from '../services/shared/runtime/db.ts';
import { createLog } from '../services/shared/runtime/log.ts';
import { createMetrics } from '../services/shared/runtime/metrics.ts';
import type { Queues } from '../services/shared/runtime/queues.ts';
import type { Context } from '../services/shared/runtime/service.ts';
import { loadConfig } from '../services/shared/settings/config.ts';
import { type Place, storeMails } from '../services/store/messages/intake.ts';
import { type Attack, attackMails } from './attackers.ts';
import type { Calendar } from './calendar.ts';
import { AUTHSERV_ID, mailsOf, type SimulatedMail } from './mails.ts';
import type { World } from './model.ts';
import { carryOut } from './returns/steps.ts';
import { approve, enricherOf, watch } from './surroundings.ts';

const PLACE: Place = { mailbox: 'simulation', folder: 'INBOX', uidValidity: 1 };
const BATCH_MAILS = 200;
const ANALYZERS = 3;

/** What went in, to be held against what came out. */
export interface Passage {
  mails: number;
  /** Of all mails that arrived, in the order of their arrival. */
  sha256: string;
}

/**
 * Runs a world through the pipeline as time goes by: each day the mails that arrived are stored, parsed and
 * verified, and every domain is analysed, with the clock at the evening of that day. Only the queue is left
 * out: the steps follow one another here.
 * @param db a migrated database without mails
 * @param options.signal ends the run before the next day, by throwing its reason
 * @param options.attacks strangers who mail reports beside the world's own reporters
 */
export async function runWorld(
  world: World,
  calendar: Calendar,
  db: Db,
  options: { onTick?: (tick: number, mails: number) => void; signal?: AbortSignal | undefined; attacks?: readonly Attack[] } = {},
): Promise<Passage> {
  const { onTick, signal, attacks = [] } = options;
  const clock = { at: calendar.clock(0) };
  const context = contextOf(db, clock, world.internet !== undefined);
  const root = new Random(`simulate/${world.seed}/traffic`);
  const digest = createHash('sha256');
  const { firstTick = 1 } = world;
  const enrich = world.internet ? enricherOf(context, world.internet) : null;
  const domains = world.domains.map(({ name }) => name);
  const analyze = () => inParallel(domains, (domain) => analyzeDomain(context, domain));
  let waiting: SimulatedMail[] = [];
  let mails = 0;
  for (let tick = 1; tick <= calendar.days; tick++) {
    signal?.throwIfAborted();
    waiting.push(...(await mailsOf(world, tick - 1, calendar, root)));
    if (tick < firstTick) continue;
    for (const attack of attacks) waiting.push(...(await attackMails(attack, { world, day: tick - 1, calendar, root })));
    for (const tell of world.strangers ?? []) waiting.push(...(await tell(tick - 1, calendar, root)));
    const arrived = waiting.filter((mail) => mail.tick <= tick).sort((a, b) => a.received.getTime() - b.received.getTime());
    waiting = waiting.filter((mail) => mail.tick > tick);
    for (const { raw } of arrived) digest.update(raw);
    mails += arrived.length;
    for (let at = 0; at < arrived.length; at += BATCH_MAILS) await takeIn(context, arrived.slice(at, at + BATCH_MAILS));
    if (world.dns) await watch(context, world.dns(tick), (minutes) => (clock.at = calendar.before(tick, minutes)));
    clock.at = calendar.clock(tick);
    await findSilences(context);
    for (const one of world.approvals ?? []) if (one.tick === tick) await approve(context, one);
    await analyze();
    if (enrich !== null) {
      // As in the product, names come after the first look, and the sources they change are looked at again.
      clock.at = calendar.later(tick);
      await enrich();
      await analyze();
      await composeAlerts(context);
    }
    if (world.steps) await carryOut(context, world.steps, tick);
    onTick?.(tick, mails);
  }
  return { mails, sha256: digest.digest('hex') };
}

const RECIPIENT = 'postmaster@ruawatch-simulation.example';

/** Makes the mails of what was found; they stay in the outbox. */
async function composeAlerts({ config, db, clock, log }: Context): Promise<void> {
  await composeMails(db, { from: RECIPIENT, alertTo: [RECIPIENT], alerts: config.alerts }, clock.now(), log);
}

/** Domains are independent of each other, so their order changes nothing. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: ANALYZERS }, worker));
}

/**
 * Poller's store, parser, verifier. @throws Error when a mail of the model was not read: then the score would
 * mean nothing
 */
async function takeIn(context: Context, mails: readonly SimulatedMail[]): Promise<void> {
  const arrivals = mails.map((mail, i) => ({
    uid: i + 1,
    receivedAt: mail.received,
    sender: mail.reporter,
    subject: null,
    messageId: null,
    size: mail.raw.length,
    sha256: createHash('sha256').update(mail.raw).digest(),
    raw: mail.raw,
  }));
  const { stored } = await transaction(context.db, (tx) => storeMails(tx, PLACE, arrivals));
  const { limits, trust } = context.config;
  const result = await parseMessages(context.db, stored, { limits, trust });
  const unread = result.messages.find((message) => message.state !== 'stored');
  if (unread) throw new Error(`The parser did not take a mail of the model: ${unread.code}: ${unread.reason}`);
  const { deferred } = await verifyMessages(context, NO_DNS, stored);
  if (deferred.length > 0) throw new Error(`${deferred.length} mails of the model could not be verified.`);
}

/** Every mail bears the verdict of its receiving server, so nothing is to be looked up. */
const NO_DNS = {
  txt: (name: string) => Promise.reject(new Error(`The simulation asked for ${name}; it has no name service.`)),
};

/**
 * The settings are the program's own, but for who receives the mails; no file or variable of the user's
 * changes a score.
 */
function contextOf(db: Db, clock: { at: Date }, named: boolean): Context {
  const config = loadConfig({ LOG_LEVEL: 'silent', HTTP_LISTEN: 'off' }, '/nonexistent');
  // Without names nothing waits for them.
  if (!named) config.enrich = { ...config.enrich, dns: 'off' };
  config.trust = { ...config.trust, authserv_ids: [AUTHSERV_ID] };
  config.watcher = { ...config.watcher, queries_per_second: Number.POSITIVE_INFINITY };
  return { config, db, queues: noQueues, log: createLog('silent'), metrics: createMetrics(), clock: { now: () => clock.at } };
}

/** A wake-up that nobody waits for. */
const noQueues: Queues = {
  backend: 'postgres',
  add: () => Promise.resolve(true),
  work: () => {
    throw new Error('The simulation works no queue.');
  },
  check: () => Promise.resolve(),
  counts: () => Promise.reject(new Error('The simulation has no queue.')),
  waiting: () => Promise.reject(new Error('The simulation has no queue.')),
  close: () => Promise.resolve(),
};
