import { z } from 'zod';
import { secretOf } from './secret-file.ts';

/** How events are written: services/alerter/webhook/formats/ has one file for each. */
export const WEBHOOK_FORMATS = ['json', 'slack'] as const;

/**
 * One entry of `webhooks:` in ruawatch.yaml. WEBHOOK_URL, WEBHOOK_FORMAT and WEBHOOK_SECRET make up another
 * entry.
 */
export const webhookSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,60}$/, 'must be letters, digits, dots, hyphens and underscores, at most 60')
    .optional(),
  url: z.string().optional(),
  url_file: z.string().optional(),
  /**
   * `json`: every event as a signed document. `slack`: a text for Slack and compatible services (Mattermost,
   * Rocket.Chat).
   */
  format: z.enum(WEBHOOK_FORMATS).default('json'),
  secret: z.string().optional(),
  secret_file: z.string().optional(),
});

export type WebhookEntry = z.input<typeof webhookSchema>;

export interface Webhook {
  /** Shown in the outbox, in logs and in /readyz, since many receivers treat the URL itself as a secret. */
  name: string;
  url: string;
  format: (typeof WEBHOOK_FORMATS)[number];
  /** The key of the signature; null for requests without one. */
  key: Buffer | null;
}

/** Shorter HMAC keys can be guessed; the upper limit is that of Standard Webhooks. */
const KEY_BYTES = { least: 16, most: 128 };
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * Turns one entry into a webhook.
 * @throws Error whose message continues the name of the setting ("WEBHOOK_URL must be …") and never shows the
 *   address or secret
 */
export function toWebhook(input: WebhookEntry, cwd: string): Webhook {
  const text = secretOf(input.url, input.url_file, 'url', cwd);
  const url = text !== null && URL.canParse(text) ? new URL(text) : null;
  const plain = url?.protocol === 'http:' && LOOPBACK.test(url.hostname);
  if (text === null || url === null || url.hostname === '' || (url.protocol !== 'https:' && !plain)) {
    throw new Error('must have a URL that begins with https:// (http:// is allowed on this machine only; it is not shown here).');
  }
  if (url.username !== '' || url.password !== '')
    throw new Error('has a user or password in its URL, which is not sent: receivers verify the signature instead (secret).');
  const secret = secretOf(input.secret, input.secret_file, 'secret', cwd);
  const key = secret === null ? null : keyOf(secret);
  return { name: input.name ?? url.hostname.replace(/[^A-Za-z0-9_.-]/g, ''), url: url.href, format: input.format ?? 'json', key };
}

/** A secret as Standard Webhooks writes it (whsec_ and base64), or any text. */
function keyOf(secret: string): Buffer {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  if (encoded === undefined && secret.startsWith('whsec_'))
    throw new Error('has a secret that begins with whsec_ but is not base64 after that: correct it (it is not shown here).');
  const key = encoded === undefined ? Buffer.from(secret, 'utf8') : Buffer.from(encoded, 'base64');
  if (key.length < KEY_BYTES.least || key.length > KEY_BYTES.most)
    throw new Error(
      `has a secret of ${key.length} bytes: use ${KEY_BYTES.least} to ${KEY_BYTES.most}, such as "openssl rand -hex 32" prints.`,
    );
  return key;
}
