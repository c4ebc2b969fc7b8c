import { PermanentError } from '../../shared/errors.ts';
import { jsonText } from '../../shared/escape.ts';
import { counted } from '../../shared/format.ts';
import type { Config } from '../../shared/settings/config.ts';
import { countMessages, listMessages, replayMessages, showMessage } from '../../store/messages/messages.ts';
import { openContext, withDatabase } from '../open.ts';
import { keyOf, limitOf, moment } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';

const STATES = ['received', 'stored', 'ignored', 'quarantined', 'failed'];

export interface ListOptions {
  state?: string[];
  code?: string;
  mailbox?: string;
  limit?: string;
  json?: boolean;
}

/** `messages list`: the archive and the quarantine, newest first. */
export async function runMessagesList(config: Config, options: ListOptions, out: (line: string) => void): Promise<number> {
  checkStates(options.state);
  const limit = limitOf(options.limit);
  return withDatabase(config, async (db) => {
    const rows = await listMessages(db, { states: options.state ?? [], code: options.code, mailbox: options.mailbox, limit });
    if (options.json) {
      for (const row of rows) out(jsonText(row));
      return;
    }
    const counts = await countMessages(db);
    out(STATES.map((s) => `${s} ${counts[s as keyof typeof counts]}`).join('   '));
    if (rows.length === 0) return out('No messages match.');
    out(
      table(
        ['key', 'state', 'received', 'from', 'subject or file', 'reason'],
        rows.map((r) => [
          String(r.message_key),
          r.state,
          moment(r.received_at),
          r.sender ?? '',
          r.subject ?? r.file ?? '',
          [r.code, r.reason].filter(Boolean).join(': '),
        ]),
        { widths: [8, 11, 16, 28, 40, 80] },
      ),
    );
  });
}

/** `messages show KEY`: one message, its state with the reason, and the reports in it. */
export async function runMessagesShow(config: Config, key: string, out: (line: string) => void): Promise<number> {
  const number = keyOf(key, 'message');
  return withDatabase(config, async (db) => {
    const message = await showMessage(db, number);
    if (!message) throw new PermanentError('no_message', `There is no message ${key}: "ruawatch messages list" shows the keys.`);
    out(jsonText(message, 2));
  });
}

/** `messages replay [KEY…]`: parses messages again, selected by key, state or code. */
export async function runMessagesReplay(
  config: Config,
  keys: string[],
  options: { state?: string[]; code?: string },
  out: (line: string) => void,
): Promise<number> {
  checkStates(options.state);
  if (keys.length === 0 && !options.state && !options.code) {
    throw new PermanentError('usage', 'Specify message keys, --state or --code.');
  }
  const context = await openContext(config, { say: (line) => out(line) });
  try {
    const replayed = await replayMessages(context.db, {
      ...(keys.length > 0 ? { keys: keys.map((key) => keyOf(key, 'message')) } : {}),
      states: options.state ?? [],
      code: options.code,
    });
    let queued = 0;
    for (let i = 0; i < replayed.length; i += 100) {
      const batch = replayed.slice(i, i + 100);
      if (await context.queues.add('parse', { messages: batch })) queued += batch.length;
    }
    out(
      `${counted(replayed.length, 'message')} will be parsed again${queued < replayed.length ? '; the queue does not answer, so the sweeper will find them' : ''}.`,
    );
    return 0;
  } finally {
    await context.close();
  }
}

function checkStates(states: string[] | undefined): void {
  const unknown = states?.find((s) => !STATES.includes(s));
  if (unknown !== undefined)
    throw new PermanentError('usage', `There is no state "${unknown}": the states are ${STATES.join(', ')}.`);
}
