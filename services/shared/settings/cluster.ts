import path from 'node:path';
import { z } from 'zod';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** `cluster:` of ruawatch.yaml: whose addresses SPF records follow (docs/cluster.md). */
export const clusterSchema = z
  .strictObject({
    /** The account of the pod that ruawatch runs in. */
    in_cluster: z.literal(true).optional(),
    /** A kubeconfig, where it runs elsewhere, and its context; without one, the current. */
    kubeconfig: z.string().min(1).optional(),
    context: z.string().min(1).optional(),
    /** A file that lists the addresses, in place of a cluster's API. */
    addresses_file: z.string().min(1).optional(),
    /** What mail-guard.yaml calls this cluster; without it, all environments are in it. */
    name: z.string().min(1).optional(),
    /** How long addresses have to rest before a change is asked for. */
    debounce_minutes: z.number().min(0).max(60).default(2),
    /** How long mail may wait in a queue and still leave. */
    queue_days: z.number().min(0.01).max(30).default(5),
    /** Between two changes of one SPF record. */
    every_minutes: z.number().min(1).max(1440).default(30),
    /** Above this share of an egress gone at once, nothing of it is removed before a person confirms it. */
    most_loss: z.number().min(0).max(1).default(0.5),
  })
  .prefault({})
  .superRefine(({ in_cluster, kubeconfig, context, addresses_file }, ctx) => {
    if ([in_cluster, kubeconfig, addresses_file].filter((one) => one !== undefined).length > 1)
      ctx.addIssue({ code: 'custom', message: 'has several of in_cluster, kubeconfig and addresses_file: keep one' });
    if (context !== undefined && kubeconfig === undefined)
      ctx.addIssue({ code: 'custom', message: 'has context and no kubeconfig: name the file that has the context' });
  });

/** Which API server, and as whom. */
export interface KubernetesAccess {
  /** Absolute; null for the account of the pod. */
  kubeconfig: string | null;
  context: string | null;
}

export interface Cluster {
  /** Null when it is off. */
  source: { kind: 'file'; file: string } | ({ kind: 'api' } & KubernetesAccess) | null;
  /** As environments of mail-guard.yaml name it; null for all of them. */
  name: string | null;
  debounceMs: number;
  queueMs: number;
  everyMs: number;
  mostLoss: number;
}

/**
 * @param guardFile what `guard.file` names @param mistakes gets a line when nothing says which addresses are
 *   wanted
 */
export function clusterOf(
  given: z.infer<typeof clusterSchema>,
  cwd: string,
  guardFile: string | undefined,
  mistakes: string[],
): Cluster {
  const { in_cluster, kubeconfig, context = null, addresses_file } = given;
  const source: Cluster['source'] =
    addresses_file !== undefined
      ? { kind: 'file', file: path.resolve(cwd, addresses_file) }
      : kubeconfig !== undefined
        ? { kind: 'api', kubeconfig: path.resolve(cwd, kubeconfig), context }
        : in_cluster === true
          ? { kind: 'api', kubeconfig: null, context: null }
          : null;
  if (source !== null && guardFile === undefined)
    mistakes.push('cluster is set and guard.file is not: mail-guard.yaml says by which ways the mail of which domain leaves.');
  return {
    source,
    name: given.name ?? null,
    debounceMs: given.debounce_minutes * MINUTE_MS,
    queueMs: given.queue_days * DAY_MS,
    everyMs: given.every_minutes * MINUTE_MS,
    mostLoss: given.most_loss,
  };
}
