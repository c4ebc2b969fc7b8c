import type { ImapFlow, ListResponse } from 'imapflow';
import { messageOf, PermanentError } from '../shared/errors.ts';
import type { Mailbox } from '../shared/settings/mailbox.ts';

/** The rights (RFC 4314) that each way of disposing of a mail needs in the folder. */
const NEEDED: Record<Mailbox['after'], string> = { keep: 'r', flag: 'rw', delete: 'rte', move: 'rte' };
const RIGHTS: Record<string, string> = {
  r: 'read mails (r)',
  w: 'set flags (w)',
  t: 'mark mails as deleted (t)',
  e: 'expunge (e)',
  i: 'add mails (i)',
  k: 'create folders (k)',
};

/**
 * Whether mails of the opened folder can be disposed of as the settings say, by what the server says of
 * rights and folders, and without trying it.
 * @returns what there is to know, such as "READ-WRITE" and "MOVE"
 * @throws PermanentError with one sentence that says what is missing and what to do
 */
export async function checkDisposal(client: ImapFlow, mailbox: Mailbox): Promise<string[]> {
  const box = client.mailbox;
  if (mailbox.after === 'keep') return ['read-only, as "after: keep" needs'];
  if (box === false || box.readOnly) {
    throw new PermanentError('imap_read_only', {
      about: `Mailbox "${mailbox.name}"`,
      says: `the server opens the folder "${mailbox.folder}" read-only, so mails cannot be ${mailbox.after === 'flag' ? 'flagged' : 'taken out of it'}; grant the user write access, or set "after: keep".`,
    });
  }
  await requireRights(client, mailbox.folder, NEEDED[mailbox.after], mailbox);
  const known = ['READ-WRITE'];
  if (mailbox.after === 'move' && mailbox.markRead && (await rightsOn(client, mailbox.folder))?.includes('s') === false)
    known.push('moved mails cannot be marked as read (mark_read): the user may not (right s)');
  if (mailbox.after === 'move') known.push(await checkTarget(client, mailbox));
  if (mailbox.after !== 'flag') known.push(...wayOut(client, mailbox));
  return known;
}

/** @throws PermanentError when the server says that a right is missing; servers without ACL say nothing */
async function requireRights(client: ImapFlow, folder: string, needed: string, mailbox: Mailbox): Promise<void> {
  const rights = await rightsOn(client, folder);
  if (rights === null) return;
  // RFC 4314 section 2.1.1: `d` stands for t, e and x, and `c` for k, on servers of the older RFC 2086.
  const has = (right: string) =>
    rights.includes(right) || ('tex'.includes(right) && rights.includes('d')) || (right === 'k' && rights.includes('c'));
  const missing = [...needed].filter((right) => !has(right));
  if (missing.length === 0) return;
  throw new PermanentError('imap_rights', {
    about: `Mailbox "${mailbox.name}"`,
    says: `the user may not ${missing.map((right) => RIGHTS[right] ?? right).join(', nor ')} in the folder "${folder}" (rights: ${rights || 'none'}); grant it, or choose another "after".`,
  });
}

/** What MYRIGHTS answers; null when the server has no ACL, or does not say. */
async function rightsOn(client: ImapFlow, folder: string): Promise<string | null> {
  if (!client.capabilities.has('ACL')) return null;
  const said: { rights: string | null } = { rights: null };
  const raw = client as unknown as {
    exec(
      command: string,
      attributes: unknown[],
      options: { untagged: Record<string, (answer: { attributes?: { value?: string }[] }) => Promise<void>> },
    ): Promise<{ next(): void }>;
  };
  try {
    const response = await raw.exec('MYRIGHTS', [{ type: 'STRING', value: folder }], {
      untagged: {
        MYRIGHTS: async (answer) => {
          said.rights = answer.attributes?.[1]?.value ?? '';
        },
      },
    });
    response.next();
  } catch (error) {
    if (!client.usable) throw error;
    client.log.debug({ err: messageOf(error) });
    return null;
  }
  return said.rights;
}

/** The folder that mails are moved to: there, or possible to create. */
async function checkTarget(client: ImapFlow, mailbox: Mailbox): Promise<string> {
  const { name: who, moveTo } = mailbox;
  const folders = await client.list();
  const delimiter = folders.find((entry) => entry.delimiter)?.delimiter ?? '/';
  const path = pathOf(client, moveTo);
  const there = folders.find((entry) => samePath(entry.path, path, delimiter));
  if (there) {
    if (has(there, '\\Noselect') || has(there, '\\NonExistent'))
      throw new PermanentError('imap_target', {
        about: `Mailbox "${who}"`,
        says: `"${moveTo}" (move_to) can hold folders and no mails on this server; choose another name.`,
      });
    await requireRights(client, there.path, 'i', mailbox);
    return `"${moveTo}" is there`;
  }
  const other = ['/', '.'].find((one) => one !== delimiter && moveTo.includes(one));
  if (other !== undefined && !moveTo.includes(delimiter)) {
    throw new PermanentError('imap_target', {
      about: `Mailbox "${who}"`,
      says: `move_to "${moveTo}" separates folders by "${other}", this server by "${delimiter}": write ${JSON.stringify(moveTo.split(other).join(delimiter))}, or a name without "${other}".`,
    });
  }
  await checkParent(client, mailbox, path, { folders, delimiter });
  return `"${moveTo}" will be created`;
}

/**
 * The path that imapflow sends for a name: below the personal namespace, where it does not begin with that.
 */
function pathOf(client: ImapFlow, name: string): string {
  const prefix = client.namespace?.prefix ?? '';
  return name.startsWith(prefix) ? name : `${prefix}${name}`;
}

/** Names of folders have a case, but for INBOX (RFC 3501 section 5.1). */
function samePath(a: string, b: string, delimiter: string): boolean {
  const inbox = (path: string) =>
    path
      .split(delimiter)
      .map((part, at) => (at === 0 && part.toUpperCase() === 'INBOX' ? 'INBOX' : part))
      .join(delimiter);
  return inbox(a) === inbox(b);
}

/** Names of flags have no case (RFC 3501 section 9). */
const has = ({ flags }: ListResponse, flag: string) => [...flags].some((one) => one.toLowerCase() === flag.toLowerCase());

/**
 * The server makes what is missing between the nearest folder that is there and the new one (RFC 3501 section
 * 6.3.3).
 */
async function checkParent(
  client: ImapFlow,
  mailbox: Mailbox,
  path: string,
  { folders, delimiter }: { folders: readonly ListResponse[]; delimiter: string },
): Promise<void> {
  const parts = path.split(delimiter);
  const above = parts.map((_, n) => parts.slice(0, n).join(delimiter)).reverse();
  const at = (one: string) => folders.find((entry) => samePath(entry.path, one, delimiter));
  const parent = above.map(at).find((entry) => entry !== undefined);
  if (parent === undefined) return;
  if (has(parent, '\\Noinferiors'))
    throw new PermanentError('imap_target', {
      about: `Mailbox "${mailbox.name}"`,
      says: `the folder "${parent.path}" takes no folders below it, so "${mailbox.moveTo}" (move_to) cannot be created; choose a name outside of it.`,
    });
  if (!has(parent, '\\Noselect') && !has(parent, '\\NonExistent')) await requireRights(client, parent.path, 'k', mailbox);
}

/** How mails leave the folder. */
function wayOut(client: ImapFlow, mailbox: Mailbox): string[] {
  const { capabilities } = client;
  if (mailbox.after === 'move' && capabilities.has('MOVE')) return [];
  if (capabilities.has('UIDPLUS')) return [mailbox.after === 'move' ? 'copy and expunge instead of MOVE' : 'expunge by UID'];
  return ['no UIDPLUS: whatever another program marks as deleted here is expunged with the reports'];
}
