import { rankOf } from '../../shared/severity.ts';
import type { DomainWindow } from '../window.ts';
import { severityOf } from './numbers.ts';
import type { Part } from './part.ts';
import { type Rise, riseOf } from './rise.ts';

/**
 * The rise that a finding is about; null when there is none. What is neither high nor critical is opened when it holds
 * without the networks whose names are being looked up: many of them may turn out to be own servers.
 */
export function namedRiseOf(window: DomainWindow, part: Part): Rise | null {
  const rise = riseOf(window, part);
  const { unnamed = new Set<string>() } = window;
  if (rise === null || rise.open !== undefined || unnamed.size === 0) return rise;
  if (!rise.told.some(({ source }) => unnamed.has(source)) || rankOf(severityOf(rise.harm)) >= rankOf('high')) return rise;
  return riseOf({ ...window, excluded: new Set([...window.excluded, ...unnamed]) }, part) === null ? null : rise;
}
