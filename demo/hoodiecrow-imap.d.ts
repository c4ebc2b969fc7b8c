/** What the demo mailbox uses of hoodiecrow-imap 2.1, which ships no types. */
declare module 'hoodiecrow-imap' {
  import type { Server, Socket } from 'node:net';

  interface Attribute {
    type: string;
    value?: string;
    section?: Attribute[];
  }

  interface Command {
    tag: string;
    command: string;
    attributes?: Attribute[];
  }

  interface Response extends Command {
    notification?: boolean;
  }

  interface Message {
    uid: number;
    raw: string;
  }

  interface Mailbox {
    uidvalidity: number;
    messages: Message[];
  }

  interface Connection {
    state: 'Not Authenticated' | 'Authenticated' | 'Selected' | 'Logout';
    socket: Socket | null;
    selectedMailbox?: Mailbox;
    directNotifications: boolean;
    notificationQueue: unknown[];
    inputHandler: false | ((line: string) => void);
    send(response: Response, description: string, parsed?: Command, data?: string): void;
    processNotifications(): void;
  }

  type Handler = (connection: Connection, parsed: Command, data: string, done: () => void) => void;
  type Plugin = (server: HoodiecrowServer) => void;

  interface HoodiecrowServer {
    server: Server;
    outputHandlers: ((connection: Connection, response: Response, description: string) => void)[];
    listen(port: number, host: string, listening: () => void): void;
    registerCapability(keyword: string): void;
    setCommandHandler(command: string, handler: Handler): void;
    getCommandHandler(command: string): Handler;
    getMailbox(path: string): Mailbox | undefined;
    getMessageRange(mailbox: Mailbox | Message[], range: string, isUid: boolean): [number, Message][];
    appendMessage(mailbox: string, flags: string[], internaldate: string, raw: string): void;
  }

  export default function hoodiecrow(options: {
    plugins: (string | Plugin)[];
    users: Record<string, { password: string }>;
    id?: Record<string, string>;
    storage: Record<string, unknown>;
  }): HoodiecrowServer;
}
