import type { Config } from '../shared/config.ts';
import { PermanentError } from '../shared/errors.ts';
import { countMessages, listMessages, replayMessages, showMessage } from '../store/messages.ts';
import { openContext, openDatabase } from './open.ts';
import { table } from './table.ts';

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
  const limit = Number(options.limit ?? 50);
  if (!Number.isInteger(limit) || limit < 1) throw new PermanentError('usage', '--limit must be a whole number above 0.');
  const { db, close } = await openDatabase(config, { migrate: false });
  try {
    const rows = await listMessages(db, { states: options.state ?? [], code: options.code, mailbox: options.mailbox, limit });
    if (options.json) {
      for (const row of rows) out(JSON.stringify(row));
      return 0;
    }
    const counts = await countMessages(db);
    out(STATES.map((s) => `${s} ${counts[s as keyof typeof counts]}`).join('   '));
    if (rows.length === 0) {
      out('No message fits.');
      return 0;
    }
    out(
      table(
        ['key', 'state', 'received', 'from', 'subject or file', 'reason'],
        rows.map((r) => [
          String(r.message_key),
          r.state,
          r.received_at.toISOString().slice(0, 16).replace('T', ' '),
          r.sender ?? '',
          r.subject ?? r.file ?? '',
          r.code === null ? '' : `${r.code}: ${r.reason ?? ''}`,
        ]),
        [8, 11, 16, 28, 40, 80],
      ),
    );
    return 0;
  } finally {
    await close();
  }
}

/** `messages show KEY`: one message, why it is where it is, and the reports read from it. */
export async function runMessagesShow(config: Config, key: string, out: (line: string) => void): Promise<number> {
  const { db, close } = await openDatabase(config, { migrate: false });
  try {
    const message = await showMessage(db, keyOf(key));
    if (!message) throw new PermanentError('no_message', `There is no message ${key}: "ruawatch messages list" shows the keys.`);
    out(JSON.stringify(message, null, 2));
    return 0;
  } finally {
    await close();
  }
}

/** `messages replay [KEY…]`: sends messages back to the parser, by key or by state. */
export async function runMessagesReplay(
  config: Config,
  keys: string[],
  options: { state?: string[]; code?: string },
  out: (line: string) => void,
): Promise<number> {
  checkStates(options.state);
  if (keys.length === 0 && !options.state && !options.code) {
    throw new PermanentError('usage', 'Say which: message keys, --state quarantined, or --code CODE.');
  }
  const context = await openContext(config, { say: (line) => out(line) });
  try {
    const replayed = await replayMessages(context.db, {
      ...(keys.length > 0 ? { keys: keys.map(keyOf) } : {}),
      states: options.state ?? [],
      code: options.code,
    });
    let queued = 0;
    for (let i = 0; i < replayed.length; i += 100) {
      const batch = replayed.slice(i, i + 100);
      if (await context.queues.add('parse', { messages: batch })) queued += batch.length;
    }
    out(
      `${replayed.length} messages wait to be parsed again${queued < replayed.length ? '; the queue is down, the sweeper will find them' : ''}.`,
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

function keyOf(text: string): number {
  const key = Number(text);
  if (!Number.isSafeInteger(key) || key < 1)
    throw new PermanentError('usage', `"${text}" is not a message key: keys are whole numbers.`);
  return key;
}
