import type { Metric } from 'prom-client';
import { expect, test } from 'vitest';
import { addProcessMetrics, createMetrics } from '../../services/shared/runtime/metrics.ts';
import { readDocument, tableOf } from './markdown.ts';

const unquoted = (cell: string) => cell.replaceAll('`', '');

test('docs/metrics.md lists every metric of the program with its type, labels and help, and no other', async () => {
  const metrics = createMetrics();
  addProcessMetrics(metrics, '1.2.3');
  const own = (await metrics.registry.getMetricsAsJSON()).filter(({ name }) => name.startsWith('ruawatch_'));
  const registered = own.map(({ name, type, help }) => {
    const { labelNames } = metrics.registry.getSingleMetric(name) as Metric & { labelNames: string[] };
    return [name, String(type), labelNames.join(', '), help];
  });
  const rows = tableOf(readDocument('metrics.md'), 'metric').map((cells) => cells.map(unquoted));
  const byName = (a: string[], b: string[]) => (a[0]! < b[0]! ? -1 : 1);
  expect(rows.length).toBeGreaterThan(20);
  expect(rows.sort(byName)).toEqual(registered.sort(byName));
});
