import type { Db } from '../shared/runtime/db.ts';
import type { KubernetesObject } from '../shared/runtime/kubernetes.ts';
import type { DkimKey, KubernetesKeys } from '../shared/settings/dkim-keys.ts';
import { keepSignerPods, type SignerPods } from '../store/cluster/signer-pods.ts';
import type { ApiSourceOptions } from './api-source.ts';
import { Follower } from './follow.ts';

/** A pod says here which files with keys it has, separated by commas. */
const ANNOTATION = 'ruawatch/dkim-keys';

interface SignerPod {
  files: readonly string[];
}

/** Follows the pods that sign, so that a new key is used only when all of them have it. */
export class SignerWatch {
  private readonly db: Db;
  private readonly watched: { domain: string; pods: Follower<SignerPod> }[];

  constructor(db: Db, keys: readonly DkimKey[], { api, log, failed, firstWaitMs }: ApiSourceOptions) {
    this.db = db;
    this.watched = keys.flatMap(({ domain, kubernetes }) => {
      if (kubernetes === null || kubernetes.pods === null) return [];
      const path = podsPath(kubernetes);
      return [{ domain, pods: new Follower({ api, path, keep: signerPod, log, failed: () => failed('pods'), firstWaitMs }) }];
    });
  }

  failure(): string | null {
    return this.watched.map(({ pods }) => pods.failure()).find((one) => one !== null) ?? null;
  }

  /** Notes what all pods have now. */
  async keep(now: Date): Promise<void> {
    for (const { domain, pods } of this.watched) await keepSignerPods(this.db, domain, seenOf(pods), now);
  }

  async stop(): Promise<void> {
    await Promise.all(this.watched.map(({ pods }) => pods.stop()));
  }
}

function podsPath({ namespace, pods }: KubernetesKeys): string {
  const selector = Object.entries(pods!)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  return `/api/v1/namespaces/${namespace}/pods?${new URLSearchParams({ labelSelector: selector })}`;
}

function seenOf(pods: Follower<SignerPod>): Omit<SignerPods, 'checked_at'> {
  const [first, ...others] = pods.known;
  const unknown = pods.failure() ?? (first === undefined ? 'no pod has the labels of the signer' : null);
  const files = (first?.files ?? []).filter((file) => others.every((pod) => pod.files.includes(file)));
  return { pods: pods.known.length, files, unknown };
}

/** A pod that signs, or will; null for one that is over or ends. */
function signerPod(object: KubernetesObject): SignerPod | null {
  const { metadata, status } = object as KubernetesObject & {
    metadata: { annotations?: Record<string, string>; deletionTimestamp?: string };
    status?: { phase?: string };
  };
  if (metadata.deletionTimestamp !== undefined || status?.phase === 'Succeeded' || status?.phase === 'Failed') return null;
  const files = (metadata.annotations?.[ANNOTATION] ?? '').split(',').map((file) => file.trim());
  return { files: files.filter((file) => file !== '') };
}
