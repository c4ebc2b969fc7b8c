import { expect, test } from 'vitest';
import { spark } from '../../../services/console/pages/spark.ts';
import { markup } from '../shown.ts';

test('shares of days are a line over the whole width, on one scale, with gaps where there is no mail', async () => {
  const lines = [[0, 0.5, 1], [1, null, 0.25, 0.75, null], [0.5, 1], [0.5], [null], []];
  const text = lines.map((shares) => `${JSON.stringify(shares)}\n${markup(spark(shares, 'passing <b>'))}`).join('\n');
  await expect(text).toMatchFileSnapshot('golden/charts/sparks.txt');
});
