import { setTimeout as wait } from 'node:timers/promises';
import { SMTPServer } from 'smtp-server';
import type { Db } from '../services/shared/runtime/db.ts';
import { attackRows, dkimKey, dkimSigned, GOOGLE, mailOf } from '../test/attacks/harness.ts';
import { knotPresent, startKnot } from '../test/helpers/knot.ts';
import { DAY, type TestRow } from '../test/helpers/report.ts';
import type { StageInput } from './input.ts';
import { type Measure, rates, serverCpu } from './measure.ts';
import { inWorld, storeWaiting } from './pipeline.ts';

/** Records of a flooding report: as many sources as a proven report may name in the rollups. */
const RECORDS = 2_000;
/** Days of ordinary reports before, and messages of the rightful sender on each. */
const DAYS = 12;
const OWN: TestRow = { ip: '192.0.2.1', count: 500 };
const MALLORY = { org: 'mallory.example', domain: 'mallory.example', email: 'dmarc@mallory.example' };

/**
 * From the arrival of a known reporter's report of an attack to the mail about it, while parser, analyzer and
 * alerter (as `ruawatch start` runs them) are at `input.records` sources that a stranger's proven reports
 * name, each with mail that nothing authenticates and everybody got. The true report comes when the
 * stranger's are stored.
 */
export async function flood(stage: string, input: StageInput): Promise<Measure> {
  if (!knotPresent) throw new Error('The stage flood asks a name server for keys: install knot.');
  const key = dkimKey();
  const knot = await startKnot(
    Object.fromEntries(
      [GOOGLE.domain, MALLORY.domain].map((domain) => [domain, [`s1._domainkey.${domain}. TXT ${strings(key.record)}`]]),
    ),
  );
  const inbox = await startInbox();
  const mail = reportMails(key);
  try {
    return await inWorld(
      input,
      600,
      async (world) => {
        const services = ['parser', 'analyzer', 'alerter'].map((name) => world.start(name, inbox.settings));
        await Promise.all(services.map((service) => service.running));
        const bring = async (raws: readonly Buffer[]) => world.add(await storeWaiting(world.db, raws));
        await bring(Array.from({ length: DAYS }, (_, i) => mail(GOOGLE, `usual-${i}`, DAYS + 1 - i, [OWN])));
        await quiet(world.db, true);

        const begun = Date.now();
        const reports = Math.ceil(input.records! / RECORDS);
        const flooding = (n: number) => mail(MALLORY, `flood-${n}`, 1, networks(n));
        for (let n = 0; n < reports; n += 20)
          await bring(Array.from({ length: Math.min(20, reports - n) }, (_, i) => flooding(n + i)));
        await quiet(world.db, false);
        const stored = (Date.now() - begun) / 1000;

        const arrived = Date.now();
        const used = () => ({
          cpu: services.reduce((sum, service) => sum + (service.usage().cpu_s ?? 0), 0),
          server: input.postmaster === null ? 0 : (serverCpu(input.postmaster) ?? 0),
        });
        const before = used();
        const { rows } = await world.db.query<{ n: number }>('select count(*) as n from ruawatch.analysis_work');
        await bring([mail(GOOGLE, 'attack', 1, [OWN, ...attackRows(20, 200)])]);
        const alarm = await inbox.alarmSince(arrived);
        const seconds = (alarm.at - arrived) / 1000;
        const now = used();
        const records = reports * RECORDS;
        return {
          stage,
          mails: reports + 1,
          reports: reports + 1,
          records,
          ...rates(seconds, { mails: reports + 1, records }),
          cpu_s: Number((now.cpu - before.cpu).toFixed(2)),
          server_cpu_s: Number((now.server - before.server).toFixed(2)),
          peak_rss_mb: Math.max(...services.map((service) => service.usage().peak_rss_mb ?? 0)),
          note: `"${alarm.subject}"; rows of work waiting as it arrived: ${rows[0]!.n}; the flood was stored and verified in ${stored.toFixed(0)} s`,
        };
      },
      `dns_servers: ['${knot.server}']\n`,
    );
  } finally {
    await inbox.close();
    await knot.stop();
  }
}

/** Makes signed mails with a report each. @returns a function; `age`: the day it is about, days before now */
function reportMails(key: ReturnType<typeof dkimKey>) {
  const today = Math.floor(Date.now() / 1000 / DAY) * DAY;
  return ({ org, email, domain }: typeof MALLORY | typeof GOOGLE, id: string, age: number, rows: TestRow[]) =>
    dkimSigned(mailOf({ org, id, begin: today - age * DAY, rows }, { email, date: new Date() }), { domain, key });
}

/** A server that takes the mails of the alerter. */
async function startInbox() {
  const sent: { at: number; subject: string }[] = [];
  const smtp = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, _session, done) {
      let head = '';
      stream.on('data', (chunk: Buffer) => {
        head += chunk.toString('latin1');
      });
      stream.on('end', () => {
        sent.push({ at: Date.now(), subject: /^Subject: (.*)/im.exec(head)?.[1] ?? '' });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
  return {
    settings: {
      ALERT_FROM: 'ruawatch@example.org',
      ALERT_TO: 'admin@example.org',
      SMTP_URL: `smtp://127.0.0.1:${(smtp.server.address() as { port: number }).port}?tls=none`,
    },
    /** Waits for the mail about the attack. */
    async alarmSince(moment: number) {
      for (;;) {
        const alarm = sent.find(({ at, subject }) => at >= moment && /critical|example\.com/i.test(subject));
        if (alarm !== undefined) return alarm;
        if (Date.now() - moment > 900_000) throw new Error(`No alarm in 15 minutes; mails: ${JSON.stringify(sent)}`);
        await wait(100);
      }
    },
    close: () => new Promise<void>((resolve) => smtp.close(() => resolve())),
  };
}

/** Networks of report `n`, each its own. */
const networks = (n: number): TestRow[] =>
  Array.from({ length: RECORDS }, (_, i) => {
    const at = n * RECORDS + i;
    const ip = `${20 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}.1`;
    return { ip, count: 1, disposition: 'none', dkim: 'fail', spf: 'fail', auth_dkim: null, auth_spf: null };
  });

/** Waits until every mail is stored and verified. @param judged and analysed */
async function quiet(db: Db, judged: boolean): Promise<void> {
  for (;;) {
    const { rows } = await db.query<{ busy: boolean }>(
      `select exists (select from ruawatch.messages where state = 'received') or exists (select from ruawatch.trust_checks)
           or ($1 and exists (select from ruawatch.analysis_work)) as busy`,
      [judged],
    );
    if (!rows[0]!.busy) return;
    await wait(250);
  }
}

/** A TXT value as the strings of a zone file. */
const strings = (value: string) =>
  value
    .match(/.{1,255}/g)!
    .map((part) => `"${part}"`)
    .join(' ');
