import { describe, expect, test } from 'vitest';
import { clusterOf, clusterSchema } from '../../../services/shared/settings/cluster.ts';

const read = (given: object, guardFile: string | undefined = 'mail-guard.yaml') => {
  const mistakes: string[] = [];
  return { cluster: clusterOf(clusterSchema.parse(given), '/etc/ruawatch', guardFile, mistakes), mistakes };
};

test('without a source it is off, and what is left out has its usual value', () => {
  expect(read({}, undefined)).toEqual({
    cluster: { source: null, name: null, debounceMs: 120_000, queueMs: 5 * 86_400_000, everyMs: 1_800_000, mostLoss: 0.5 },
    mistakes: [],
  });
});

test.each([
  [{ in_cluster: true }, { kind: 'api', kubeconfig: null, context: null }],
  [
    { kubeconfig: 'k', context: 'prod' },
    { kind: 'api', kubeconfig: '/etc/ruawatch/k', context: 'prod' },
  ],
  [{ addresses_file: 'a.yaml' }, { kind: 'file', file: '/etc/ruawatch/a.yaml' }],
] as const)('%o', (given, source) => {
  expect(read(given)).toMatchObject({ cluster: { source }, mistakes: [] });
});

test('without mail-guard.yaml nobody says what is wanted', () => {
  expect(read({ in_cluster: true }, '').mistakes).toEqual([]);
  const mistakes: string[] = [];
  clusterOf(clusterSchema.parse({ in_cluster: true }), '/', undefined, mistakes);
  expect(mistakes).toEqual([expect.stringMatching(/^cluster is set and guard\.file is not: /)]);
});

describe('what cannot work', () => {
  test.each([
    [{ in_cluster: true, addresses_file: 'a' }, /keep one/],
    [{ in_cluster: true, kubeconfig: 'a' }, /keep one/],
    [{ context: 'a' }, /has context and no kubeconfig/],
    [{ in_cluster: false }, /in_cluster/],
    [{ queue_days: 0 }, /queue_days/],
    [{ most_loss: 1.5 }, /most_loss/],
    [{ every_minutes: 0 }, /every_minutes/],
    [{ environment: 'x' }, /environment/],
  ])('%o', (given, message) => {
    const { error } = clusterSchema.safeParse(given);
    expect(error?.issues.map(({ path, message: said }) => `${path.join('.')} ${said}`).join('\n')).toMatch(message);
  });
});
