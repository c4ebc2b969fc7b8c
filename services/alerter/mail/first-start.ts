const HOUR_MS = 3_600_000;

/** What may have stood at a first start. */
export interface Standing {
  standing: boolean;
  urgent: boolean;
  /** Since when it has been waiting. */
  at: Date;
}

export interface Sorted<T> {
  /** To be mailed together: more stands than is mailed one by one. */
  summary: T[];
  /** To be mailed as everything else is. */
  due: T[];
  /** Waiting for the rest of the history. */
  held: T[];
}

/**
 * Sorts out what stood when its domain was first analyzed. While the history is still being read, nobody can
 * say whether that is a handful or hundreds, so it waits, for an hour at most; what is critical does not.
 * Then up to `most` are mailed one by one, and more as one summary. What is found later is nothing of this.
 * @param waits more history is on its way
 */
export function sortStanding<T extends Standing>(
  items: readonly T[],
  { most, waits, now }: { most: number; waits: boolean; now: Date },
): Sorted<T> {
  const isHeld = ({ standing, urgent, at }: T) => standing && !urgent && waits && now.getTime() - at.getTime() < HOUR_MS;
  const held = items.filter(isHeld);
  const ready = items.filter((item) => item.standing && !isHeld(item));
  if (ready.length <= most) return { summary: [], due: items.filter((item) => !isHeld(item)), held };
  return { summary: ready, due: items.filter(({ standing }) => !standing), held };
}
