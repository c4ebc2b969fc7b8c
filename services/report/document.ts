import { Refusal } from './limits.ts';
import { type ReadOptions, readingOf } from './read-mail.ts';

/**
 * The document that one report of a mail or file was read from, decompressed.
 * @param part the number of the report in the mail, as `readMessage` counts
 * @returns null when there is none: the bytes or the limits are others than when the report was read
 */
export async function documentOf(raw: Uint8Array, part: number, options: ReadOptions = {}): Promise<Buffer | null> {
  const { events, current } = readingOf(raw, options);
  try {
    for await (const event of events) {
      if ((event.type !== 'report' && event.type !== 'tlsrpt') || event.part !== part) continue;
      const chunks: Buffer[] = [];
      for await (const chunk of current()?.open() ?? []) chunks.push(chunk);
      return Buffer.concat(chunks);
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  return null;
}
