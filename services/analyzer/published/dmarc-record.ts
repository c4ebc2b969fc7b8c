import { addDays, dayOf } from '../../shared/days.ts';
import type { Published } from '../../store/dns/published.ts';

/**
 * A change of the record so many days before the silence began may be its cause: reports of a day come later.
 */
const NEAR_DAYS = 3;

/** The domain's own DMARC record as the watcher saw it, where its reports stay away. */
export interface SeenRecord {
  /** The text that is published; null when there is none. */
  value: string | null;
  /** The first day on which it was seen so. */
  since: string;
  /** It was another one shortly before the silence began, or since. */
  changed: boolean;
}

/**
 * What the watcher knows of the DMARC record of a domain; null when it is not watched, or had no answer yet.
 * @param silent the first day without reports
 */
export function dmarcRecordOf(published: Published | null | undefined, domain: string, silent: string): SeenRecord | null {
  const name = `_dmarc.${domain}`;
  const seen = (published?.records ?? []).filter((one) => one.purpose === 'dmarc' && one.name === name);
  const last = seen.reduce<Date | null>((newest, { first_seen, gone_at }) => {
    const at = gone_at ?? first_seen;
    return newest === null || at > newest ? at : newest;
  }, null);
  if (last === null) return null;
  const current = seen.find(({ gone_at }) => gone_at === null);
  const since = dayOf(current?.first_seen ?? last);
  const replaced = seen.some(({ gone_at }) => gone_at !== null && dayOf(gone_at) >= addDays(silent, -NEAR_DAYS));
  return { value: current?.value ?? null, since, changed: replaced };
}
