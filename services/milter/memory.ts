/**
 * Octets for the bodies of all mails together that are arriving: with 200 headers of 128 KiB, below 64 MiB.
 */
const MOST_BODIES = 38 * 1024 * 1024;

/** The memory that mails share while they arrive. */
export class Memory {
  private left: number;

  /** @param octets that may be taken at once */
  constructor(octets = MOST_BODIES) {
    this.left = octets;
  }

  /** @returns whether there was so much */
  take(octets: number): boolean {
    if (octets > this.left) return false;
    this.left -= octets;
    return true;
  }

  give(octets: number): void {
    this.left += octets;
  }

  get free(): number {
    return this.left;
  }
}
