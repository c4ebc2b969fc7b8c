import { describe, expect, test } from 'vitest';
import { dkimKeys, dkimSchema } from '../../../services/shared/settings/dkim-keys.ts';

const read = (...entries: object[]) => {
  const mistakes: string[] = [];
  return { keys: dkimKeys(dkimSchema.parse(entries), '/etc/ruawatch', mistakes), mistakes };
};

test('paths are those of the settings file, and what is left out has its usual value', () => {
  const { keys, mistakes } = read(
    { domain: 'example.com', layout: 'opendkim', folder: 'keys', reload: ['systemctl', 'reload', 'opendkim'] },
    {
      domain: 'example.org',
      layout: 'command',
      command: ['./keys', '-v'],
      prefix: 'k',
      bits: 4096,
      rotate_every_days: 180,
      folder: 'unused',
    },
  );
  expect(mistakes).toEqual([]);
  expect(keys).toEqual([
    {
      domain: 'example.com',
      layout: 'opendkim',
      folder: '/etc/ruawatch/keys',
      command: null,
      kubernetes: null,
      reload: ['systemctl', 'reload', 'opendkim'],
      prefix: 'r',
      bits: 2048,
      rotateEveryDays: null,
    },
    {
      domain: 'example.org',
      layout: 'command',
      folder: null,
      command: ['/etc/ruawatch/keys', '-v'],
      kubernetes: null,
      reload: null,
      prefix: 'k',
      bits: 4096,
      rotateEveryDays: 180,
    },
  ]);
});

test('a key has 2048, 3072 or 4096 bits', () => {
  const key = (bits: number) => [{ domain: 'example.com', layout: 'opendkim', folder: 'keys', bits }];
  const taken = [1024, 2047, 2048, 2049, 3072, 3073, 4096, 4097].filter((bits) => dkimSchema.safeParse(key(bits)).success);
  expect(taken).toEqual([2048, 3072, 4096]);
});

const KUBERNETES = { namespace: 'mail', secret: 'dkim', config_map: 'signer', signer: 'rspamd', pods: { app: 'rspamd' } };

test('of keys in Kubernetes, paths are those of the settings file too', () => {
  const opendkim = {
    ...KUBERNETES,
    signer: 'opendkim',
    mount: '/etc/dkimkeys/',
    pods: undefined,
    seen: ['./seen', '-v'],
    kubeconfig: 'k',
  };
  const { keys } = read(
    { domain: 'example.com', layout: 'kubernetes', kubernetes: KUBERNETES, folder: 'unused' },
    { domain: 'example.org', layout: 'kubernetes', kubernetes: opendkim },
  );
  expect(keys.map(({ folder }) => folder)).toEqual([null, null]);
  expect(keys.map(({ kubernetes }) => kubernetes)).toEqual([
    {
      ...{ namespace: 'mail', secret: 'dkim', configMap: 'signer', signer: 'rspamd', mount: null },
      ...{ pods: { app: 'rspamd' }, seen: null, kubeconfig: null, context: null },
    },
    {
      ...{ namespace: 'mail', secret: 'dkim', configMap: 'signer', signer: 'opendkim', mount: '/etc/dkimkeys' },
      ...{ pods: null, seen: ['/etc/ruawatch/seen', '-v'], kubeconfig: '/etc/ruawatch/k', context: null },
    },
  ]);
});

test('a domain that is there twice is a mistake', () => {
  const one = { domain: 'example.com', layout: 'rspamd', folder: '/k' };
  expect(read(one, one).mistakes).toEqual(['dkim[1]: example.com is there twice: keep one entry.']);
});

describe('entries that cannot work', () => {
  const kubernetesOf = (part: object) => ({
    domain: 'example.com',
    layout: 'kubernetes',
    kubernetes: { ...KUBERNETES, ...part },
  });
  const good = { domain: 'example.com', layout: 'opendkim', folder: '/k' };
  test.each([
    [{ ...good, folder: undefined }, /layout opendkim: set folder/],
    [{ ...good, layout: 'command' }, /set command/],
    [{ ...good, layout: 'exim' }, /layout/],
    [{ ...good, bits: 1024 }, /bits/],
    [{ ...good, rotate_every_days: 13 }, /rotate_every_days/],
    [{ ...good, prefix: 'R-1' }, /letters and digits in lower case/],
    [{ ...good, domain: 'Example.com' }, /a domain in lower case/],
    [{ ...good, secret: 'x' }, /secret/],
    [{ ...good, layout: 'kubernetes' }, /needs "kubernetes" with the layout kubernetes/],
    [{ ...good, kubernetes: KUBERNETES }, /needs "kubernetes" with the layout kubernetes, and only then/],
    [kubernetesOf({ pods: undefined }), /needs one of pods and seen/],
    [kubernetesOf({ seen: ['x'] }), /needs one of pods and seen/],
    [kubernetesOf({ pods: {} }), /pods without a label/],
    [kubernetesOf({ signer: 'opendkim' }), /set mount/],
    [kubernetesOf({ secret: 'Dkim_1' }), /name of an object of Kubernetes/],
  ])('%#', (entry, message) => {
    const parsed = dkimSchema.safeParse([entry]);
    expect(parsed.error?.issues.map(({ path, message: said }) => `${path.join('.')} ${said}`).join('\n')).toMatch(message);
  });
});
