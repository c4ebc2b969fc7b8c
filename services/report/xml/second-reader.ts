import { AggregateBuilder } from '../aggregate/report-builder.ts';
import type { NameHint } from '../aggregate/report-metadata.ts';
import { type Limits, Refusal } from '../limits.ts';
import type { AggregateReport } from '../model.ts';
import { feedNode, isWellFormed, treeOf } from './salvage.ts';

/** One report in so many is read by both readers. */
const ONE_IN = 100;
/** Characters of a document that are read again: fast-xml-parser holds its whole tree. */
export const MOST_CHARACTERS = 4 * 1024 * 1024;

/** Whether a report is one of those that are read again: by its content, so that it always is, or never. */
export function isReadAgain({ content_hash }: Pick<AggregateReport, 'content_hash'>): boolean {
  return Number.parseInt(content_hash.slice(0, 8), 16) % ONE_IN === 0;
}

/**
 * Reads a whole document with fast-xml-parser.
 * @returns null where that parser has limits of its own, or accepts less: nothing can be compared then
 */
export function readByTree(xml: string, limits: Limits, hint: NameHint | null): AggregateReport | null {
  const text = xml.replace(/^[\s\ufeff]+/, '');
  const builder = new AggregateBuilder(limits, limits.records, hint);
  try {
    if (!isWellFormed(text)) return null;
    for (const node of treeOf(text)) feedNode(node, builder, limits.elementDepth);
    return builder.finish(false);
  } catch (error) {
    // Its own refusals are plain errors.
    if (error instanceof Refusal || (error instanceof Error && error.constructor === Error)) return null;
    throw error;
  }
}

/**
 * Whether two readings are of one report with the same records; messages quote the document in their own
 * ways.
 */
export function sameReading(one: AggregateReport, other: AggregateReport): boolean {
  const comparable = (report: AggregateReport) => JSON.stringify({ ...report, problems: null });
  return comparable(one) === comparable(other);
}
