const HOUR_MS = 3_600_000;

export interface Room {
  /** Mails that may still be made now. */
  left: number;
  /**
   * What was waiting before this moment was held back by the cap, and goes into a digest. Null when nothing
   * was.
   */
  heldUntil: Date | null;
}

/**
 * What a cap of `perHour` mails in any 60 minutes leaves, by the outbox alone, so that a restart forgets
 * nothing.
 *
 * @param newest when the newest mails to these recipients were made, newest first, `perHour` of them (fewer
 *   if there are fewer)
 */
export function roomLeft(newest: Date[], perHour: number, now: Date): Room {
  const hourAgo = now.getTime() - HOUR_MS;
  const left = Math.max(0, perHour - newest.filter((at) => at.getTime() > hourAgo).length);
  const first = newest[0];
  const last = newest[perHour - 1];
  const wasFull = first !== undefined && last !== undefined && first.getTime() - last.getTime() < HOUR_MS;
  return { left, heldUntil: wasFull ? new Date(last.getTime() + HOUR_MS) : null };
}

/** A mail (or post) that was made. */
export interface Made {
  at: Date;
  /** Null when it is about several findings. */
  domain: string | null;
  /** It was made as `urgent`. */
  urgent: boolean;
}

/** What is to be reported. */
export interface Due {
  domain: string;
  /** Since when it has been waiting. */
  at: Date;
  /** It counts separately: whatever else was sent this hour does not delay it. */
  urgent: boolean;
}

/** How many mails of their own in any 60 minutes: to one set of recipients, and of these about one domain. */
export interface Budget {
  perHour: number;
  perDomain: number;
}

export interface Shared<T> {
  /** Sent together: what a full hour had held back. */
  digest: T[];
  /** Sent alone. */
  singles: T[];
  /** Still waiting. */
  rest: T[];
}

/**
 * Shares out what an hour has room for: what was held back goes into one digest, the gravest of the others
 * alone, the rest waits. What is urgent is counted among its like only, so that no flood of lesser findings
 * keeps it waiting, nor one of another domain; it uses up the room of the others all the same. So to one set
 * of recipients go at most twice `perHour` mails in any hour.
 * @param items the gravest first
 * @param made newest first, at least the newest 2 × `perHour`
 */
export function share<T extends Due>(items: readonly T[], made: readonly Made[], budget: Budget, now: Date): Shared<T> {
  const rooms = new Map<string, Room>();
  /** The room of mails about a domain; null: of all recipients' mails. */
  const roomOf = (about: string | null, urgent: boolean): Room => {
    const key = `${urgent} ${about ?? ''}`;
    let room = rooms.get(key);
    if (room === undefined) {
      const perHour = about === null ? budget.perHour : budget.perDomain;
      const counted = made.filter((one) => (about === null || one.domain === about) && (!urgent || one.urgent));
      room = roomLeft(
        counted.slice(0, perHour).map(({ at }) => at),
        perHour,
        now,
      );
      rooms.set(key, room);
    }
    return room;
  };
  /** Those that one must fit into. */
  const roomsOf = ({ domain, urgent }: Pick<Due, 'domain' | 'urgent'>): Room[] => [roomOf(null, urgent), roomOf(domain, urgent)];
  const fits = (item: T) => roomsOf(item).every((room) => room.left > 0);
  const wasHeld = (item: T) => roomsOf(item).some(({ heldUntil }) => heldUntil !== null && item.at < heldUntil);

  const held = items.filter((item) => wasHeld(item) && fits(item));
  const gathered = held.length > 1;
  const shared: Shared<T> = { digest: gathered ? held : [], singles: [], rest: [] };
  const told = new Set(shared.digest);
  if (gathered) for (const urgent of [false, true]) roomOf(null, urgent).left--;
  for (const item of items) {
    if (told.has(item)) continue;
    if (!fits(item)) {
      shared.rest.push(item);
      continue;
    }
    shared.singles.push(item);
    // A mail takes room among its like, and an urgent one among the others too.
    for (const urgent of item.urgent ? [true, false] : [false])
      for (const room of roomsOf({ domain: item.domain, urgent })) room.left--;
  }
  return shared;
}
