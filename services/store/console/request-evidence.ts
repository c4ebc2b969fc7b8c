import type { Plan } from '../../requests/plan.ts';
import { type Reader, read } from './scope.ts';

/** What a request rests on, as it is now. */
export interface EvidenceNow {
  /** The finding it is about; null when there is none, or it is not the person's to see. */
  finding: { summary: string; severity: string; state: string } | null;
  /**
   * The texts of TXT records that the watcher sees, by name; a name that it has no answer about is left out.
   */
  records: Map<string, string[]>;
  /** Entries of the list of senders that hold now, by domain and source. */
  entries: Map<string, string>;
  /**
   * Messages of the last seven days of the senders concerned, and how many passed DMARC, by domain and
   * source.
   */
  mail: Map<string, { messages: number; passed: number; class: string }>;
}

export const entryOf = (domain: string, source: string) => `${domain} ${source}`;

/** Reads all of it, of the person's domains alone. */
export async function evidenceNow(reader: Reader, plan: Pick<Plan, 'changes' | 'finding' | 'domain'>): Promise<EvidenceNow> {
  const names = plan.changes.flatMap((change) => (change.target === 'dns' ? [change.name] : []));
  const senders = plan.changes.flatMap((change) => (change.target === 'senders' ? [change.source] : []));
  const [finding] =
    plan.finding === null
      ? []
      : await read<{ summary: string; severity: string; state: string }>(
          reader,
          ['findings'],
          'select summary, severity, state from findings where finding_key = $1',
          [plan.finding.key],
        );
  const records = await read<{ name: string; texts: string[] }>(
    reader,
    ['dns_records'],
    `select name, coalesce(array_agg(value order by value) filter (where published), '{}') as texts from dns_records
      where name = any($1::text[]) and type = 'TXT' group by name`,
    [names],
  );
  const entries = await read<{ domain: string; source: string; verdict: string }>(
    reader,
    ['sender_list'],
    `select domain, source, verdict from sender_list
      where source = any($1::text[]) and ended_at is null and (until is null or until > now())`,
    [senders],
  );
  const mail = await read<{ domain: string; source: string; class: string; messages: number; passed: number }>(
    reader,
    ['sources', 'source_days'],
    `select s.domain, s.source, s.class, coalesce(sum(d.messages), 0)::bigint as messages, coalesce(sum(d.passed), 0)::bigint as passed
       from sources s left join source_days d on d.domain = s.domain and d.source = s.source and d.day >= current_date - 7
      where s.source = any($1::text[]) and ($2 = '*' or s.domain = $2) group by 1, 2, 3 limit 50`,
    [senders, plan.domain],
  );
  return {
    finding: finding ?? null,
    records: new Map(records.map(({ name, texts }) => [name, texts])),
    entries: new Map(entries.map(({ domain, source, verdict }) => [entryOf(domain, source), verdict])),
    mail: new Map(mail.map(({ domain, source, ...rest }) => [entryOf(domain, source), rest])),
  };
}
