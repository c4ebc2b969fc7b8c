import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { messageOf } from '../errors.ts';

/** One entry of `webhooks:` in ruawatch.yaml. WEBHOOK_URL, WEBHOOK_FORMAT and WEBHOOK_SECRET stand for one more. */
export const webhookSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,60}$/, 'must be letters, digits, dots, hyphens and underscores, at most 60')
    .optional(),
  url: z.string().optional(),
  url_file: z.string().optional(),
  /** `json`: every event as a signed document. `slack`: a text, for Slack and what takes the same (Mattermost, Rocket.Chat). */
  format: z.enum(['json', 'slack']).default('json'),
  secret: z.string().optional(),
  secret_file: z.string().optional(),
});

export interface Webhook {
  /** Stands in the outbox, in logs and in /readyz: the address is a secret of its own with many receivers. */
  name: string;
  url: string;
  format: 'json' | 'slack';
  /** The key of the signature; null posts without one. */
  key: Buffer | null;
}

/** HMAC keys shorter than this are guessed; the longest is what Standard Webhooks allows. */
const KEY_BYTES = { least: 16, most: 128 };
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * Turns one entry into a webhook.
 * @throws Error whose message continues the name of the setting ("WEBHOOK_URL must be …") and never shows the address or secret
 */
export function toWebhook(input: z.input<typeof webhookSchema>, cwd: string): Webhook {
  const text = given(input.url, input.url_file, 'url', cwd);
  const url = text !== null && URL.canParse(text) ? new URL(text) : null;
  const plain = url?.protocol === 'http:' && LOOPBACK.test(url.hostname);
  if (text === null || url === null || url.hostname === '' || (url.protocol !== 'https:' && !plain)) {
    throw new Error('must have a URL that begins with https:// (http:// is taken on this machine only; it is not shown here).');
  }
  if (url.username !== '' || url.password !== '')
    throw new Error('has a user or password in its URL, which is not sent: receivers verify the signature instead (secret).');
  const secret = given(input.secret, input.secret_file, 'secret', cwd);
  const key = secret === null ? null : keyOf(secret);
  return { name: input.name ?? url.hostname.replace(/[^A-Za-z0-9_.-]/g, ''), url: url.href, format: input.format ?? 'json', key };
}

/** The secrets of Standard Webhooks (whsec_ and base64), or any text. */
function keyOf(secret: string): Buffer {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  if (encoded === undefined && secret.startsWith('whsec_'))
    throw new Error('has a secret that begins with whsec_ and does not go on in base64: correct it (it is not shown here).');
  const key = encoded === undefined ? Buffer.from(secret, 'utf8') : Buffer.from(encoded, 'base64');
  if (key.length < KEY_BYTES.least || key.length > KEY_BYTES.most)
    throw new Error(
      `has a secret of ${key.length} bytes: use ${KEY_BYTES.least} to ${KEY_BYTES.most}, such as "openssl rand -hex 32" prints.`,
    );
  return key;
}

function given(value: string | undefined, file: string | undefined, name: string, cwd: string): string | null {
  if (value !== undefined && file !== undefined) throw new Error(`has both ${name} and ${name}_file: keep one.`);
  if (file === undefined) return value === undefined || value === '' ? null : value;
  let content: string;
  try {
    content = readFileSync(path.resolve(cwd, file), 'utf8').trim();
  } catch (error) {
    throw new Error(`has a ${name}_file that cannot be read: ${messageOf(error)}.`);
  }
  if (content === '') throw new Error(`has a ${name}_file that is empty: write the ${name} into it.`);
  return content;
}
