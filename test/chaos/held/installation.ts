import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { QUEUE_SCHEMA } from '../../../services/shared/runtime/db.ts';
import { putOwn } from '../../../services/store/domains/domains.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { migrate } from '../../../services/store/schema/migrate.ts';
import { prepareQueue } from '../../../services/store/schema/queue-schema.ts';
import { type Sink, startSink } from '../../alerter/sink.ts';
import { type FakeServer, startFake } from '../../helpers/dns.ts';
import { type Postfix, startPostfix } from '../../helpers/postfix.ts';
import { type Run, ruawatch } from '../../helpers/process.ts';
import { freePort } from '../../helpers/services.ts';
import { keyFile } from '../../milter/release/key-file.ts';
import { GROUPS } from '../../requests/sample.ts';
import { type ChaosPostgres, startPostgres } from '../postgres.ts';

/** Who decides about mail in the name of each domain: people, a rule, or nobody before the time is over. */
export const OWN = { people: 'example.com', rule: 'example.org', nobody: 'example.net' };

const APPROVALS = {
  groups: GROUPS,
  rules: [
    { name: 'rule', when: { domains: [OWN.rule] }, decide: 'automatic', ceiling: { per_day: 100_000 } },
    { name: 'nobody', when: { domains: [OWN.nobody] }, stages: [{ group: 'mail', within_hours: 3 / 3600 }] },
    { name: 'people', stages: [{ group: 'mail', need: 2, within_hours: 24 }] },
  ],
};

export interface InstallationOptions {
  /** `milter.hold.keep`. */
  keep: 'postfix' | 'store';
  /** What Postfix does while the milter is away. */
  away: 'accept' | 'tempfail';
}

const SERVICES = ['milter', 'approver'] as const;

/**
 * A whole installation: a Postgres of its own, Postfix with the milter in front and a port that holds, and
 * where mail ends.
 */
export class Installation {
  readonly pg: ChaosPostgres;
  readonly postfix: Postfix;
  readonly sink: Sink;
  private readonly dns: FakeServer;
  private readonly env: Record<string, string>;
  private readonly runs = new Map<string, Run>();

  private constructor(parts: { pg: ChaosPostgres; postfix: Postfix; sink: Sink; dns: FakeServer; env: Record<string, string> }) {
    this.pg = parts.pg;
    this.postfix = parts.postfix;
    this.sink = parts.sink;
    this.dns = parts.dns;
    this.env = parts.env;
  }

  static async start(folder: string, { keep, away }: InstallationOptions): Promise<Installation> {
    mkdirSync(path.join(folder, 'data'), { mode: 0o755 });
    const pg = await startPostgres(path.join(folder, 'data'));
    const url = `postgres://${pg.user}:${pg.password}@127.0.0.1:${pg.port}/${pg.database}`;
    await migrate(pg.db);
    await prepareQueue({ url, schema: QUEUE_SCHEMA, setting: 'DATABASE_URL' });
    await putOwn(pg.db, Object.values(OWN), 'listed', { now: new Date(), ignored: true });
    await syncGroups(pg.db, { groups: GROUPS, deputies: [] });
    // Nobody publishes anything: nothing proves who wrote a mail.
    const dns = await startFake(() => ({ answers: [] }));
    const sink = await startSink();
    const [milterPort, holdPort] = [await freePort(), await freePort()];
    const postfix = await startPostfix({
      relayhost: `[127.0.0.1]:${sink.at.split(':')[1]}`,
      milters: [`inet:127.0.0.1:${milterPort}`],
      services: [
        `127.0.0.1:${holdPort} inet n - n - - smtpd -o smtpd_milters= -o smtpd_client_restrictions=check_client_access,static:HOLD`,
      ],
      settings: {
        milter_default_action: away,
        milter_connect_timeout: '5s',
        milter_content_timeout: '30s',
        queue_run_delay: '1s',
        minimal_backoff_time: '1s',
        maximal_backoff_time: '2s',
        smtpd_client_connection_rate_limit: '0',
      },
    });
    const command = (name: string) => [`/usr/sbin/${name}`, '-c', postfix.config];
    const config = path.join(folder, 'ruawatch.yaml');
    const hold = {
      keep,
      key_file: keyFile(),
      host: 'mx1',
      smtp_url: `smtp://127.0.0.1:${holdPort}?tls=none`,
      smtp_holds: true,
      postsuper: command('postsuper'),
      postqueue: command('postqueue'),
      postcat: command('postcat'),
      bounce: 'never',
      on_expiry: 'delete',
    };
    const milter = {
      listen: `127.0.0.1:${milterPort}`,
      authserv_id: 'mx.example.com',
      on_failure: away,
      rules: [{ when: 'own_domain', do: 'hold' }],
      hold,
    };
    const settings = { milter, approvals: APPROVALS, dns_servers: [dns.server], sweep: { every_seconds: 1 } };
    writeFileSync(config, JSON.stringify(settings));
    const env = { DATABASE_URL: url, RUAWATCH_CONFIG: config, LOG_LEVEL: 'info' };
    const installation = new Installation({ pg, postfix, sink, dns, env });
    for (const service of SERVICES) installation.begin(service);
    return installation;
  }

  /** Waits until the milter takes mail. */
  async listening(): Promise<void> {
    const { stderr } = this.runs.get('milter')!;
    for (const end = Date.now() + 60_000; !stderr().includes('judging mail that arrives'); await wait(20))
      if (Date.now() > end) throw new Error(`the milter did not start:\n${this.said()}`);
  }

  /** SIGKILL, and another process in its place. */
  async kill(service: (typeof SERVICES)[number]): Promise<void> {
    const run = this.runs.get(service)!;
    run.child.kill('SIGKILL');
    await run.ended;
    this.begin(service);
  }

  /** What the services logged, the end of it. */
  said(): string {
    return [...this.runs].map(([name, run]) => `${name}: ${run.stderr().slice(-4_000)}`).join('\n');
  }

  async stop(): Promise<void> {
    for (const { child, ended } of this.runs.values()) {
      child.kill('SIGKILL');
      await ended;
    }
    await this.postfix.stop();
    await this.sink.stop();
    await this.dns.stop();
    await this.pg.stop();
  }

  private begin(service: (typeof SERVICES)[number]): void {
    this.runs.set(service, ruawatch(['start', service], this.env));
  }
}
