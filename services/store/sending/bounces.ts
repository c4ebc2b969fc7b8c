import { speaksOfAuthentication } from '../../report/failure/remote-words.ts';
import type { Bounce } from '../../report/model.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import { jsonInsert } from '../json-insert.ts';
import { keyText } from '../sql-text.ts';

/** A bounce that came in a mail. */
export interface NewBounce {
  message_key: number;
  received_at: Date;
  bounce: Bounce;
}

type Row = NewBounce & { n: number; recipient: Bounce['recipients'][number] };

const insert = jsonInsert<Row>(
  'ruawatch.bounces',
  {
    message_key: ['bigint', ({ message_key }) => message_key],
    n: ['integer', ({ n }) => n],
    received_at: ['timestamptz', ({ received_at }) => received_at.toISOString()],
    message_id: ['text', ({ bounce }) => (bounce.message_id === null ? null : keyText(bounce.message_id))],
    recipient_domain: ['text', ({ recipient }) => keyText(recipient.domain)],
    action: ['text', ({ recipient }) => recipient.action],
    status: ['text', ({ recipient }) => recipient.status],
    words: ['text', ({ recipient }) => recipient.words],
    dmarc_words: ['boolean', ({ recipient }) => speaksOfAuthentication(recipient.status, recipient.words)],
    reporting_mta: ['text', ({ bounce }) => bounce.reporting_mta],
  },
  'on conflict do nothing',
);

/** Stores bounces, a row for each recipient. Those of a mail that is read again are there already. */
export async function storeBounces(tx: Tx, bounces: readonly NewBounce[]): Promise<void> {
  const counts = new Map<number, number>();
  await insert(
    tx,
    bounces.flatMap((one) =>
      one.bounce.recipients.map((recipient) => {
        const n = counts.get(one.message_key) ?? 0;
        counts.set(one.message_key, n + 1);
        return { ...one, n, recipient };
      }),
    ),
  );
}
