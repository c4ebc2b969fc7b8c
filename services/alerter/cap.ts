const HOUR_MS = 3_600_000;

export interface Room {
  /** Mails that may still be made now. */
  left: number;
  /** What was waiting before this moment was held back by the cap, and goes into a digest. Null when nothing was. */
  heldUntil: Date | null;
}

/**
 * What a cap of `perHour` mails in any 60 minutes leaves, judged by the outbox alone, so that a restart forgets nothing.
 *
 * @param newest when the newest mails to these recipients were made, newest first, `perHour` of them (fewer if there are fewer)
 */
export function roomLeft(newest: Date[], perHour: number, now: Date): Room {
  const hourAgo = now.getTime() - HOUR_MS;
  const left = Math.max(0, perHour - newest.filter((at) => at.getTime() > hourAgo).length);
  const first = newest[0];
  const last = newest[perHour - 1];
  const wasFull = first !== undefined && last !== undefined && first.getTime() - last.getTime() < HOUR_MS;
  return { left, heldUntil: wasFull ? new Date(last.getTime() + HOUR_MS) : null };
}
