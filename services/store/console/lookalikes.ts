import { type Reader, read } from './scope.ts';

/** A registered name that may be mistaken for an own domain. */
export interface LookalikeLine {
  domain: string;
  name: string;
  shown: string;
  kind: string;
  registered: boolean;
  baseline: boolean;
  first_seen: Date;
  gone_at: Date | null;
  mail_hosts: string[] | null;
  dmarc: string | null;
  yours: boolean;
  change: string | null;
  changed_at: Date | null;
  ignored_by: string | null;
}

/** Look-alikes that are registered: those that changed last first, then those that take mail. */
export async function lookalikeLines(
  reader: Reader,
  { domain, limit, offset }: { domain?: string | undefined; limit: number; offset: number },
): Promise<LookalikeLine[]> {
  return read<LookalikeLine>(
    reader,
    ['lookalikes'],
    `select domain, name, shown, kind, registered, baseline, first_seen, gone_at, mail_hosts, dmarc, yours, change, changed_at, ignored_by
       from lookalikes where ($1::text is null or domain = $1)
      order by ignored_at is not null, yours, changed_at desc nulls last, cardinality(mail_hosts) > 0 desc nulls last, rank, domain, name
      limit $2 offset $3`,
    [domain ?? null, limit, offset],
  );
}
