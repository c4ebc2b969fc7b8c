import { expect, test, vi } from 'vitest';
import { rsaKey } from './rsa-keys.ts';

test('outside of a run of tests a key is made as it is asked for', async () => {
  vi.stubEnv('TEST_RSA_KEYS', undefined);
  try {
    vi.resetModules();
    const fresh = await import('./rsa-keys.ts');
    expect(fresh.rsaKey).not.toBe(rsaKey);
    expect(fresh.rsaKey().asymmetricKeyDetails?.modulusLength).toBe(2048);
  } finally {
    vi.unstubAllEnvs();
  }
});
