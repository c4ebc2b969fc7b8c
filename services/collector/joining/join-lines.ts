import type { GuardedWorkload } from '../../dns/guard/workloads.ts';
import type { Judged, Judgement } from '../../store/sending/joining.ts';
import type { StoredLine } from '../../store/sending/lines.ts';
import type { LogSource } from '../../store/sending/sources.ts';
import type { StoredMessage } from '../../store/sending/types.ts';
import type { Place } from '../lines/raw.ts';
import type { HashName } from '../privacy.ts';
import { type Program, programOf, readProgram } from '../programs/index.ts';
import { countMail, directionOf, type Mail, mailsOf } from './count.ts';
import { type Draft, draftOf, type ReadLine, restOf } from './draft.ts';
import { foldLines } from './fold.ts';
import { workloadOf } from './workload.ts';

export interface JoinMeans {
  sources: ReadonlyMap<number, LogSource>;
  declared(environment: string): readonly GuardedWorkload[];
  hash: HashName;
  /** Whether an address is in the networks in which mail is handed on. */
  inside(ip: string): boolean;
  now: Date;
}

/** Puts the lines of due ids together: into messages, those into mails, and says what each mail counts. */
export async function joinLines({ due, known, related }: Judgement, means: JoinMeans): Promise<Judged[]> {
  const before = new Map(known.map((row) => [row.message_key, row]));
  const drafts: Draft[] = [];
  for (const id of due) {
    const mine = known.filter((row) => row.source_id === id.source_id && row.host === id.host && row.queue_id === id.queue_id);
    const of = { source_id: id.source_id, host: id.host, queue_id: id.queue_id };
    drafts.push(...foldLines(of, mine.map(draftOf), id.lines.flatMap(readStored), means.inside));
  }
  const own = new Set(drafts);
  const all = [...drafts, ...(await relatedDrafts(drafts, before, related))];
  const judged: Judged[] = [];
  for (const [place, group] of byPlace(all, means.sources)) {
    // Mails of other lines alone stay as they are: not all of their parts were read.
    for (const mail of mailsOf(group))
      if (mail.drafts.some((draft) => own.has(draft))) judged.push(...joinedMail(mail, place, means));
  }
  return judged;
}

/** From a filter to its server to the servers after that. */
const ROUNDS = 3;

/** Rows of other ids that may be of the same mail, and rows that may be of the same mail as those. */
async function relatedDrafts(
  drafts: readonly Draft[],
  before: ReadonlyMap<number, StoredMessage>,
  related: Judgement['related'],
): Promise<Draft[]> {
  const asked = { messageIds: new Set<string>(), queueIds: new Set<string>() };
  const seen = new Set(before.keys());
  const found: Draft[] = [];
  let from = drafts;
  for (let round = 0; round < ROUNDS && from.length > 0; round++) {
    const messageIds = fresh(
      asked.messageIds,
      from.flatMap(({ message_id }) => message_id ?? []),
    );
    const queueIds = fresh(
      asked.queueIds,
      from.flatMap(({ queue_id, queued_as }) => [queue_id, ...queued_as]),
    );
    if (messageIds.length + queueIds.length === 0) break;
    const rows = (await related(messageIds, queueIds)).filter((row) => !seen.has(row.message_key));
    for (const { message_key } of rows) seen.add(message_key);
    from = rows.map(draftOf);
    found.push(...from);
  }
  return found;
}

function fresh(known: Set<string>, values: readonly string[]): string[] {
  const news = [...new Set(values)].filter((value) => !known.has(value));
  for (const value of news) known.add(value);
  return news;
}

function joinedMail(mail: Mail, place: { cluster: string; environment: string }, means: JoinMeans): Judged[] {
  const [first] = mail.drafts;
  const own = means.sources.get(first!.source_id)?.workload ?? '';
  const workload = workloadOf(first!, { declared: means.declared(place.environment), own, hash: means.hash });
  const of = { cluster: place.cluster, environment: place.environment, workload };
  const judged = new Map<Draft, Judged>();
  for (const draft of mail.drafts) {
    const next = mail.next.get(draft);
    const row = rowOf(draft, of, directionOf(draft, next !== undefined, means.inside));
    if (draft === first) row.counted = countMail(mail, of);
    if (next !== undefined) row.next = () => judged.get(next[0]!) ?? null;
    judged.set(draft, row);
  }
  return [...judged.values()];
}

/**
 * Column by column, at once: what is left of an object after some of it, or added to one, costs more than all
 * else of a message.
 */
function rowOf(
  draft: Draft,
  { cluster, environment, workload }: { cluster: string; environment: string; workload: string },
  direction: Judged['direction'],
): Judged {
  return {
    message_key: draft.message_key,
    source_id: draft.source_id,
    cluster,
    environment,
    workload,
    host: draft.host,
    queue_id: draft.queue_id,
    message_id: draft.message_id,
    started_at: draft.started_at,
    last_at: draft.last_at,
    ended: draft.ended,
    direction,
    client_name: draft.client_name,
    client_ip: draft.client_ip,
    sasl_username: draft.sasl_username,
    envelope_domain: draft.envelope_domain,
    header_domain: draft.header_domain,
    sender_hash: draft.sender_hash,
    signatures: draft.signatures,
    sign_fault: draft.sign_fault,
    verify: draft.verify,
    recipients: draft.recipients,
    queued_as: draft.queued_as,
    draft: restOf(draft),
    line_hashes: [...draft.hashes],
    leads_to: null,
    next: null,
    counted: null,
  };
}

/**
 * Mail is put together within a cluster and environment: queue ids and Message-IDs of others are strangers.
 */
function byPlace(
  drafts: readonly Draft[],
  sources: ReadonlyMap<number, LogSource>,
): Map<{ cluster: string; environment: string }, Draft[]> {
  const places = new Map<string, { place: { cluster: string; environment: string }; group: Draft[] }>();
  for (const draft of drafts) {
    const { cluster = '', environment = '' } = sources.get(draft.source_id) ?? {};
    const key = JSON.stringify([cluster, environment]);
    const found = places.get(key) ?? { place: { cluster, environment }, group: [] };
    places.set(key, found);
    found.group.push(draft);
  }
  return new Map([...places.values()].map(({ place, group }) => [place, group]));
}

function readStored({ at, hash, tag, text, place }: StoredLine): ReadLine[] {
  const program: Program | null = programOf(tag);
  const reading = program === null ? null : readProgram(program, tag, text);
  if (program === null || reading === null) return [];
  return [{ at, hash, program, place: (place as Place | undefined) ?? null, events: reading.events }];
}
