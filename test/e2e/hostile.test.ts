import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { generateLoad } from '../../bench/load.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { type Dovecot, dovecotPresent, startDovecot } from '../helpers/dovecot.ts';
import { type Run, ruawatch } from '../helpers/process.ts';
import { until } from '../helpers/services.ts';
import { hostileMails, LIMITS } from './hostile.ts';

const GOOD = 100;
const PEAK_MB = 300;
const faults = pathToFileURL(path.join(import.meta.dirname, 'faults.mjs')).href;

describe.skipIf(!dovecotPresent)(
  `sixty hostile mails beside a hundred good ones${dovecotPresent ? '' : ' (SKIPPED: needs dovecot-imapd)'}`,
  () => {
    let database: TestDatabase;
    let dovecot: Dovecot;
    let folder: string;
    let running: Run[];

    beforeEach(async () => {
      database = await testDatabase();
      dovecot = await startDovecot();
      folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-hostile-'));
      running = [];
      writeFileSync(
        path.join(folder, 'ruawatch.yaml'),
        JSON.stringify({
          LOG_LEVEL: 'info',
          sweep: { every_seconds: 0.5, after_seconds: 2 },
          // Few messages a job: what the sweeper brings back is then another job than the one whose worker
          // died.
          parser: { time_budget_seconds: 5, batch_messages: 9 },
          trust: { check: 'off' },
          limits: LIMITS,
        }),
      );
    });
    afterEach(async () => {
      for (const run of running) run.child.kill('SIGKILL');
      await Promise.all(running.map((run) => run.ended));
      await dovecot.stop();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    });

    const start = (service: string): Run => {
      const user = dovecot.users[0]!;
      const run = ruawatch(
        ['start', service],
        {
          DATABASE_URL: database.url,
          IMAP_URL: `imaps://${user.name}:${encodeURIComponent(user.password)}@127.0.0.1:${dovecot.imapsPort}/INBOX?tls_verify=no&poll_seconds=1`,
          NODE_OPTIONS: `--import ${faults}`,
        },
        folder,
      );
      running.push(run);
      return run;
    };

    test('the good are stored exactly, each hostile one has its code, only the killed service was started again', async () => {
      const hostile = await hostileMails();
      expect(hostile).toHaveLength(60);
      const good = { records: 0, messages: 0 };
      const raws: Buffer[] = [];
      for await (const { raw, records, messages } of generateLoad({ seed: 5, mails: GOOD })) {
        good.records += records;
        good.messages += messages;
        raws.push(raw);
      }
      // Mixed: between any two good mails there may be a hostile one.
      for (let i = 0; i < GOOD; i++) {
        await dovecot.deliver('reports', raws[i]!);
        if (i < hostile.length) await dovecot.deliver('reports', hostile[i]!.raw);
      }

      const poller = start('poller');
      const parsers = [start('parser')];
      let peak = 0;
      await until(async () => {
        const parser = parsers.at(-1)!;
        peak = Math.max(peak, peakMb(parser.child.pid!));
        if (parser.child.signalCode === 'SIGKILL') parsers.push(start('parser'));
        const { rows } = await database.db.query<{ settled: number }>(
          "select count(*) as settled from dmarc.messages where state <> 'received'",
        );
        return rows[0]!.settled === GOOD + hostile.length;
      });

      const { rows } = await database.db.query<{ message_id: string; state: string; code: string | null; reason: string | null }>(
        "select message_id, state, code, reason from ruawatch.messages where message_id like '%@hostile.example%'",
      );
      const found = new Map(rows.map((row) => [/h(\d+)@/.exec(row.message_id)![1], row]));
      // On a busy machine, what unpacks to too much may be stopped for its time before it is for its ratio.
      const codeFor = (expected: string, got?: string | null) =>
        expected === 'ratio_too_high' && got === 'time_budget' ? expected : got;
      const outcomes = hostile.map(({ name, code }, i) => {
        const row = found.get(`${i}`);
        return { name, state: row?.state, code: codeFor(code, row?.code) };
      });
      expect(outcomes).toEqual(hostile.map(({ name, code }) => ({ name, state: 'quarantined', code })));
      for (const { reason } of rows) expect(reason).toMatch(/^[A-Z].*\.$/s);

      const totals = await database.db.query(
        `select (select count(*) from dmarc.messages where state = 'stored') as stored, (select count(*) from dmarc.reports) as reports,
                (select count(*) from ruawatch.records) as records, (select sum(count) from dmarc.records) as messages,
                (select sum(messages) from dmarc.source_days) as rolled_up`,
      );
      expect(totals.rows[0]).toEqual({
        stored: GOOD,
        reports: GOOD,
        records: good.records,
        messages: good.messages,
        rolled_up: good.messages,
      });

      // Three workers died over the one mail that was meant to kill them, and nothing else ended.
      expect(parsers).toHaveLength(4);
      console.log(`peak memory of the parser: ${Math.round(peak)} MiB`);
      expect(peak).toBeGreaterThan(50);
      expect(peak).toBeLessThan(PEAK_MB);
      expect(existsSync('/tmp/ruawatch-was-here')).toBe(false);
      for (const run of [poller, parsers.at(-1)!]) {
        run.child.kill('SIGTERM');
        expect({ ...(await run.ended), err: stackIn(run.stderr()) }).toEqual({ code: 0, signal: null, err: null });
      }
      for (const run of parsers.slice(0, -1)) expect(stackIn(run.stderr())).toBeNull();
    }, 400_000);
  },
);

/** The most memory that a process has had resident, in MiB; 0 when it has ended. */
function peakMb(pid: number): number {
  const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : '';
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
}

/** The first stack trace in a log, if there is one. */
function stackIn(log: string): string | null {
  return /\n\s+at \S+ \(.*:\d+:\d+\)/.exec(log)?.[0] ?? null;
}
