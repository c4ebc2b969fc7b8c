import { createPrivateKey, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { messageOf } from '../../shared/errors.ts';
import { Kubernetes, KubernetesError, type KubernetesObject, openApi } from '../../shared/runtime/kubernetes.ts';
import type { KubernetesKeys } from '../../shared/settings/dkim-keys.ts';
import { run } from './command.ts';
import { recordOf } from './files.ts';
import { type KeyStore, KeyStoreError } from './layout.ts';
import { tableOf } from './tables.ts';

const generate = promisify(generateKeyPair);

export interface KubernetesMeans {
  /** What was last seen of the pods that sign for a domain; null when nothing looks at them. */
  pods: (domain: string) => Promise<{ pods: number; files: readonly string[]; unknown: string | null; checked_at: Date } | null>;
  now: () => Date;
  /** By default the API server of the settings. */
  open?: typeof openApi;
}

type WithData = KubernetesObject & { data?: Record<string, string> | null };

/** What was seen of pods is believed for so long. */
const FRESH_MS = 5 * 60_000;
/** Somebody else may change the same object meanwhile. */
const TRIES = 4;
const CONFLICT = 409;

/**
 * Keys in a Secret, each in a file that its selector names, so that no key is ever replaced under its name; a
 * ConfigMap holds the signer's table. Both have to be there: this account gets and patches these two objects,
 * and does nothing else.
 */
export function keysInKubernetes(keys: KubernetesKeys, domain: string, bits: number, means: KubernetesMeans): KeyStore {
  const { namespace, secret, configMap } = keys;
  const secretPath = `/api/v1/namespaces/${namespace}/secrets/${secret}`;
  const mapPath = `/api/v1/namespaces/${namespace}/configmaps/${configMap}`;
  const table = tableOf(keys.signer, domain, keys.mount);
  const api = async () => new Kubernetes(await (means.open ?? openApi)(keys));
  const lines = (map: WithData) => (map.data?.[table.file] ?? '').split('\n').filter((line) => line.trim() !== '');
  return {
    async current() {
      return asked(async () => {
        const map = await (await api()).get<WithData>(mapPath);
        return (
          lines(map)
            .map(table.selectorIn)
            .find((selector) => selector !== null) ?? null
        );
      });
    },
    async make(selector) {
      return asked(async () => {
        const pem = await changed(await api(), secretPath, async ({ data }) => {
          const there = data?.[table.key(selector)];
          if (there !== undefined) return { result: pemIn(there, table.key(selector)), data: null };
          const { privateKey } = await generate('rsa', { modulusLength: bits });
          const made = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
          return { result: made, data: { [table.key(selector)]: Buffer.from(made).toString('base64') } };
        });
        return recordOf(pem);
      });
    },
    async waitsFor(selector) {
      const file = table.key(selector);
      return keys.seen === null ? waitOfPods(await means.pods(domain), file, means.now()) : waitOfProgram(keys.seen, file);
    },
    async switchTo(selector) {
      await asked(async () => {
        const client = await api();
        const { data } = await client.get<WithData>(secretPath);
        const there = data?.[table.key(selector)];
        if (there === undefined)
          throw new KeyStoreError(`The Secret ${namespace}/${secret} has no ${table.key(selector)}: nothing is switched to it.`);
        pemIn(there, table.key(selector));
        await changed(client, mapPath, async (map) => {
          const others = lines(map).filter((line) => table.selectorIn(line) === null);
          const text = `${[...others, table.line(selector)].join('\n')}\n`;
          return { result: undefined, data: text === map.data?.[table.file] ? null : { [table.file]: text } };
        });
      });
    },
  };
}

/** Why the pods may not be switched to a key yet. */
function waitOfPods(seen: Awaited<ReturnType<KubernetesMeans['pods']>>, file: string, now: Date): string | null {
  if (seen === null) return 'nothing looks at the pods of the signer: start the service cluster';
  if (seen.unknown !== null) return `it is not known which keys the pods of the signer have: ${seen.unknown}`;
  if (now.getTime() - seen.checked_at.getTime() > FRESH_MS)
    return 'nothing looks at the pods of the signer any more: see to it that the service cluster runs';
  return seen.pods > 0 && seen.files.includes(file)
    ? null
    : `not all ${seen.pods} pods of the signer say that they have ${file} yet`;
}

async function waitOfProgram(seen: readonly string[], file: string): Promise<string | null> {
  return run([...seen, file]).then(
    () => null,
    (error: unknown) => `not all pods have ${file} yet: ${messageOf(error)}`,
  );
}

/**
 * A file of a Secret as a private key. @throws KeyStoreError for one that is none: nobody can verify what it
 * would sign
 */
function pemIn(data: string, file: string): string {
  const pem = Buffer.from(data, 'base64').toString('utf8');
  try {
    createPrivateKey(pem);
    return pem;
  } catch {
    throw new KeyStoreError(`${file} of the Secret is no private key: remove it, and a new one is made.`);
  }
}

/**
 * Changes files of an object, as a compare-and-swap by its version.
 * @param change the files that are other; null when it is as it should be already
 */
async function changed<T>(
  api: Kubernetes,
  path: string,
  change: (object: WithData) => Promise<{ result: T; data: Record<string, string> | null }>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    const object = await api.get<WithData>(path);
    const { result, data } = await change(object);
    if (data === null) return result;
    try {
      await api.patch(path, { metadata: { resourceVersion: object.metadata.resourceVersion }, data });
      return result;
    } catch (error) {
      if (!(error instanceof KubernetesError) || error.status !== CONFLICT || tries === TRIES) throw error;
    }
  }
}

/** Says what an API server refuses as what is wrong with a place of keys. */
async function asked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof KubernetesError) throw new KeyStoreError(`The keys in Kubernetes: ${messageOf(error)}`);
    throw error;
  }
}
