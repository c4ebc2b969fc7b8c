import { chmodSync, chownSync, mkdtempSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ImapFlow } from 'imapflow';
import { startDemoMailbox } from '../../demo/mailbox.ts';
import { DEMO_AUTHSERV_ID } from '../../demo/write.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { migrate } from '../../services/store/schema/migrate.ts';
import { type Sink, startSink } from '../alerter/sink.ts';
import { dovecotPresent, startDovecot } from '../helpers/dovecot.ts';
import { type RedisServer, startRedis } from '../helpers/services.ts';
import { type ChaosMail, MAIL_BYTES, ORG, RIVAL_DOMAINS } from './load.ts';
import { type ChaosPostgres, startPostgres } from './postgres.ts';
import { Supervisor } from './processes.ts';
import { type Line, startProxy } from './proxy.ts';

const SERVICES = ['poller-1', 'poller-2', 'parser-1', 'parser-2', 'analyzer-1', 'alerter-1'] as const;

/** To whom the alerts go. */
export const RECIPIENTS: readonly string[] = ['postmaster@kestrel-books.example', 'security@kestrel-books.example'];

/**
 * Sweeps are quick, the hourly cap is out of the way, and work is judged only when nothing is on its way in:
 * see docs/chaos.md.
 */
const SETTINGS = `sweep:
  every_seconds: 1
  after_seconds: 5
analyzer:
  patience_seconds: 86400
alerts:
  per_hour: 100000
  per_domain_hour: 100000
  first_start_mails: 100000
parser:
  batch_messages: 25
trust:
  check: authserv
  authserv_ids: [${DEMO_AUTHSERV_ID}]
limits:
  mailBytes: ${MAIL_BYTES}
`;

/**
 * Whether reports have stopped is asked of the clock once an hour and at each start of the analyzer: between
 * two waves, which are of the past, the answer depends on when that is. To the analyzer no mailbox was read
 * lately, so it does not ask.
 */
const NEVER_READ = `create function ruawatch.never_read() returns trigger language plpgsql as
    $$ begin new.polled_at := '2000-01-01'; return new; end $$;
  create trigger never_read before insert or update on ruawatch.mailboxes for each row execute function ruawatch.never_read()`;

/**
 * A reporter's age is counted as its domains are analyzed, one after the other: in the wave in which it comes
 * of age, its word would be worth more for those that happen to be analyzed last. It has been of age since
 * before.
 */
const ESTABLISHED = `with old as (
    insert into ruawatch.reporter_arrivals (reporter, day) select $1, current_date - n from generate_series(30, 60) n)
  insert into ruawatch.reporters (reporter, proven) values ($1, true)`;

interface Mailbox {
  /** Dovecot, or the npm server, which has no restart. */
  restart: (() => Promise<void>) | null;
  port: number;
  /** `imap(s)://user:password@` and the URL's options. */
  scheme: string;
  credentials: { user: string; pass: string };
  secure: boolean;
  deliver(mail: ChaosMail): void;
  stop(): Promise<void>;
}

export interface World {
  folder: string;
  postgres: ChaosPostgres;
  redis: RedisServer;
  sink: Sink;
  lines: { postgres: Line; redis: Line; imap: Line; smtp: Line };
  processes: Supervisor;
  imapRestart: (() => Promise<void>) | null;
  /** Settings of the services. @param redisUrl null: the queue lies on Postgres */
  env(redisUrl: string | null): Record<string, string>;
  deliver(mail: ChaosMail): void;
  /** Mails in the INBOX and in the folder they are moved to. */
  inMailbox(): Promise<{ inbox: number; moved: number }>;
  /** @returns what did not end well */
  stop(options: { keep: boolean }): Promise<string[]>;
}

/** Everything a run needs, on loopback ports the system picks, in a folder of its own. */
export async function startWorld(services: readonly string[] = SERVICES): Promise<World> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-chaos-'));
  chmodSync(folder, 0o755);
  const postgres = await startPostgres(folder);
  await migrate(postgres.db);
  // What it reports on is ours: by name, where the mail is made here, since names below an own domain have
  // few findings together.
  const made = ['books', 'pay', 'club', 'press'].map((name) => `kestrel-${name}.example`);
  const rivals = Array.from({ length: RIVAL_DOMAINS }, (_, i) => `rivals-${i}.example`);
  await putOwn(postgres.db, [...made, ...rivals, 'example', 'test', 'com', 'net', 'org'], 'listed', {
    now: new Date(),
    ignored: true,
  });
  await postgres.db.query(NEVER_READ);
  await postgres.db.query(ESTABLISHED, [ORG]);
  const redis = await startRedis();
  const mailbox = await startMailbox();
  const sink = await startSink();
  const lines = {
    postgres: await startProxy(postgres.port),
    redis: await startProxy(Number(new URL(redis.url).port)),
    imap: await startProxy(mailbox.port),
    smtp: await startProxy(Number(sink.at.split(':')[1])),
  };
  writeFileSync(path.join(folder, 'ruawatch.yaml'), SETTINGS);
  const { user, pass } = mailbox.credentials;
  const env = (redisUrl: string | null): Record<string, string> => ({
    DATABASE_URL: `postgres://${postgres.user}:${postgres.password}@127.0.0.1:${lines.postgres.port}/${postgres.database}`,
    ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }),
    IMAP_URL: `${mailbox.scheme}://${user}:${encodeURIComponent(pass)}@127.0.0.1:${lines.imap.port}/INBOX?poll_seconds=1${mailbox.secure ? '&tls_verify=no' : '&tls=none'}`,
    SMTP_URL: `smtp://127.0.0.1:${lines.smtp.port}?tls=none`,
    ALERT_FROM: 'ruawatch@kestrel-books.example',
    ALERT_TO: RECIPIENTS.join(','),
  });
  const processes = new Supervisor(services, folder, env(`redis://127.0.0.1:${lines.redis.port}/0`));

  const count = async () => {
    const client = new ImapFlow({
      host: '127.0.0.1',
      port: mailbox.port,
      secure: mailbox.secure,
      doSTARTTLS: false,
      auth: mailbox.credentials,
      logger: false,
      tls: { rejectUnauthorized: false },
    });
    client.on('error', () => client.close());
    await client.connect();
    try {
      const folders = (await client.list()).map((entry) => entry.path);
      const messages = async (name: string) => {
        const status = folders.includes(name) && (await client.status(name, { messages: true }));
        return status ? (status.messages ?? 0) : 0;
      };
      return { inbox: await messages('INBOX'), moved: await messages('ruawatch') };
    } finally {
      await client.logout();
    }
  };

  return {
    folder,
    postgres,
    redis,
    sink,
    lines,
    processes,
    imapRestart: mailbox.restart,
    env,
    deliver: mailbox.deliver,
    inMailbox: count,
    async stop({ keep }) {
      const wrong = await processes.stop();
      await Promise.all(Object.values(lines).map((line) => line.stop()));
      await sink.stop();
      await mailbox.stop();
      await redis.stop();
      await postgres.stop();
      if (!keep) rmSync(folder, { recursive: true, force: true });
      return wrong;
    },
  };
}

async function startMailbox(): Promise<Mailbox> {
  if (!dovecotPresent) {
    const server = await startDemoMailbox([]);
    const url = new URL(server.url);
    return {
      restart: null,
      port: Number(url.port),
      scheme: 'imap',
      credentials: { user: url.username, pass: url.password },
      secure: false,
      deliver: ({ raw, received }) => server.append(raw, received),
      stop: () => server.stop(),
    };
  }
  const server = await startDovecot();
  const user = server.users[0]!;
  const maildir = server.maildir(user.name);
  const { uid, gid } = statSync(maildir);
  let serial = 0;
  return {
    restart: () => server.restart(),
    port: server.imapsPort,
    scheme: 'imaps',
    credentials: { user: user.name, pass: user.password },
    secure: true,
    deliver({ raw, received }) {
      const name = `${Math.floor(Date.now() / 1000)}.M${process.hrtime.bigint()}P${process.pid}C${serial++}.chaos`;
      const tmp = path.join(maildir, 'tmp', name);
      writeFileSync(tmp, raw);
      chownSync(tmp, uid, gid);
      // Dovecot takes the file's time for INTERNALDATE.
      utimesSync(tmp, received, received);
      renameSync(tmp, path.join(maildir, 'new', name));
    },
    stop: () => server.stop(),
  };
}
