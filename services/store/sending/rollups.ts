import type { Tx } from '../../shared/runtime/db.ts';
import { rowsJson } from '../sql-text.ts';
import type { Counted } from './types.ts';

/** Domains of recipients that a row of `sending_days` has by name; all others are summed under ''. */
const MOST_RECIPIENT_DOMAINS = 1_000;

const COUNTS = ['sent', 'signed', 'unsigned', 'aligned', 'deferred', 'refused', 'refused_dmarc'] as const;
const KEY = ['cluster', 'environment', 'workload', 'domain', 'selector', 'day'] as const;
const KEY_TYPES = 'cluster text, environment text, workload text, domain text, selector text, day date';

type Key = Pick<Counted, (typeof KEY)[number]>;
type Sums = Record<(typeof COUNTS)[number], number>;

/** In the order of KEY. No text that Postgres holds has a NUL. */
const keyOf = ({ cluster, environment, workload, domain, selector, day }: Key): string =>
  `${cluster}\0${environment}\0${workload}\0${domain}\0${selector}\0${day}`;
const keyObject = (key: string): Key => {
  const values = key.split('\0');
  return Object.fromEntries(KEY.map((name, n) => [name, values[n]])) as unknown as Key;
};

/**
 * Sums recipients' domains under '' where a row has enough by name, so that one mailing does not fill the
 * disk. What a message counts is stored as it is after this, so that it can be taken back exactly.
 */
export async function capRecipients(tx: Tx, counted: readonly Counted[]): Promise<Counted[]> {
  const wanted = new Map<string, Set<string>>();
  for (const one of counted) {
    const key = keyOf(one);
    const names = wanted.get(key) ?? new Set();
    wanted.set(key, names);
    for (const name of Object.keys(one.recipients)) names.add(name);
  }
  if (wanted.size === 0) return [];
  const { rows } = await tx.query<Key & { count: number; known: string[] }>(
    `select k.*, r.count, r.known
       from jsonb_to_recordset($1::jsonb) as k(${KEY_TYPES}, names text[]),
            lateral (select count(*) as count, coalesce(array_agg(recipient_domain) filter (where recipient_domain = any(k.names)), '{}') as known
                       from ruawatch.sending_day_recipients d
                      where (d.cluster, d.environment, d.workload, d.domain, d.selector, d.day)
                          = (k.cluster, k.environment, k.workload, k.domain, k.selector, k.day)) r`,
    [rowsJson([...wanted].map(([key, names]) => ({ ...keyObject(key), names: [...names] })))],
  );
  const allowed = new Map<string, Set<string>>();
  for (const row of rows) {
    const names = new Set(row.known);
    let room = MOST_RECIPIENT_DOMAINS - row.count;
    for (const name of wanted.get(keyOf(row)) ?? []) {
      if (names.has(name) || room <= 0) continue;
      names.add(name);
      room--;
    }
    allowed.set(keyOf(row), names);
  }
  return counted.map((one) => {
    const names = allowed.get(keyOf(one));
    if (names === undefined || Object.keys(one.recipients).every((name) => names.has(name))) return one;
    const kept = new Map<string, [number, number]>();
    for (const [name, [sent, refused]] of Object.entries(one.recipients)) {
      const sums = kept.get(names.has(name) ? name : '') ?? [0, 0];
      kept.set(names.has(name) ? name : '', [Math.max(sums[0], sent), Math.max(sums[1], refused)]);
    }
    return { ...one, recipients: Object.fromEntries(kept) };
  });
}

/** Takes back what messages counted and adds what they count now, rows in the order of their keys. */
export async function moveRollups(tx: Tx, before: readonly Counted[], after: readonly Counted[], now: Date): Promise<void> {
  const days = new Map<string, Sums>();
  const recipients = new Map<string, [sent: number, refused: number]>();
  const add = (one: Counted, sign: 1 | -1) => {
    const key = keyOf(one);
    const sums = days.get(key) ?? { sent: 0, signed: 0, unsigned: 0, aligned: 0, deferred: 0, refused: 0, refused_dmarc: 0 };
    days.set(key, sums);
    for (const name of COUNTS) sums[name] += sign * one[name];
    for (const [domain, [sent, refused]] of Object.entries(one.recipients)) {
      const place = `${key}\0${domain}`;
      const moved = recipients.get(place) ?? [0, 0];
      recipients.set(place, moved);
      moved[0] += sign * sent;
      moved[1] += sign * refused;
    }
  };
  for (const one of before) add(one, -1);
  for (const one of after) add(one, 1);
  const spans = spansOf(after);
  const changed = [...days].filter(([, sums]) => COUNTS.some((name) => sums[name] !== 0)).sort(byKey);
  if (changed.length > 0)
    await tx.query(
      `insert into ruawatch.sending_days (${KEY.join(', ')}, ${COUNTS.join(', ')}, changed_at, first_at, last_at, signing_domain)
       select ${KEY.join(', ')}, ${COUNTS.join(', ')}, $2, coalesce(first_at, 'infinity'), coalesce(last_at, '-infinity'), coalesce(signing_domain, '')
         from jsonb_to_recordset($1::jsonb) as r(${KEY_TYPES}, ${COUNTS.map((name) => `${name} bigint`).join(', ')},
              first_at timestamptz, last_at timestamptz, signing_domain text)
           on conflict (${KEY.join(', ')}) do update set changed_at = excluded.changed_at,
              first_at = least(sending_days.first_at, excluded.first_at), last_at = greatest(sending_days.last_at, excluded.last_at),
              signing_domain = coalesce(nullif(excluded.signing_domain, ''), sending_days.signing_domain),
              ${COUNTS.map((name) => `${name} = sending_days.${name} + excluded.${name}`).join(', ')}`,
      [rowsJson(changed.map(([key, sums]) => ({ ...keyObject(key), ...sums, ...spans.get(key) }))), now],
    );
  const moved = [...recipients].filter(([, [sent, refused]]) => sent !== 0 || refused !== 0).sort(byKey);
  if (moved.length === 0) return;
  await tx.query(
    `insert into ruawatch.sending_day_recipients (${KEY.join(', ')}, recipient_domain, sent, refused)
     select ${KEY.join(', ')}, recipient_domain, sent, refused
       from jsonb_to_recordset($1::jsonb) as r(${KEY_TYPES}, recipient_domain text, sent bigint, refused bigint)
         on conflict (${KEY.join(', ')}, recipient_domain)
         do update set sent = sending_day_recipients.sent + excluded.sent, refused = sending_day_recipients.refused + excluded.refused`,
    [
      rowsJson(
        moved.map(([place, [sent, refused]]) => {
          return { ...keyObject(place), recipient_domain: place.slice(place.lastIndexOf('\0') + 1), sent, refused };
        }),
      ),
    ],
  );
}

/**
 * When the first and the last message of each row began, and whose key signed them. What is taken back moves
 * neither.
 */
function spansOf(after: readonly Counted[]): Map<string, { first_at: string; last_at: string; signing_domain: string }> {
  const spans = new Map<string, { first: number; last: number; signing_domain: string }>();
  for (const one of after) {
    const key = keyOf(one);
    const span = spans.get(key) ?? { first: one.at, last: one.at, signing_domain: '' };
    spans.set(key, span);
    span.first = Math.min(one.at, span.first);
    span.last = Math.max(one.at, span.last);
    span.signing_domain = one.signing_domain;
  }
  const iso = (at: number) => new Date(at).toISOString();
  return new Map(
    [...spans].map(([key, { first, last, signing_domain }]) => [
      key,
      { first_at: iso(first), last_at: iso(last), signing_domain },
    ]),
  );
}

const byKey = (a: [string, unknown], b: [string, unknown]) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);
