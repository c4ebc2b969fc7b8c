import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as (options?: { type: 'minor' }) => void;

/**
 * Collects all garbage of this thread, in about ten milliseconds. Otherwise V8 keeps up to 64 MiB of dead
 * buffers in every thread.
 */
export function collectGarbage(): void {
  gc();
}

/** Collects V8's new space, in one or two milliseconds: the buffers of the work that has just ended. */
export function collectNewSpace(): void {
  gc({ type: 'minor' });
}

/**
 * Collects the dead buffers of this thread once there are `most` bytes of them. Buffers that are still in use
 * do not count: a thread that keeps many would otherwise collect garbage after every mail, for nothing.
 */
export class DeadBuffers {
  /** Times it has collected. */
  collections = 0;
  private readonly most: number;
  /**
   * Bytes of buffers in use, as far as is known: what was left by the last collection, or less since then, as
   * V8 frees them in the background.
   */
  private inUse = 0;

  /** @param most bytes of dead buffers that may wait */
  constructor(most: number) {
    this.most = most;
  }

  /** Between two mails. @param apart bytes of buffers that end with the whole work, and do not count */
  check(apart: number): void {
    const bytes = getHeapStatistics().external_memory - apart;
    this.inUse = Math.min(this.inUse, bytes);
    if (bytes - this.inUse <= this.most) return;
    collectGarbage();
    this.collections++;
    this.inUse = getHeapStatistics().external_memory - apart;
  }
}
