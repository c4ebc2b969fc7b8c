import { speaksOfAuthentication } from '../../report/failure/remote-words.ts';
import type { Recipient, SentMessage, StoredMessage, Verdict } from '../../store/sending/types.ts';
import type { LogEvent } from '../events.ts';
import type { Place } from '../lines/raw.ts';
import { hashOf } from '../privacy.ts';
import { type Program, SIGN_SILENTLY } from '../programs/index.ts';

/** What is kept of a message of what lines say of it; more is left out. */
const MOST = { recipients: 1_000, signatures: 10, faults: 10, verdicts: 20, hashes: 5_000, queuedAs: 50 };

/** What a draft has beside the columns of its row. */
interface Rest {
  /** Made on the host itself. */
  local: boolean;
  /** A server's line named the client; a filter's may come before it. */
  clientKnown: boolean;
  /** MAIL FROM is known: null domain means a bounce. */
  envelopeKnown: boolean;
  rejected: boolean;
  programs: Program[];
  place: Place | null;
}

/** The columns of a message's row that its lines fill. */
type Columns = Omit<
  SentMessage,
  'message_key' | 'started_at' | 'last_at' | 'cluster' | 'environment' | 'workload' | 'judged_at' | 'direction' | 'leads_to'
>;

/** A message as far as its lines were read. Times are milliseconds since the epoch. */
export interface Draft extends Columns, Rest {
  /** Null: it has no row yet. */
  message_key: number | null;
  started_at: number;
  last_at: number;
  hashes: Set<string>;
}

export function newDraft(
  { source_id, host, queue_id }: { source_id: number; host: string; queue_id: string },
  at: number,
): Draft {
  return {
    message_key: null,
    source_id,
    host,
    queue_id,
    message_id: null,
    started_at: at,
    last_at: at,
    ended: false,
    client_name: null,
    client_ip: null,
    sasl_username: null,
    envelope_domain: null,
    header_domain: null,
    sender_hash: null,
    signatures: [],
    sign_fault: [],
    verify: [],
    recipients: [],
    queued_as: [],
    hashes: new Set(),
    local: false,
    clientKnown: false,
    envelopeKnown: false,
    rejected: false,
    programs: [],
    place: null,
  };
}

/** The draft of a stored message, which lines that came later are added to. */
export function draftOf(row: StoredMessage): Draft {
  const { local, clientKnown, envelopeKnown, rejected, programs, place } = row.draft as Rest;
  return {
    message_key: row.message_key,
    source_id: row.source_id,
    host: row.host,
    queue_id: row.queue_id,
    message_id: row.message_id,
    started_at: row.started_at.getTime(),
    last_at: row.last_at.getTime(),
    ended: row.ended,
    client_name: row.client_name,
    client_ip: row.client_ip,
    sasl_username: row.sasl_username,
    envelope_domain: row.envelope_domain,
    header_domain: row.header_domain,
    sender_hash: row.sender_hash,
    signatures: row.signatures,
    sign_fault: row.sign_fault,
    verify: row.verify,
    recipients: row.recipients,
    queued_as: row.queued_as,
    hashes: new Set(row.line_hashes),
    local,
    clientKnown,
    envelopeKnown,
    rejected,
    programs,
    place,
  };
}

export const restOf = ({ local, clientKnown, envelopeKnown, rejected, programs, place }: Draft): Rest => ({
  local,
  clientKnown,
  envelopeKnown,
  rejected,
  programs,
  place,
});

const FILTERS: readonly Program[] = ['opendkim', 'opendmarc', 'rspamd'];

/** Only lines of filters are known of it: the server's own are under another host, or have not come. */
export const ofFiltersAlone = (draft: Draft): boolean => draft.programs.every((program) => FILTERS.includes(program));

/** No program of it logs that it signs. */
export const signsSilently = (draft: Draft): boolean =>
  draft.programs.some((program) => SIGN_SILENTLY.includes(program)) &&
  draft.programs.every((program) => SIGN_SILENTLY.includes(program));

/** A line of a message, read. */
export interface ReadLine {
  at: number;
  hash: string;
  program: Program;
  place: Place | null;
  events: readonly LogEvent[];
}

/** Adds what a line says. A line that was added before changes nothing. */
export function addLine(draft: Draft, line: ReadLine, inside: (ip: string) => boolean): void {
  if (draft.hashes.has(line.hash) || draft.hashes.size >= MOST.hashes) return;
  draft.hashes.add(line.hash);
  draft.started_at = Math.min(draft.started_at, line.at);
  draft.last_at = Math.max(draft.last_at, line.at);
  if (!draft.programs.includes(line.program)) draft.programs.push(line.program);
  if (draft.place === null || (FILTERS.includes(draft.programs[0]!) && !FILTERS.includes(line.program)))
    draft.place = line.place ?? draft.place;
  for (const event of line.events) addEvent(draft, event, line, inside);
}

function addEvent(draft: Draft, event: LogEvent, line: ReadLine, inside: (ip: string) => boolean): void {
  const filter = FILTERS.includes(line.program);
  switch (event.kind) {
    case 'client':
      if (draft.clientKnown && filter) return;
      draft.client_name = event.name ?? draft.client_name;
      draft.client_ip = event.ip;
      draft.sasl_username = (event.sasl === null ? null : hashOf(event.sasl)) || draft.sasl_username;
      draft.clientKnown ||= !filter;
      return;
    case 'local':
      draft.local = true;
      return;
    case 'message_id':
      draft.message_id ??= event.id;
      return;
    case 'envelope':
      if (draft.envelopeKnown && filter) return;
      draft.envelope_domain = event.from?.domain || null;
      draft.sender_hash = event.from === null ? null : hashOf(event.from.local) || null;
      draft.envelopeKnown = true;
      return;
    case 'author':
      draft.header_domain ??= event.domain;
      return;
    case 'delivery':
      addDelivery(draft, event, line.at, inside);
      return;
    case 'expired':
      for (const one of draft.recipients) if (one.status === 'deferred') one.status = 'expired';
      return;
    case 'ended':
      draft.ended = true;
      return;
    case 'rejected':
      draft.rejected = true;
      return;
    case 'signed':
      if (!draft.signatures.some((one) => one.domain === event.domain && one.selector === event.selector))
        push(draft.signatures, { domain: event.domain, selector: event.selector }, MOST.signatures);
      return;
    case 'fault': {
      const said = event.about === null ? event.code : `${event.code} ${event.about}`;
      if (!draft.sign_fault.includes(said)) push(draft.sign_fault, said, MOST.faults);
      return;
    }
    case 'verdict': {
      const { kind: _, ...verdict } = event;
      const same = (one: Verdict) =>
        one.program === line.program && JSON.stringify({ ...one, program: undefined }) === JSON.stringify(verdict);
      if (!draft.verify.some(same)) push(draft.verify, { program: line.program, ...verdict }, MOST.verdicts);
      return;
    }
    case 'dns_change':
      return;
  }
}

function push<T>(list: T[], one: T, most: number): void {
  if (list.length < most) list.push(one);
}

function addDelivery(
  draft: Draft,
  event: Extract<LogEvent, { kind: 'delivery' }>,
  at: number,
  inside: (ip: string) => boolean,
): void {
  const hash = hashOf(event.to.local);
  const one: Recipient = {
    domain: event.to.domain,
    hash,
    relay: event.relay,
    relay_ip: event.ip,
    status: event.status,
    dsn: event.dsn,
    dmarc_words: event.words !== null && speaksOfAuthentication(event.dsn ?? '', event.words),
    words: event.words,
    at,
    outside: event.by === 'smtp' && (event.ip === null || !inside(event.ip)),
    queued_as: event.queuedAs,
  };
  if (event.queuedAs !== null && !draft.queued_as.includes(event.queuedAs)) push(draft.queued_as, event.queuedAs, MOST.queuedAs);
  const index = draft.recipients.findIndex((known) => known.domain === one.domain && known.hash === hash);
  if (index === -1) push(draft.recipients, one, MOST.recipients);
  // Lines may come out of order: the newest one about a recipient stands, and a final word before a deferral
  // of the same second.
  else if (newer(one, draft.recipients[index]!)) draft.recipients[index] = one;
}

const newer = (one: Recipient, than: Recipient): boolean =>
  one.at > than.at || (one.at === than.at && (than.status === 'deferred' || one.status !== 'deferred'));
