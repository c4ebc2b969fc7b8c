/** Octets as they are written, in a buffer that grows. */
export class Bytes {
  used = 0;
  private bytes: Uint8Array<ArrayBuffer>;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  /** What was written, until more is. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.used);
  }

  octet(value: number): void {
    if (this.used === this.bytes.length) this.grow(1);
    this.bytes[this.used++] = value;
  }

  octets(values: Uint8Array): void {
    const { length } = values;
    if (this.used + length > this.bytes.length) this.grow(length);
    const { bytes, used } = this;
    // A loop: for so few octets, `set` costs more than the copying.
    for (let k = 0; k < length; k++) bytes[used + k] = values[k]!;
    this.used = used + length;
  }

  /** A whole number that is not negative, in decimal digits. */
  decimal(value: number): void {
    if (value > 0x7fffffff) {
      this.text(String(value));
      return;
    }
    let digits = 1;
    for (let limit = 10; limit <= value; limit *= 10) digits++;
    if (this.used + digits > this.bytes.length) this.grow(digits);
    const { bytes, used } = this;
    let rest = value | 0;
    for (let k = used + digits - 1; k >= used; k--) {
      const tenth = (rest / 10) | 0;
      bytes[k] = 48 + rest - 10 * tenth;
      rest = tenth;
    }
    this.used = used + digits;
  }

  /** A text in UTF-8. */
  text(text: string): void {
    const most = 3 * text.length;
    if (this.used + most > this.bytes.length) this.grow(most);
    const { bytes, used } = this;
    const n = text.length;
    for (let k = 0; k < n; k++) {
      const c = text.charCodeAt(k);
      if (c > 0x7f) {
        this.used += new TextEncoder().encodeInto(text, bytes.subarray(used)).written;
        return;
      }
      bytes[used + k] = c;
    }
    this.used = used + n;
  }

  /**
   * Characters in UTF-8, halves of a surrogate pair by themselves as U+FFFD.
   * @param special characters below U+0080 that are not written as they are
   * @returns false when there is one of these, and nothing was written
   */
  characters(codes: Uint16Array, from: number, to: number, special: Uint8Array): boolean {
    const most = 3 * (to - from);
    if (this.used + most > this.bytes.length) this.grow(most);
    const { bytes } = this;
    let at = this.used;
    for (let k = from; k < to; k++) {
      let c = codes[k]!;
      if (c < 0x80) {
        if (special[c] !== 0) return false;
        bytes[at++] = c;
      } else if (c < 0x800) {
        bytes[at++] = 0xc0 | (c >> 6);
        bytes[at++] = 0x80 | (c & 63);
      } else if ((c & 0xfc00) === 0xd800 && k + 1 < to && (codes[k + 1]! & 0xfc00) === 0xdc00) {
        c = 0x10000 + ((c & 0x3ff) << 10) + (codes[++k]! & 0x3ff);
        bytes[at++] = 0xf0 | (c >> 18);
        bytes[at++] = 0x80 | ((c >> 12) & 63);
        bytes[at++] = 0x80 | ((c >> 6) & 63);
        bytes[at++] = 0x80 | (c & 63);
      } else {
        if ((c & 0xf800) === 0xd800) c = 0xfffd;
        bytes[at++] = 0xe0 | (c >> 12);
        bytes[at++] = 0x80 | ((c >> 6) & 63);
        bytes[at++] = 0x80 | (c & 63);
      }
    }
    this.used = at;
    return true;
  }

  private grow(by: number): void {
    const bytes = new Uint8Array(Math.max(2 * this.bytes.length, this.used + by));
    bytes.set(this.written);
    this.bytes = bytes;
  }
}
