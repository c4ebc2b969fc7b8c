import { type Clock, systemClock } from '../shared/clock.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Mailbox } from '../shared/settings/mailbox.ts';
import { checkDisposal } from './check-disposal.ts';
import { connect } from './connect.ts';
import { explain, explainSilence } from './explain.ts';
import { createTokens } from './oauth.ts';

const CHECK_MS = 9_000;

/**
 * Tries a mailbox as the poller would, without changing anything in it: connects, logs in, opens the folder,
 * and asks for the rights and folders that disposing of mails will need.
 * @returns a line such as "12 mails, IDLE, MOVE, READ-WRITE, "ruawatch" is there"
 * @throws RuawatchError with one sentence that says what is wrong and what to do
 */
export async function checkMailbox(mailbox: Mailbox, log: Log, clock: Clock = systemClock): Promise<string> {
  const tokens = mailbox.oauth ? createTokens(mailbox.name, mailbox.oauth, clock) : null;
  const signal = AbortSignal.timeout(CHECK_MS);
  const said = (error: unknown) => (signal.aborted ? explainSilence(error, mailbox) : explain(error, mailbox));
  const connection = await connect(mailbox, tokens, signal).catch((error: unknown) => {
    throw said(error);
  });
  const { client } = connection;
  signal.addEventListener('abort', () => client.close());
  try {
    const box = await client.mailboxOpen(mailbox.folder, { readOnly: mailbox.after === 'keep' });
    log.debug({ mailbox: mailbox.name, folder: mailbox.folder, mails: box.exists }, 'mailbox checked');
    const offers = ['IDLE', 'MOVE'].map((name) => (client.capabilities.has(name) ? name : `no ${name}`));
    const disposal = await checkDisposal(client, mailbox);
    return `${box.exists} mail${box.exists === 1 ? '' : 's'}, ${[...offers, ...disposal].join(', ')}`;
  } catch (error) {
    throw said(error);
  } finally {
    await connection.close();
  }
}
