import { type Clock, systemClock } from '../shared/clock.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Mailbox } from '../shared/settings/mailbox.ts';
import { connect } from './connect.ts';
import { explain } from './explain.ts';
import { createTokens } from './oauth.ts';

const CHECK_MS = 45_000;

/**
 * Tries a mailbox as the poller would, without changing anything in it: connects, logs in, opens the folder.
 * @returns a line such as "12 mails, IDLE, MOVE"
 * @throws RuawatchError with one sentence that says what is wrong and what to do
 */
export async function checkMailbox(mailbox: Mailbox, log: Log, clock: Clock = systemClock): Promise<string> {
  const tokens = mailbox.oauth ? createTokens(mailbox.name, mailbox.oauth, clock) : null;
  const connection = await connect(mailbox, tokens, AbortSignal.timeout(CHECK_MS));
  const { client } = connection;
  try {
    const box = await client.mailboxOpen(mailbox.folder, { readOnly: true });
    log.debug({ mailbox: mailbox.name, folder: mailbox.folder, mails: box.exists }, 'mailbox checked');
    const offers = ['IDLE', 'MOVE'].map((name) => (client.capabilities.has(name) ? name : `no ${name}`));
    return `${box.exists} mail${box.exists === 1 ? '' : 's'}, ${offers.join(', ')}`;
  } catch (error) {
    throw explain(error, mailbox);
  } finally {
    await connection.close();
  }
}
