import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** An object of Kubernetes, as far as the tests look at it. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: each kind has its own
  spec?: any;
  data?: Record<string, string>;
}

export interface Container {
  name: string;
  image: string;
  command?: string[];
  args: string[];
  env?: { name: string; value?: string }[];
  volumeMounts?: { name: string; mountPath: string }[];
}
export interface PodSpec {
  containers: Container[];
  volumes?: {
    name: string;
    emptyDir?: object;
    configMap?: { name: string; items?: Item[] };
    secret?: { secretName: string; items?: Item[] };
  }[];
}
interface Item {
  key: string;
  path: string;
}

/** Contents of ConfigMaps and Secrets, by "ConfigMap/name" and "Secret/name". */
export type Contents = Record<string, Record<string, string>>;

/**
 * Does what the kubelet does before it starts a container: lays out its volumes, below `root` instead of /,
 * and gives its environment. Paths in variables and in ruawatch.yaml that lie in a mount are moved there as
 * well.
 * @throws Error when a ConfigMap, a Secret or a key of one is missing, where a real pod would not start
 */
export function layOut(pod: PodSpec, contents: Contents, root: string): { env: Record<string, string>; command: string[] } {
  const [container] = pod.containers as [Container];
  const mounts = container.volumeMounts ?? [];
  const moved = (text: string) =>
    mounts.reduce(
      (so, { mountPath }) => so.replace(new RegExp(`(?<![\\w/.-])${mountPath}(?=/|$)`, 'gm'), root + mountPath),
      text,
    );
  for (const { name, mountPath } of mounts) {
    const volume = pod.volumes?.find((one) => one.name === name);
    if (volume === undefined) throw new Error(`There is no volume ${name}.`);
    const folder = path.join(root, mountPath);
    mkdirSync(folder, { recursive: true });
    if (volume.emptyDir !== undefined) continue;
    const source = volume.configMap ?? volume.secret!;
    const from = volume.configMap ? `ConfigMap/${volume.configMap.name}` : `Secret/${volume.secret!.secretName}`;
    const data = contents[from];
    if (data === undefined) throw new Error(`There is no ${from}.`);
    for (const { key, path: file } of source.items ?? Object.keys(data).map((one) => ({ key: one, path: one }))) {
      if (data[key] === undefined) throw new Error(`${from} has no key ${key}.`);
      writeFileSync(path.join(folder, file), moved(data[key]));
    }
  }
  const env = Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, moved(value ?? '')]));
  return { env, command: [...(container.command ?? []), ...container.args] };
}

/** The pod that an object runs; null for one that runs none. */
export function podOf({ kind, spec }: KubeObject): PodSpec | null {
  if (kind === 'Pod') return spec;
  return kind === 'Deployment' || kind === 'Job' ? spec.template.spec : null;
}

/** What the ConfigMaps among these objects hold. */
export function configMaps(objects: readonly KubeObject[]): Contents {
  return Object.fromEntries(
    objects.filter(({ kind }) => kind === 'ConfigMap').map(({ metadata, data }) => [`ConfigMap/${metadata.name}`, data ?? {}]),
  );
}
