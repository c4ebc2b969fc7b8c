import { createHmac, timingSafeEqual } from 'node:crypto';
import { words } from './page-words/en.ts';

/** What somebody did, which the next page tells. */
export interface Told {
  done: keyof typeof words.done;
  /** Whom or what it was done to, for sentences that name it. */
  about?: string;
}

/** The next page comes at once; after this, it tells nothing. */
export const TOLD_SECONDS = 60;

/**
 * What was done, as a cookie for the next page. An address can be sent to people by anybody, so it says
 * nothing of what was done; and a cookie is believed by its signature alone.
 * @param form the value of the field of the reader's forms, which belongs to the session
 */
export function toldCookie({ done, about = '' }: Told, form: string, now: Date): string {
  const text = Buffer.from(JSON.stringify([done, about, now.getTime() + TOLD_SECONDS * 1000])).toString('base64url');
  return `${text}.${signature(text, form)}`;
}

/** The sentence about what was done; null where the cookie is not ours, of another session, or old. */
export function toldSentence(cookie: string | undefined, form: string, now: Date): string | null {
  const [text = '', given = ''] = (cookie ?? '').split('.');
  const [expected, sent] = [Buffer.from(signature(text, form)), Buffer.from(given)];
  if (form === '' || sent.length !== expected.length || !timingSafeEqual(sent, expected)) return null;
  const [done, about, until] = JSON.parse(Buffer.from(text, 'base64url').toString()) as [Told['done'], string, number];
  // A version before this one may have signed what there is no sentence for any more.
  const sentence = until < now.getTime() ? undefined : words.done[done];
  return (typeof sentence === 'function' ? sentence(about) : sentence) ?? null;
}

const signature = (text: string, form: string): string => createHmac('sha256', form).update(`told ${text}`).digest('base64url');
