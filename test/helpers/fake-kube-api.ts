import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

/** An object as the API has it. */
export interface FakeObject {
  metadata: Record<string, unknown> & { name: string; namespace?: string; resourceVersion?: string };
  [key: string]: unknown;
}

interface Watching {
  path: string;
  answer: ServerResponse;
}

/**
 * An API server that speaks list, watch, get and merge patch as the real one does, and that can be made to
 * fail in the ways in which real ones fail. Strict: without its token, and for any other method, it refuses.
 */
export class FakeKubeApi {
  readonly token = 'the-token';
  /** What was asked, as "GET /path". */
  readonly asked: string[] = [];
  /** How many lists were begun. */
  lists = 0;
  /** Answers this status instead of anything else; 0 cuts the connection. */
  broken: number | null = null;
  /** Objects in a page of a list. */
  page = 2;
  /** Versions before this one are too old to be watched. */
  oldest = 0;
  private readonly objects = new Map<string, Map<string, FakeObject>>();
  private readonly events: { path: string; version: number; line: string }[] = [];
  private readonly watching = new Set<Watching>();
  private version = 1;
  private readonly server = createServer((request, answer) => this.answer(request, answer));

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.cut();
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** A kubeconfig file that leads here. */
  kubeconfig(folder: string): string {
    const file = path.join(folder, 'kubeconfig');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server: this.url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'test', user: { token: this.token } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
    };
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  }

  /** Serves a resource, such as /api/v1/nodes; without it, there is no such resource. */
  serve(at: string): void {
    if (!this.objects.has(at)) this.objects.set(at, new Map());
  }

  put(at: string, object: FakeObject): void {
    this.serve(at);
    const all = this.objects.get(at)!;
    const there = all.has(object.metadata.name);
    this.version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.version) } };
    all.set(object.metadata.name, stored);
    this.say(at, there ? 'MODIFIED' : 'ADDED', stored);
  }

  remove(at: string, name: string): void {
    const gone = this.objects.get(at)!.get(name)!;
    this.objects.get(at)!.delete(name);
    this.version += 1;
    this.say(at, 'DELETED', { ...gone, metadata: { ...gone.metadata, resourceVersion: String(this.version) } });
  }

  object(at: string, name: string): FakeObject | undefined {
    return this.objects.get(at)?.get(name);
  }

  /** Tells watchers the version without a change. */
  bookmark(at: string): void {
    this.send(at, JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(this.version) } } }));
  }

  /** Sends a line to those that watch, whatever it is. */
  send(at: string, line: string): void {
    for (const one of this.watching) if (one.path === at) one.answer.write(`${line}\n`);
  }

  /** Cuts all watches in the middle. */
  cut(): void {
    for (const { answer } of this.watching) answer.destroy();
    this.watching.clear();
  }

  /** Ends all watches as a server does after a time. */
  end(): void {
    for (const { answer } of this.watching) answer.end();
    this.watching.clear();
  }

  /** Everything that happened so far can no longer be watched. */
  compact(): void {
    this.version += 10;
    this.oldest = this.version;
  }

  get watchers(): number {
    return this.watching.size;
  }

  private say(at: string, type: string, object: FakeObject): void {
    const line = JSON.stringify({ type, object });
    this.events.push({ path: at, version: this.version, line });
    this.send(at, line);
  }

  private answer(request: IncomingMessage, answer: ServerResponse): void {
    const url = new URL(request.url!, this.url);
    this.asked.push(`${request.method} ${url.pathname}`);
    if (this.broken === 0) return void request.socket.destroy();
    if (this.broken !== null) return void refuse(answer, this.broken, 'it is broken');
    if (request.headers.authorization !== `Bearer ${this.token}`) return void refuse(answer, 401, 'Unauthorized');
    if (request.method === 'PATCH') return void this.patch(url, request, answer);
    if (request.method !== 'GET') return void refuse(answer, 405, 'only what reads, and patches');
    const all = this.objects.get(url.pathname);
    if (all !== undefined)
      return void (url.searchParams.get('watch') === 'true'
        ? this.watch(url, answer)
        : this.list(url, [...all.values()], answer));
    const [at, name] = split(url.pathname);
    const one = this.objects.get(at)?.get(name);
    if (one === undefined) return void refuse(answer, 404, `${url.pathname} not found`);
    json(answer, 200, one);
  }

  private list(url: URL, all: FakeObject[], answer: ServerResponse): void {
    const from = Number(url.searchParams.get('continue') ?? 0);
    if (from === 0) this.lists += 1;
    const items = all.slice(from, from + this.page);
    const next = from + this.page < all.length ? { continue: String(from + this.page) } : {};
    json(answer, 200, { kind: 'List', metadata: { resourceVersion: String(this.version), ...next }, items });
  }

  private watch(url: URL, answer: ServerResponse): void {
    const since = Number(url.searchParams.get('resourceVersion'));
    answer.writeHead(200, { 'content-type': 'application/json' });
    answer.flushHeaders();
    if (since < this.oldest) {
      const object = { kind: 'Status', metadata: {}, code: 410, message: `too old resource version: ${since}` };
      return void answer.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
    }
    const one = { path: url.pathname, answer };
    this.watching.add(one);
    answer.on('close', () => this.watching.delete(one));
    for (const { path: at, version, line } of this.events) if (at === url.pathname && version > since) answer.write(`${line}\n`);
  }

  private patch(url: URL, request: IncomingMessage, answer: ServerResponse): void {
    if (request.headers['content-type'] !== 'application/merge-patch+json') return void refuse(answer, 415, 'no merge patch');
    let text = '';
    request.on('data', (part: Buffer) => {
      text += part.toString();
    });
    request.on('end', () => {
      const [at, name] = split(url.pathname);
      const before = this.objects.get(at)?.get(name);
      if (before === undefined) return void refuse(answer, 404, 'not found');
      const body = JSON.parse(text) as { metadata?: { resourceVersion?: string }; data?: Record<string, string> };
      const wanted = body.metadata?.resourceVersion;
      if (wanted !== undefined && wanted !== before.metadata.resourceVersion)
        return void refuse(answer, 409, 'the object has been modified');
      this.put(at, { ...before, data: { ...(before.data as object), ...body.data } });
      json(answer, 200, this.object(at, name));
    });
  }
}

/** A path of one object as that of its resource, and its name. */
function split(at: string): [string, string] {
  const cut = at.lastIndexOf('/');
  return [at.slice(0, cut), at.slice(cut + 1)];
}

function json(answer: ServerResponse, status: number, body: unknown): void {
  answer.writeHead(status, { 'content-type': 'application/json' });
  answer.end(JSON.stringify(body));
}

const refuse = (answer: ServerResponse, code: number, message: string) =>
  json(answer, code, { kind: 'Status', status: 'Failure', message, code });
