import { SEVERITIES } from '../../shared/severity.ts';

/** SQL to sort by: the gravest first, unknown severities last. */
export function gravestFirst(column: string): string {
  const names = [...SEVERITIES].reverse().map((severity) => `'${severity}'`);
  return `array_position(array[${names.join(', ')}], ${column})`;
}
