import { page } from '../../mails/finding-html.ts';
import { escapeHtml } from '../../mails/plain-text.ts';
import type { Rendered } from '../../mails/render-finding.ts';
import { TAG } from '../../mails/subject.ts';
import { escaped } from '../../shared/escape.ts';
import { type Db, transaction } from '../../shared/runtime/db.ts';
import { insertMail, installation } from '../../store/alerts/outbox.ts';
import { type NewSignIn, takeSignIns } from '../../store/alerts/sign-ins.ts';
import { composeMail, messageIdOf } from './message.ts';

const WAYS: Record<string, string> = {
  password: 'with the password',
  link: 'with a link',
  passkey: 'with a passkey',
  company: "through the company's sign-in",
};

/**
 * Puts a mail into the outbox for each sign-in from a browser or network that its person had not used before.
 * @param from the sender's address; null without mail: nobody is notified then
 * @returns how many mails were made
 */
export async function composeSignIns(
  db: Db,
  { from, console }: { from: string | null; console: string | null },
  now: Date,
): Promise<number> {
  return transaction(db, async (tx) => {
    const taken = await takeSignIns(tx);
    if (from === null || taken.length === 0) return 0;
    const own = await installation(tx);
    for (const one of taken) {
      const content = renderSignIn(one, console);
      const message_id = messageIdOf(`sign-in-${one.sign_in_key}`, own, from);
      const raw = await composeMail({ from, to: [one.email], message_id, inReplyTo: null, date: now, urgent: false, content });
      const { subject } = content;
      const mail = { message_id, finding_key: null, recipients: [one.email], subject, raw, urgent: true, created_at: now };
      await insertMail(tx, { ...mail, kind: 'sign_in' });
    }
    return taken.length;
  });
}

/** The mail to a person about a sign-in. */
export function renderSignIn(
  { name, at, how, address, agent }: Omit<NewSignIn, 'sign_in_key' | 'email'>,
  console: string | null,
): Rendered {
  const subject = `${TAG}New sign-in to the console`;
  const lines = [
    `Somebody signed in as ${escaped(name)} ${WAYS[how] ?? how}, from a browser or network that you had not used before.`,
    `When: ${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    `From: ${address ?? 'an unknown address'}`,
    `Browser: ${agent ? escaped(agent).slice(0, 200) : 'it does not say'}`,
    'If that was you, nothing is to be done.',
    `If not, sign in${console === null ? '' : ` at ${console}/account`}, choose "Sign out everywhere", and ask an admin for a new password: ruawatch people link ${escaped(name)}.`,
  ];
  return {
    subject,
    text: `${lines.join('\n\n')}\n`,
    html: page(subject, lines.map((line) => `<p>${escapeHtml(line)}</p>`).join('\n')),
  };
}
