/** A cache of answers, limited in number and size; the oldest are dropped first. */
export class Cache<V> {
  private readonly kept = new Map<string, { value: V; until: number; size: number }>();
  private size = 0;
  private readonly mostEntries: number;
  private readonly mostSize: number;
  private readonly now: () => number;

  /** @param now milliseconds of a monotonic clock */
  constructor(mostEntries: number, mostSize: number, now: () => number) {
    this.mostEntries = mostEntries;
    this.mostSize = mostSize;
    this.now = now;
  }

  get(key: string): V | undefined {
    const hit = this.kept.get(key);
    if (hit === undefined) return undefined;
    if (hit.until > this.now()) return hit.value;
    this.drop(key);
    return undefined;
  }

  /** @param seconds until the answer expires; 0 does not store it */
  set(key: string, value: V, seconds: number, size: number): void {
    this.drop(key);
    if (!(seconds > 0) || size > this.mostSize) return;
    this.kept.set(key, { value, until: this.now() + seconds * 1000, size });
    this.size += size;
    // A Map keeps insertion order.
    while (this.kept.size > this.mostEntries || this.size > this.mostSize) this.drop(this.kept.keys().next().value!);
  }

  clear(): void {
    this.kept.clear();
    this.size = 0;
  }

  private drop(key: string): void {
    this.size -= this.kept.get(key)?.size ?? 0;
    this.kept.delete(key);
  }
}
