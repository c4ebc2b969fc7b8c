import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rotateKeys } from '../../services/applier/rotate.ts';
import { ApiSource } from '../../services/cluster/api-source.ts';
import { Kubernetes as Client, openApi } from '../../services/shared/runtime/kubernetes.ts';
import { createLog } from '../../services/shared/runtime/log.ts';
import { dkimKeys, dkimSchema } from '../../services/shared/settings/dkim-keys.ts';
import { beginRotation, rotationsOf, stepRotation } from '../../services/store/requests/rotations.ts';
import { type Kubernetes, kubeconfigOf, startKubernetes } from '../helpers/kubernetes.ts';
import { kubernetesTool, skippedWithout } from '../helpers/kubernetes-tools.ts';
import { until } from '../helpers/services.ts';
import { startUpdatableKnot, type UpdateServer, updatable } from '../helpers/update-servers.ts';
import { type ClusterFixture, clusterFixture, DOMAIN, guardOf, KEY, MINUTE } from './setup.ts';

const tools = {
  etcd: kubernetesTool('etcd'),
  'kube-apiserver': kubernetesTool('kube-apiserver'),
  knot: updatable.knot ? 'knotd' : null,
};
const skipped = skippedWithout(tools);
const READ = ['get', 'list', 'watch'];
/** What docs/cluster.md says that the accounts need, and nothing else. */
const CLUSTER_RULES = [
  { apiGroups: [''], resources: ['nodes', 'pods'], verbs: READ },
  { apiGroups: ['cilium.io'], resources: ['ciliumegressgatewaypolicies'], verbs: READ },
  { apiGroups: ['crd.projectcalico.org'], resources: ['ippools'], verbs: READ },
];
const APPLIER_RULES = [
  { apiGroups: [''], resources: ['secrets'], resourceNames: ['dkim'], verbs: ['get', 'patch'] },
  { apiGroups: [''], resources: ['configmaps'], resourceNames: ['signer'], verbs: ['get', 'patch'] },
];
const RBAC = 'rbac.authorization.k8s.io';

describe.skipIf(skipped !== '')(`on a real API server${skipped}`, () => {
  let kubernetes: Kubernetes;
  let knot: UpdateServer;
  let f: ClusterFixture;
  let folder: string;
  const files = { cluster: '', applier: '' };
  const tokens = { cluster: '', applier: '' };

  const post = async (at: string, body: object) => {
    const { status, body: said } = await kubernetes.ask('POST', at, { body });
    if (status !== 201) throw new Error(`${at}: ${status} ${JSON.stringify(said).slice(0, 400)}`);
  };
  const merge = async (at: string, body: object) => {
    const { status, body: said } = await kubernetes.ask('PATCH', at, { body, type: 'application/merge-patch+json' });
    if (status !== 200) throw new Error(`${at}: ${status} ${JSON.stringify(said).slice(0, 400)}`);
  };
  const node = async (name: string, address: string, labels: Record<string, string> = { pool: 'mail' }) => {
    await post('/api/v1/nodes', { metadata: { name, labels } });
    await merge(`/api/v1/nodes/${name}/status`, { status: { addresses: [{ type: 'ExternalIP', address }] } });
  };
  const definition = (group: string, version: string, kind: string, plural: string) =>
    post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: 'Cluster',
        names: { kind, plural, singular: kind.toLowerCase() },
        versions: [
          {
            name: version,
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    });
  const account = async (name: 'cluster' | 'applier', role: { kind: 'ClusterRole' | 'Role'; rules: object[] }) => {
    await post('/api/v1/namespaces/mail/serviceaccounts', { metadata: { name } });
    const scope = role.kind === 'Role' ? `/apis/${RBAC}/v1/namespaces/mail` : `/apis/${RBAC}/v1`;
    const plural = role.kind === 'Role' ? 'role' : 'clusterrole';
    await post(`${scope}/${plural}s`, { metadata: { name }, rules: role.rules });
    await post(`${scope}/${plural}bindings`, {
      metadata: { name },
      roleRef: { apiGroup: RBAC, kind: role.kind, name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: 'mail' }],
    });
    const { body } = await kubernetes.ask('POST', `/api/v1/namespaces/mail/serviceaccounts/${name}/token`, {
      body: { spec: {} },
    });
    tokens[name] = (body as { status: { token: string } }).status.token;
    files[name] = path.join(folder, name);
    writeFileSync(files[name], kubeconfigOf(kubernetes.url, kubernetes.ca, tokens[name]), { mode: 0o600 });
  };

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-real-api-'));
    kubernetes = await startKubernetes();
    await post('/api/v1/namespaces', { metadata: { name: 'mail' } });
    await definition('cilium.io', 'v2', 'CiliumEgressGatewayPolicy', 'ciliumegressgatewaypolicies');
    await definition('crd.projectcalico.org', 'v1', 'IPPool', 'ippools');
    await account('cluster', { kind: 'ClusterRole', rules: CLUSTER_RULES });
    await account('applier', { kind: 'Role', rules: APPLIER_RULES });
    knot = await startUpdatableKnot({
      zone: DOMAIN,
      records: ['@ TXT "v=spf1 ip4:192.0.2.1 -all"', '_dmarc TXT "v=DMARC1; p=reject"'],
      keys: [KEY],
    });
    f = await clusterFixture(knot.server, { source: { kind: 'api', kubeconfig: files.cluster, context: null } });
  }, 120_000);
  afterAll(async () => {
    await f?.close();
    await knot?.stop();
    await kubernetes?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('nodes come and go: a request is opened, a rule approves it, and Knot has the record', { timeout: 60_000 }, async () => {
    f.guard(guardOf('{ from: nodes, node_labels: { pool: mail } }'));
    await node('n1', '192.0.2.1');
    await node('web', '192.0.2.99', { pool: 'web' });
    const addresses = async () => {
      await f.later(0);
      const { rows } = await f.t.db.query<{ address: string }>(
        'select address from dmarc.egress_addresses where gone_at is null and unknown is null order by 1',
      );
      return rows.map(({ address }) => address).join();
    };
    await until(async () => (await addresses()) === '192.0.2.1');
    await node('n2', '192.0.2.2');
    await until(async () => (await addresses()) === '192.0.2.1,192.0.2.2');
    await f.later(3 * MINUTE);
    expect((await f.requests()).map(({ state, summary }) => [state, summary])).toEqual([
      ['approved', 'Let SPF of example.com admit 192.0.2.2.'],
    ]);
    await f.apply();
    expect(await f.spf()).toBe('v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 -all');
    expect((await kubernetes.ask('DELETE', '/api/v1/nodes/n1')).status).toBe(200);
    await until(async () => (await addresses()) === '192.0.2.2');
    expect((await f.requests()).length).toBe(1);
  });

  test('policies of Cilium and pools of Calico are read, with the account of a pod too', { timeout: 60_000 }, async () => {
    await post('/apis/cilium.io/v2/ciliumegressgatewaypolicies', {
      ...{ apiVersion: 'cilium.io/v2', kind: 'CiliumEgressGatewayPolicy', metadata: { name: 'mail' } },
      spec: { egressGateway: { egressIP: '203.0.113.5' } },
    });
    await post('/apis/crd.projectcalico.org/v1/ippools', {
      ...{ apiVersion: 'crd.projectcalico.org/v1', kind: 'IPPool', metadata: { name: 'mail' } },
      spec: { cidr: '203.0.113.64/28' },
    });
    const pod = path.join(folder, 'pod');
    mkdirSync(pod);
    writeFileSync(path.join(pod, 'token'), tokens.cluster);
    writeFileSync(path.join(pod, 'ca.crt'), kubernetes.ca);
    const { hostname, port } = new URL(kubernetes.url);
    const env = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
    const api = new Client(await openApi({ kubeconfig: null, context: null }, pod, env));
    const source = new ApiSource({ api, log: createLog('silent'), failed: () => undefined, firstWaitMs: 50 });
    const ways = [
      { name: 'c', from: 'cilium' as const, policy: 'mail', addresses: [] },
      { name: 'k', from: 'calico' as const, pool: 'mail', addresses: [] },
    ];
    const found = () => ways.map((way) => source.observe('production', way.name, way));
    await until(() => found().every(({ state }) => state === 'known'));
    expect(found()).toEqual([
      { state: 'known', addresses: ['203.0.113.5'] },
      { state: 'known', addresses: ['203.0.113.64/28'] },
    ]);
    await source.stop();
  });

  test('the account of the service reads addresses, and neither Secrets nor changes anything', async () => {
    const api = new Client(await openApi({ kubeconfig: files.cluster, context: null }));
    await expect(api.get('/api/v1/namespaces/mail/secrets/dkim')).rejects.toMatchObject({ status: 403 });
    await expect(api.patch('/api/v1/nodes/n2', { metadata: { labels: { x: 'y' } } })).rejects.toMatchObject({ status: 403 });
  });

  test('a key is rotated in a Secret, and signs when all pods have it', { timeout: 60_000 }, async () => {
    await post('/api/v1/namespaces/mail/secrets', { metadata: { name: 'dkim' } });
    await post('/api/v1/namespaces/mail/secrets', { metadata: { name: 'other' } });
    await post('/api/v1/namespaces/mail/configmaps', {
      metadata: { name: 'signer' },
      data: { 'dkim_selectors.map': `${DOMAIN} s0\n` },
    });
    for (const name of ['a', 'b'])
      await post('/api/v1/namespaces/mail/pods', {
        metadata: { name, labels: { app: 'rspamd' } },
        spec: { containers: [{ name: 'rspamd', image: 'rspamd' }] },
      });
    const kubernetesOf = {
      ...{ namespace: 'mail', secret: 'dkim', config_map: 'signer', signer: 'rspamd', pods: { app: 'rspamd' } },
      kubeconfig: files.applier,
    };
    const keys = dkimKeys(dkimSchema.parse([{ domain: DOMAIN, layout: 'kubernetes', kubernetes: kubernetesOf }]), folder, []);
    f.context.config.dkimKeys = keys;
    const watch = f.second();
    const rotate = () => rotateKeys({ db: f.t.db, log: f.context.log, keys, now: () => f.context.clock.now() });
    const newest = async () => (await rotationsOf(f.t.db, DOMAIN, 1))[0]!;
    await beginRotation(f.t.db, DOMAIN, { person: 'ada@example.com', why: 'It is old.' }, f.context.clock.now());
    await rotate();
    const made = await newest();
    expect(made).toMatchObject({ step: 'made', old_selector: 's0', record: expect.stringMatching(/^v=DKIM1; k=rsa; p=/) });
    // As the approver does when all servers of the zone have given the record for long enough.
    await stepRotation(f.t.db, made, 'published', { actor: 'approver', now: f.context.clock.now() });
    const file = `${DOMAIN}.${made.new_selector}.key`;
    const annotate = (name: string) =>
      merge(`/api/v1/namespaces/mail/pods/${name}`, { metadata: { annotations: { 'ruawatch/dkim-keys': file } } });
    const table = async () =>
      ((await kubernetes.ask('GET', '/api/v1/namespaces/mail/configmaps/signer')).body as { data: Record<string, string> }).data;
    await annotate('a');
    await until(async () => {
      await f.later(0, watch);
      await rotate();
      return (await newest()).waits_for === `not all 2 pods of the signer say that they have ${file} yet`;
    });
    expect(await table()).toEqual({ 'dkim_selectors.map': `${DOMAIN} s0\n` });
    await annotate('b');
    await until(async () => {
      await f.later(0, watch);
      await rotate();
      return (await newest()).step === 'switched';
    });
    expect(await table()).toEqual({ 'dkim_selectors.map': `${DOMAIN} ${made.new_selector}\n` });
    const api = new Client(await openApi({ kubeconfig: files.applier, context: null }));
    for (const at of ['secrets/other', 'secrets', 'pods', 'configmaps/kube-root-ca.crt'])
      await expect(api.get(`/api/v1/namespaces/mail/${at}`), at).rejects.toMatchObject({ status: 403 });
  });
});
