import type { ImapFlow } from 'imapflow';
import type { Listed } from './uids.ts';
import { uidSet } from './uids.ts';

/** The first bytes of a mail, which its envelope is read from. */
export const HEAD_BYTES = 64 * 1024;
/** Bytes that are fetched at a time of a mail that is too large to be held whole. */
const PART_BYTES = 1024 * 1024;

export interface Fetched {
  uid: number;
  /** Null when the server refuses to send it; `why` then holds its words. */
  raw: Buffer | null;
  why: string;
}

/**
 * The UIDs of the opened folder from `from` on, ascending.
 * @throws when the server does not answer the search
 */
export async function searchUids(client: ImapFlow, from: number): Promise<number[]> {
  if (client.mailbox === false || client.mailbox.exists === 0) return [];
  const uids = await client.search(from <= 1 ? { all: true } : { uid: `${from}:*` }, { uid: true });
  if (!Array.isArray(uids)) throw new Error('the search for mails failed');
  // `n:*` always includes the last mail, even when its UID is below n (RFC 3501 section 6.4.8).
  return uids.filter((uid) => uid >= from).sort((a, b) => a - b);
}

/** Size and arrival time of the mails that still exist. */
export async function listMails(client: ImapFlow, uids: readonly number[]): Promise<Listed[]> {
  const listed = new Map<number, Listed>();
  for await (const mail of client.fetch(uidSet(uids), { uid: true, size: true, internalDate: true }, { uid: true })) {
    const at = new Date(mail.internalDate ?? Number.NaN);
    listed.set(mail.uid, {
      uid: mail.uid,
      size: mail.size ?? 0,
      receivedAt: Number.isNaN(at.getTime()) ? null : at,
    });
  }
  return [...new Set(uids)].sort((a, b) => a - b).flatMap((uid) => listed.get(uid) ?? []);
}

/**
 * The bytes of a batch of mails, in one command. Mails that have been deleted meanwhile are missing from the
 * result. When the server refuses the command because of one mail that it cannot read, the mails are fetched
 * one by one, so that this mail does not hold up the others.
 */
export async function fetchMails(client: ImapFlow, uids: readonly number[]): Promise<Fetched[]> {
  try {
    return await fetchSources(client, uids);
  } catch (error) {
    const { responseStatus, responseText } = error as { responseStatus?: string; responseText?: string };
    if (!client.usable || (responseStatus !== 'NO' && responseStatus !== 'BAD')) throw error;
    if (uids.length === 1) return [{ uid: uids[0]!, raw: null, why: responseText ?? responseStatus }];
    const mails: Fetched[] = [];
    for (const uid of uids) mails.push(...(await fetchMails(client, [uid])));
    return mails;
  }
}

async function fetchSources(client: ImapFlow, uids: readonly number[]): Promise<Fetched[]> {
  const asked = new Set(uids);
  const mails = new Map<number, Fetched>();
  for await (const mail of client.fetch(uidSet(uids), { uid: true, source: true }, { uid: true })) {
    if (!asked.has(mail.uid)) continue;
    // A second answer for the same mail (a change of its flags) has no source.
    if (mail.source) mails.set(mail.uid, { uid: mail.uid, raw: mail.source, why: '' });
    else if (!mails.has(mail.uid)) mails.set(mail.uid, { uid: mail.uid, raw: null, why: 'the answer has no content' });
  }
  return [...mails.values()];
}

/** The first bytes of a mail; empty when it is gone or the server refuses to send it. */
export async function fetchHead(client: ImapFlow, uid: number): Promise<Buffer> {
  const mail = await client.fetchOne(String(uid), { uid: true, source: { start: 0, maxLength: HEAD_BYTES } }, { uid: true });
  return (mail || undefined)?.source ?? Buffer.alloc(0);
}

/** Another client deleted the mail while it was being fetched. */
export class MailGone extends Error {}

/**
 * A mail in parts of at most a mebibyte, so that a large one is never held whole. Only an empty answer ends
 * it: neither the announced size nor a short part is relied on.
 * @throws MailGone
 */
export async function* fetchParts(client: ImapFlow, uid: number): AsyncGenerator<Buffer> {
  for (let start = 0; ; ) {
    const mail = await client.fetchOne(String(uid), { uid: true, source: { start, maxLength: PART_BYTES } }, { uid: true });
    if (mail === false || mail === undefined) throw new MailGone(`UID ${uid} is gone`);
    const part = mail.source;
    if (part === undefined || part.length === 0) return;
    yield part;
    start += part.length;
  }
}
