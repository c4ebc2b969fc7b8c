import { setTimeout as wait } from 'node:timers/promises';
import { SMTPServer } from 'smtp-server';
import { type Db, transaction } from '../services/shared/runtime/db.ts';
import { storeMails } from '../services/store/messages/intake.ts';
import { attackRows, dkimKey, dkimSigned, GOOGLE, mailOf } from '../test/attacks/harness.ts';
import { arrivalOf } from '../test/helpers/arrival.ts';
import { knotPresent, startKnot } from '../test/helpers/knot.ts';
import { DAY, type TestRow } from '../test/helpers/report.ts';
import type { StageInput } from './input.ts';
import { type Measure, rates, serverCpu } from './measure.ts';
import { inWorld } from './pipeline.ts';

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
  const { port } = smtp.server.address() as { port: number };
  const today = Math.floor(Date.now() / 1000 / DAY) * DAY;
  const mail = (by: typeof MALLORY | typeof GOOGLE, id: string, age: number, rows: TestRow[]) =>
    dkimSigned(mailOf({ org: by.org, id, begin: today - age * DAY, rows }, { email: by.email, date: new Date() }), {
      domain: by.domain,
      key,
    });
  try {
    return await inWorld(
      input,
      600,
      async (world) => {
        const env = {
          ALERT_FROM: 'ruawatch@example.org',
          ALERT_TO: 'admin@example.org',
          SMTP_URL: `smtp://127.0.0.1:${port}?tls=none`,
        };
        const services = ['parser', 'analyzer', 'alerter'].map((name) => world.start(name, env));
        await Promise.all(services.map((service) => service.running));
        const bring = async (raws: readonly Buffer[]) => {
          const { stored } = await transaction(world.db, (tx) =>
            storeMails(
              tx,
              { mailbox: 'bench', folder: null, uidValidity: null },
              raws.map((raw) => arrivalOf(raw)),
            ),
          );
          await world.add(stored);
        };
        const usual = Array.from({ length: DAYS }, (_, i) => mail(GOOGLE, `usual-${i}`, DAYS + 1 - i, [OWN]));
        await bring(usual);
        await quiet(world.db, true);

        const begun = Date.now();
        const reports = Math.ceil(input.records! / RECORDS);
        for (let n = 0; n < reports; n += 20) {
          await bring(
            Array.from({ length: Math.min(20, reports - n) }, (_, i) => mail(MALLORY, `flood-${n + i}`, 1, networks(n + i))),
          );
        }
        await quiet(world.db, false);
        const stored = (Date.now() - begun) / 1000;

        const arrived = Date.now();
        const cpu = () => services.reduce((sum, service) => sum + (service.usage().cpu_s ?? 0), 0);
        const server = () => (input.postmaster === null ? 0 : (serverCpu(input.postmaster) ?? 0));
        const before = { cpu: cpu(), server: server() };
        const { rows } = await world.db.query<{ n: number }>('select count(*) as n from ruawatch.analysis_work');
        await bring([mail(GOOGLE, 'attack', 1, [OWN, ...attackRows(20, 200)])]);
        const alarm = () => sent.find(({ at, subject }) => at >= arrived && /critical|example\.com/i.test(subject));
        while (alarm() === undefined) {
          if (Date.now() - arrived > 900_000) throw new Error(`No alarm in 15 minutes; mails: ${JSON.stringify(sent)}`);
          await wait(100);
        }
        const seconds = (alarm()!.at - arrived) / 1000;
        const records = reports * RECORDS;
        return {
          stage,
          mails: reports + 1,
          reports: reports + 1,
          records,
          ...rates(seconds, { mails: reports + 1, records }),
          cpu_s: Number((cpu() - before.cpu).toFixed(2)),
          server_cpu_s: Number((server() - before.server).toFixed(2)),
          peak_rss_mb: Math.max(...services.map((service) => service.usage().peak_rss_mb ?? 0)),
          note: `"${alarm()!.subject}"; rows of work waiting as it arrived: ${rows[0]!.n}; the flood was stored and verified in ${stored.toFixed(0)} s`,
        };
      },
      `dns_servers: ['${knot.server}']\n`,
    );
  } finally {
    await new Promise<void>((resolve) => smtp.close(() => resolve()));
    await knot.stop();
  }
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
