import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crdFolder, kubernetesTool } from './kubernetes-tools.ts';
import { freePort, until } from './services.ts';

/** What a program printed, and how it ended. */
export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * A real API server with its etcd, on ports of the loopback address that the system picks. There are no
 * controllers, no scheduler and no kubelet: objects, watches, admission (also of pod security), accounts and
 * their rights are real, and pods do not run.
 */
export interface Kubernetes {
  /** https://127.0.0.1:port */
  url: string;
  /** The PEM of the certificate that it shows. */
  ca: string;
  /** A kubeconfig file of an administrator, and his token. */
  kubeconfig: string;
  token: string;
  /** The environment that kubectl and helm need, with both in the PATH. */
  env: Record<string, string>;
  kubectl(args: readonly string[], input?: string): Promise<Said>;
  helm(args: readonly string[]): Promise<Said>;
  /** One request as JSON. @param options.token of somebody else */
  ask(
    method: string,
    path: string,
    options?: { token?: string; body?: unknown; type?: string },
  ): Promise<{ status: number; body: unknown }>;
  stop(): Promise<void>;
}

/** @throws Error with what the API server printed, when it does not come up */
export async function startKubernetes(): Promise<Kubernetes> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-kubernetes-'));
  const [clients, peers, port] = [await freePort(), await freePort(), await freePort()];
  const token = randomBytes(24).toString('hex');
  const file = (name: string, content: string) => {
    writeFileSync(path.join(folder, name), content, { mode: 0o600 });
    return path.join(folder, name);
  };
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  const signer = file('accounts.key', key);
  const etcdUrl = `http://127.0.0.1:${clients}`;
  const etcd = launch('etcd', [
    ...['--data-dir', path.join(folder, 'etcd'), '--unsafe-no-fsync', '--log-level', 'error'],
    ...['--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
    ...['--listen-peer-urls', `http://127.0.0.1:${peers}`, '--initial-advertise-peer-urls', `http://127.0.0.1:${peers}`],
    ...['--initial-cluster', `default=http://127.0.0.1:${peers}`],
  ]);
  const server = launch('kube-apiserver', [
    ...[`--etcd-servers=${etcdUrl}`, `--secure-port=${port}`, '--bind-address=127.0.0.1', `--cert-dir=${folder}/certificates`],
    ...[`--service-account-key-file=${signer}`, `--service-account-signing-key-file=${signer}`],
    ...['--service-account-issuer=https://kubernetes.default.svc', '--authorization-mode=RBAC'],
    ...[`--token-auth-file=${file('tokens.csv', `${token},admin,admin,system:masters\n`)}`],
    // Its controller, which makes an account in each namespace, does not run here.
    ...['--service-cluster-ip-range=10.96.0.0/16', '--disable-admission-plugins=ServiceAccount'],
  ]);
  const url = `https://127.0.0.1:${port}`;
  const stop = async () => {
    await Promise.all([server.end(), etcd.end()]);
    rmSync(folder, { recursive: true, force: true });
  };
  const certificate = path.join(folder, 'certificates/apiserver.crt');
  const asking = new Agent({ rejectUnauthorized: false, keepAlive: false });
  const ask: Kubernetes['ask'] = (method, at, { token: other = token, body, type = 'application/json' } = {}) =>
    askJson({ url: url + at, method, token: other, agent: asking, type, body: body === undefined ? null : JSON.stringify(body) });
  try {
    await until(async () => {
      if (!server.running() || !etcd.running()) throw new Error(`It did not start: ${etcd.said()}${server.said()}`.slice(-4000));
      return existsSync(certificate) && (await ask('GET', '/readyz').catch(() => ({ status: 0 }))).status === 200;
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const ca = readFileSync(certificate, 'utf8');
  const kubeconfig = file('kubeconfig', kubeconfigOf(url, ca, token));
  const env = {
    PATH: [path.dirname(kubernetesTool('helm') ?? process.execPath), path.dirname(process.execPath), '/usr/bin:/bin'].join(':'),
    KUBECONFIG: kubeconfig,
    HOME: folder,
  };
  return {
    url,
    ca,
    kubeconfig,
    token,
    env,
    kubectl: (args, input) => run(kubernetesTool('kubectl')!, args, env, input),
    helm: (args) => run(kubernetesTool('helm')!, args, env),
    ask,
    stop,
  };
}

/**
 * Makes the definitions of KEDA, the Prometheus Operator and the Gateway API known, and waits until they are
 * served.
 */
export async function addDefinitions({ ask }: Kubernetes): Promise<void> {
  const folder = crdFolder()!;
  for (const name of readdirSync(folder)) {
    const { status, body } = await ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      body: readFileSync(path.join(folder, name), 'utf8'),
      type: 'application/yaml',
    });
    if (status !== 201) throw new Error(`${name}: ${JSON.stringify(body).slice(0, 500)}`);
    const { group, names, versions } = (body as { spec: Definition }).spec;
    for (const { name: version, served } of versions)
      if (served) await until(async () => (await ask('GET', `/apis/${group}/${version}/${names.plural}`)).status === 200);
  }
}

interface Definition {
  group: string;
  names: { plural: string };
  versions: { name: string; served: boolean }[];
}

/** @param token also of an account: what `kubectl create token` prints */
export function kubeconfigOf(url: string, ca: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  });
}

function launch(name: 'etcd' | 'kube-apiserver', args: readonly string[]) {
  const child: ChildProcess = spawn(kubernetesTool(name)!, args, { stdio: ['ignore', 'pipe', 'pipe'], env: {} });
  let said = '';
  const keep = (data: Buffer) => {
    said = (said + data.toString()).slice(-8_000);
  };
  child.stdout!.on('data', keep);
  child.stderr!.on('data', keep);
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    said: () => said,
    running: () => child.exitCode === null && child.signalCode === null,
    async end() {
      child.kill('SIGKILL');
      await ended;
      process.off('exit', killAtExit);
    },
  };
}

function run(program: string, args: readonly string[], env: Record<string, string>, input?: string): Promise<Said> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const shown = stderr.replace(/^walk\.go.*symbolic link.*\n/gm, '');
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr: shown });
    });
    child.stdin!.end(input ?? '');
  });
}

interface Asking {
  url: string;
  method: string;
  token: string;
  agent: Agent;
  type: string;
  body: string | null;
}
function askJson({ url, method, token, agent, type, body }: Asking): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      accept: 'application/json',
      ...(body === null ? {} : { 'content-type': type }),
    };
    // YAML comes as it is, whatever JSON.stringify made of the string.
    const sent = body !== null && type === 'application/yaml' ? (JSON.parse(body) as string) : body;
    const asked = request(url, { method, agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('end', () => {
        const json = (response.headers['content-type'] ?? '').includes('json');
        resolve({ status: response.statusCode!, body: json ? JSON.parse(text) : text });
      });
    });
    asked.on('error', reject);
    asked.end(sent ?? undefined);
  });
}
