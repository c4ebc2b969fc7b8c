import type { Connection } from '../../services/poller/connect.ts';
import type { Session } from '../../services/poller/session-context.ts';
import { TransientError } from '../../services/shared/errors.ts';
import type { Mailbox } from '../../services/shared/settings/mailbox.ts';
import { takeLease } from '../../services/store/messages/mailboxes.ts';
import type { TestContext } from './setup.ts';

export interface FolderMail {
  raw: Buffer | null;
  /** What the server says of its size; the truth when not given. */
  announced?: number;
}

/** An IMAP folder that does just what a test says, and a note of all that was asked of it. */
export class Folder {
  mails = new Map<number, FolderMail>();
  uidValidity: number | undefined = 7;
  asked: string[] = [];
  /** Whether moving, flagging and deleting works; moving, by folder. */
  allows = (_what: string): boolean => true;
  /** Runs before a fetch is answered. */
  onFetch: () => Promise<void> | void = () => undefined;
  usable = true;

  connection(): Connection {
    const folder = this;
    const range = (set: string) =>
      set.split(',').flatMap((run) => {
        const [from, to] = run.split(':').map(Number) as [number, number?];
        return Array.from({ length: (to ?? from) - from + 1 }, (_, i) => from + i);
      });
    const change = (what: string, set: string, { uid, silent }: { uid?: boolean; silent?: boolean }) => {
      if (!uid) throw new Error(`${what} ${set} would change mails by their position`);
      if (what.startsWith('flag') && !silent) throw new Error('each flag would be answered');
      folder.asked.push(`${what} ${set}`);
      const done = folder.allows(what);
      if (done && !what.startsWith('flag')) for (const uid of range(set)) folder.mails.delete(uid);
      return done;
    };
    const client = {
      get usable() {
        return folder.usable;
      },
      mailbox: { exists: 1 },
      async mailboxOpen(name: string, { readOnly }: { readOnly: boolean }) {
        folder.asked.push(`open ${name}${readOnly ? ' read-only' : ''}`);
        return { uidValidity: folder.uidValidity };
      },
      async search(query: { all?: boolean; uid?: string }) {
        folder.asked.push(`search ${query.uid ?? 'all'}`);
        // `n:*` names the last mail even where its UID is below n.
        return [...folder.mails.keys()].reverse();
      },
      async *fetch(set: string, query: { source?: boolean; size?: boolean }) {
        if (query.source) {
          folder.asked.push(`fetch ${set}`);
          await folder.onFetch();
        } else folder.asked.push(`list ${set}`);
        for (const uid of range(set)) {
          const mail = folder.mails.get(uid);
          if (!mail) continue;
          if (!query.source) yield { uid, size: mail.announced ?? mail.raw!.length, internalDate: new Date(uid * 1000) };
          else {
            yield { uid, source: mail.raw ?? undefined };
            // A change of its flags is told meanwhile.
            yield { uid };
          }
        }
        yield { uid: 999_999, size: 1, source: Buffer.from('not asked for') };
      },
      async fetchOne(uid: string, { source }: { source: { start: number; maxLength: number } }) {
        folder.asked.push(`part ${uid} ${source.start}`);
        if (source.start > 0) await folder.onFetch();
        const mail = folder.mails.get(Number(uid));
        return mail ? { source: mail.raw!.subarray(source.start, source.start + source.maxLength) } : false;
      },
      messageMove: async (set: string, to: string, options: object) => change(`move to ${to}`, set, options),
      messageDelete: async (set: string, options: object) => change('delete', set, options),
      messageFlagsAdd: async (set: string, flags: string[], options: object) => change(`flag ${flags}`, set, options),
      async mailboxCreate(name: string) {
        folder.asked.push(`create ${name}`);
      },
    };
    return { client, refusals: { take: () => 'NO' }, close: async () => undefined } as unknown as Connection;
  }
}

export interface FakeSession extends Session {
  /** Keys that the parser was woken for. */
  woken: number[];
  /** How often it was. */
  wakes: number;
  /** How often the round said that it moves. */
  turns: number;
  /** How many more looks at the lease find it held; then it is lost. */
  looks: number;
  stop(): void;
}

/** A session with a lease that the database knows, and that is lost on this side when a test says so. */
export async function sessionOn(context: TestContext, mailbox: Mailbox, folder: Folder): Promise<FakeSession> {
  const state = await takeLease(context.db, { mailbox: mailbox.name, owner: 'me', leaseMs: 60_000 }, { folder: mailbox.folder });
  if (state === null) throw new Error('another has the lease');
  const stopping = new AbortController();
  const session: FakeSession = {
    context,
    mailbox,
    connection: folder.connection(),
    state,
    stopping: stopping.signal,
    log: context.log,
    woken: [],
    wakes: 0,
    turns: 0,
    looks: Number.POSITIVE_INFINITY,
    wake: (keys) => {
      session.wakes++;
      session.woken.push(...keys);
    },
    turned: () => void session.turns++,
    stop: () => stopping.abort(),
    lease: {
      owner: 'me',
      state,
      signal: new AbortController().signal,
      check() {
        if (session.looks-- <= 0) throw new TransientError('lease_lost', 'The lease is lost.');
      },
      release: async () => undefined,
    },
  };
  return session;
}
