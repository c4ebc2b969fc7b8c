import { MOST_PACKET, ProtocolError } from './protocol.ts';

/** A packet as it came: its command letter and its data. */
export interface Packet {
  command: string;
  data: Buffer;
}

/**
 * Cuts a stream of octets into packets, however they are split or joined. Holds at most one packet and one
 * piece.
 */
export class Frames {
  private pieces: Buffer[] = [];
  private held = 0;
  private readonly most: number;

  /** @param most octets of the longest packet */
  constructor(most = MOST_PACKET) {
    this.most = most;
  }

  /** Octets of a packet that is not complete yet. */
  get waiting(): number {
    return this.held;
  }

  /**
   * The packets that are complete with this piece.
   * @throws ProtocolError for a length of zero or above the limit, as soon as it is known: nothing is kept
   *   for it
   */
  push(piece: Buffer): Packet[] {
    const packets: Packet[] = [];
    this.pieces.push(piece);
    this.held += piece.length;
    for (;;) {
      if (this.held < 4) return packets;
      const head = this.first(4);
      const length = head.readUInt32BE(0);
      if (length === 0) throw new ProtocolError('a packet has no command');
      if (length > this.most) throw new ProtocolError(`a packet of ${length} octets is longer than ${this.most}`);
      if (this.held < 4 + length) return packets;
      const whole = this.take(4 + length);
      packets.push({ command: String.fromCharCode(whole[4]!), data: whole.subarray(5) });
    }
  }

  /** What came, so many octets of it or more in one piece. */
  private first(octets: number): Buffer {
    if (this.pieces[0]!.length < octets) this.pieces = [Buffer.concat(this.pieces, this.held)];
    return this.pieces[0]!;
  }

  private take(octets: number): Buffer {
    const head = this.first(octets);
    this.held -= octets;
    this.pieces[0] = head.subarray(octets);
    return head.subarray(0, octets);
  }
}
