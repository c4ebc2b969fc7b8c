import { lostRule } from './lost.ts';

/**
 * A record of the domain lost what its mail rests on: a term of its SPF record or all of it, its DMARC record
 * or a part of its policy. DNS says so within an hour; the reports of the mail that fails come days later,
 * and are mailed as a consequence of this (published/causes.ts). What no mail rests on is no finding, nor is
 * an answer that did not come.
 */
export const dnsBroken = lostRule('dns_broken', ({ loss }) => !loss.startsWith('key_'));
