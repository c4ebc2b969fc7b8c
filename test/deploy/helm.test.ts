import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { SERVICE_NAMES } from '../../services/cli/commands/start.ts';
import { createMetrics } from '../../services/shared/runtime/metrics.ts';
import { type Config, loadConfig } from '../../services/shared/settings/config.ts';
import { kubernetesTool, skippedWithout } from '../helpers/kubernetes-tools.ts';
import { type Contents, configMaps, type KubeObject, layOut, podOf } from '../helpers/pods.ts';
import { ruawatchOnce } from '../helpers/process.ts';

const CHART = path.resolve(import.meta.dirname, '../../deploy/helm/ruawatch');
const SETS = readdirSync(path.join(CHART, 'ci')).sort();
/** Those of the values: the chart may be ahead of the program. */
const SERVICES = Object.keys(parse(readFileSync(path.join(CHART, 'values.yaml'), 'utf8')).services).sort();
/** Switched on by whoever needs them. */
const OPTIONAL = ['gateway', 'cluster', 'collector', 'milter'];
const helm = kubernetesTool('helm');
/**
 * A Python that has kubernetes-validate (`pip install kubernetes-validate==1.37.0`), with the schemas of many
 * versions.
 */
const PYTHON = process.env.KUBERNETES_VALIDATE || null;
const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-helm-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(helm!, [...args, '--kube-version', '1.34.0'], { encoding: 'utf8' });
  return { status, stdout, stderr: stderr.replace(/^walk\.go.*symbolic link.*\n/gm, '') };
};
const rendered = new Map<string, KubeObject[]>();
function render(set: string, ...args: string[]): KubeObject[] {
  const name = [set, ...args].join(' ');
  const known = rendered.get(name);
  if (known) return known;
  const values = set === '' ? [] : ['--values', path.join(CHART, 'ci', set)];
  const { status, stdout, stderr } = run('template', 'r', CHART, '--namespace', 'mail', ...values, ...args);
  if (status !== 0) throw new Error(stderr);
  const objects = parseAllDocuments(stdout)
    .map((one) => one.toJS() as KubeObject | null)
    .filter((one) => one !== null);
  rendered.set(name, objects);
  return objects;
}
const of = (objects: readonly KubeObject[], kind: string) => objects.filter((one) => one.kind === kind);
const component = (one: KubeObject) => one.metadata.labels!['app.kubernetes.io/component']!;
const deployed = (set: string) => of(render(set), 'Deployment').map(component).sort();
/** Of these, the ones whose settings this program can read. */
const known = (set: string) => deployed(set).filter((name) => (SERVICE_NAMES as string[]).includes(name));

/** Secrets as the value sets name them. */
const SECRETS: Contents = {
  'Secret/ruawatch-database': {
    ...Object.fromEntries(['owner', 'queue', ...SERVICES].map((name) => [name, `postgres://${name}:pw@db/ruawatch`])),
  },
  'Secret/ruawatch-db-app': { uri: 'postgres://app:pw@db/app' },
  'Secret/ruawatch-db-ca': { 'ca.crt': 'x' },
  'Secret/postgres-ca': { 'ca.crt': 'x' },
  'Secret/analyzer': { '1': 'postgres://analyzer:pw@db/ruawatch' },
  'Secret/ruawatch-redis': { redis_url: 'redis://:pw@redis' },
  'Secret/ruawatch-mailbox': { imap_url: 'imaps://u:pw@imap/INBOX', url: 'imaps://u:pw@imap/INBOX' },
  'Secret/mail.boxes': { reports: 'pw', club: 'pw' },
  'Secret/ruawatch-smtp': { smtp_url: 'smtps://u:pw@smtp' },
  'Secret/ruawatch-gateway': { gateway_key: '0'.repeat(44) },
  'Secret/ruawatch-tsig': { secret: 'c2VjcmV0' },
  'Secret/ruawatch-oidc': { secret: 'secret' },
  'Secret/collector-tls': { 'tls.crt': 'x', 'tls.key': 'x' },
  'Secret/milter': { key: '0'.repeat(44) },
  'Secret/webhooks': { chat: 'https://chat.example.org/hook' },
  'ConfigMap/company-ca': { 'ca.crt': 'x' },
  'ConfigMap/asn': { 'asn.mmdb': 'x' },
};

/** The settings of a service as its pod would read them. */
function configOf(set: string, name: string): Config {
  const objects = render(set);
  const one = of(objects, 'Deployment').find((each) => component(each) === name)!;
  const root = mkdtempSync(path.join(folder, 'pod-'));
  return loadConfig(layOut(podOf(one)!, { ...configMaps(objects), ...SECRETS }, root).env, root);
}

describe.skipIf(helm === null)(`the chart${skippedWithout({ helm })}`, () => {
  test.each(SETS)('%s passes helm lint', (set) => {
    expect(run('lint', CHART, '--strict', '--values', path.join(CHART, 'ci', set))).toMatchObject({ status: 0 });
  });

  test('installs every service, each as a Deployment with an account, settings and a port for metrics of its own', () => {
    expect(deployed('full.yaml')).toEqual(SERVICES);
    for (const kind of ['ServiceAccount', 'ConfigMap']) {
      const own = of(render('full.yaml'), kind).filter(
        ({ metadata }) => metadata.name === `r-ruawatch-${metadata.labels!['app.kubernetes.io/component']}`,
      );
      expect(own.map(component).sort()).toEqual(SERVICES);
    }
    for (const one of of(render('full.yaml'), 'Deployment'))
      expect(podOf(one)!.containers[0]!.args).toEqual(['start', component(one)]);
  });

  test.each([
    ['minimal.yaml', SERVICES.filter((name) => !['alerter', ...OPTIONAL].includes(name))],
    ['openshift.yaml', SERVICES.filter((name) => !['approver', 'applier', ...OPTIONAL].includes(name))],
  ])('%s leaves out services that could not start or are switched off', (set, names) => {
    expect(deployed(set)).toEqual(names);
  });

  test.each(SETS)('%s: each pod has what its settings name, and they are valid', (set) => {
    for (const name of known(set)) expect(configOf(set, name).databaseUrl, name).toMatch(/^postgres:/);
  });

  test('only the services that use them hold the secrets of mailboxes, mail servers, name servers and sign-in', () => {
    const holders = (has: (config: Config) => boolean) =>
      known('full.yaml')
        .filter((name) => has(configOf('full.yaml', name)))
        .sort();
    expect(holders(({ mailboxes }) => mailboxes.length > 0)).toEqual(['poller']);
    expect(holders(({ smtpUrl }) => smtpUrl !== null)).toEqual(['alerter']);
    expect(holders(({ dnsTargets }) => dnsTargets.length > 0)).toEqual(['applier', 'gateway']);
    expect(holders((config) => config.console.oidc !== null)).toEqual(['console']);
    expect(holders(({ gateway }) => gateway.keyFile !== null)).toEqual(['gateway']);
    expect(configOf('openshift.yaml', 'poller').mailboxes.map((one) => one.name)).toEqual(['reports', 'club']);
    for (const name of known('full.yaml')) expect(configOf('full.yaml', name).databaseUrl).toContain(`//${name}:`);
  });

  test('settings: one service over all, the console and the guard from their values', () => {
    expect(configOf('hpa.yaml', 'parser').parser.concurrency).toBe(4);
    expect(configOf('hpa.yaml', 'poller').parser.concurrency).toBe(2);
    const alerter = configOf('full.yaml', 'alerter');
    expect(alerter).toMatchObject({ consoleUrl: 'https://ruawatch.example.com', alertTo: ['postmaster@example.com'] });
    expect(configOf('full.yaml', 'console').console).toMatchObject({
      proxies: ['10.0.0.0/8'],
      listen: { host: '0.0.0.0', port: 9808 },
    });
    expect(configOf('full.yaml', 'watcher').guardFile).toMatch(/\/etc\/ruawatch\/mail-guard\.yaml$/);
    expect(configOf('full.yaml', 'gateway').gateway.listen).toEqual({ host: '0.0.0.0', port: 5355 });
    expect(configOf('full.yaml', 'collector').collector).toMatchObject({
      listen: { host: '0.0.0.0', port: 9810 },
      syslogListen: null,
      syslogTlsListen: { host: '0.0.0.0', port: 6514 },
      tls: { certFile: expect.stringContaining('tls.crt') },
    });
    expect(configOf('full.yaml', 'milter').milter).toMatchObject({
      listen: { host: '0.0.0.0', port: 8893 },
      hold: { keep: 'store', keyFile: expect.stringMatching(/\/run\/secrets\/milter\/key$/) },
    });
    // The parser deletes old lines of logs.
    expect(configOf('full.yaml', 'parser').collector.keep_raw_days).toBe(3);
    expect(configOf('openshift.yaml', 'parser').httpListen).toEqual({ host: '::', port: 9807 });
  });

  test.each(SETS)('%s: every pod is confined as the restricted profile wants, and more', (set) => {
    const pods = render(set).filter((one) => podOf(one) !== null);
    expect(pods.length).toBeGreaterThan(8);
    for (const one of pods) {
      const pod = podOf(one) as unknown as Record<string, unknown>;
      const name = `${one.kind} ${one.metadata.name}`;
      expect(pod.securityContext, name).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(pod.enableServiceLinks, name).toBe(false);
      expect(pod.automountServiceAccountToken, name).toBe(set === 'full.yaml' && ['applier', 'cluster'].includes(component(one)));
      for (const container of pod.containers as Record<string, unknown>[]) {
        expect(container.securityContext, name).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.resources, name).toMatchObject({
          requests: { cpu: expect.anything() },
          limits: { memory: expect.anything() },
        });
      }
      for (const key of ['hostNetwork', 'hostPID', 'hostIPC', 'hostPath']) expect(JSON.stringify(pod)).not.toContain(key);
    }
  });

  test('a platform may choose the user', () => {
    for (const one of of(render('openshift.yaml'), 'Deployment'))
      expect((podOf(one) as unknown as { securityContext: object }).securityContext).toEqual({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
  });

  test.each(SERVICES)('%s is probed on its health port and has time to end', (name) => {
    const one = of(render('full.yaml'), 'Deployment').find((each) => component(each) === name)!;
    const { containers, terminationGracePeriodSeconds } = one.spec.template.spec;
    expect(containers[0]).toMatchObject({
      livenessProbe: { httpGet: { path: '/livez', port: 'health' } },
      readinessProbe: { httpGet: { path: '/readyz', port: 'health' }, timeoutSeconds: 8 },
    });
    expect(containers[0].ports[0]).toEqual({ name: 'health', containerPort: 9807, protocol: 'TCP' });
    // DRAIN_MS and twice LEAVE_MS of services/cli/commands/start.ts.
    expect(terminationGracePeriodSeconds).toBeGreaterThan(64);
  });

  test('a disruption takes one pod of those that have several', () => {
    const budgets = of(render('full.yaml'), 'PodDisruptionBudget');
    expect(budgets.map(component).sort()).toEqual(['collector', 'console', 'gateway', 'milter', 'parser', 'poller', 'watcher']);
    for (const { spec } of budgets) expect(spec.maxUnavailable).toBe(1);
    expect(of(render('one-login.yaml'), 'PodDisruptionBudget')).toEqual([]);
  });

  test('each service reaches only what it needs', () => {
    const ports = Object.fromEntries(
      of(render('full.yaml'), 'NetworkPolicy').map((one) => [
        component(one),
        [
          ...new Set(
            (one.spec.egress as { ports?: { port: number }[] }[]).flatMap((rule) => rule.ports ?? []).map(({ port }) => port),
          ),
        ].sort((a, b) => a - b),
      ]),
    );
    expect(ports).toEqual({
      poller: [53, 143, 443, 993, 5432, 6379],
      parser: [53, 5432, 6379],
      analyzer: [53, 5432, 6379],
      enricher: [53, 5432, 6379],
      watcher: [53, 443, 5432, 6379],
      approver: [53, 5432, 6379],
      applier: [53, 443, 5432, 6379, 6443],
      gateway: [53, 5432, 6379],
      cluster: [53, 443, 5432, 6379, 6443],
      collector: [53, 5432, 6379],
      milter: [25, 53, 465, 587, 5432, 6379, 10027],
      alerter: [25, 53, 443, 465, 587, 5432, 6379, 8443],
      console: [53, 443, 5432, 6379],
      migrate: [53, 5432, 6379],
      test: [53],
    });
    // Without a Redis, nobody reaches one; those who ask no name servers reach the cluster's resolver alone.
    for (const one of of(render('minimal.yaml'), 'NetworkPolicy')) expect(JSON.stringify(one.spec)).not.toContain('6379');
    const analyzer = of(render('minimal.yaml'), 'NetworkPolicy').find((one) => component(one) === 'analyzer')!;
    expect(analyzer.spec.egress[0].to[0]).toEqual({
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
    });
    expect(of(render('one-login.yaml'), 'NetworkPolicy')).toEqual([]);
  });

  test('only services that listen are reached by others, and metrics by who scrapes', () => {
    for (const one of of(render('full.yaml'), 'NetworkPolicy')) {
      const rules = (one.spec.ingress ?? []) as { ports: { port: string }[]; from?: object[] }[];
      const names = rules.flatMap((rule) => rule.ports.map(({ port }) => port));
      const entries: Record<string, string[]> = {
        console: ['console'],
        gateway: ['dns-udp', 'dns-tcp'],
        collector: ['logs', 'syslog'],
        milter: ['milter'],
      };
      const more = entries[component(one)] ?? [];
      expect(names, component(one)).toEqual(['migrate', 'test'].includes(component(one)) ? [] : ['health', ...more]);
      if (rules.length > 0) expect(rules[0]!.from).toHaveLength(2);
      if (component(one) === 'console') expect(rules[1]!.from).toHaveLength(2);
    }
  });

  test('the schema is brought up before an installation, an upgrade and a rollback, by the owner', () => {
    const job = of(render('full.yaml'), 'Job').find((one) => component(one) === 'migrate')!;
    expect(job.metadata.annotations!['helm.sh/hook']).toBe('pre-install,pre-upgrade,pre-rollback');
    const root = mkdtempSync(path.join(folder, 'job-'));
    const { env, command } = layOut(podOf(job)!, SECRETS, root);
    expect(command).toEqual(['migrate', '--roles']);
    expect(loadConfig(env, root).databaseUrl).toContain('//owner:');
    // What the release makes is not there yet.
    expect(JSON.stringify(job.spec)).not.toMatch(/configMap|serviceAccountName/);
    expect(podOf(of(render('one-login.yaml'), 'Job')[0]!)!.containers[0]!.args).toEqual(['migrate']);
  });

  test('a rollout whose mail would fail is stopped before the schema is touched', async () => {
    const objects = render('full.yaml');
    const job = of(objects, 'Job').find((one) => component(one) === 'guard')!;
    const weight = (one: KubeObject) => Number(one.metadata.annotations!['helm.sh/hook-weight']);
    const data = of(objects, 'ConfigMap').find((one) => component(one) === 'guard')!;
    const migrate = of(objects, 'Job').find((one) => component(one) === 'migrate')!;
    expect(weight(data)).toBeLessThan(weight(job));
    expect(weight(job)).toBeLessThan(weight(migrate));
    expect(job.spec.backoffLimit).toBe(0);
    // The command of the Job, on what its pod has: the exit code is that of the rollout.
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const keys = { 'Secret/mail-guard-keys': { 's1.pem': privateKey.export({ type: 'pkcs8', format: 'pem' }) as string } };
    const check = async (more: string) => {
      const root = mkdtempSync(path.join(folder, 'guard-'));
      const maps = configMaps(objects);
      const zone = maps[`ConfigMap/${data.metadata.name}`]!;
      const contents = {
        ...maps,
        [`ConfigMap/${data.metadata.name}`]: { ...zone, 'records.zone': zone['records.zone']! + more },
        ...keys,
      };
      const { command } = layOut(podOf(job)!, contents, root);
      return ruawatchOnce(
        command.map((one) => one.replace(/^\/guard\//, `${root}/guard/`)),
        {},
        root,
      );
    };
    const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    const record = (selector: string) =>
      `${selector}._domainkey 300 TXT "v=DKIM1; p=${key.slice(0, 200)}" "${key.slice(200)}"\n_dmarc 300 TXT "v=DMARC1; p=reject"\n@ MX 10 mx\nmx A 192.0.2.1\n`;
    expect((await check(record('s1'))).code).toBe(0);
    expect((await check(record('s2'))).code).toBe(2);
  });

  test('the service of the cluster reads addresses, and no Secret', () => {
    const rulesOf = (...more: string[]) =>
      (of(render('full.yaml', ...more), 'ClusterRole') as unknown as { rules: { resources: string[]; verbs: string[] }[] }[])[0]!
        .rules;
    const resources = (...more: string[]) => rulesOf(...more).flatMap((rule) => rule.resources);
    expect(resources()).toEqual(['nodes', 'ciliumegressgatewaypolicies', 'ippools', 'pods']);
    expect(resources('--set', 'cluster.cilium=false,cluster.calico=false')).toEqual(['nodes']);
    for (const { verbs } of rulesOf()) expect(verbs).toEqual(['get', 'list', 'watch']);
    expect(of(render('full.yaml'), 'ClusterRoleBinding')).toMatchObject([
      { subjects: [{ kind: 'ServiceAccount', name: 'r-ruawatch-cluster', namespace: 'mail' }] },
    ]);
  });

  test('the applier may get and patch the Secrets and ConfigMaps of keys, and nobody else has any right', () => {
    const roles = (...more: string[]) =>
      (of(render('full.yaml', ...more), 'Role') as unknown as (KubeObject & { rules: object[] })[]).map((one) => ({
        of: component(one),
        namespace: one.metadata.namespace,
        rules: one.rules,
      }));
    const named = (resource: string, resourceNames: string[]) => ({
      apiGroups: [''],
      resources: [resource],
      resourceNames,
      verbs: ['get', 'patch'],
    });
    expect(roles()).toEqual([
      {
        of: 'applier',
        namespace: 'signers',
        rules: [named('secrets', ['dkim-example-com', 'dkim-example-org']), named('configmaps', ['dkim-signer'])],
      },
      {
        of: 'cluster',
        namespace: 'signers',
        rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }],
      },
    ]);
    expect(of(render('full.yaml'), 'RoleBinding')).toMatchObject(
      ['applier', 'cluster'].map((name) => ({
        metadata: { namespace: 'signers' },
        subjects: [{ kind: 'ServiceAccount', name: `r-ruawatch-${name}`, namespace: 'mail' }],
      })),
    );
    const made = render('full.yaml').filter(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy'] === 'keep');
    expect(made.map(({ kind, metadata }) => [kind, metadata.namespace, metadata.name])).toEqual([
      ['Secret', 'signers', 'dkim-example-com'],
      ['Secret', 'signers', 'dkim-example-org'],
      ['ConfigMap', 'signers', 'dkim-signer'],
    ]);
    expect(of(render('full.yaml', '--set', 'dkim.create=false'), 'Secret')).toEqual([]);
    for (const set of SETS.filter((name) => name !== 'full.yaml'))
      expect(render(set).filter(({ kind }) => /Role|Secret/.test(kind))).toEqual([]);
  });

  test('parsers scale by metrics that the program has', async () => {
    const known = (await createMetrics().registry.getMetricsAsJSON()).map(({ name }) => name);
    const [scaled] = of(render('full.yaml'), 'ScaledObject') as [KubeObject];
    const triggers = scaled.spec.triggers as { metricType: string; metadata: { valueLocation: string; url: string } }[];
    expect(triggers.map(({ metricType, metadata }) => [metricType, metadata.valueLocation])).toEqual([
      ['AverageValue', 'ruawatch_messages_waiting'],
      ['Value', 'ruawatch_messages_oldest_waiting_seconds'],
    ]);
    for (const { metadata } of triggers) {
      expect(known).toContain(metadata.valueLocation);
      expect(metadata.url).toBe('http://r-ruawatch-parser.mail.svc:9807/metrics');
    }
    expect(of(render('full.yaml'), 'Service').map(({ metadata }) => metadata.name)).toContain('r-ruawatch-parser');
    const [hpa] = of(render('hpa.yaml'), 'HorizontalPodAutoscaler') as [KubeObject];
    for (const { external } of hpa.spec.metrics) expect(known).toContain(external.metric.name);
    // Whoever scales sets the number, not the chart.
    const replicas = (set: string) => of(render(set), 'Deployment').find((one) => component(one) === 'parser')!.spec.replicas;
    expect(['full.yaml', 'hpa.yaml', 'minimal.yaml'].map(replicas)).toEqual([undefined, undefined, 2]);
  });

  test('alerts and dashboards are those of deploy/, with the data sources of the values', () => {
    const [rule] = of(render('full.yaml'), 'PrometheusRule') as [KubeObject];
    expect(rule.spec).toEqual(parse(readFileSync(path.join(CHART, '../../prometheus/alerts.yaml'), 'utf8')));
    const boards = of(render('full.yaml'), 'ConfigMap').filter(({ metadata }) => metadata.labels!.grafana_dashboard === '1');
    expect(boards.map(({ data }) => Object.keys(data!)[0]).sort()).toEqual(readdirSync(path.join(CHART, '../../grafana')).sort());
    for (const { data } of boards) {
      const [text] = Object.values(data!) as [string];
      expect(JSON.parse(text).panels.length).toBeGreaterThan(3);
      expect(text).not.toContain('${DS_');
    }
  });

  test('the console is led to under its own name', () => {
    const [ingress] = of(render('full.yaml'), 'Ingress') as [KubeObject];
    expect(ingress.spec).toMatchObject({
      ingressClassName: 'nginx',
      tls: [{ hosts: ['ruawatch.example.com'], secretName: 'ruawatch-tls' }],
      rules: [{ host: 'ruawatch.example.com' }],
    });
    const [route] = of(render('hpa.yaml'), 'HTTPRoute') as [KubeObject];
    expect(route.spec).toMatchObject({
      hostnames: ['ruawatch.example.com'],
      parentRefs: [{ name: 'public', namespace: 'gateways' }],
    });
  });

  test.each([
    [['services.gateway.enabled=true'], 'gateway.existingSecret is not set'],
    [['smtp.existingSecret=s', 'smtp.to=a@example.org'], 'smtp.from is not set'],
    [['smtp.existingSecret=s', 'smtp.from=a@example.org'], 'smtp.to is not set'],
    [['console.ingress.enabled=true'], 'console.url is not set'],
    [['console.httpRoute.enabled=true', 'console.url=https://a.example'], 'console.httpRoute.parentRefs is empty'],
    [['services.cluster.enabled=true'], 'mailGuard is empty'],
    [['services.milter.enabled=true'], 'settings.milter.authserv_id is not set'],
    [['services.parsers.enabled=true'], 'parsers'],
    [['replicas=2'], 'replicas'],
  ])('%j is refused', (set, said) => {
    const { status, stderr } = run('template', 'r', CHART, ...set.flatMap((one) => ['--set', one]));
    expect(status).toBe(1);
    expect(stderr).toContain(said);
  });

  test('names fit whatever the release is called', () => {
    const name = 'a'.repeat(53);
    for (const one of render('', '--set', `fullnameOverride=${name}`)) expect(one.metadata.name.length).toBeLessThanOrEqual(63);
    const [first] = render('', '--set', 'nameOverride=dmarc');
    expect(first!.metadata.name).toMatch(/^r-dmarc-/);
  });
});

/** Of other projects: the API server's tests have their definitions. */
const CUSTOM = ['ScaledObject', 'ServiceMonitor', 'PrometheusRule', 'HTTPRoute'];

const validate = `
import functools, json, sys
import kubernetes_validate.utils as v
v.schema_contents = functools.lru_cache(maxsize=None)(v.schema_contents)
for version, data in json.load(sys.stdin):
    try:
        v.validate(data, version, strict=True)
    except Exception as error:
        print(version, data["kind"], data["metadata"]["name"], str(error).split("\\n")[0])
print(v.latest_version())
`;
describe.skipIf(helm === null || PYTHON === null)(
  `the schemas of Kubernetes${skippedWithout({ helm })}${PYTHON === null ? ' (SKIPPED: KUBERNETES_VALIDATE names no Python)' : ''}`,
  () => {
    test('all objects of all sets are valid on 1.30 and the newest version, without an unknown field', {
      timeout: 120_000,
    }, () => {
      const objects = SETS.flatMap((set) => render(set)).filter(({ kind }) => !CUSTOM.includes(kind));
      const wrong = structuredClone(of(objects, 'Deployment')[0]!);
      wrong.spec.replicas = '2';
      wrong.metadata.name = 'planted';
      const input = [...objects, wrong].flatMap((one) =>
        ['1.30', '1.99'].map((version) => [version === '1.99' ? newest() : version, one]),
      );
      const { stdout, stderr } = spawnSync(PYTHON!, ['-c', validate], { input: JSON.stringify(input), encoding: 'utf8' });
      expect(stderr).toBe('');
      const lines = stdout.trim().split('\n');
      expect(lines.slice(0, -1)).toEqual([
        expect.stringContaining('1.30 Deployment planted'),
        expect.stringContaining(`${newest()} Deployment planted`),
      ]);
    });
  },
);

let latest = '';
/** The newest version that kubernetes-validate has schemas of. */
function newest(): string {
  latest ||= spawnSync(PYTHON!, ['-c', 'import kubernetes_validate; print(kubernetes_validate.latest_version())'], {
    encoding: 'utf8',
  }).stdout.trim();
  return latest;
}
