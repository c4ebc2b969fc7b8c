import { page } from '../../mails/finding-html.ts';
import { escapeHtml } from '../../mails/plain-text.ts';
import type { Rendered } from '../../mails/render-finding.ts';
import { TAG } from '../../mails/subject.ts';
import { authorShown } from '../../requests/held/author.ts';
import { askToken } from '../../requests/held/seal.ts';
import { escaped } from '../../shared/escape.ts';
import { counted } from '../../shared/format.ts';
import { type Db, transaction } from '../../shared/runtime/db.ts';
import { insertMail, installation } from '../../store/alerts/outbox.ts';
import { type ToTell, takeToTell } from '../../store/held/told.ts';
import { composeMail, messageIdOf } from '../mail/message.ts';

export interface HeldDigestMeans {
  /** The sender's address; null without mail: nobody is notified then. */
  from: string | null;
  console: string | null;
  /** The octets of `milter.hold.key_file`; null when none is set. */
  key: Buffer | null;
  /** Hours between two mails to one recipient; 0 sends none. */
  hours: number;
}

/** How long a link is good. */
const LINK_DAYS = 14;

/**
 * Puts a mail into the outbox for each recipient for whom something new is held.
 * @returns how many mails were made
 */
export async function composeHeldDigests(db: Db, { from, console, key, hours }: HeldDigestMeans, now: Date): Promise<number> {
  if (from === null || hours === 0) return 0;
  return transaction(db, async (tx) => {
    const all = await takeToTell(tx, hours, now);
    if (all.length === 0) return 0;
    const own = await installation(tx);
    for (const one of all) {
      const content = renderHeld(one, linkOf({ console, key, recipient: one.recipient, now }));
      const name = `held-${one.mails[0]!.held_key}-${one.total}-${Buffer.from(one.recipient).toString('hex').slice(0, 60)}`;
      const message_id = messageIdOf(name, own, from);
      const to = [one.recipient];
      const raw = await composeMail({ from, to, message_id, inReplyTo: null, date: now, urgent: false, content });
      const mail = {
        message_id,
        finding_key: null,
        recipients: to,
        subject: content.subject,
        raw,
        urgent: false,
        created_at: now,
      };
      await insertMail(tx, { ...mail, kind: 'held' });
    }
    return all.length;
  });
}

function linkOf({ console, key, recipient, now }: { console: string | null; key: Buffer | null; recipient: string; now: Date }) {
  if (console === null || key === null) return null;
  const until = Math.floor(now.getTime() / 1000) + LINK_DAYS * 86_400;
  return (held_key: number) => `${console}/held-for-me?t=${askToken({ held_key, recipient, until }, key)}`;
}

/** A text of a stranger, cut, and so that no mail program makes a link of it. */
const dead = (text: string): string =>
  escaped(text)
    .slice(0, 200)
    .replace(/:\/\//g, '[:]//')
    .replace(/(?<=[\p{L}\p{N}])\.(?=[\p{L}\p{N}])/gu, '[.]');

/**
 * The mail to a recipient about the mails that are held. @param link makes the address of the page that
 * asks for a mail; null without one
 */
export function renderHeld({ mails, total }: ToTell, link: ((held_key: number) => string) | null): Rendered {
  const subject = `${TAG}${counted(total, 'mail')} to you ${total === 1 ? 'is' : 'are'} held`;
  const rest = total - mails.length;
  const lines = [
    `${counted(total, 'mail')} to you ${total === 1 ? 'was' : 'were'} held, since nothing shows that ${total === 1 ? 'it is' : 'they are'} from whom ${total === 1 ? 'it says' : 'they say'}. People decide about ${total === 1 ? 'it' : 'them'}.`,
    ...mails.map(({ held_key, held_at, subject: title, ...author }) =>
      [
        `From: ${authorShown(author, dead) ?? 'it names no author'}`,
        `Subject: ${title === null || title === '' ? '(none)' : dead(title)}`,
        `Held: ${held_at.slice(0, 16).replace('T', ' ')} UTC`,
        ...(link === null ? [] : [`Ask for it: ${link(held_key)}`]),
      ].join('\n'),
    ),
    ...(rest > 0 ? [`And ${counted(rest, 'more mail')}.`] : []),
    ...(link === null ? [] : ['The links are for you alone: do not pass this mail on. Asking decides nothing.']),
  ];
  return {
    subject,
    text: `${lines.join('\n\n')}\n`,
    html: page(subject, lines.map((line) => `<p>${escapeHtml(line).replaceAll('\n', '<br>')}</p>`).join('\n')),
  };
}
