import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startDemoMailbox } from '../../../demo/mailbox.ts';
import { describeResult } from '../../../demo/result.ts';
import { startMailSink } from '../../../demo/sink.ts';
import { type DemoWorld, generateDemo } from '../../../demo/world.ts';
import { DEMO_AUTHSERV_ID } from '../../../demo/write.ts';
import { composeWeekly, startAlerter } from '../../alerter/index.ts';
import { startAnalyzer } from '../../analyzer/index.ts';
import { startParser } from '../../parser/index.ts';
import { startPoller } from '../../poller/index.ts';
import { openPool } from '../../shared/runtime/db.ts';
import { createLog } from '../../shared/runtime/log.ts';
import type { Service } from '../../shared/runtime/service.ts';
import { loadConfig } from '../../shared/settings/config.ts';
import { countPipeline, type FindingSummary, resetDatabase, summariseFindings, summariseSources } from '../../store/demo.ts';
import { dataDirOf, openContext, openEmbeddedOf } from '../open.ts';
import { Progress } from '../terminal/progress.ts';
import { untilSignal } from './start.ts';

const SEED = 7;

/**
 * `demo`: a local mailbox with six weeks of reports, worked by the real pipeline on embedded parts.
 * @returns 0 when exactly the planted incidents were found, 1 otherwise
 */
export async function runDemo(options: { exit?: boolean }, out: (line: string) => void): Promise<number> {
  const home = path.resolve('.ruawatch', 'demo');
  const alerts = path.join(home, 'alerts');
  mkdirSync(alerts, { recursive: true });
  for (const old of readdirSync(alerts)) if (old.endsWith('.eml')) rmSync(path.join(alerts, old));

  const progress = new Progress(process.stderr, 'ruawatch demo');
  progress.show('writing six weeks of reports');
  const world = await generateDemo({ seed: SEED, today: new Date(), more: true });
  const mailbox = await startDemoMailbox(world.mails);
  const sink = await startMailSink(alerts);
  const config = loadConfig(
    {
      IMAP_URL: `${mailbox.url}/INBOX?tls=none`,
      SMTP_URL: `${sink.url}?tls=none`,
      ALERT_FROM: 'ruawatch@kestrel-books.example',
      ALERT_TO: 'you@kestrel-books.example',
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
      HTTP_LISTEN: 'off',
    },
    '/',
  );
  config.dataDir = home;
  config.dataDir = dataDirOf(config, out);
  config.dataDirChosen = true;
  config.sweep = { every_seconds: 1, after_seconds: 30 };
  // One for each finding, at once.
  config.alerts.per_hour = 30;
  config.alerts.per_domain_hour = 30;
  // As the mails' own server says who wrote them, nothing is looked up.
  config.trust = { check: 'authserv', authserv_ids: [DEMO_AUTHSERV_ID] };

  // Whose reports they are is known here.
  config.domains = world.domains;

  const interrupted = untilSignal();
  let over = false;
  interrupted.then(() => {
    over = true;
  });
  progress.show('starting Postgres');
  const reset = await openEmbeddedOf(config, out);
  const pool = openPool(reset.url, { max: 1 });
  await resetDatabase(pool);
  await pool.end();
  const context = await openContext(config, { log: createLog(config.logLevel) });
  await reset.close();

  const started = Date.now();
  const services: Service[] = [];
  try {
    for (const start of [startAlerter, startAnalyzer, startParser, startPoller]) services.push(start(context));
    for (;;) {
      const now = await countPipeline(context.db);
      const done = now.messages - now.received;
      progress.show(
        `${done} of ${world.mails.length} mails, ${now.reports} reports, ${now.records} records`,
        done / world.mails.length,
      );
      if (done >= world.mails.length && now.unverified + now.analysis + now.events + now.outbox === 0) break;
      if (over) return 0;
      await wait(200);
    }
    await composeWeekly(
      context.db,
      { from: config.alertFrom!, alertTo: config.alertTo, alerts: config.alerts },
      new Date(),
      new Date(),
      context.log,
    );
    while ((await countPipeline(context.db)).outbox > 0 && !over) await wait(100);
    progress.end();
    const seconds = Math.round((Date.now() - started) / 1000);
    const findings = await summariseFindings(context.db);
    const standing = await countPipeline(context.db);
    const files = readdirSync(alerts).filter((f) => f.endsWith('.eml'));
    for (const line of describeResult({
      world,
      standing,
      seconds,
      sources: await summariseSources(context.db),
      findings,
      alerts: files.sort().map((f) => path.relative(process.cwd(), path.join(alerts, f))),
      url: context.embedded!.readerUrl,
      stays: options.exit !== true,
      dataDir: path.relative(process.cwd(), config.dataDir) || '.',
    })) {
      out(line);
    }
    const missed = mismatches(world, findings);
    for (const line of missed) out(`NOT AS PLANTED: ${line}`);
    if (!options.exit) await interrupted;
    return missed.length === 0 ? 0 : 1;
  } finally {
    progress.end();
    await Promise.all(services.map((s) => s.stop()));
    await context.close();
    await mailbox.stop();
    await sink.stop();
  }
}

/** Planted incidents that were not found, and open findings that were not planted. */
function mismatches(world: DemoWorld, findings: FindingSummary[]): string[] {
  const open = findings.filter((f) => f.state === 'open');
  const name = (f: { domain: string; kind: string }) => `${f.kind} of ${f.domain}`;
  const planted = world.incidents.map((i) => name({ domain: i.domain, kind: i.finding }));
  const found = open.map(name);
  return [
    ...planted.filter((p) => !found.includes(p)).map((p) => `${p} was not found`),
    ...found.filter((f, i) => !planted.includes(f) || found.indexOf(f) !== i).map((f) => `${f} was found and not planted`),
  ];
}
