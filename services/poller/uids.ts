/**
 * A sequence set (RFC 3501 section 9) of ascending UIDs, with runs folded: `1:3,7`. It holds the given UIDs
 * only.
 */
export function uidSet(uids: readonly number[]): string {
  const runs: string[] = [];
  for (let i = 0; i < uids.length; ) {
    let end = i;
    while (uids[end + 1] === uids[end]! + 1) end++;
    runs.push(end === i ? `${uids[i]}` : `${uids[i]}:${uids[end]}`);
    i = end + 1;
  }
  return runs.join(',');
}

/** A mail to fetch: its UID and the size that the server announces, in bytes. */
export interface Listed {
  uid: number;
  size: number;
  receivedAt: Date | null;
}

/**
 * Splits a list, in order, into batches of at most `count` mails and `bytes` bytes; a single larger mail is a
 * batch of its own.
 */
export function batches<T extends { size: number }>(mails: readonly T[], count: number, bytes: number): T[][] {
  const result: T[][] = [];
  let batch: T[] = [];
  let sum = 0;
  for (const mail of mails) {
    if (batch.length > 0 && (batch.length >= count || sum + mail.size > bytes)) {
      result.push(batch);
      batch = [];
      sum = 0;
    }
    batch.push(mail);
    sum += mail.size;
  }
  if (batch.length > 0) result.push(batch);
  return result;
}
