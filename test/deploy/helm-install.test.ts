import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type Db, openPool } from '../../services/shared/runtime/db.ts';
import { readMigrations } from '../../services/store/schema/migrate.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { addDefinitions, type Kubernetes, startKubernetes } from '../helpers/kubernetes.ts';
import { crdFolder, kubernetesTool, skippedWithout } from '../helpers/kubernetes-tools.ts';
import { type KubeObject, layOut, podOf } from '../helpers/pods.ts';
import { ruawatchOnce } from '../helpers/process.ts';

const CHART = path.resolve(import.meta.dirname, '../../deploy/helm/ruawatch');
const SETS = readdirSync(path.join(CHART, 'ci'))
  .map((file) => path.basename(file, '.yaml'))
  .sort();
const tools = {
  helm: kubernetesTool('helm'),
  etcd: kubernetesTool('etcd'),
  'kube-apiserver': kubernetesTool('kube-apiserver'),
  kubectl: kubernetesTool('kubectl'),
  crds: crdFolder(),
};
const skipped = skippedWithout(tools);
const values = (set: string) => ['--values', path.join(CHART, 'ci', `${set}.yaml`)];
const objects = (text: string) =>
  parseAllDocuments(text)
    .map((one) => one.toJS() as KubeObject | null)
    .filter((one) => one !== null);

describe.skipIf(skipped !== '')(`the chart on a real API server${skipped}`, () => {
  let kubernetes: Kubernetes;
  const done = async (args: readonly string[], input?: string) => {
    const { code, stdout, stderr } = await (args[0] === 'helm'
      ? kubernetes.helm(args.slice(1))
      : kubernetes.kubectl(args.slice(1), input));
    if (code !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const installed = new Set<string>();
  const install = (set: string) => {
    installed.add(set);
    // Helm's own check of fields is dear, and weaker than the server's, which the tests before this one ask
    // for.
    const check = set === 'full' ? [] : ['--disable-openapi-validation'];
    return done(['helm', 'upgrade', '--install', 'r', CHART, '--namespace', set, '--no-hooks', ...check, ...values(set)]);
  };
  // Rendered once for each set: helm takes a second of CPU for it.
  const rendered = new Map<string, Promise<string>>();
  const templates = (set: string): Promise<string> => {
    const text =
      rendered.get(set) ??
      done(['helm', 'template', 'r', CHART, '--namespace', 'strict', '--kube-version', '1.34.4', ...values(set)]);
    rendered.set(set, text);
    return text;
  };
  const STRICT = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '--filename', '-'];

  beforeAll(async () => {
    kubernetes = await startKubernetes();
    await addDefinitions(kubernetes);
    for (const name of ['strict', 'signers', ...SETS]) {
      const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
      expect(await kubernetes.ask('POST', '/api/v1/namespaces', { body })).toMatchObject({ status: 201 });
    }
  }, 120_000);
  afterAll(() => kubernetes?.stop());

  test.each(SETS)('%s: the server takes every object, and knows every field', { timeout: 60_000 }, async (set) => {
    const text = await templates(set);
    const said = await kubernetes.kubectl(STRICT, text);
    expect(said).toMatchObject({ code: 0, stderr: '' });
    expect(said.stdout.trim().split('\n')).toHaveLength(objects(text).length);
  });

  test.each([
    ['full', 'maxReplicaCount:', 'maxReplicas:'],
    ['full', 'readinessProbe:', 'readynessProbe:'],
    ['hpa', 'parentRefs:', 'parents:'],
  ])('%s: a field that does not exist is named (%s as %s)', { timeout: 60_000 }, async (set, right, wrong) => {
    // Of the whole set, the object with that field: the server asks each by itself.
    const one = (await templates(set)).split(/^---$/m).find((object) => object.includes(right))!;
    const { code, stderr } = await kubernetes.kubectl(STRICT, one.replace(right, wrong));
    expect(code).toBe(1);
    expect(stderr).toContain(wrong.slice(0, -1));
  });

  test('every pod is let into a namespace with the restricted profile, and a privileged one is not', {
    timeout: 60_000,
  }, async () => {
    const pods = objects(await templates('full'))
      .filter((one) => podOf(one) !== null)
      .map(({ metadata, kind, spec }) => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `${kind}-${metadata.name}`.toLowerCase(), namespace: 'strict' },
        spec: { ...(kind === 'Pod' ? spec : spec.template.spec) },
      }));
    const create = (pod: (typeof pods)[number]) =>
      kubernetes.ask('POST', '/api/v1/namespaces/strict/pods?dryRun=All&fieldValidation=Strict', { body: pod });
    expect(pods).toHaveLength(16);
    for (const pod of pods) expect(await create(pod), pod.metadata.name).toMatchObject({ status: 201 });
    const refused = await create({ ...pods[0]!, spec: { ...pods[0]!.spec, hostNetwork: true } });
    expect([refused.status, (refused.body as { message: string }).message]).toEqual([403, expect.stringContaining('restricted')]);
  });

  test.each(SETS)('%s: helm installs it', { timeout: 60_000 }, async (set) => {
    expect(await install(set)).toContain('STATUS: deployed');
    const there = JSON.parse(await done(['kubectl', 'get', 'deployments', '--namespace', set, '--output', 'json']))
      .items as KubeObject[];
    expect(there.length).toBeGreaterThan(6);
  });

  test('the applier reaches the keys that are named, and no account reaches anything else', { timeout: 60_000 }, async () => {
    if (!installed.has('full')) await install('full');
    const account = async (name: string) => {
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
      const made = await kubernetes.ask('POST', `/api/v1/namespaces/full/serviceaccounts/${name}/token`, { body });
      return (made.body as { status: { token: string } }).status.token;
    };
    const applier = await account('r-ruawatch-applier');
    const secret = '/api/v1/namespaces/signers/secrets/dkim-example-com';
    const patch = {
      token: applier,
      type: 'application/merge-patch+json',
      body: { data: { 'r1.private': Buffer.from('key').toString('base64') } },
    };
    const other = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'other' }, stringData: { a: 'b' } };
    await kubernetes.ask('POST', '/api/v1/namespaces/signers/secrets', { body: other });
    const status = async (...args: Parameters<Kubernetes['ask']>) => (await kubernetes.ask(...args)).status;
    expect(await status('GET', secret, { token: applier })).toBe(200);
    expect(await status('PATCH', secret, patch)).toBe(200);
    expect(await status('GET', '/api/v1/namespaces/signers/configmaps/dkim-signer', { token: applier })).toBe(200);
    for (const [method, at] of [
      ['GET', '/api/v1/namespaces/signers/secrets'],
      ['GET', '/api/v1/namespaces/signers/secrets/other'],
      ['GET', '/api/v1/namespaces/signers/configmaps/kube-root-ca.crt'],
      ['GET', '/api/v1/namespaces/full/secrets/dkim-example-com'],
      ['DELETE', secret],
      ['GET', '/api/v1/nodes'],
      ['GET', '/api/v1/namespaces/full/pods'],
    ] as const)
      expect(await status(method, at, { token: applier }), `${method} ${at}`).toBe(403);
    expect(await status('GET', secret, { token: await account('r-ruawatch-console') })).toBe(403);
    const cluster = await account('r-ruawatch-cluster');
    for (const at of ['/api/v1/nodes', '/api/v1/namespaces/signers/pods'])
      expect(await status('GET', at, { token: cluster })).toBe(200);
    expect(await status('GET', secret, { token: cluster })).toBe(403);
    expect(await status('DELETE', '/api/v1/nodes/x', { token: cluster })).toBe(403);

    // Neither an upgrade nor the end of the release touches a key.
    expect(await install('full')).toContain('STATUS: deployed');
    await done(['helm', 'uninstall', 'r', '--namespace', 'full', '--no-hooks']);
    const { body } = await kubernetes.ask('GET', secret);
    expect((body as KubeObject).data).toEqual(patch.body.data);
  });
});

describe.skipIf(tools.helm === null)(`the Job that brings up the schema${skippedWithout({ helm: tools.helm })}`, () => {
  let database: TestDatabase;
  let db: Db;
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-job-'));
  beforeAll(async () => {
    database = await testDatabase({ empty: true });
    db = openPool(database.url, { max: 1 });
  });
  afterAll(async () => {
    await db.end();
    await database.drop();
    rmSync(folder, { recursive: true });
  });

  test('does so as its pod would, and ends before a rollback with the newer schema', { timeout: 60_000 }, async () => {
    const { stdout } = spawnSync(
      tools.helm!,
      ['template', 'r', CHART, '--kube-version', '1.34.4', '--show-only', 'templates/migrate.yaml', ...values('minimal')],
      { encoding: 'utf8' },
    );
    const [job] = objects(stdout) as [KubeObject];
    const { env, command } = layOut(podOf(job)!, { 'Secret/ruawatch-database': { owner: database.url } }, folder);
    expect(await ruawatchOnce(command, env, folder)).toMatchObject({ code: 0, stderr: '' });
    const { rows } = await db.query<{ version: number }>('select max(version)::int as version from ruawatch.migrations');
    expect(rows[0]!.version).toBe(readMigrations().length);
    // A later version was here.
    await db.query("insert into ruawatch.migrations (version, name) values ($1, 'later')", [rows[0]!.version + 1]);
    expect(await ruawatchOnce(command, env, folder)).toEqual({
      code: 1,
      stdout: '',
      stderr: `The database schema is at version ${rows[0]!.version + 1}, newer than this program's ${rows[0]!.version}: run the newer ruawatch that created it.\n`,
    });
    // A service ends as well, with the same sentence: the kubelet keeps the last lines as the reason.
    const start = await ruawatchOnce(['start', 'parser'], { ...env, LOG_LEVEL: 'info' }, folder);
    expect(start).toMatchObject({ code: 1, stderr: expect.stringContaining("newer than this program's") });
  });
});
