import { randomBytes } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../../../demo/random.ts';
import { verifyAudit } from '../../../services/store/requests/audit.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { debianPostgres } from '../../helpers/debian-postgres.ts';
import { type Lender, makeLender, ownMark } from '../../helpers/lending.ts';
import { ruawatch } from '../../helpers/process.ts';
import { freePort } from '../../helpers/services.ts';
import { updatable } from '../../helpers/update-servers.ts';
import { MortalKnot } from '../changes/knot.ts';
import { Lending, peopleWhoLeave, ZONE } from './lending.ts';
import { Services } from './services.ts';
import { MortalPostgres } from './target.ts';

/** Kills: a few here, 100 in .ci/full. */
const KILLS = Number(process.env.GRANT_KILLS ?? 6);
const SEED = process.env.GRANT_SEED ?? String(Date.now() % 2 ** 31);
const SETTLE_MS = 120_000;
/** Grants that are lent at any time. */
const AT_ONCE = 10;

const greets = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

// Debian: postgresql
const TARGETS = (['debian', 'embedded'] as const).filter((which) => which === 'embedded' || debianPostgres);
describe.runIf(updatable.knot).each(TARGETS)(
  `rights that are lent, through kills${updatable.knot ? '' : ' (SKIPPED: knot is not installed)'}: a Postgres of %s`,
  (which) => {
    let t: TestDatabase;
    let target: MortalPostgres;
    let knot: MortalKnot;
    let lender: Lender;
    let folder: string;
    let gatewayPort: number;
    let present: string[] = peopleWhoLeave(KILLS);
    const keyFile = Buffer.from(randomBytes(48).toString('base64'));
    const secret = randomBytes(32).toString('base64');
    const config = () => path.join(folder, 'ruawatch.yaml');
    const writeConfig = () => {
      const settings = {
        sweep: { every_seconds: 1 },
        dns_servers: [`127.0.0.1:${knot.port}`],
        dns: {
          servers: [{ name: 'primary', zones: [ZONE], address: `127.0.0.1:${knot.port}`, key: { name: 'ruawatch', secret } }],
        },
        gateway: { listen: `127.0.0.1:${gatewayPort}`, key_file: path.join(folder, 'gateway.key') },
        approvals: { groups: { mail: ['ada@example.com', ...present] } },
        access: {
          database: [{ name: 'main', url: lender.server.url(), groups: lender.server.groups, for: ['mail'] }],
          dns: [{ name: 'primary', for: ['mail'] }],
        },
      };
      writeFileSync(`${config()}.new`, JSON.stringify(settings));
      renameSync(`${config()}.new`, config());
    };
    beforeAll(async () => {
      t = await testDatabase();
      await ownMark(t.db);
      await t.db.query("insert into ruawatch.domains (domain, state, how, since) values ($1, 'own', 'added', now())", [ZONE]);
      // The zone names a server, which has to be at port 53: an address of this machine that nothing else
      // has.
      const authority = `127.${(randomBytes(1)[0]! % 200) + 20}.${randomBytes(1)[0]}.${1 + (randomBytes(1)[0]! % 250)}`;
      [target, knot] = await Promise.all([
        MortalPostgres.start(which),
        MortalKnot.start(ZONE, { name: 'ruawatch', secret }, authority),
      ]);
      lender = await makeLender(target.url('postgres'), { for: ['mail'] });
      folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-grants-chaos-'));
      writeFileSync(path.join(folder, 'gateway.key'), keyFile);
      gatewayPort = await freePort();
      writeConfig();
    }, 60_000);
    afterAll(async () => {
      await target?.stop();
      await knot?.stop();
      await t.drop();
      rmSync(folder, { recursive: true, force: true });
    });

    const count = async (where: string) =>
      (await t.db.query<{ n: number }>(`select count(*)::int as n from ruawatch.grants where ${where}`)).rows[0]!.n;
    /** Waits until a grant is about to end, or is ending; three seconds at most. */
    const nearAnEnd = async () => {
      for (const end = Date.now() + 3_000; Date.now() < end; await wait(15))
        if ((await count("state = 'ending' or (state = 'active' and ends_at < clock_timestamp() + interval '300 ms')")) > 0)
          return;
    };
    /** Ends every session of our services in the store. */
    const cutStore = () =>
      t.db.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and application_name <> 'ruawatch test'`,
      );

    test(
      `${KILLS} kills around the ends: no right outlives its end, nothing is left behind`,
      async () => {
        const random = new Random(`grants/${which}/${SEED}`);
        const env = { DATABASE_URL: t.url, RUAWATCH_CONFIG: config(), LOG_LEVEL: 'info' };
        const services = new Services((name) => ruawatch(['start', name], env));
        const gateway = { address: '127.0.0.1', port: gatewayPort };
        const lending = new Lending({ db: t.db, lender, target, gateway, keyFile, random, leavers: [...present] });
        const met: Record<string, number> = {};
        const leave = async (who: string) => {
          present = present.filter((one) => one !== who);
          writeConfig();
          // The approver takes the groups of the settings as it starts.
          await services.kill('approver');
        };
        let feeding = true;
        const feed = async () => {
          for (let n = 0; feeding; n++) {
            if ((await count("state in ('asked', 'applying', 'active')")) < AT_ONCE) await lending.lend();
            // What an applier may have left, or a restored database: with our mark, and unknown to the store.
            if (n % 40 === 20) await lending.plantStray();
            await wait(150);
          }
        };
        const fed = feed();
        const ended = lending.endEarly(leave);
        try {
          for (let n = 0; n < KILLS; n++) {
            const before = await count("state = 'ended'");
            await nearAnEnd();
            await wait(random.int(0, 350));
            const kind = random.int(0, 19);
            const name =
              kind < 5
                ? 'one applier'
                : kind < 9
                  ? 'both appliers'
                  : kind < 12
                    ? 'gateway'
                    : kind < 14
                      ? 'approver'
                      : kind < 17
                        ? 'Postgres'
                        : kind < 19
                          ? 'Knot'
                          : 'sessions of the store';
            met[name] = (met[name] ?? 0) + 1;
            if (name === 'one applier') await services.killOne();
            else if (name === 'both appliers') await services.kill('applier', random.int(0, 1_500));
            else if (name === 'gateway') await services.kill('gateway');
            else if (name === 'approver') await services.kill('approver');
            else if (name === 'Postgres') await target.killed();
            else if (name === 'Knot') await knot.killed();
            else await cutStore();
            // Every process does something before the next one ends.
            for (const end = Date.now() + 8_000; (await count("state = 'ended'")) === before && Date.now() < end; )
              await wait(20);
          }
          feeding = false;
          await fed;
          await lending.stopEnding();
          await ended;
          await settled(services);
          await wait(500);
          await lending.allLeave();
          // What is over is ended at the next start: strays too.
          await services.kill('applier');
          for (const end = Date.now() + SETTLE_MS; (await lending.rolesLeft()).length > 0; await wait(200))
            if (Date.now() > end) throw new Error(`roles are left: ${await lending.rolesLeft()}\n${services.logs()}`);
          await t.db.query(
            "update ruawatch.lent_updates set received_at = received_at - interval '2 minutes' where settled_at is null",
          );
          await services.kill('gateway');
          for (const end = Date.now() + SETTLE_MS; (await openUpdates()) > 0; await wait(200))
            if (Date.now() > end) throw new Error(`updates are not settled\n${services.logs()}`);
          for (const end = Date.now() + SETTLE_MS; !(await greets(gatewayPort)); await wait(100))
            if (Date.now() > end) throw new Error(`the gateway did not start\n${services.logs()}`);
          const wrong = [...(await lending.outlived()), ...(await lending.leftBehind(knot.dns)), ...(await lending.stillWork())];
          const { late_ms, uses, updates, ends, unknown } = await lending.figures();
          console.log(
            `${which}, seed ${SEED}: ${lending.all.length} grants (${Object.entries(ends)
              .map(([how, n]) => `${how} ${n}`)
              .join(', ')}), ${uses} statements, ${updates} accepted updates (${unknown} in doubt); kills: ${Object.entries(met)
              .map(([name, n]) => `${name} ${n}`)
              .join(
                ', ',
              )}; the longest use after an end that Postgres cannot enforce by itself: ${late_ms} ms; ${wrong.length} wrong`,
          );
          expect(wrong).toEqual([]);
          expect((await verifyAudit(t.db)).faults).toEqual([]);
        } finally {
          feeding = false;
          await lending.stopEnding();
          await lending.allLeave();
          await services.stop();
        }
      },
      SETTLE_MS * 2 + KILLS * 15_000,
    );

    const openUpdates = async () =>
      (await t.db.query<{ n: number }>('select count(*)::int as n from ruawatch.lent_updates where settled_at is null')).rows[0]!
        .n;
    const settled = async (services: Services) => {
      const open =
        "state in ('asked', 'applying', 'active', 'ending') and request_key in (select request_key from ruawatch.requests where state not in ('withdrawn', 'expired', 'denied'))";
      for (const end = Date.now() + SETTLE_MS; (await count(open)) > 0; await wait(100))
        if (Date.now() > end) {
          const { rows } = await t.db.query(`select grant_key, kind, state, answer from ruawatch.grants where ${open}`);
          throw new Error(`grants have not ended: ${JSON.stringify(rows)}\n${services.logs()}`);
        }
    };
  },
);
