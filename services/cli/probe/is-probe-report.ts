import { PROBE_GENERATOR } from '../../report/aggregate/report-metadata.ts';

/** Where the generator stands in a report of the probe. */
const HEAD = 4_096;
export const GENERATOR = `<generator>${PROBE_GENERATOR}</generator>`;

/**
 * Whether a file is a report of `guard probe --report`. Mails are none: whoever sends one may write what he
 * likes.
 */
export function isProbeReport(raw: Buffer): boolean {
  const head = raw.subarray(0, HEAD).toString('latin1');
  return /^\s*<\?xml/.test(head) && head.includes(GENERATOR);
}
