import { codeOf, isTransient, messageOf } from '../shared/errors.ts';
import type { Context } from '../shared/runtime/service.ts';
import { noteAttempt, settleMessages } from '../store/messages/messages.ts';

/**
 * Records that a job was given up. After a transient error its messages keep waiting, and the sweeper
 * enqueues them again. So do the messages of a job whose workers died (a transient `job_stalled`), because
 * deaths are attributed by message, not by job (store/messages/parse-marks.ts). After any other error they
 * are marked failed, and `ruawatch messages list --state failed` lists them.
 */
export async function giveUp(context: Pick<Context, 'db' | 'log'>, keys: readonly number[], error: unknown): Promise<void> {
  const reason = messageOf(error);
  if (isTransient(error)) {
    await noteAttempt(context.db, keys, codeOf(error) ?? 'transient', reason);
    context.log.warn({ messages: keys, err: reason }, 'messages wait for the next sweep');
    return;
  }
  const code = codeOf(error) ?? 'internal_error';
  context.log.error({ messages: keys, code, err: reason }, 'messages failed; "ruawatch messages replay" retries them');
  await settleMessages(
    context.db,
    keys.map((message_key) => ({ message_key, state: 'failed', code, reason })),
  );
}
