import { Random } from '../../demo/random.ts';

const TREES = 50;
const SAMPLE = 64;

/**
 * The anomaly score of each point by an isolation forest (Liu, Ting and Zhou 2008): how quickly random cuts
 * part it from the others. Higher is stranger. Seeded, so that a run can be repeated.
 */
export function isolationScores(points: readonly number[][], seed: string): number[] {
  const random = new Random(seed);
  const depths = points.map(() => 0);
  const most = Math.ceil(Math.log2(Math.min(SAMPLE, points.length)));
  for (let tree = 0; tree < TREES; tree++) {
    const sample = random.shuffle(points).slice(0, SAMPLE);
    // All points go down the same tree at once, along cuts drawn from the sample.
    descend(
      sample,
      points.map((_, i) => i),
      0,
    );
  }
  return depths.map((depth) => -depth / TREES);

  function descend(sample: readonly number[][], through: readonly number[], depth: number): void {
    if (depth >= most || sample.length <= 1) {
      // What is left together would be parted that much later on average.
      for (const i of through) depths[i]! += depth + averagePath(sample.length);
      return;
    }
    const feature = random.int(0, points[0]!.length - 1);
    const values = sample.map((point) => point[feature]!);
    const low = Math.min(...values);
    const cut = low + random.next() * (Math.max(...values) - low);
    const sides = [true, false].map((left) => ({
      sample: sample.filter((point) => point[feature]! < cut === left),
      through: through.filter((i) => points[i]![feature]! < cut === left),
    }));
    for (const side of sides) if (side.through.length > 0) descend(side.sample, side.through, depth + 1);
  }
}

/** Mean depth of an unsuccessful search in a binary tree of n. */
function averagePath(n: number): number {
  return n <= 1 ? 0 : 2 * (Math.log(n - 1) + 0.5772156649) - (2 * (n - 1)) / n;
}
