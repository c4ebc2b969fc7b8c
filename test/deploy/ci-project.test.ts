import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { XMLValidator } from 'fast-xml-parser';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { signMail } from '../../services/report/mail/sign.ts';

// A project as a user has it, and the steps of the Action, of GitLab's template and of the Job run by hand on
// it. Needs dist/.
const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => parse(readFileSync(path.join(ROOT, 'deploy/ci', file), 'utf8'));
const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-project-'));
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string | Buffer) => {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), text, { mode: 0o600 });
};
const keys = {
  production: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  staging: generateKeyPairSync('rsa', { modulusLength: 2048 }),
};
const recordOf = (one: keyof typeof keys) =>
  `v=DKIM1; p=${keys[one].publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}`;

interface Project {
  /** Of staging. */
  selectors?: string;
  keyAt?: string;
  egress?: string;
  dmarc?: string;
}
const RIGHT: Required<Project> = {
  selectors: '[{ domain: staging.kestrel.test, selector: s1, key_file: keys/staging.pem }]',
  keyAt: 's1',
  egress: '198.51.100.0/28',
  dmarc: 'v=DMARC1; p=reject; rua=mailto:d@kestrel.test',
};
/** Writes the project: mail-guard.yaml, planned records, keys. */
function project(change: Project): void {
  const { selectors, keyAt, egress, dmarc } = { ...RIGHT, ...change };
  for (const [name, { privateKey }] of Object.entries(keys))
    write(`keys/${name}.pem`, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  write(
    'mail-guard.yaml',
    `version: 1
environments:
  production:
    domains:
      kestrel.test:
        dkim: { selectors: { s1: { private_key: keys/production.pem } } }
        dmarc: { policy: reject }
    workloads:
      - { name: shop, sends_as: [kestrel.test], egress: 192.0.2.0/28 }
  staging:
    may_differ: [dkim.keys, spf.sources]
    domains:
      staging.kestrel.test: { dkim: { selectors: { s1: any } } }
    workloads:
      - name: shop
        namespace: staging
        labels: { app: shop }
        sends_as: [staging.kestrel.test]
        egress: ${egress}
        selectors: ${selectors}
`.replace('{ s1: any }', '{ s1: { private_key: keys/staging.pem } }'),
  );
  const records = {
    'kestrel.test': { TXT: 'v=spf1 ip4:192.0.2.0/24 -all', MX: '10 mx.kestrel.test' },
    'mx.kestrel.test': { A: '192.0.2.25' },
    's1._domainkey.kestrel.test': { TXT: recordOf('production') },
    '_dmarc.kestrel.test': { TXT: RIGHT.dmarc },
    'staging.kestrel.test': { TXT: 'v=spf1 ip4:198.51.100.0/24 -all', MX: '10 mx.kestrel.test' },
    [`${keyAt}._domainkey.staging.kestrel.test`]: { TXT: recordOf('staging') },
    '_dmarc.staging.kestrel.test': { TXT: dmarc },
  };
  write('records.yaml', JSON.stringify(records));
}

interface Ended {
  code: number | null;
  said: string;
}
function run(shell: string, script: string, env: Record<string, string>): Promise<Ended> {
  const child = spawn(shell, ['-e', '-c', script], { cwd: folder, env: { PATH: process.env.PATH ?? '', ...env } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, said }));
  });
}
const COMMAND = `${process.execPath} ${path.join(ROOT, 'dist/services/cli/main.js')}`;
/** The environment of an action's step: its inputs' defaults, and what is given. */
function envOf(
  action: { inputs: Record<string, { default: string }>; runs: { steps: { env: Record<string, string> }[] } },
  given: Record<string, string>,
) {
  const env = Object.entries(action.runs.steps[0]!.env).map(([name, value]) => {
    const input = /^\$\{\{ inputs\.([a-z-]+) \}\}$/.exec(value)![1]!;
    return [name, given[input] ?? action.inputs[input]!.default];
  });
  return Object.fromEntries(env) as Record<string, string>;
}
const check = read('github/action.yml');
const probe = read('github/probe/action.yml');
const gitlab = read('gitlab.yml');
const GIVEN = { records: 'records.yaml', offline: 'true', command: COMMAND };
const checked = () => run('bash', check.runs.steps[0].run, envOf(check, GIVEN));

/** What a pipeline must catch, each with the code that names it. */
const FAULTS: [string, Project, string][] = [
  ['unsigned mail', { selectors: '[]' }, 'guard_unsigned'],
  ['a wrong selector', { keyAt: 's2' }, 'guard_signature'],
  ['an egress that is not in SPF', { egress: '[198.51.100.0/28, 203.0.113.7]' }, 'guard_egress'],
  ['staging that drifted from production', { dmarc: 'v=DMARC1; p=none; rua=mailto:d@kestrel.test' }, 'guard_differs'],
];

describe('guard check', () => {
  test('passes when all is right', async () => {
    project({});
    const { code, said } = await checked();
    expect(said).toContain('2 domains in 2 environments: 0 errors, 0 warnings, 0 unknown results.');
    expect(code).toBe(0);
    expect(readFileSync(path.join(folder, 'guard.xml'), 'utf8')).toContain('failures="0"');
  });

  test.each(FAULTS)('catches %s', async (_name, change, expected) => {
    project(change);
    const { code, said } = await checked();
    expect(said).toContain(expected);
    expect(code).toBe(2);
    const xml = readFileSync(path.join(folder, 'guard.xml'), 'utf8');
    expect(XMLValidator.validate(xml)).toBe(true);
    expect(xml).toMatch(new RegExp(`name="${expected}"><failure`));
  });
});

/** The application of the project: sends a mail to where it is told. */
function application(selector: string | null): void {
  const plain = [
    'From: Shop <shop@staging.kestrel.test>',
    'To: a@sink.test',
    'Subject: An order',
    `Date: ${new Date().toUTCString()}`,
    '',
    'hello',
    '',
  ].join('\r\n');
  const key = keys.staging.privateKey;
  const raw = Buffer.from(plain);
  write('mail.eml', selector === null ? raw : signMail(raw, { domain: 'staging.kestrel.test', selector, key }, new Date()));
  write(
    'send.cjs',
    `const { createTransport } = require(${JSON.stringify(createRequire(import.meta.url).resolve('nodemailer'))});
const [host, port] = process.argv[2].split(':');
createTransport({ host, port: Number(port), ignoreTLS: true })
  .sendMail({ envelope: { from: 'shop@staging.kestrel.test', to: 'a@sink.test' }, raw: require('node:fs').readFileSync('mail.eml') });
`,
  );
}
const SEND = `${process.execPath} send.cjs "$PROBE_AT"`;
const PROBE = { ...GIVEN, listen: '127.0.0.1:0', seconds: '60', send: SEND, report: 'seen.xml' };
const probed = (given: Record<string, string> = {}) => run('bash', probe.runs.steps[0].run, envOf(probe, { ...PROBE, ...given }));

describe('guard probe', () => {
  test('passes when all is right, and writes a report', async () => {
    project({});
    application('s1');
    const { code, said } = await probed();
    expect(said).toContain('1 mail: 0 errors, 0 warnings, 0 unknown results.');
    expect(code).toBe(0);
    expect(XMLValidator.validate(readFileSync(path.join(folder, 'probe.xml'), 'utf8'))).toBe(true);
    expect(readFileSync(path.join(folder, 'seen.xml'), 'utf8')).toContain('staging</ruawatch_environment>');
  });

  test.each<[string, string | null, Project, string]>([
    ['unsigned mail', null, {}, 'probe_unsigned'],
    ['a wrong selector', 's2', {}, 'probe_dkim'],
    ['an egress that is not in SPF', 's1', { egress: '203.0.113.0/28' }, 'probe_spf'],
  ])('catches %s', async (_name, selector, change, expected) => {
    project(change);
    application(selector);
    const { code } = await probed();
    expect(code).toBe(2);
    expect(readFileSync(path.join(folder, 'probe.xml'), 'utf8')).toMatch(new RegExp(`name="${expected}"><failure`));
  });

  test('a command that sends and fails ends it at once; a probe that cannot start says why', async () => {
    expect(await probed({ send: 'exit 7' })).toMatchObject({ code: 1, said: expect.stringContaining('ended with 7') });
    expect(await probed({ listen: 'nowhere' })).toMatchObject({
      code: 1,
      said: expect.stringContaining('--listen "nowhere" must be'),
    });
  });
});

test('GitLab runs the same', async () => {
  project({});
  application('s1');
  const { variables, script } = gitlab['.ruawatch-probe'];
  const env = {
    ...variables,
    PROBE_COMMAND: COMMAND,
    PROBE_RECORDS: 'records.yaml',
    PROBE_OFFLINE: 'true',
    PROBE_LISTEN: '127.0.0.1:0',
    PROBE_SEND: SEND,
  };
  const { code, said } = await run('sh', script[0], env);
  expect(said).toContain('1 mail: 0 errors');
  expect(code).toBe(0);
  expect(script[0]).toBe(probe.runs.steps[0].run);
  expect(Object.keys(variables)).toEqual(Object.keys(probe.runs.steps[0].env));
});

describe('the Job before a rollout', () => {
  const job = read('presync-job.yaml');
  const [container] = job.spec.template.spec.containers as { args: string[]; volumeMounts: { mountPath: string }[] }[];
  const args = () => container!.args.map((one) => one.replace(/^\/guard\//, `${folder}/`)).join(' ');

  test('runs guard check on what is mounted, and its exit code stops the rollout', async () => {
    expect(container!.volumeMounts.map(({ mountPath }) => mountPath)).toEqual(['/guard', '/guard/keys']);
    // That it passes when all is right is the first test of this file, by the same command.
    expect(args()).toMatch(/^guard check \S+mail-guard\.yaml( --[a-z]+( \/\S+)?)*$/);
    project({ keyAt: 's2' });
    expect(await run('sh', `${COMMAND} ${args()}`, {})).toMatchObject({
      code: 2,
      said: expect.stringContaining('guard_signature'),
    });
    expect(job.spec).toMatchObject({
      backoffLimit: 0,
      template: { spec: { restartPolicy: 'Never', automountServiceAccountToken: false } },
    });
  });

  test('is a hook of Helm and of Argo CD', () => {
    expect(job.metadata.annotations).toMatchObject({
      'helm.sh/hook': 'pre-install,pre-upgrade',
      'argocd.argoproj.io/hook': 'PreSync',
    });
  });
});

test('the example workflow uses actions that exist, with inputs that they have', () => {
  const { steps } = read('github/example.yml').jobs.mail as { steps: { uses?: string; with?: Record<string, string> }[] };
  const own = { './.github/actions/guard-check': check, './.github/actions/guard-probe': probe };
  const used = steps.filter(({ uses }) => uses?.startsWith('./'));
  expect(used.map(({ uses }) => uses)).toEqual(Object.keys(own));
  for (const { uses, with: given } of used)
    expect(Object.keys(own[uses as keyof typeof own].inputs)).toEqual(expect.arrayContaining(Object.keys(given!)));
  expect(probe.runs.steps[0].run).not.toContain('${{');
  expect(Object.keys(probe.inputs).length).toBe(Object.keys(probe.runs.steps[0].env).length);
});
