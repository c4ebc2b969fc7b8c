/**
 * Random numbers that a seed decides: case `n` of a seed is the same on every machine, whatever ran before
 * it.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d = 1;

  constructor(seed: number, n: number) {
    this.a = seed | 0;
    this.b = Math.floor(seed / 2 ** 32) ^ Math.imul(n, 0x9e3779b1);
    this.c = n | 0;
    for (let i = 0; i < 15; i++) this.next();
  }

  /** sfc32: 32 bits. */
  private next(): number {
    const t = (this.a + this.b + this.d++) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + t;
    return t >>> 0;
  }

  /** A whole number from 0 up to, but not including, `end`. */
  below(end: number): number {
    return end <= 1 ? 0 : this.next() % end;
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** From 1 to `most`, small ones far more often. */
  size(most: number): number {
    return 1 + (this.below(2 ** this.below(Math.ceil(Math.log2(most)) + 1)) % most);
  }
}
