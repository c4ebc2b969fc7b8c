import { addLine, type Draft, newDraft, ofFiltersAlone, type ReadLine } from './draft.ts';

/**
 * Lines of one message are this far out of order at most, where one program's clock differs from another's.
 */
const SLACK_MS = 10_000;
/**
 * A queue keeps a mail for five days (maximal_queue_lifetime); a line after more belongs to another message
 * of the same id.
 */
const QUEUE_LIFE_MS = 6 * 86_400_000;

/**
 * Adds lines of one queue id to the messages that had it. Short ids are used again: a second client, a second
 * Message-ID, or a begin after the end is another message. Lines may come in any order, and more than once.
 * @param drafts those that are known, which are changed
 * @param inside whether an address is one of the networks that mail is handed on in
 * @returns all of the id, also those without a change
 */
export function foldLines(
  of: { source_id: number; host: string; queue_id: string },
  drafts: Draft[],
  lines: readonly ReadLine[],
  inside: (ip: string) => boolean,
): Draft[] {
  const all = [...drafts];
  const sorted = lines.map((line, n) => ({ line, n })).sort((a, b) => a.line.at - b.line.at || a.n - b.n);
  for (const { line } of sorted) {
    if (all.some((draft) => draft.hashes.has(line.hash))) continue;
    let draft = draftFor(all, line);
    if (draft === null) {
      draft = newDraft(of, line.at);
      all.push(draft);
    }
    addLine(draft, line, inside);
  }
  return all;
}

/** The message that a line belongs to; null: a new one. */
function draftFor(drafts: readonly Draft[], line: ReadLine): Draft | null {
  const near = drafts.filter((draft) => line.at >= draft.started_at - QUEUE_LIFE_MS && line.at <= draft.last_at + QUEUE_LIFE_MS);
  const before = near.filter((draft) => draft.started_at <= line.at + SLACK_MS).sort((a, b) => b.started_at - a.started_at);
  const after = near.filter((draft) => draft.started_at > line.at + SLACK_MS).sort((a, b) => a.started_at - b.started_at);
  for (const draft of [...before.slice(0, 2), ...after.slice(0, 1)]) {
    if (contradicts(draft, line)) continue;
    return draft;
  }
  return null;
}

/** Whether the line says what a message says once, and otherwise than the draft. */
function contradicts(draft: Draft, line: ReadLine): boolean {
  if (draft.ended && line.at > draft.last_at + SLACK_MS) return true;
  for (const event of line.events) {
    if (event.kind === 'message_id' && draft.message_id !== null && draft.message_id !== event.id) return true;
    if (line.program === 'rspamd') continue;
    if (event.kind === 'client' && (draft.clientKnown || draft.local)) return true;
    if (event.kind === 'local' && draft.clientKnown) return true;
  }
  return false;
}

/**
 * Whether two drafts are of one message: a filter's on another host (a milter in a pod of its own), and the
 * server's.
 */
export function filterOf(filter: Draft, server: Draft): boolean {
  return (
    ofFiltersAlone(filter) &&
    !ofFiltersAlone(server) &&
    filter.queue_id === server.queue_id &&
    (filter.message_id === null || server.message_id === null || filter.message_id === server.message_id) &&
    filter.started_at >= server.started_at - SLACK_MS &&
    filter.started_at <= server.last_at + 60 * SLACK_MS
  );
}

const LOOPBACK = /^(?:127\.|::1$)/;

/**
 * Whether a server handed the mail to the other: by the queue id that the next one gave it, or back into the
 * queue of the same host.
 */
export function handedTo(from: Draft, to: Draft): boolean {
  if (from === to || ofFiltersAlone(from) || ofFiltersAlone(to)) return false;
  if (to.started_at < from.started_at - SLACK_MS || to.started_at > from.last_at + QUEUE_LIFE_MS) return false;
  if (from.message_id === null || from.message_id !== to.message_id) return false;
  if (from.queued_as.includes(to.queue_id)) return true;
  const again = to.local || (to.client_ip !== null && LOOPBACK.test(to.client_ip));
  return (
    from.host === to.host &&
    from.source_id === to.source_id &&
    from.queue_id !== to.queue_id &&
    again &&
    !from.recipients.some((one) => one.outside)
  );
}
