import type { Db } from '../../../services/shared/runtime/db.ts';
import type { Recipient, SentMessage, Signature, Verdict } from '../../../services/store/sending/types.ts';

export interface DayRow {
  cluster?: string;
  environment?: string;
  workload?: string;
  domain?: string;
  selector?: string;
  signing_domain?: string;
  sent: number;
  aligned?: number;
  refused?: number;
  refused_dmarc?: number;
  /** ISO 8601 */
  first_at: string;
  last_at?: string;
  recipients?: Record<string, number>;
  refused_by?: Record<string, number>;
}

/** Adds a row of the daily sums as the collector writes them. */
export async function putDay(db: Db, row: DayRow): Promise<void> {
  const { cluster = 'eu-1', environment = 'production', workload = 'shop', domain = 'example.com', selector = 's1' } = row;
  const key = [cluster, environment, workload, domain, selector, row.first_at.slice(0, 10)];
  const signed = selector === '' ? 0 : row.sent;
  await db.query(
    `insert into ruawatch.sending_days (cluster, environment, workload, domain, selector, day, sent, signed, unsigned, aligned, refused,
            refused_dmarc, signing_domain, first_at, last_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $7::bigint - $8::bigint, $9, $10, $11, $12, $13, $14)`,
    [
      ...key,
      row.sent,
      signed,
      row.aligned ?? signed,
      row.refused ?? 0,
      row.refused_dmarc ?? 0,
      row.signing_domain ?? (selector === '' ? '' : domain),
      row.first_at,
      row.last_at ?? row.first_at,
    ],
  );
  const recipients = new Set([...Object.keys(row.recipients ?? {}), ...Object.keys(row.refused_by ?? {})]);
  for (const recipient of recipients)
    await db.query(
      `insert into ruawatch.sending_day_recipients (cluster, environment, workload, domain, selector, day, recipient_domain, sent, refused)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [...key, recipient, row.recipients?.[recipient] ?? 0, row.refused_by?.[recipient] ?? 0],
    );
}

export async function putSource(db: Db, name: string, egress: string[] = []): Promise<number> {
  const { rows } = await db.query<{ source_id: number }>(
    `insert into ruawatch.log_sources (name, cluster, environment, egress) values ($1, 'eu-1', 'production', $2) returning source_id`,
    [name, egress],
  );
  return rows[0]!.source_id;
}

type Given = Partial<Omit<SentMessage, 'started_at' | 'signatures' | 'verify' | 'recipients'>> & {
  source_id: number;
  queue_id: string;
  started_at: string;
  signatures?: Signature[];
  verify?: Verdict[];
  recipients?: Partial<Recipient>[];
};

/** Adds a message as the collector judged it. @returns its key */
export async function putMessage(db: Db, given: Given): Promise<number> {
  const recipients = (given.recipients ?? [{}]).map((one) => ({
    domain: 'receiver.example',
    hash: 'h',
    relay: 'mx.receiver.example',
    relay_ip: '198.51.100.7',
    status: 'sent',
    dsn: '2.0.0',
    dmarc_words: false,
    words: null,
    at: Date.parse(given.started_at) + 1000,
    outside: true,
    ...one,
  }));
  const { rows } = await db.query<{ message_key: number }>(
    `insert into ruawatch.sent_messages (source_id, cluster, environment, workload, host, queue_id, message_id, started_at, last_at, judged_at,
            ended, direction, client_name, client_ip, sasl_username, envelope_domain, header_domain, sender_hash, signatures,
            sign_fault, verify, recipients, queued_as, leads_to, draft, line_hashes)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $8::timestamptz + interval '1 second', $8::timestamptz + interval '2 minutes', true, $9, $10, $11,
             null, $12, $13, 'h', $14, $15, $16, $17, $18, $19, '{}', '{}') returning message_key`,
    [
      given.source_id,
      given.cluster ?? 'eu-1',
      given.environment ?? 'production',
      given.workload ?? 'shop',
      given.host ?? 'mx1',
      given.queue_id,
      given.message_id ?? null,
      given.started_at,
      given.direction ?? 'out',
      given.client_name ?? null,
      given.client_ip ?? null,
      given.envelope_domain ?? 'example.com',
      given.header_domain === undefined ? 'example.com' : given.header_domain,
      JSON.stringify(given.signatures ?? []),
      given.sign_fault ?? [],
      JSON.stringify(given.verify ?? []),
      JSON.stringify(recipients),
      given.queued_as ?? [],
      given.leads_to ?? null,
    ],
  );
  return rows[0]!.message_key;
}
