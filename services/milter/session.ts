import type { Networks } from '../dns/networks.ts';
import type { Memory } from './memory.ts';
import { Message, type WholeMessage } from './message.ts';
import type { Arrival } from './screen.ts';
import { ACTION, type Command, OLDEST_VERSION, ProtocolError, STEP, VERSION } from './wire/protocol.ts';
import { accept, negotiated, proceed } from './wire/replies.ts';

/** What a server was agreed on with may do and say. */
const WANTED_ACTIONS = ACTION.addHeaders | ACTION.changeHeaders | ACTION.quarantine;
const WANTED_STEPS =
  STEP.noUnknown |
  STEP.noData |
  STEP.noReplyHelo |
  STEP.noReplyRcpt |
  STEP.noReplyHeader |
  STEP.noReplyEndOfHeader |
  STEP.noReplyBody |
  STEP.leadingSpace;

/**
 * Recipients of one mail, and octets of all of them: servers allow some hundred of 256 octets each (RFC 5321
 * section 4.5.3.1.3).
 */
const MOST_RECIPIENTS = 10_000;
const MOST_OCTETS = 512 * 1024;
/** The macros that are read: the name of the queue file, and who signed in. Values are short. */
const MACROS = ['i', '{auth_authen}'];
const LONGEST_MACRO = 1_000;
/** The stages whose macros are about the mail, the newest first. */
const STAGES = ['E', 'N', 'T', 'R', 'M'];

export interface SessionMeans {
  trusted: Networks;
  memory: Memory;
  now(): Date;
  /** Decides about a mail. @returns the packets to be sent, the final reply last */
  decide(arrival: Arrival, mayHold: boolean): Promise<Buffer[]>;
  /** A mail of somebody who signed in: what it brought along is cleaned up, and nothing else. */
  submitted(message: WholeMessage): Buffer[];
  /** A mail that did not come to its end. */
  aborted(): void;
}

interface Client {
  host: string;
  address: string | null;
  trusted: boolean;
}

/** Who has said nothing yet of himself. */
const NOBODY: Client = { host: '', address: null, trusted: false };

interface Open {
  message: Message;
  mailFrom: string;
  recipients: string[];
  octets: number;
  signedIn: boolean;
}

/** One connection of a mail server: commands in, replies out, one after the other. No sockets. */
export class Session {
  private readonly means: SessionMeans;
  /** Null before the negotiation. */
  private agreed: { actions: number; steps: number } | null = null;
  private client = NOBODY;
  private helo = '';
  private macros = new Map<string, Map<string, string>>();
  private open: Open | null = null;

  constructor(means: SessionMeans) {
    this.means = means;
  }

  /** Whether a mail is on its way. */
  get busy(): boolean {
    return this.open !== null;
  }

  /**
   * Takes a command.
   * @returns what is to be sent; null when the connection is to be closed
   * @throws ProtocolError when the command does not belong here
   */
  async take(command: Command): Promise<Buffer[] | null> {
    if (command.type === 'negotiate') return [this.negotiate(command)];
    if (command.type === 'quit') {
      this.abandon();
      return null;
    }
    if (this.agreed === null) throw new ProtocolError(`${command.type} came before the negotiation`);
    switch (command.type) {
      case 'macros':
        this.macros.set(command.stage, read(command.values));
        return [];
      case 'connect': {
        this.reset();
        const { host, address } = command;
        const trusted = address !== null && this.means.trusted.contains(address);
        this.client = { host, address, trusted };
        return [trusted ? accept() : proceed()];
      }
      case 'helo':
        this.helo = command.name;
        return this.unless(STEP.noReplyHelo);
      case 'mail':
        this.begin(command.sender);
        return [proceed()];
      case 'recipient': {
        const open = this.current();
        open.octets += command.recipient.length;
        if (open.recipients.length >= MOST_RECIPIENTS || open.octets > MOST_OCTETS)
          throw new ProtocolError('a mail has more recipients than are read');
        open.recipients.push(text(command.recipient));
        return this.unless(STEP.noReplyRcpt);
      }
      case 'data':
        return this.unless(STEP.noData);
      case 'header':
        this.current().message.addField(command.name, this.withBlank(command.value));
        return this.unless(STEP.noReplyHeader);
      case 'endOfHeader':
        this.current();
        return this.unless(STEP.noReplyEndOfHeader);
      case 'body':
        this.current().message.addBody(command.bytes);
        return this.unless(STEP.noReplyBody);
      case 'endOfBody':
        return await this.finish(command.bytes);
      case 'abort':
        this.abandon();
        return [];
      case 'quitNewConnection':
        this.reset();
        return [];
      case 'unknownSmtp':
        return this.unless(STEP.noUnknown);
      case 'unknown':
        throw new ProtocolError(`"${command.command}" is no command of version ${VERSION}`);
    }
  }

  /** The mail on its way is gone: its memory is given back. */
  abandon(): void {
    if (this.open === null) return;
    this.open.message.drop();
    this.open = null;
    this.means.aborted();
  }

  private negotiate({ version, actions, steps }: Extract<Command, { type: 'negotiate' }>): Buffer {
    if (version < OLDEST_VERSION) throw new ProtocolError(`version ${version} of the protocol is too old`);
    this.reset();
    const agreed = { actions: actions & WANTED_ACTIONS, steps: steps & WANTED_STEPS };
    this.agreed = agreed;
    return negotiated(Math.min(version, VERSION), agreed.actions, agreed.steps);
  }

  private reset(): void {
    this.abandon();
    this.macros.clear();
    this.helo = '';
    this.client = NOBODY;
  }

  private begin(sender: string): void {
    this.abandon();
    const signedIn = (this.macros.get('M')?.get('{auth_authen}') ?? '') !== '';
    this.open = {
      message: new Message(this.means.memory),
      mailFrom: text(sender),
      recipients: [],
      octets: sender.length,
      signedIn,
    };
  }

  private async finish(bytes: Buffer): Promise<Buffer[]> {
    const { message, mailFrom, recipients, signedIn } = this.current();
    message.addBody(bytes);
    try {
      const whole = message.end();
      if (signedIn || this.client.trusted) return this.means.submitted(whole);
      const arrival: Arrival = {
        message: whole,
        ip: this.client.address,
        peer_name: this.client.host === '' ? null : text(this.client.host),
        helo: text(this.helo),
        mail_from: mailFrom,
        recipients,
        queue_id: this.macro('i'),
        at: this.means.now(),
      };
      return await this.means.decide(arrival, (this.agreed!.actions & ACTION.quarantine) !== 0);
    } finally {
      message.drop();
      this.open = null;
    }
  }

  /** The newest value of a macro, of whichever stage. */
  private macro(name: string): string | null {
    for (const stage of STAGES) {
      const value = this.macros.get(stage)?.get(name);
      if (value !== undefined && value !== '') return value;
    }
    return null;
  }

  private current(): Open {
    if (this.open === null) throw new ProtocolError('a part of a mail came without its envelope');
    return this.open;
  }

  /** The value as it was sent: a server that does not hand over the blank after the colon left one out. */
  private withBlank(value: string): string {
    return (this.agreed!.steps & STEP.leadingSpace) !== 0 ? value : ` ${value}`;
  }

  /** The usual reply, unless it was agreed that there is none. */
  private unless(step: number): Buffer[] {
    return (this.agreed!.steps & step) !== 0 ? [] : [proceed()];
  }
}

/** The macros of a stage that matter, in copies: a piece of a text keeps all of it in memory. */
function read(values: ReadonlyMap<string, string>): Map<string, string> {
  const short = (value: string) => Buffer.from(value.slice(0, LONGEST_MACRO), 'latin1').toString('latin1');
  return new Map(MACROS.flatMap((name) => (values.has(name) ? [[name, short(values.get(name)!)] as const] : [])));
}

/** Octets of an envelope as text: UTF-8 (RFC 6531), or one character per octet. */
function text(octets: string): string {
  const utf8 = Buffer.from(octets, 'latin1').toString();
  return utf8.includes('\ufffd') ? octets : utf8;
}
