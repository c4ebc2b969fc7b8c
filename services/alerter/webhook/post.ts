import { createHmac } from 'node:crypto';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { clean } from '../../mails/plain-text.ts';
import { connectionFailure, PermanentError, TransientError } from '../../shared/errors.ts';
import type { Webhook } from '../../shared/settings/webhook.ts';

const POST_MS = 15_000;
/** A receiver that asks for more patience is asked again after this. */
const LONGEST_WAIT_MS = 60 * 60_000;

/** Transient, with the wait that the receiver asked for. */
export class WebhookDown extends TransientError {
  /** Milliseconds; 0 when the receiver named none. */
  readonly wait: number;

  constructor(message: string, wait: number, cause?: unknown) {
    super('webhook_down', message, cause);
    this.wait = wait;
  }
}

/**
 * The headers of a post, by the specification Standard Webhooks: `webhook-id` is the same at every attempt,
 * so that a receiver knows what it has seen; `webhook-signature` is `v1,` and base64 of HMAC-SHA256 over
 * `id.timestamp.body`.
 */
function headersOf(hook: Webhook, id: string, body: Buffer, now: Date): Record<string, string> {
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const head = {
    'content-type': 'application/json; charset=utf-8',
    'user-agent': 'ruawatch',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
  };
  if (hook.key === null) return head;
  const mac = createHmac('sha256', hook.key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  return { ...head, 'webhook-signature': `v1,${mac}` };
}

/**
 * Posts the bytes. Certificates are verified, redirects are not followed.
 * @throws PermanentError `webhook_refused`: a redirect, or a status (4xx) that the same post would get again
 * @throws WebhookDown: no answer, 408, 425, 429, or 5xx
 */
export async function post(hook: Webhook, id: string, body: Buffer, now: Date): Promise<void> {
  let response: Response;
  try {
    response = await fetch(hook.url, {
      method: 'POST',
      headers: headersOf(hook, id, body, now),
      body: new Uint8Array(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(POST_MS),
    });
  } catch (error) {
    throw new WebhookDown(`The webhook ${hook.name} cannot be reached: ${connectionFailure(error)}.`, 0, error);
  }
  const { status } = response;
  // Read or not, the answer must not hold the connection; what it says may hold anything.
  await response.body?.cancel();
  if (status >= 200 && status < 300) return;
  if (status >= 300 && status < 400)
    throw new PermanentError(
      'webhook_refused',
      `The webhook ${hook.name} redirects (${status}), which is not followed: put the address it moved to in its url.`,
    );
  if (status === 408 || status === 425 || status === 429 || status >= 500)
    throw new WebhookDown(`The webhook ${hook.name} puts it off: status ${status}.`, waitOf(response.headers.get('retry-after')));
  throw new PermanentError(
    'webhook_refused',
    `The webhook ${hook.name} refuses it with status ${status}: correct its url, format or secret.`,
  );
}

/** Seconds of Retry-After (RFC 9110 section 10.2.3); a date there is left to our own back-off. */
function waitOf(header: string | null): number {
  return header !== null && /^\d{1,9}$/.test(header) ? Math.min(LONGEST_WAIT_MS, Number(header) * 1000) : 0;
}

/**
 * For `doctor`: looks the host up, connects, and verifies the certificate. Nothing is posted, so that no
 * alert is made up.
 * @returns what was found
 * @throws TransientError with one sentence
 */
export async function checkWebhook(hook: Webhook): Promise<string> {
  const url = new URL(hook.url);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  let socket: Socket | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      socket = secure
        ? connectTls({ host, port, servername: /^[\d.]+$|:/.test(host) ? '' : host }, resolve)
        : connectPlain({ host, port }, resolve);
      socket.once('error', reject);
      socket.setTimeout(POST_MS, () => reject(Object.assign(new Error('timeout'), { name: 'TimeoutError' })));
    });
  } catch (error) {
    throw new TransientError(
      'webhook_down',
      `${clean(host, 80)} cannot be reached: ${clean(connectionFailure(error), 200)}.`,
      error,
    );
  } finally {
    socket?.destroy();
  }
  const signed = hook.key === null ? 'not signed (no secret)' : 'signed';
  return `${clean(host, 80)} answers${secure ? ', its certificate is trusted' : ''}; format ${hook.format}, ${signed}; nothing was posted`;
}
