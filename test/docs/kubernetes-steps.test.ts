import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DemoMailbox, startDemoMailbox } from '../../demo/mailbox.ts';
import { BOOKS } from '../../demo/senders.ts';
import { type MailSink, startMailSink } from '../../demo/sink.ts';
import { generateDemo } from '../../demo/world.ts';
import { DEMO_AUTHSERV_ID } from '../../demo/write.ts';
import { openPool } from '../../services/shared/runtime/db.ts';
import { readMigrations } from '../../services/store/schema/migrate.ts';
import { debianPostgres, type Server, Servers } from '../helpers/debian-postgres.ts';
import { Kubelet } from '../helpers/kubelet.ts';
import { type Kubernetes, startKubernetes } from '../helpers/kubernetes.ts';
import { kubernetesTool, skippedWithout } from '../helpers/kubernetes-tools.ts';
import { until, which } from '../helpers/services.ts';
import { part, steps } from './kubernetes-md.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

const tools = {
  helm: kubernetesTool('helm'),
  kubectl: kubernetesTool('kubectl'),
  etcd: kubernetesTool('etcd'),
  'kube-apiserver': kubernetesTool('kube-apiserver'),
};
const psql = debianPostgres && which('openssl') !== null;
const skipped = `${skippedWithout(tools)}${psql ? '' : ' (SKIPPED: postgresql and openssl are not installed)'}`;

describe.skipIf(skipped !== '')(`docs/kubernetes.md, step by step${skipped}`, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-kubernetes-md-'));
  let kubernetes: Kubernetes;
  let kubelet: Kubelet;
  let servers: Servers;
  let server: Server;
  let mailbox: DemoMailbox;
  let sink: MailSink;
  let shell: Shell;

  beforeAll(async () => {
    servers = new Servers();
    server = await servers.start('kubernetes', true);
    const world = await generateDemo({ seed: 7, today: new Date() });
    mailbox = await startDemoMailbox(world.mails.filter(({ domain }) => domain === BOOKS));
    sink = await startMailSink(path.join(folder, 'mails'));
    kubernetes = await startKubernetes();
    kubelet = new Kubelet(kubernetes, 'ruawatch');
    // Where the commands are run: a folder that has what a clone has.
    mkdirSync(path.join(folder, 'clone'));
    for (const name of readdirSync(ROOT))
      if (name === 'deploy') symlinkSync(path.join(ROOT, name), path.join(folder, 'clone', name));
    const bin = kubelet.commands();
    writeFileSync(path.join(bin, 'docker'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    shell = new Shell(path.join(folder, 'clone'), {
      ...kubernetes.env,
      PATH: [bin, kubernetes.env.PATH, path.dirname(which('psql') ?? '/usr/bin/psql')].join(':'),
      // In place of step 1.
      IMAGE: 'registry.example.com/ruawatch',
      DOMAIN: BOOKS,
      MAIL_SERVER: DEMO_AUTHSERV_ID,
      IMAP_URL: `${mailbox.url}/INBOX?tls=none`,
      SMTP_URL: `${sink.url}?tls=none`,
      ALERT_TO: `postmaster@${BOOKS}`,
      ADMIN_URL: server.url('postgres'),
      DATABASE: `${new URL(server.url('ruawatch')).host}/ruawatch`,
    });
    kubelet.start();
  }, 120_000);
  afterAll(async () => {
    shell?.end();
    await kubelet?.stop();
    await Promise.all([kubernetes?.stop(), mailbox?.stop(), sink?.stop()]);
    servers?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('its commands lead from nothing to the first finding', { timeout: 240_000 }, async () => {
    const names = [...steps[0]!.blocks[0]!.matchAll(/^export (\w+)=/gm)].map(([, name]) => name!);
    expect(Object.keys(shell.env)).toEqual(expect.arrayContaining(names));
    for (const { blocks } of steps.slice(1, 4)) for (const block of blocks) await shell.run(block);
    expect(readdirSync(path.join(folder, 'clone'))).toEqual(['deploy']);

    const [install] = steps[4]!.blocks;
    const installed = await shell.run(install!);
    expect(installed).toContain('STATUS: deployed');
    expect(installed).toMatch(/runs as alerter, analyzer, console, enricher, parser, poller, watcher\.[\s\S]*Phase: +Succeeded/);
    expect(kubelet.log('ruawatch-migrate')).toContain(`The schema is at version ${readMigrations().length}.`);
    const ready = kubelet.log('ruawatch-test');
    for (const name of ['poller', 'parser', "console's pages"]) expect(ready).toContain(`${name}: ready`);

    const [findings, link] = steps[5]!.blocks as [string, string];
    const [declared, first] = findings.split(/^(?=ruawatch findings$)/m) as [string, string];
    await shell.run(declared);
    const found = await until(async () => {
      const said = await shell.run('ruawatch findings');
      return said.includes(BOOKS) && said;
    });
    expect(found).toMatch(/(critical|high) +open/);
    expect(await shell.run(first)).toContain(BOOKS);
    expect(await shell.run(link)).toMatch(/^http:\/\/\S+\/link\/\S+$/m);
    await until(() => sink.files.length > 0);
    // Each service works with its own login.
    const db = openPool(server.url('ruawatch'), { max: 1 });
    const { rows } = await db.query<{ usename: string }>(
      "select distinct usename from pg_stat_activity where usename like 'ruawatch%'",
    );
    await db.end();
    expect(rows.map(({ usename }) => usename)).toEqual(
      expect.arrayContaining(['ruawatch_poller', 'ruawatch_parser', 'ruawatch_console']),
    );
    expect(rows.map(({ usename }) => usename)).not.toContain('ruawatch_owner');
  });

  test('a rollback to an older program ends before it replaces anything', { timeout: 120_000 }, async () => {
    const db = openPool(server.url('ruawatch'), { max: 1 });
    const newest = readMigrations().length;
    await db.query("insert into ruawatch.migrations (version, name) values ($1, 'later')", [newest + 1]);
    await db.end();
    await shell.run(
      'helm upgrade ruawatch deploy/helm/ruawatch --namespace ruawatch --values ruawatch-values.yaml --no-hooks --set logLevel=debug',
    );
    const said = await shell.run('helm rollback ruawatch 1 --namespace ruawatch 2>&1 || echo "ended with $?"');
    expect(said).toContain('ended with 1');
    expect(said).toContain('job ruawatch-migrate failed');
    const sentence = `The database schema is at version ${newest + 1}, newer than this program's ${newest}: run the newer ruawatch that created it.`;
    expect(kubelet.log('ruawatch-migrate').trim()).toBe(sentence);
    const shape = (text: string) => text.replace(/\d+/g, 'N');
    expect(shape(part('Upgrades and the way back'))).toContain(shape(sentence));
    const level = '{.spec.template.spec.containers[0].env[?(@.name=="LOG_LEVEL")].value}';
    expect(await shell.run(`kubectl get deployment ruawatch-poller --namespace ruawatch --output jsonpath='${level}'`)).toBe(
      'debug',
    );
  });
});

/** One shell for all blocks, as a reader has it: variables and functions stay. */
class Shell {
  readonly env: Record<string, string>;
  private readonly child;
  private said = '';

  constructor(cwd: string, env: Record<string, string>) {
    this.env = env;
    this.child = spawn('bash', ['--noprofile', '--norc'], { cwd, env, stdio: 'pipe' });
    this.child.stdin.write("trap 'failed=$?' ERR\n");
    for (const stream of [this.child.stdout, this.child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.said += text;
      });
  }

  /** Runs lines. @returns what they printed @throws Error with that, when the last one fails */
  async run(lines: string): Promise<string> {
    this.said = '';
    this.child.stdin.write(`failed=0\n${lines.trimEnd()}\necho "-- end $failed --"\n`);
    const [, text, code] = await until(() => /^([\s\S]*)-- end (\d+) --\n$/.exec(this.said));
    if (code !== '0') throw new Error(`${lines}\n${text}`);
    return text!;
  }

  end(): void {
    this.child.kill('SIGKILL');
  }
}
