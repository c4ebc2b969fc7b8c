import { rankOf } from '../../shared/severity.ts';
import type { DomainWindow } from '../rules/window.ts';
import { severityOf } from './numbers.ts';
import type { Part } from './part.ts';
import { type Rise, riseOf } from './rise.ts';

/**
 * One network with this part of the mail is somebody's server rather than a botnet, and may be one's own that
 * has moved.
 */
const MOST = 0.8;

/**
 * The rise that a finding is about; null when there is none. What is neither high nor critical is opened when
 * it holds without the networks whose names are being looked up: many of them may turn out to be own servers.
 * So is what is high where one of these brings most of it.
 */
export function namedRiseOf(window: DomainWindow, part: Part): Rise | null {
  const rise = riseOf(window, part);
  const { unnamed = new Set<string>() } = window;
  if (rise === null || rise.open !== undefined || unnamed.size === 0) return rise;
  const waiting = rise.told.filter(({ source }) => unnamed.has(source));
  const rank = rankOf(severityOf(rise.harm));
  const isOnes = waiting.some(({ messages }) => messages >= MOST * rise.harm.messages);
  if (waiting.length === 0 || rank > rankOf('high') || (rank === rankOf('high') && !isOnes)) return rise;
  return riseOf({ ...window, excluded: new Set([...window.excluded, ...unnamed]) }, part) === null ? null : rise;
}
