import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Kubernetes, openApi, type WatchEvent } from '../../../services/shared/runtime/kubernetes.ts';

const POD = '/api/v1/namespaces/mail/pods/a';
const PODS = '/api/v1/pods';

interface Asked {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

let server: Server;
let url: string;
let asked: Asked[];
/** What the API server does with a request. */
let answer: (response: ServerResponse, asked: Asked) => void;
let api: Kubernetes;

beforeEach(async () => {
  asked = [];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const one = { method: request.method!, url: request.url!, headers: request.headers, body };
    asked.push(one);
    answer(response, one);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  api = new Kubernetes({ url, options: async () => ({ headers: { authorization: 'Bearer t' } }) });
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** What the work threw: its status and its sentence. */
const refusal = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => ({ status: 'none', message: 'it threw nothing' }),
    (thrown: { status: number | null; message: string }) => thrown,
  );
  return [error.status, error.message];
};
const json = (value: unknown) => (response: ServerResponse) => void response.end(JSON.stringify(value));

describe('one object', () => {
  test('is asked for with what lets us in, and read whatever its pieces are', async () => {
    answer = (response) => {
      const text = JSON.stringify({ metadata: { name: 'ä' } });
      const octets = Buffer.from(text);
      // A letter of two octets is cut in two.
      const at = octets.indexOf(0xc3) + 1;
      response.write(octets.subarray(0, at));
      setImmediate(() => response.end(octets.subarray(at)));
    };
    expect(await api.get(POD)).toEqual({ metadata: { name: 'ä' } });
    expect(asked).toEqual([
      {
        method: 'GET',
        url: POD,
        headers: {
          authorization: 'Bearer t',
          accept: 'application/json',
          'user-agent': 'ruawatch',
          host: url.slice('http://'.length),
          connection: 'close',
        },
        body: '',
      },
    ]);
  });

  test('is changed by a merge patch', async () => {
    answer = json({ metadata: { name: 'a', resourceVersion: '2' } });
    expect(await api.patch(POD, { data: { text: 'ä' } })).toEqual({ metadata: { name: 'a', resourceVersion: '2' } });
    const body = '{"data":{"text":"ä"}}';
    expect(asked[0]).toMatchObject({
      method: 'PATCH',
      url: POD,
      body,
      headers: { 'content-type': 'application/merge-patch+json', 'content-length': String(Buffer.byteLength(body)) },
    });
  });

  test.each([
    [401, '', 'the account is not known'],
    [403, JSON.stringify({ message: 'pods is forbidden' }), 'the account may not do it (pods is forbidden)'],
    [404, 'no JSON', 'it is not there'],
    [409, '{}', 'it was changed meanwhile'],
    [410, 'null', 'the version is too old'],
    [300, '', 'status 300'],
    [500, JSON.stringify({ message: 'x'.repeat(400) }), `status 500 (${'x'.repeat(300)})`],
  ])('that is refused with status %i is told in words', async (status, text, means) => {
    answer = (response) => void response.writeHead(status).end(text);
    expect(await refusal(api.get(`${POD}?pretty=1`))).toEqual([status, `${POD}: ${means}.`]);
  });

  test('of a refusal, no more is read than a sentence needs', async () => {
    const part = `${' '.repeat(9_999)}`;
    const said = JSON.stringify({ message: 'said last' });
    answer = (response) => {
      response.writeHead(500);
      response.write(part);
      setImmediate(() => response.end(said));
    };
    expect(await refusal(api.get(POD))).toEqual([500, `${POD}: status 500 (said last).`]);
    answer = (response) => {
      response.writeHead(500);
      response.write(`${part} `);
      setImmediate(() => response.end(said));
    };
    expect(await refusal(api.get(POD))).toEqual([500, `${POD}: status 500.`]);
  });

  test('that is no JSON is said, with what it begins with', async () => {
    answer = (response) => void response.end('x'.repeat(100));
    expect(await refusal(api.get(`${POD}?pretty=1`))).toEqual([null, `${POD} is no JSON: ${'x'.repeat(80)}.`]);
  });

  test('that is cut off, or of a server that is not there, was not reached', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{');
      setImmediate(() => response.destroy());
    };
    expect(await refusal(api.get(POD))).toEqual([null, `The API server ${url} cannot be reached: aborted.`]);
    const nobody = new Kubernetes({ url: 'http://127.0.0.1:1', options: async () => ({}) });
    expect(await refusal(nobody.get(POD))).toEqual([
      null,
      'The API server http://127.0.0.1:1 cannot be reached: nothing listens at 127.0.0.1:1 (ECONNREFUSED).',
    ]);
  });

  test('may have 32 MiB, and be unanswered for so long', async () => {
    const most = 32 * 1024 * 1024;
    const text = 'x'.repeat(most - 2);
    answer = (response) => void response.end(`"${text}"`);
    expect((await api.get<never>(POD)) === text).toBe(true);
    answer = (response) => void response.end(`"${text}x"`);
    expect(await refusal(api.get(POD))).toEqual([null, `${POD} is larger than 32 MiB.`]);
    answer = () => undefined;
    const impatient = new Kubernetes({ url, options: async () => ({}) }, 100);
    expect(await refusal(impatient.get(POD))).toEqual([
      null,
      `The API server ${url} cannot be reached: there was no answer within 0.1 seconds.`,
    ]);
  });

  test('is not waited for once it is given up', async () => {
    const given = new AbortController();
    answer = () => given.abort();
    const [status, message] = await refusal(api.get(POD, given.signal));
    expect([status, message]).toEqual([null, expect.stringMatching(/^The API server .* cannot be reached: .*abort/)]);
  });
});

describe('a list', () => {
  test('is read page by page, each passed on at once', async () => {
    const seen: string[] = [];
    answer = (response, { url: at }) => {
      const second = at.includes('continue=');
      seen.push(`asked ${at}`);
      const items = [{ metadata: { name: second ? 'b' : 'a' } }];
      json({ metadata: { resourceVersion: second ? '8' : '7', continue: second ? '' : 'c/1' }, items })(response);
    };
    const version = await api.list(`${PODS}?fieldSelector=x`, ({ metadata }) => void seen.push(metadata.name));
    expect(version).toBe('8');
    expect(seen).toEqual([
      `asked ${PODS}?fieldSelector=x&limit=500`,
      'a',
      `asked ${PODS}?fieldSelector=x&limit=500&continue=c%2F1`,
      'b',
    ]);
  });

  test.each([{}, { items: [] }, { metadata: {}, items: [] }, { metadata: { resourceVersion: '1' }, items: null }])(
    '%j is none',
    async (page) => {
      answer = json(page);
      expect(await refusal(api.list(PODS, () => undefined))).toEqual([null, `${PODS} is no list.`]);
    },
  );
});

describe('a watch', () => {
  const watch = async () => {
    const seen: unknown[] = [];
    const on = { open: () => void seen.push('open'), event: (event: WatchEvent) => void seen.push(event) };
    const end = await refusal(api.watch(PODS, '7', on, new AbortController().signal));
    return [...seen, end];
  };
  const added = (name: string) => JSON.stringify({ type: 'ADDED', object: { metadata: { name } } });
  const event = (name: string) => ({ type: 'ADDED', object: { metadata: { name } } });

  test('passes on each line once it is whole, until the server ends it', async () => {
    answer = (response) => {
      response.write(`${added('a')}\n\n${added('b').slice(0, 10)}`);
      setImmediate(() => response.end(`${added('b').slice(10)}\n \n`));
    };
    expect(await watch()).toEqual(['open', event('a'), event('b'), ['none', 'it threw nothing']]);
    expect(asked[0]!.url).toBe(`${PODS}?watch=true&resourceVersion=7&allowWatchBookmarks=true&timeoutSeconds=300`);
  });

  test.each([
    [added('a'), null, `${PODS} ended in the middle of a line.`],
    ['x\n', null, 'An event of a watch is no JSON: x.'],
    [`${'{'.repeat(90)}\n`, null, `An event of a watch is no JSON: ${'{'.repeat(80)}.`],
    [`"${'x'.repeat(90)}"\n`, null, `A watch sent what is no event: "${'x'.repeat(79)}.`],
    ['null\n', null, 'A watch sent what is no event: null.'],
    ['{"object":{}}\n', null, 'A watch sent what is no event: {"object":{}}.'],
    ['{"type":"ADDED"}\n', null, 'A watch sent what is no event: {"type":"ADDED"}.'],
    ['{"type":"ADDED","object":null}\n', null, 'A watch sent what is no event: {"type":"ADDED","object":null}.'],
    ['{"type":"ADDED","object":1}\n', null, 'A watch sent what is no event: {"type":"ADDED","object":1}.'],
    ['{"type":"ERROR","object":{"code":410,"message":"too old"}}\n', 410, 'The watch has ended: too old.'],
    ['{"type":"ERROR","object":{}}\n', null, 'The watch has ended: it is not said why.'],
  ])('that sends %j has failed', async (text, status, message) => {
    answer = (response) => void response.end(text);
    expect(await watch()).toEqual(['open', [status, message]]);
  });

  test('of which a line cannot be read is left, and so is a line without an end', async () => {
    for (const [text, message] of [
      ['x\n', 'An event of a watch is no JSON: x.'],
      ['x'.repeat(32 * 1024 * 1024 + 1), `${PODS} sent a line without an end.`],
    ] as const) {
      const left = new Promise<void>((resolve) => {
        answer = (response) => void response.on('close', resolve).write(text);
      });
      expect(await watch()).toEqual(['open', [null, message]]);
      await left;
    }
  });

  test('that is refused was never open', async () => {
    answer = (response) => void response.writeHead(410).end('no event\n');
    expect(await watch()).toEqual([[410, `${PODS}: the version is too old.`]]);
  });
});

describe('the account of a pod', () => {
  const account = mkdtempSync(path.join(tmpdir(), 'ruawatch-account-'));
  const pod = { kubeconfig: null, context: null };
  const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };

  test('is read anew for each request', async () => {
    writeFileSync(path.join(account, 'ca.crt'), 'the authority');
    const { url: at, options } = await openApi(pod, account, env);
    expect(at).toBe('https://10.0.0.1:443');
    for (const token of ['first', 'second']) {
      writeFileSync(path.join(account, 'token'), `${token}\n`);
      expect(await options()).toEqual({ ca: Buffer.from('the authority'), headers: { authorization: `Bearer ${token}` } });
    }
    expect((await openApi(pod, account, { ...env, KUBERNETES_SERVICE_HOST: 'fd00::1' })).url).toBe('https://[fd00::1]:443');
    rmSync(account, { recursive: true });
    expect(await refusal(Promise.resolve(options()))).toEqual([
      null,
      expect.stringMatching(/^The pod has no account that it can use: .*token/),
    ]);
  });

  test.each(['KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT'])('is of no cluster without %s', async (name) => {
    expect(await refusal(openApi(pod, account, { ...env, [name]: '' }))).toEqual([
      null,
      'This is no pod of a cluster (KUBERNETES_SERVICE_HOST is not set): name a kubeconfig.',
    ]);
  });
});
