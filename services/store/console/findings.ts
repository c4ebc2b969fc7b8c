import { gravestFirst } from '../findings/gravest-first.ts';
import { KEPT_OUT } from '../findings/kept-out.ts';
import type { LifeEvent, ListedFinding, ShownFinding } from '../findings/list.ts';
import { type Reader, read, readKept } from './scope.ts';
import { TITLE_COLUMNS, type TitleColumns, titled } from './titled.ts';

/** A finding of a list, with the title that its page and its mails have. */
export interface TitledFinding extends ListedFinding {
  title: string;
}

/** Which findings a list shows. */
export interface FindingFilter {
  /** `standing`: open, or going on although somebody resolved them. */
  state: 'open' | 'standing' | 'resolved' | 'all';
  severity?: string | undefined;
  domain?: string | undefined;
  kind?: string | undefined;
  /** A part of the domain, the subject, the summary or the name of who looks after it. */
  search: string;
  limit: number;
  offset: number;
}

/** The findings that a person may see, the gravest first, and how many there are. */
export async function visibleFindings(
  reader: Reader,
  { state, severity, domain, kind, search, limit, offset }: FindingFilter,
): Promise<{ findings: TitledFinding[]; total: number }> {
  const rows = await readKept<ListedFinding & { evidence: unknown; total: number }>(
    reader,
    ['findings'],
    `select finding_key, kind, severity, state, phase, first_day, since, opened_at, changed_at, resolved_at, ${TITLE_COLUMNS},
            acknowledged_at, acknowledged_by, snoozed_until, snoozed_by, reopened, assigned_to, goes_on, ${KEPT_OUT} as kept_out,
            case when state = 'resolved' and evidence -> 'ended' ->> 'reason' = 'closed' then evidence -> 'ended' ->> 'by' end as resolved_by,
            count(*) over () as total
       from findings
      where ($1 = 'all' or state = $1 or $1 = 'standing' and (state = 'open' or goes_on)) and ($2::text is null or severity = $2) and ($3::text is null or domain = $3)
        and ($4::text is null or kind = $4)
        and ($5 = '' or strpos(domain, $5) > 0 or strpos(lower(subject), $5) > 0 or strpos(lower(summary), $5) > 0
             or strpos(assigned_to, $5) > 0)
      order by state, acknowledged_at is not null or snoozed_until is not null, ${gravestFirst('severity')}, changed_at desc, finding_key
      limit $6 offset $7`,
    [state, severity ?? null, domain ?? null, kind ?? null, search.toLowerCase(), limit, offset],
  );
  return { findings: rows.map(({ total: _, ...finding }) => titled(finding)), total: rows[0]?.total ?? 0 };
}

/** One finding with its events, the oldest first; null when there is none that the person may see. */
export async function visibleFinding(reader: Reader, key: number): Promise<(ShownFinding & { events: LifeEvent[] }) | null> {
  const [finding] = await read<ShownFinding>(reader, ['findings'], 'select * from findings where finding_key = $1', [key]);
  if (!finding) return null;
  const events = await read<LifeEvent>(
    reader,
    ['finding_events'],
    `select at, event, by_name, why, until, revision, severity, summary, notify, assigned_to, verdict from finding_events
      where finding_key = $1 order by at, revision nulls last`,
    [key],
  );
  return { ...finding, events };
}

/** Another finding that is open. */
export interface RelatedFinding {
  finding_key: number;
  severity: string;
  title: string;
}

const RELATED = 5;

/**
 * The other open findings on the same senders, and those on a changed policy of the domain, which decides
 * what receivers do with the mail of all of them: the gravest first.
 * @param names the senders and sources that the finding is about
 */
export async function relatedFindings(
  reader: Reader,
  { finding_key, domain, kind }: { finding_key: number; domain: string; kind: string },
  names: readonly string[],
): Promise<RelatedFinding[]> {
  if (domain === '*' || (names.length === 0 && kind !== 'policy_change')) return [];
  const rows = await read<{ finding_key: number; severity: string } & TitleColumns>(
    reader,
    ['findings'],
    `select finding_key, severity, ${TITLE_COLUMNS} from findings f
      where domain = $1 and finding_key <> $2 and state = 'open'
        and (kind = 'policy_change' or subject = any($3)
             or exists (select from unnest($3::text[]) n
                         where f.evidence -> 'who' @> jsonb_build_array(jsonb_build_object('source', n))
                            or f.evidence -> 'broken' @> jsonb_build_array(jsonb_build_object('source', n))
                            or f.evidence -> 'broken' @> jsonb_build_array(jsonb_build_object('sender', n))))
      order by ${gravestFirst('severity')}, changed_at desc, finding_key limit ${RELATED}`,
    [domain, finding_key, names],
  );
  return rows.map(titled);
}
