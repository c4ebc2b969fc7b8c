import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { actSettings, demoKey, demoTarget, StoryClock } from '../../../demo/act/setting.ts';
import { tellStory } from '../../../demo/act/story.ts';
import { type DemoNameServer, startNameServer } from '../../../demo/dns/server.ts';
import { findLookalikes, watchNames } from '../../../demo/dns/watch.ts';
import { DNS_INCIDENTS, demoZones, LOOKALIKE } from '../../../demo/dns/zones.ts';
import { startDemoMailbox } from '../../../demo/mailbox.ts';
import { describeResult } from '../../../demo/result.ts';
import { startMailSink } from '../../../demo/sink.ts';
import { type DemoWorld, generateDemo } from '../../../demo/world.ts';
import { DEMO_AUTHSERV_ID } from '../../../demo/write.ts';
import { composeWeekly, startAlerter } from '../../alerter/index.ts';
import { startAnalyzer } from '../../analyzer/index.ts';
import { startConsole } from '../../console/index.ts';
import { startParser } from '../../parser/index.ts';
import { startPoller } from '../../poller/index.ts';
import { PermanentError } from '../../shared/errors.ts';
import { type Db, openPool } from '../../shared/runtime/db.ts';
import { makeFolder, unwritable } from '../../shared/runtime/embedded-binaries.ts';
import { createLog } from '../../shared/runtime/log.ts';
import type { Context, Service } from '../../shared/runtime/service.ts';
import { type Config, loadConfig } from '../../shared/settings/config.ts';
import { addPerson, findPerson } from '../../store/console/people.ts';
import { makeLink } from '../../store/console/sessions.ts';
import {
  askLookalikesAgain,
  countPipeline,
  type FindingSummary,
  resetDatabase,
  summariseDns,
  summariseFindings,
  summariseLookalikes,
  summariseSources,
} from '../../store/demo.ts';
import { adminUrl } from '../../store/schema/embedded.ts';
import { dataDirOf, openContext, openEmbeddedOf } from '../open.ts';
import { forgetDemo, noteDemo } from '../running-demo.ts';
import { Progress } from '../terminal/progress.ts';
import { untilSignal } from './start.ts';

const SEED = 7;

interface DemoOptions {
  exit?: boolean;
  act?: boolean;
}

/**
 * `demo`: a local mailbox with six weeks of reports, processed by the real pipeline on embedded servers.
 * @returns 0 when exactly the planted incidents were found, 1 otherwise
 */
export async function runDemo(options: DemoOptions, out: (line: string) => void): Promise<number> {
  const progress = new Progress(process.stderr, 'ruawatch demo', { lines: true });
  const around = await startAround(options, out, progress);
  const { home, config, world, mailbox, sink, names } = around;
  const interrupted = untilSignal();
  const stop = { requested: false };
  interrupted.then(() => {
    stop.requested = true;
  });
  progress.show('starting Postgres');
  const clock = new StoryClock();
  const context = { ...(await openEmpty(config, out)), ...(options.act && { clock }) };
  const started = Date.now();
  const services: Service[] = [];
  try {
    // Before the alerter, whose mails link to it.
    const opened = options.act || !options.exit ? await openConsole(context) : null;
    if (opened !== null) {
      services.push(opened.service);
      noteDemo(home, { console: opened.address, dns: `${names.server.address}:${names.server.port}` });
      config.consoleUrl = opened.address;
    }
    for (const start of [startAlerter, startAnalyzer, startParser, startPoller]) services.push(start(context));
    if (!(await workedOff(context, around, services, { progress, stop }))) return 0;
    progress.end();
    const findings = await summariseFindings(context.db);
    const seconds = Math.round((Date.now() - started) / 1000);
    for (const line of await resultOf(context, around, { findings, seconds, stays: options.exit !== true })) out(line);
    const missed = mismatches(world, findings);
    if (options.act && !stop.requested) {
      const shown = { out, show: (text: string) => progress.show(text), stop };
      missed.push(...(await tellStory({ ...storyOf(context, around), ...shown, clock, address: opened!.address })));
      progress.end();
    }
    if (!options.exit) await printLink(context, opened!.address, out);
    for (const line of missed) out(`NOT AS PLANTED: ${line}`);
    if (!options.exit) await interrupted;
    return missed.length === 0 ? 0 : 1;
  } finally {
    progress.end();
    forgetDemo(home);
    await Promise.all(services.map((service) => service.stop()));
    await context.close();
    await mailbox.stop();
    await sink.stop();
    await names.stop();
  }
}

/** What the demo has around ruawatch: a mailbox with reports, a server that takes mails, a name server. */
async function startAround(options: DemoOptions, out: (line: string) => void, progress: Progress) {
  const home = path.resolve('.ruawatch', 'demo');
  const alerts = emptyAlerts(home);
  progress.show('writing six weeks of reports');
  const today = new Date();
  const world = await generateDemo({ seed: SEED, today, more: true });
  const mailbox = await startDemoMailbox(world.mails);
  const sink = await startMailSink(alerts);
  const key = demoKey();
  const names = await startNameServer({ zones: demoZones(), keys: [key] });
  const config = demoConfig({ imap: mailbox.url, smtp: sink.url, home, domains: world.domains }, out);
  if (options.act) {
    actSettings(config, { home, domains: world.domains });
    config.dnsTargets = [demoTarget(names.server, key, world.domains)];
  }
  return { home, alerts, today, world, mailbox, sink, names, config };
}

type Around = Awaited<ReturnType<typeof startAround>>;
type DemoContext = Awaited<ReturnType<typeof openEmpty>>;

/**
 * Waits until all reports are processed and all records are checked, with the mails about both.
 * @param services gets the watcher, once the reports name the keys that it asks for
 * @returns false when a stop was requested before that
 */
async function workedOff(
  context: DemoContext,
  { config, world, names }: Around,
  services: Service[],
  { progress, stop }: { progress: Progress; stop: { requested: boolean } },
): Promise<boolean> {
  const { db } = context;
  if (!(await allProcessed(db, world.mails.length, progress, stop))) return false;
  services.push(watchNames(context, names.server));
  progress.show('asking the name server of the demo');
  if (!(await checkedTwice(db, world.domains, stop))) return false;
  if (!(await registered(db, names, stop))) return false;
  config.watcher.every_minutes = 60;
  if (!(await allProcessed(db, world.mails.length, progress, stop))) return false;
  const now = new Date();
  const { alertFrom, alertTo } = config;
  await composeWeekly(context, { from: alertFrom!, alertTo, alerts: config.alerts }, now, now);
  while ((await countPipeline(db)).outbox > 0 && !stop.requested) await wait(100);
  return true;
}

/** What the demo prints at its end. */
async function resultOf(
  { db, embedded }: DemoContext,
  { world, names, alerts, config }: Around,
  known: { findings: FindingSummary[]; seconds: number; stays: boolean },
): Promise<string[]> {
  return describeResult({
    ...known,
    world,
    standing: await countPipeline(db),
    sources: await summariseSources(db),
    dns: await summariseDns(db),
    lookalikes: await findLookalikes(world.domains, names.server),
    alerts: mailsIn(alerts).map((file) => path.relative(process.cwd(), file)),
    url: embedded!.readerUrl,
    dataDir: path.relative(process.cwd(), config.dataDir) || '.',
  });
}

const storyOf = (context: DemoContext, { mailbox, names, today }: Around) => ({
  admin: (database?: string) => adminUrl(context.embedded!, database),
  context,
  mailbox,
  names: names.server,
  seed: SEED,
  today,
});

/** Starts the console. */
async function openConsole(context: Context): Promise<{ service: Service; address: string }> {
  const service = startConsole(context, () => undefined);
  while (service.address() === null) await wait(50);
  return { service, address: service.address()! };
}

/** Prints a link that signs in once. */
async function printLink(context: Context, address: string, out: (line: string) => void): Promise<void> {
  const now = context.clock.now();
  const person =
    (await findPerson(context.db, DEMO_PERSON))?.person_key ??
    (await addPerson(context.db, { name: DEMO_PERSON, role: 'admin', domains: null }, 'demo', now));
  out('');
  out(
    `The console, for you to look around (the link signs in once): ${address}/link/${await makeLink(context.db, person, 'sign_in', now)}`,
  );
  out(`After signing out, "npx ruawatch people link ${DEMO_PERSON}" in this folder prints a link to choose a password with.`);
}

const DEMO_PERSON = 'demo';

const mailsIn = (folder: string) =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.eml'))
    .sort()
    .map((file) => path.join(folder, file));

/** The folder for the alert mails, without those of an earlier demo. */
function emptyAlerts(home: string): string {
  const alerts = path.join(home, 'alerts');
  const why = unwritable(alerts);
  if (why !== null)
    throw new PermanentError(
      'demo_folder',
      `The demo cannot write to ${home} (${why}): run it in a folder that you may write to.`,
    );
  makeFolder(alerts);
  for (const old of mailsIn(alerts)) rmSync(old);
  return alerts;
}

/** Settings that do not depend on the environment, apart from LOG_LEVEL. */
function demoConfig(demo: { imap: string; smtp: string; home: string; domains: string[] }, out: (line: string) => void): Config {
  const config = loadConfig(
    {
      IMAP_URL: `${demo.imap}/INBOX?tls=none`,
      SMTP_URL: `${demo.smtp}?tls=none`,
      ALERT_FROM: 'ruawatch@kestrel-books.example',
      ALERT_TO: 'you@kestrel-books.example',
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
      HTTP_LISTEN: 'off',
      CONSOLE_LISTEN: '127.0.0.1:0',
    },
    '/',
  );
  config.dataDir = dataDirOf({ ...config, dataDir: demo.home }, out);
  config.dataDirChosen = true;
  config.sweep = { every_seconds: 1, after_seconds: 30 };
  // One mail for each finding, without delay.
  config.alerts.per_hour = 30;
  config.alerts.per_domain_hour = 30;
  config.alerts.first_start_mails = 30;
  // No enricher runs here, so no finding waits for the names of networks.
  config.enrich = { ...config.enrich, dns: 'off' };
  // The server that received the mails states their authors, so no DNS is needed.
  config.trust = { check: 'authserv', authserv_ids: [DEMO_AUTHSERV_ID] };
  config.domains = demo.domains;
  // What a check finds counts from the second one on; the name server is our own.
  config.watcher = { ...config.watcher, every_minutes: 0.05, queries_per_second: 1_000 };
  // The most similar names suffice to see one registered.
  config.watcher.lookalikes = { questions_a_day: 5_000, names: 50 };
  return config;
}

/** Opens the demo's database without the data of an earlier demo. */
async function openEmpty(config: Config, out: (line: string) => void) {
  // Held open meanwhile, so that the server is not stopped and started again.
  const embedded = await openEmbeddedOf(config, out);
  const pool = openPool(embedded.url, { max: 1 });
  await resetDatabase(pool);
  await pool.end();
  const context = await openContext(config, { log: createLog(config.logLevel) });
  await embedded.close();
  return context;
}

/**
 * Waits until the records of each domain were checked twice. @returns false when a stop was requested before
 * that
 */
async function checkedTwice(db: Db, domains: readonly string[], stop: { requested: boolean }): Promise<boolean> {
  const seen = new Map(domains.map((domain) => [domain, new Set<number>()]));
  while ([...seen.values()].some(({ size }) => size < 2)) {
    if (stop.requested) return false;
    for (const { domain, checked_at } of await summariseDns(db)) seen.get(domain)?.add(checked_at.getTime());
    await wait(200);
  }
  return true;
}

/**
 * Waits until every name that looks like an own domain was asked about, registers one of them, and waits
 * until the watcher saw it.
 * @returns false when a stop was requested before that
 */
async function registered(db: Db, names: DemoNameServer, stop: { requested: boolean }): Promise<boolean> {
  for (let isThere = false; ; await wait(200)) {
    if (stop.requested) return false;
    const { unasked, changed } = await summariseLookalikes(db);
    if (changed > 0) return true;
    if (unasked > 0 || isThere) continue;
    isThere = true;
    names.add(LOOKALIKE.name, LOOKALIKE.records);
    await askLookalikesAgain(db);
  }
}

/** Shows the progress until all mails are processed. @returns false when a stop was requested before that */
async function allProcessed(db: Db, mails: number, progress: Progress, stop: { requested: boolean }): Promise<boolean> {
  for (;;) {
    const now = await countPipeline(db);
    const done = now.messages - now.received;
    progress.show(`${done} of ${mails} mails, ${now.reports} reports, ${now.records} records`, done / mails);
    if (done >= mails && now.unverified + now.analysis + now.events + now.outbox === 0) return true;
    if (stop.requested) return false;
    await wait(200);
  }
}

/** Kinds that are for information only, and expected all the same. */
const EXPECTED_INFO = ['policy_ready', 'dkim_key_weak'];

/**
 * Planted incidents that were not found, and open findings that were not planted. What else is for
 * information is no incident.
 */
function mismatches(world: DemoWorld, findings: FindingSummary[]): string[] {
  const open = findings.filter((f) => f.state === 'open' && (f.severity !== 'info' || EXPECTED_INFO.includes(f.kind)));
  const name = (f: { domain: string; kind: string }) => `${f.kind} of ${f.domain}`;
  const planted = [...world.incidents, ...DNS_INCIDENTS].map((i) => name({ domain: i.domain, kind: i.finding }));
  const found = open.map(name);
  return [
    ...planted.filter((p) => !found.includes(p)).map((p) => `${p} was not found`),
    ...found.filter((f, i) => !planted.includes(f) || found.indexOf(f) !== i).map((f) => `${f} was found and not planted`),
  ];
}
