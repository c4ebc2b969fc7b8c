import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { putOwn } from '../../services/store/domains/domains.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { knotPresent, type NameServer, startKnot } from '../helpers/knot.ts';
import { type Run, ruawatch, ruawatchOnce } from '../helpers/process.ts';
import { until } from '../helpers/services.ts';

const DOMAIN = 'kestrel.test';
const ZONE = ['@ MX 10 mail', 'mail A 192.0.2.25', '_dmarc TXT "v=DMARC1; p=none"'];
const spf = (address: string) => `@ TXT "v=spf1 ip4:${address} -all"`;

describe.skipIf(!knotPresent)(
  `the watcher as a process${knotPresent ? '' : ' (SKIPPED: knot is not installed)'}`,
  { timeout: 120_000 },
  () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-watcher-'));
    let t: TestDatabase;
    let knot: NameServer;
    let run: Run | null = null;
    const env = () => ({ DATABASE_URL: t.url, LOG_LEVEL: 'info' });

    beforeAll(async () => {
      t = await testDatabase({ own: false });
      knot = await startKnot({ [DOMAIN]: [...ZONE, spf('192.0.2.1')] });
      const lines = [
        `dns_servers: ["${knot.server}"]`,
        'sweep: { every_seconds: 0.2, after_seconds: 60 }',
        'watcher: { queries_per_second: 5000, lookalikes: { questions_a_day: 0 } }',
      ];
      writeFileSync(path.join(folder, 'ruawatch.yaml'), `${lines.join('\n')}\n`);
      await putOwn(t.db, [DOMAIN], 'added', { now: new Date(), ignored: false });
    });
    afterEach(() => {
      run?.child.kill('SIGKILL');
    });
    afterAll(async () => {
      await knot.stop();
      await t.drop();
      rmSync(folder, { recursive: true, force: true });
    });

    const watch = (...args: string[]) => ruawatchOnce(['dns', 'watch', ...args], env(), folder);
    const spfs = async () =>
      (
        await t.db.query<{ value: string; gone: boolean }>(
          `select value, gone_at is not null as gone from dmarc.dns_records
            where name = $1 and value like 'v=spf1%' order by first_seen, value`,
          [DOMAIN],
        )
      ).rows;
    /** Starts the service with an empty cache, and waits until it has asked about the domain once. */
    const started = async () => {
      const { rows } = await t.db.query<{ at: Date }>('select clock_timestamp() as at');
      await t.db.query('update ruawatch.dns_watch set due_at = now()');
      run = ruawatch(['start', 'watcher'], env(), folder);
      await until(async () => {
        const asked = await t.db.query<{ asked_at: Date | null }>('select asked_at from ruawatch.dns_watch');
        return asked.rows.some(({ asked_at }) => asked_at !== null && asked_at >= rows[0]!.at);
      });
    };
    const ended = async (signal: 'SIGTERM' | 'SIGKILL') => {
      run!.child.kill(signal);
      const { code } = await run!.ended;
      run = null;
      return code;
    };

    test('keeps what is published over stops and kills', async () => {
      await started();
      expect(await spfs()).toEqual([{ value: 'v=spf1 ip4:192.0.2.1 -all', gone: false }]);
      expect(await ended('SIGTERM')).toBe(0);
      await knot.setZone(DOMAIN, [...ZONE, spf('192.0.2.2')]);
      await started();
      await ended('SIGKILL');
      // No authoritative server has an address here, so an end takes two answers of the resolver.
      await started();
      expect(await spfs()).toEqual([
        { value: 'v=spf1 ip4:192.0.2.1 -all', gone: true },
        { value: 'v=spf1 ip4:192.0.2.2 -all', gone: false },
      ]);
      expect(await ended('SIGTERM')).toBe(0);
    });

    test('dns watch asks now, and prints what changed', async () => {
      await knot.setZone(DOMAIN, [
        ...ZONE.slice(0, 2),
        spf('192.0.2.3'),
        '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:t@kestrel.test"',
      ]);
      const looked = await watch();
      expect(looked.code).toBe(0);
      expect(looked.stdout).toMatch(/^missing +kestrel\.test +TXT +v=spf1 ip4:192\.0\.2\.2 -all$/m);
      expect(looked.stdout).toMatch(/^new +kestrel\.test +TXT +v=spf1 ip4:192\.0\.2\.3 -all$/m);
      expect(looked.stdout).toMatch(/^new +_smtp\._tls\.kestrel\.test +TXT +v=TLSRPTv1/m);
      expect(looked.stdout).toMatch(/^missing +_dmarc\.kestrel\.test +TXT +v=DMARC1; p=none$/m);
      expect(looked.stdout).toMatch(/^2 changes in the records of 1 domain\.$/m);
      const again = await watch(DOMAIN, '--json');
      expect(JSON.parse(again.stdout)).toEqual({
        domains: [DOMAIN],
        first_looks: [],
        unanswered: [],
        changes: [
          { change: 'gone', domain: DOMAIN, name: `_dmarc.${DOMAIN}`, type: 'TXT', value: 'v=DMARC1; p=none' },
          { change: 'gone', domain: DOMAIN, name: DOMAIN, type: 'TXT', value: 'v=spf1 ip4:192.0.2.2 -all' },
        ],
      });
      expect(await watch()).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^0 changes in the records of 1 domain\.$/m),
      });
    });

    test('a first look is no change, and a domain that is not own is refused', async () => {
      await putOwn(t.db, ['other.test'], 'added', { now: new Date(), ignored: false });
      const looked = await watch(DOMAIN);
      expect(looked.stdout).not.toMatch(/other/);
      expect(await watch('strange.test')).toMatchObject({ code: 1, stderr: expect.stringContaining('domains add strange.test') });
      await t.db.query("delete from ruawatch.domains where domain = 'other.test'");
      await t.db.query('truncate ruawatch.dns_watch, ruawatch.dns_records, ruawatch.dns_questions');
      const first = await watch(`${DOMAIN.toUpperCase()}.`);
      expect(first.stdout).toMatch(/^0 changes .*\n+kestrel\.test: first look, \d+ records/m);
      expect(first.stdout).toContain('ruawatch policy status');
    });

    test('SERVFAIL is no answer: nothing is gone, and the command ends with 3', async () => {
      await knot.setZone(DOMAIN, null);
      const before = await spfs();
      for (let n = 0; n < 2; n++)
        expect(await watch()).toMatchObject({
          code: 3,
          stdout: expect.stringContaining(
            `No name server could say what ${DOMAIN} publishes: "ruawatch dns check ${DOMAIN}" says why.`,
          ),
        });
      expect(await spfs()).toEqual(before);
      const { rows } = await t.db.query('select unanswered_since from dmarc.dns_records where gone_at is null');
      expect(rows.length).toBeGreaterThan(0);
      expect(rows.every(({ unanswered_since }) => unanswered_since !== null)).toBe(true);
    });
  },
);
