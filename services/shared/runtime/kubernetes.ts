import { readFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { codeOf, messageOf } from '../errors.ts';
import type { KubernetesAccess } from '../settings/cluster.ts';

/** What an API server refused, or why it was not reached: a sentence. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError';
  /** The HTTP status; null without an answer. */
  readonly status: number | null;
  constructor(status: number | null, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Where an API server is, and what each request needs to be let in: read anew each time, since tokens are
 * replaced.
 */
export interface ApiServer {
  /** Without a final slash. */
  url: string;
  options(): Promise<RequestOptions>;
}

/** An object of the API, as far as it is known here. */
export interface KubernetesObject {
  metadata: { name: string; namespace?: string; resourceVersion?: string; labels?: Record<string, string> };
}

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: KubernetesObject & { code?: number; message?: string };
}

const TIMEOUT_MS = 30_000;
/** A page of a list, and a line of a watch. */
const MOST_BYTES = 32 * 1024 * 1024;
const PAGE = 500;
/** Seconds after which the server ends a watch; silence for a minute longer is a connection that is dead. */
const WATCH_SECONDS = 300;
const SILENCE_MS = (WATCH_SECONDS + 60) * 1000;
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The API server of the settings.
 * @param account where Kubernetes puts the token and the certificate of the pod's account
 * @throws KubernetesError that says what is missing
 */
export async function openApi(
  { kubeconfig, context }: KubernetesAccess,
  account = ACCOUNT,
  env = process.env,
): Promise<ApiServer> {
  return kubeconfig === null ? inCluster(account, env) : fromKubeconfig(kubeconfig, context);
}

/** The account of the pod: it needs no package. */
function inCluster(account: string, env: NodeJS.ProcessEnv): ApiServer {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port)
    throw new KubernetesError(null, 'This is no pod of a cluster (KUBERNETES_SERVICE_HOST is not set): name a kubeconfig.');
  return {
    url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async options() {
      try {
        const token = readFileSync(`${account}/token`, 'utf8').trim();
        return { ca: readFileSync(`${account}/ca.crt`), headers: { authorization: `Bearer ${token}` } };
      } catch (error) {
        throw new KubernetesError(null, `The pod has no account that it can use: ${messageOf(error)}.`);
      }
    },
  };
}

type Library = typeof import('@kubernetes/client-node');

/**
 * The reader of kubeconfig files, with all their ways to sign in: loaded when it is needed, as it is
 * optional.
 */
async function loadLibrary(load: () => Promise<Library> = () => import('@kubernetes/client-node')): Promise<Library> {
  try {
    return await load();
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new KubernetesError(
      null,
      'A kubeconfig needs the package @kubernetes/client-node, which is not installed: run npm install @kubernetes/client-node beside ruawatch, or use in_cluster.',
    );
  }
}

async function fromKubeconfig(file: string, context: string | null): Promise<ApiServer> {
  const { KubeConfig } = await loadLibrary();
  const config = new KubeConfig();
  try {
    config.loadFromFile(file);
  } catch (error) {
    throw new KubernetesError(null, `The kubeconfig ${file} cannot be read: ${messageOf(error)}.`);
  }
  if (context !== null) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new KubernetesError(null, `The kubeconfig ${file} has no cluster for its context ${config.getCurrentContext()}.`);
  return {
    url: cluster.server.replace(/\/+$/, ''),
    async options() {
      const options: RequestOptions = {};
      try {
        await config.applyToHTTPSOptions(options);
      } catch (error) {
        throw new KubernetesError(null, `The kubeconfig ${file} does not sign in: ${messageOf(error)}.`);
      }
      return options;
    },
  };
}

/** Requests to an API server. */
export class Kubernetes {
  private readonly server: ApiServer;
  private readonly timeoutMs: number;

  /** @param timeoutMs how long a request may be unanswered; tests cannot wait as long as others */
  constructor(server: ApiServer, timeoutMs = TIMEOUT_MS) {
    this.server = server;
    this.timeoutMs = timeoutMs;
  }

  /** One object. @throws KubernetesError */
  async get<T extends KubernetesObject>(path: string, signal?: AbortSignal): Promise<T> {
    return (await this.send('GET', path, { signal })) as T;
  }

  /**
   * Changes an object by a merge patch (RFC 7386). @throws KubernetesError with status 409 when it has
   * another version
   */
  async patch<T extends KubernetesObject>(path: string, body: unknown): Promise<T> {
    return (await this.send('PATCH', path, { body })) as T;
  }

  /**
   * All objects, page by page, each passed on at once, and the version that a watch begins from. @throws
   * KubernetesError
   */
  async list(path: string, on: (object: KubernetesObject) => void, signal?: AbortSignal): Promise<string> {
    let next = '';
    for (;;) {
      const query = new URLSearchParams({ limit: String(PAGE), ...(next === '' ? {} : { continue: next }) });
      const page = (await this.send('GET', withQuery(path, query), { signal })) as {
        metadata?: { resourceVersion?: string; continue?: string };
        items?: KubernetesObject[] | null;
      };
      if (!Array.isArray(page.items) || typeof page.metadata?.resourceVersion !== 'string')
        throw new KubernetesError(null, `${path} is no list.`);
      for (const one of page.items) on(one);
      next = page.metadata.continue ?? '';
      if (next === '') return page.metadata.resourceVersion;
    }
  }

  /**
   * Changes since a version, until the server ends the watch, which it does after some minutes.
   * @throws KubernetesError; status 410 when the version is too old, and everything has to be listed again
   */
  async watch(
    path: string,
    version: string,
    on: { /** The server has let us in. */ open: () => void; event: (event: WatchEvent) => void },
    signal: AbortSignal,
  ): Promise<void> {
    const query = new URLSearchParams({
      watch: 'true',
      resourceVersion: version,
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(WATCH_SECONDS),
    });
    let rest = '';
    const given = { signal, silenceMs: SILENCE_MS, open: on.open };
    await this.exchange('GET', withQuery(path, query), given, (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      if (rest.length > MOST_BYTES) throw new KubernetesError(null, `${path} sent a line without an end.`);
      for (const line of lines) if (line.trim() !== '') on.event(eventOf(line));
    });
    if (rest.trim() !== '') throw new KubernetesError(null, `${path} ended in the middle of a line.`);
  }

  private async send(
    method: string,
    path: string,
    given: { body?: unknown; signal?: AbortSignal | undefined },
  ): Promise<unknown> {
    let text = '';
    await this.exchange(method, path, { ...given, silenceMs: this.timeoutMs }, (part) => {
      text += part;
      if (text.length > MOST_BYTES) throw new KubernetesError(null, `${path} is larger than ${MOST_BYTES / 1024 / 1024} MiB.`);
    });
    return parsed(text, path);
  }

  private async exchange(
    method: string,
    path: string,
    { body, signal, silenceMs, open }: { body?: unknown; signal?: AbortSignal | undefined; silenceMs: number; open?: () => void },
    on: (text: string) => void,
  ): Promise<void> {
    const given = await this.server.options();
    const url = new URL(this.server.url + path);
    const payload = JSON.stringify(body) as string | undefined;
    const { headers = {}, ...rest } = given;
    const options: RequestOptions = {
      agent: false,
      ...rest,
      method,
      ...(signal && { signal }),
      headers: {
        ...(headers as Record<string, string>),
        accept: 'application/json',
        'user-agent': 'ruawatch',
        ...(payload !== undefined && {
          'content-type': 'application/merge-patch+json',
          'content-length': Buffer.byteLength(payload),
        }),
      },
    };
    await new Promise<void>((resolve, reject) => {
      const fail = (error: unknown) => reject(error instanceof KubernetesError ? error : unreached(this.server.url, error));
      const sent = (url.protocol === 'https:' ? request : plainRequest)(url, options, (answer) => {
        const ok = answer.statusCode! >= 200 && answer.statusCode! < 300;
        if (ok) open?.();
        let refusal = '';
        answer.setEncoding('utf8');
        answer.on('data', (text: string) => {
          if (!ok) {
            if (refusal.length < 10_000) refusal += text;
            return;
          }
          try {
            on(text);
          } catch (error) {
            answer.destroy();
            fail(error);
          }
        });
        answer.on('error', fail);
        answer.on('end', () => (ok ? resolve() : fail(refused(answer.statusCode!, path, refusal))));
        answer.on('close', () => fail(new Error('the connection was cut')));
      });
      sent.setTimeout(silenceMs, () => sent.destroy(new Error(`there was no answer within ${silenceMs / 1000} seconds`)));
      sent.on('error', fail);
      sent.end(payload);
    });
  }
}

const withQuery = (path: string, query: URLSearchParams) => `${path}${path.includes('?') ? '&' : '?'}${query}`;

const unreached = (url: string, error: unknown) =>
  new KubernetesError(null, `The API server ${url} cannot be reached: ${messageOf(error)}.`);

function refused(status: number, path: string, text: string): KubernetesError {
  const said = (() => {
    try {
      return String((JSON.parse(text) as { message?: unknown }).message ?? '');
    } catch {
      return '';
    }
  })();
  const means: Record<number, string> = {
    401: 'the account is not known',
    403: 'the account may not do it',
    404: 'it is not there',
    409: 'it was changed meanwhile',
    410: 'the version is too old',
  };
  const why = means[status] ?? `status ${status}`;
  return new KubernetesError(status, `${path.split('?')[0]}: ${why}${said === '' ? '' : ` (${said.slice(0, 300)})`}.`);
}

function parsed(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new KubernetesError(null, `${path.split('?')[0]} is no JSON: ${text.slice(0, 80)}.`);
  }
}

/**
 * @throws KubernetesError for a line that is no event, and for an event that says that the watch has failed
 */
function eventOf(line: string): WatchEvent {
  const event = parsed(line, 'An event of a watch') as WatchEvent;
  if (typeof event?.type !== 'string' || typeof event.object !== 'object' || event.object === null)
    throw new KubernetesError(null, `A watch sent what is no event: ${line.slice(0, 80)}.`);
  if (event.type === 'ERROR')
    throw new KubernetesError(event.object.code ?? null, `The watch has ended: ${event.object.message ?? 'it is not said why'}.`);
  return event;
}
