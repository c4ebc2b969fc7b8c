import type { HeldState } from '../held/held.ts';
import { type Reader, read } from './scope.ts';

/** A held mail in a list. */
export interface HeldLine {
  held_key: number;
  request_key: number;
  domain: string;
  held_at: Date;
  rule: string;
  state: HeldState;
  header_from: string | null;
  header_from_domain: string | null;
  display_name: string | null;
  subject: string | null;
  recipients: string[];
  source_class: string | null;
  asks: number;
  doubt: boolean;
}

export interface HeldFilter {
  /** `open`: those that wait, or are being delivered. */
  state: 'open' | 'all' | HeldState;
  domain: string;
  rule: string;
  recipient: string;
  limit: number;
  offset: number;
}

/** Held mails that a person may see, the newest first. */
export async function heldLines(
  reader: Reader,
  { state, domain, rule, recipient, limit, offset }: HeldFilter,
): Promise<HeldLine[]> {
  return read<HeldLine & Record<string, unknown>>(
    reader,
    ['held_messages'],
    `select v.held_key, v.request_key, v.domain, v.held_at, v.rule, v.state, h.header_from, h.header_from_domain, h.display_name, h.subject, h.recipients, v.source_class,
            v.asks, h.doubt
       from held_messages v join ruawatch.held_messages h using (held_key)
      where ($1 = 'all' or v.state = $1 or ($1 = 'open' and v.state in ('held', 'releasing')))
        and ($2 = '' or v.domain = $2) and ($3 = '' or v.rule = $3)
        and ($4 = '' or exists (select from unnest(h.recipients) one where strpos(lower(one), lower($4)) > 0))
      order by v.held_key desc limit $5 offset $6`,
    [state, domain, rule, recipient, limit, offset],
  );
}

/** Whether a person may see a held mail. */
export async function visibleHeld(reader: Reader, held_key: number): Promise<boolean> {
  return (
    (await read(reader, ['held_messages'], 'select held_key from held_messages where held_key = $1', [held_key])).length === 1
  );
}

/** How many mails were held and how they ended, and how long decisions took, over the last 30 days. */
export interface HeldFigures {
  waiting: number;
  held: number;
  released: number;
  stopped: number;
  /** Seconds until the decision, at the median; null when there was none. */
  median: number | null;
}

export async function heldFigures(reader: Reader): Promise<HeldFigures> {
  const [row] = await read<HeldFigures & Record<string, unknown>>(
    reader,
    ['held_messages'],
    `select count(*) filter (where state in ('held', 'releasing'))::int as waiting,
            count(*) filter (where held_at > now() - interval '30 days')::int as held,
            count(*) filter (where state = 'released' and held_at > now() - interval '30 days')::int as released,
            count(*) filter (where state in ('rejected', 'deleted', 'expired') and held_at > now() - interval '30 days')::int as stopped,
            (percentile_cont(0.5) within group (order by extract(epoch from decided_at - held_at))
              filter (where decided_at is not null and held_at > now() - interval '30 days'))::float8 as median
       from held_messages`,
  );
  return row!;
}

/** What else is known of a held mail now: how reports speak of its source, and similar mails of 30 days. */
export interface HeldEvidence {
  source: { class: string; why: string | null; messages: number; passed: number; recent: number; recent_passed: number } | null;
  similar: { held_key: number; held_at: Date; state: HeldState; subject: string | null; same: string }[];
}

export async function heldEvidence(reader: Reader, held_key: number): Promise<HeldEvidence> {
  const [source] = await read<NonNullable<HeldEvidence['source']> & Record<string, unknown>>(
    reader,
    ['held_messages', 'sources', 'source_days'],
    `select s.class, s.why, s.messages, s.passed,
            coalesce(sum(d.messages), 0)::bigint as recent, coalesce(sum(d.passed), 0)::bigint as recent_passed
       from held_messages v join sources s on s.domain = v.domain and s.source = v.source
       left join source_days d on d.domain = s.domain and d.source = s.source and d.day >= current_date - 30
      where v.held_key = $1 group by 1, 2, 3, 4`,
    [held_key],
  );
  const similar = await read<HeldEvidence['similar'][number] & Record<string, unknown>>(
    reader,
    ['held_messages'],
    `select o.held_key, o.held_at, o.state, h.subject,
            concat_ws(', ', case when h.header_from = m.header_from then 'author' end, case when h.envelope_from = m.envelope_from then 'sender' end,
                            case when h.peer_ip = m.peer_ip then 'address' end, case when h.subject = m.subject then 'subject' end) as same
       from ruawatch.held_messages m, held_messages o join ruawatch.held_messages h using (held_key)
      where m.held_key = $1 and h.held_key <> m.held_key and h.held_at > m.held_at - interval '30 days'
        and (h.header_from = m.header_from or (h.envelope_from = m.envelope_from and m.envelope_from <> '') or h.peer_ip = m.peer_ip or h.subject = m.subject)
      order by o.held_key desc limit 20`,
    [held_key],
  );
  return { source: source ?? null, similar };
}
