/** A mail of a world, as it arrives. */
export interface SimulatedMail {
  /** The tick at which it is in the mailbox. */
  tick: number;
  received: Date;
  reporter: string;
  domain: string;
  raw: Buffer;
}
