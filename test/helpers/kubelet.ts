import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Kubernetes } from './kubernetes.ts';
import { kubernetesTool } from './kubernetes-tools.ts';
import { type Contents, type KubeObject, layOut, podOf } from './pods.ts';
import { freePort } from './services.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

/**
 * Stands in for the controllers and the kubelet in one namespace, which need a container engine: runs the
 * containers of Jobs and Pods as processes and reports how they ended, and runs one process for each
 * Deployment. Each gets the files, variables and arguments that its pod would get from the API server, with
 * paths below a folder of its own and ports that the system picks.
 */
export class Kubelet {
  private readonly kubernetes: Kubernetes;
  private readonly namespace: string;
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-kubelet-'));
  private readonly seen = new Set<string>();
  private readonly children = new Map<string, ChildProcess>();
  /** Addresses by the names that pods call each other: "ruawatch-poller:9807". */
  private readonly names = new Map<string, string>();
  private readonly stopping = new AbortController();
  private loop: Promise<void> | null = null;

  constructor(kubernetes: Kubernetes, namespace: string) {
    this.kubernetes = kubernetes;
    this.namespace = namespace;
  }

  start(): void {
    process.once('exit', this.kill);
    this.loop = this.run();
  }

  /**
   * A folder for the PATH with a kubectl whose `logs` and `exec`, which need a kubelet, are answered from
   * here; the rest is the real one.
   */
  commands(): string {
    const folder = path.join(this.folder, 'bin');
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      path.join(folder, 'kubectl'),
      `#!/bin/bash
for one in "$@"; do [[ $one == deploy/* ]] && name=\${one#deploy/}; done
case $1 in
  logs) exec cat "${this.folder}/$name/log" ;;
  exec)
    while [ "$1" != -- ]; do shift; done
    shift
    exec "${this.folder}/$name/exec" "$@"
    ;;
esac
exec ${kubernetesTool('kubectl')} "$@"
`,
      { mode: 0o755 },
    );
    return folder;
  }

  /** What a process of a Deployment, a Job or a Pod has printed. */
  log(name: string): string {
    return readFileSync(path.join(this.folder, name, 'log'), 'utf8');
  }

  private readonly kill = () => {
    for (const child of this.children.values()) child.kill('SIGKILL');
  };

  async stop(): Promise<void> {
    process.off('exit', this.kill);
    this.stopping.abort();
    await this.loop;
    await Promise.all(
      [...this.children.values()].map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = new Promise((resolve) => child.once('close', resolve));
        child.kill('SIGTERM');
        await ended;
      }),
    );
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await this.deployments();
      await this.ended('/apis/batch/v1', 'jobs', (code) => jobStatus(code));
      await this.ended('/api/v1', 'pods', (code) => ({ phase: code === 0 ? 'Succeeded' : 'Failed' }));
      await wait(200);
    }
  }

  private async list(group: string, kind: string): Promise<(KubeObject & { metadata: { uid: string } })[]> {
    const { body } = await this.kubernetes.ask('GET', `${group}/namespaces/${this.namespace}/${kind}`);
    return (body as { items?: (KubeObject & { metadata: { uid: string } })[] }).items ?? [];
  }

  private async deployments(): Promise<void> {
    for (const one of await this.list('/apis/apps/v1', 'deployments')) {
      const { name, uid } = one.metadata;
      if (this.seen.has(uid)) continue;
      this.seen.add(uid);
      const [health, pages] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
      this.names.set(`${name}:9807`, health);
      if (name.endsWith('-console')) this.names.set(`${name.replace(/-console$/, '-web')}/`, `${pages}/`);
      await this.launch(name, { ...one, kind: 'Deployment' }, { HTTP_LISTEN: health, CONSOLE_LISTEN: pages });
    }
  }

  /** Runs what is to end, and reports its status. */
  private async ended(group: string, kind: string, status: (code: number) => object): Promise<void> {
    for (const one of await this.list(group, kind)) {
      const { name, uid } = one.metadata;
      if (this.seen.has(uid)) continue;
      this.seen.add(uid);
      const child = await this.launch(name, { ...one, kind: kind === 'jobs' ? 'Job' : 'Pod' }, {});
      child.once('close', (code) => {
        void this.kubernetes.ask('PATCH', `${group}/namespaces/${this.namespace}/${kind}/${name}/status`, {
          type: 'application/merge-patch+json',
          body: { status: status(code ?? 1) },
        });
      });
    }
  }

  private async launch(name: string, object: KubeObject, ports: Record<string, string>): Promise<ChildProcess> {
    const pod = podOf(object)!;
    const folder = path.join(this.folder, name);
    mkdirSync(folder, { recursive: true });
    const { env, command } = layOut(pod, await this.contents(), path.join(folder, 'root'));
    for (const key of Object.keys(env)) if (ports[key] !== undefined) env[key] = ports[key];
    for (const key of Object.keys(env))
      for (const [called, address] of this.names) env[key] = env[key]!.replaceAll(`//${called}`, `//${address}`);
    env.PATH = process.env.PATH ?? '';
    // The image's working folder is that of the program.
    const [file, ...args] = command[0] === 'node' ? command : ['node', 'dist/services/cli/main.js', ...command];
    const quoted = Object.entries(env).map(([key, value]) => `'${key}=${value.replaceAll("'", `'\\''`)}'`);
    writeFileSync(path.join(folder, 'exec'), `#!/bin/sh\ncd ${ROOT}\nexec env -i ${quoted.join(' ')} "$@"\n`, { mode: 0o755 });
    const log = openSync(path.join(folder, 'log'), 'w');
    const child = spawn(file === 'node' ? process.execPath : file!, args, { cwd: ROOT, env, stdio: ['ignore', log, log] });
    closeSync(log);
    this.children.set(name, child);
    return child;
  }

  private async contents(): Promise<Contents> {
    const contents: Contents = {};
    for (const { metadata, data = {} } of await this.list('/api/v1', 'configmaps')) contents[`ConfigMap/${metadata.name}`] = data;
    for (const { metadata, data = {} } of await this.list('/api/v1', 'secrets'))
      contents[`Secret/${metadata.name}`] = Object.fromEntries(
        Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
      );
    return contents;
  }
}

/** As the controller of Jobs reports the end of one. */
function jobStatus(code: number): object {
  const now = new Date().toISOString().replace(/\.\d+Z/, 'Z');
  const condition = (type: string) => ({
    type,
    status: 'True',
    lastTransitionTime: now,
    lastProbeTime: now,
    reason: 'Ended',
    message: '',
  });
  return code === 0
    ? {
        startTime: now,
        completionTime: now,
        succeeded: 1,
        uncountedTerminatedPods: {},
        conditions: [condition('SuccessCriteriaMet'), condition('Complete')],
      }
    : { startTime: now, failed: 1, uncountedTerminatedPods: {}, conditions: [condition('FailureTarget'), condition('Failed')] };
}
