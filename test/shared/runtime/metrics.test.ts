import { expect, test } from 'vitest';
import { addProcessMetrics, createMetrics } from '../../../services/shared/runtime/metrics.ts';

test('a gauge has no value before it is measured, and none once it is taken back', async () => {
  const metrics = createMetrics();
  const shown = async () => (await metrics.registry.metrics()).split('\n').filter((line) => /^ruawatch_(raw|outbox)/.test(line));
  expect(await shown()).toEqual([]);
  metrics.outboxWaiting.set(0);
  metrics.rawTotalBytes.set(5);
  expect(await shown()).toEqual(['ruawatch_outbox_waiting 0', 'ruawatch_raw_total_bytes 5']);
  metrics.rawTotalBytes.remove();
  expect(await shown()).toEqual(['ruawatch_outbox_waiting 0']);
});

test('the version is a label, and the process and Node are measured', async () => {
  const metrics = createMetrics();
  addProcessMetrics(metrics, '1.2.3');
  const text = await metrics.registry.metrics();
  expect(text).toMatch(/^ruawatch_build_info\{version="1\.2\.3",node="v\d.*"\} 1$/m);
  expect(text).toMatch(/^process_cpu_seconds_total /m);
  expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m);
});
