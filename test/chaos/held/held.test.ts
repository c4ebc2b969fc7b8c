import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Random } from '../../../demo/random.ts';
import { loadHeld } from '../../../services/store/held/held.ts';
import { holdMessage } from '../../../services/store/held/hold.ts';
import { resolveDoubt } from '../../../services/store/held/steps.ts';
import { verifyAudit } from '../../../services/store/requests/audit.ts';
import { decide } from '../../../services/store/requests/decide.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { type Sink, startSink } from '../../alerter/sink.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { type Postfix, postfixPresent, startPostfix } from '../../helpers/postfix.ts';
import { type Run, ruawatch } from '../../helpers/process.ts';
import { freePort } from '../../helpers/services.ts';
import { keyFile } from '../../milter/release/key-file.ts';
import { digest, heldOf, KEY } from '../../requests/held/sample.ts';
import { GROUPS, rulesOf } from '../../requests/sample.ts';

/** Few here, 200 in .ci/full. */
const MAILS = Number(process.env.MAILS ?? 20);
const KILLS = Number(process.env.KILLS ?? 3);
const SEED = process.env.HELD_SEED ?? String(Date.now() % 2 ** 31);
const SETTLE_MS = 60_000;
const TIMEOUT_MS = 120_000 + KILLS * 15_000 + MAILS * 500;

const rules = rulesOf({ name: 'held', when: { kinds: ['messages.release'] }, stages: [{ group: 'mail', within_hours: 1 }] });

let t: TestDatabase;
let sink: Sink;
let folder: string;
let postfix: Postfix | null = null;
let milter: Run | null = null;
beforeEach(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  sink = await startSink();
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-held-chaos-'));
});
afterEach(async () => {
  milter?.child.kill('SIGKILL');
  await milter?.ended;
  await postfix?.stop();
  postfix = null;
  await sink.stop();
  await t.drop();
  rmSync(folder, { recursive: true, force: true });
});

const start = async (hold: object) => {
  const config = path.join(folder, 'ruawatch.yaml');
  const listen = `127.0.0.1:${await freePort()}`;
  const settings = { key_file: keyFile(), host: 'mx1', ...hold };
  writeFileSync(config, JSON.stringify({ milter: { listen, authserv_id: 'mx.example.com', hold: settings } }));
  milter = ruawatch(['start', 'milter'], { DATABASE_URL: t.url, RUAWATCH_CONFIG: config, LOG_LEVEL: 'info' });
};
const killed = async (hold: object) => {
  milter!.child.kill('SIGKILL');
  await milter!.ended;
  await start(hold);
};
/** Ends every session of the milter in the database. */
const cutSessions = () =>
  t.db.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and application_name <> 'ruawatch test'`,
  );
const judge = async ({ request_key }: { request_key: number }, decision: 'approve' | 'deny') =>
  decide(t.db, request_key, {
    person: GROUPS.mail[0]!,
    decision,
    why: 'looked at it',
    digest: (await loadRequest(t.db, request_key)).digest,
    via: 'test',
  });

interface Sent {
  subject: string;
  held_key: number;
  request_key: number;
  decision: 'approve' | 'deny';
}
const deliveriesOf = ({ subject }: Sent) => sink.mails.filter(({ headers }) => headers.get('subject') === subject).length;

/** Decides about mails while the milter is killed and its sessions end, until all are settled or in doubt. */
async function rage(sent: Sent[], hold: object, random: Random): Promise<{ doubts: number; faults: string[] }> {
  const faults: string[] = [];
  await start(hold);
  const fed = (async () => {
    for (const one of sent) {
      await judge(one, one.decision);
      await wait(random.int(20, 150));
    }
  })();
  const before = async (state: string) =>
    (await t.db.query<{ n: number }>(`select count(*)::int as n from ruawatch.held_messages where ${state}`)).rows[0]!.n;
  for (let n = 0; n < KILLS; n++) {
    const begun = await before('settled_at is not null');
    // Every process does something before it ends, in the middle of the next one.
    for (const end = Date.now() + 10_000; (await before('settled_at is not null')) === begun && Date.now() < end; )
      await wait(20);
    await wait(random.int(0, 120));
    const cut = random.int(0, 3) === 0;
    faults.push(cut ? 'sessions' : 'kill');
    if (cut) await cutSessions();
    else await killed(hold);
  }
  await fed;
  // A slow machine needs longer for all, and never so long for one.
  let left = Number.POSITIVE_INFINITY;
  for (let moved = Date.now(); left > 0; await wait(100)) {
    const now = await before('settled_at is null and not doubt');
    if (now < left) moved = Date.now();
    left = now;
    if (Date.now() > moved + SETTLE_MS) throw new Error(`${left} held mails are not settled:\n${milter!.stderr().slice(-4_000)}`);
  }
  return { doubts: await before('doubt'), faults };
}

const plan = (random: Random) =>
  Array.from({ length: MAILS }, (_, n) => ({
    subject: `mail ${n}`,
    decision: random.int(0, 3) === 0 ? ('deny' as const) : ('approve' as const),
  }));

test(
  `${KILLS} kills while ${MAILS} mails of the store are released: none lost, none twice, none after a denial`,
  async () => {
    const random = new Random(`held/store/${SEED}`);
    const hold = { keep: 'store', smtp_url: `smtp://${sink.at}?tls=none`, bounce: 'never' };
    sink.behaviour.accept = async () => {
      await wait(random.int(10, 80));
      return null;
    };
    const sent: Sent[] = [];
    for (const { subject, decision } of plan(random)) {
      const raw = Buffer.from(`From: ada@example.com\r\nSubject: ${subject}\r\n\r\nx\r\n`);
      const facts = heldOf({ kept_in: 'store', queue_id: null, raw, sha256: digest(raw), subject, size: raw.length });
      sent.push({ subject, decision, ...(await holdMessage(t.db, facts, { rules, key: KEY, most: MAILS, host: 'mx1' })) });
    }
    const { doubts, faults } = await rage(sent, hold, random);
    // What was taken before the process could read the answer is known to nobody but the server: a person
    // looks there.
    for (const one of sent) {
      const { doubt } = await loadHeld(t.db, one.held_key);
      const times = deliveriesOf(one);
      expect(times, `${one.subject}, seed ${SEED}`).toBeLessThanOrEqual(one.decision === 'deny' ? 0 : 1);
      if (doubt) await resolveDoubt(t.db, one.held_key, { arrived: times === 1, person: GROUPS.mail[0]!, why: 'looked' });
      else expect(times, `${one.subject}, seed ${SEED}`).toBe(one.decision === 'deny' ? 0 : 1);
    }
    for (const end = Date.now() + SETTLE_MS; ; await wait(50)) {
      const states = await Promise.all(sent.map(({ held_key }) => loadHeld(t.db, held_key)));
      if (states.every(({ settled_at }) => settled_at !== null)) break;
      if (Date.now() > end) throw new Error(`not settled:\n${milter!.stderr().slice(-4_000)}`);
    }
    console.log(`held/store seed ${SEED}: ${faults.join(', ')}; ${doubts} in doubt`);
    await check(sent);
  },
  TIMEOUT_MS,
);

test.runIf(postfixPresent)(
  `${KILLS} kills while ${MAILS} mails of Postfix' hold queue are released: none lost, none twice, none after a denial${postfixPresent ? '' : ' (SKIPPED: needs postfix)'}`,
  async () => {
    const random = new Random(`held/postfix/${SEED}`);
    const server = await startPostfix({
      relayhost: `[127.0.0.1]:${sink.at.split(':')[1]}`,
      settings: {
        smtpd_client_restrictions: 'check_client_access static:HOLD',
        // A mail that was let go by a process that was killed before it could hurry it waits for the next
        // turn of the queue.
        queue_run_delay: '1s',
        minimal_backoff_time: '1s',
        maximal_backoff_time: '2s',
      },
    });
    postfix = server;
    const command = (name: string) => [`/usr/sbin/${name}`, '-c', server.config];
    const hold = {
      smtp_url: `smtp://127.0.0.1:${server.port}?tls=none`,
      smtp_holds: true,
      postsuper: command('postsuper'),
      postqueue: command('postqueue'),
      postcat: command('postcat'),
      bounce: 'never',
    };
    const sent: Sent[] = [];
    for (const { subject, decision } of plan(random)) {
      const message_id = `<${subject.replace(' ', '.')}@evil.example>`;
      const raw = `From: ada@example.com\r\nSubject: ${subject}\r\nMessage-ID: ${message_id}\r\n\r\nx\r\n`;
      const answer = await server.send({ from: 'bounce@evil.example', to: 'ben@example.com', raw });
      const queue_id = /queued as (\w+)/.exec(answer)![1]!;
      const facts = heldOf({ queue_id, raw: Buffer.from(raw), sha256: digest(Buffer.from(raw)), subject, message_id });
      sent.push({ subject, decision, ...(await holdMessage(t.db, facts, { rules, key: KEY, most: MAILS, host: 'mx1' })) });
    }
    const { faults } = await rage(sent, hold, random);
    // A new process looks for copies that killed ones left behind as it begins.
    await killed(hold);
    await server.drained();
    console.log(`held/postfix seed ${SEED}: ${faults.join(', ')}`);
    await check(sent);
  },
  TIMEOUT_MS,
);

async function check(sent: Sent[]): Promise<void> {
  const wrong: string[] = [];
  for (const one of sent) {
    const { state } = await loadHeld(t.db, one.held_key);
    const [times, end] = one.decision === 'deny' ? [0, 'deleted'] : [1, 'released'];
    if (state !== end || deliveriesOf(one) !== times)
      wrong.push(`${one.subject} (${one.decision}): ${state}, delivered ${deliveriesOf(one)} times`);
  }
  expect(wrong, `seed ${SEED}`).toEqual([]);
  expect((await verifyAudit(t.db)).faults).toEqual([]);
}
