import { backoff, sleep } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import { type Kubernetes, KubernetesError, type KubernetesObject } from '../shared/runtime/kubernetes.ts';
import type { Log } from '../shared/runtime/log.ts';

/** "Gone": the version is older than what the server keeps. */
const TOO_OLD = 410;

export interface FollowOptions<T> {
  api: Kubernetes;
  path: string;
  /** What is kept of an object; null for one that is of no use. */
  keep: (object: KubernetesObject) => T | null;
  log: Log;
  /** Counts a failure. */
  failed: () => void;
  /** The first wait after a failure. */
  firstWaitMs?: number | undefined;
}

/**
 * All objects of one kind: listed once, then watched. A connection that breaks is made again from the version
 * that was seen last, and everything is listed again when that is too old; what is known stays, and `failure`
 * says that it may be old.
 */
export class Follower<T> {
  private readonly options: FollowOptions<T>;
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;
  private objects = new Map<string, T>();
  private version: string | null = null;
  private broken: string | null;

  constructor(options: FollowOptions<T>) {
    this.options = options;
    this.broken = `${options.path} is not listed yet.`;
    this.running = this.run();
  }

  /** What is known of all objects. */
  get known(): readonly T[] {
    return [...this.objects.values()];
  }

  /** Why what is known may not be so any more; null while the watch stands. */
  failure(): string | null {
    return this.broken;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const { path, log, failed, firstWaitMs } = this.options;
    let tries = 0;
    while (!signal.aborted) {
      try {
        const version = this.version ?? (await this.list());
        this.version = version;
        await this.watch(version, () => {
          tries = 0;
        });
        tries = 0;
      } catch (error) {
        if (signal.aborted) return;
        const status = error instanceof KubernetesError ? error.status : null;
        // An answer that refuses is about what was asked: everything is asked again.
        if (status !== null) this.version = null;
        if (status === TOO_OLD && tries === 0) {
          tries++;
          continue;
        }
        const said = messageOf(error);
        if (said !== this.broken) log.warn({ path, err: said }, 'the cluster cannot be watched; it is tried again');
        this.broken = said;
        failed();
        await sleep(backoff(tries++, firstWaitMs), signal);
      }
    }
  }

  private async list(): Promise<string> {
    const { api, path, keep } = this.options;
    const objects = new Map<string, T>();
    const version = await api.list(
      path,
      (object) => {
        const kept = keep(object);
        if (kept !== null) objects.set(keyOf(object), kept);
      },
      this.stopping.signal,
    );
    this.objects = objects;
    return version;
  }

  private async watch(version: string, heard: () => void): Promise<void> {
    const { api, path, keep, log } = this.options;
    const { signal } = this.stopping;
    await api.watch(
      path,
      version,
      {
        open: () => {
          if (this.broken !== null) log.info({ path, objects: this.objects.size }, 'the cluster is watched');
          this.broken = null;
        },
        event: ({ type, object }) => {
          heard();
          if (type !== 'BOOKMARK') {
            const kept = type === 'DELETED' ? null : keep(object);
            if (kept === null) this.objects.delete(keyOf(object));
            else this.objects.set(keyOf(object), kept);
          }
          this.version = object.metadata.resourceVersion ?? this.version;
        },
      },
      signal,
    );
  }
}

const keyOf = ({ metadata: { namespace = '', name } }: KubernetesObject) => `${namespace}/${name}`;
