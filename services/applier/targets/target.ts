import type { DnsChange } from '../../requests/plan.ts';

/**
 * How a change ended. `later`: what happened is not known, or cannot happen now; it is tried again. A change
 * that was made before, by a process that ended before it could say so, is `applied`.
 */
export interface Applied {
  state: 'applied' | 'stale' | 'failed' | 'later' | 'handed_over';
  /** A sentence: what the target answered. */
  answer: string;
}

/** A change of one RRset: from these records to those, or not at all. */
export type RecordChange = Pick<DnsChange, 'name' | 'type' | 'ttl' | 'before' | 'after'>;

/** The way back. */
export const reversed = ({ name, type, ttl, before, after }: RecordChange): RecordChange => ({
  name,
  type,
  ttl: { before: ttl.after, after: ttl.before ?? (before.length > 0 ? ttl.after : null) },
  before: after,
  after: before,
});
