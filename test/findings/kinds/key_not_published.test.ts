import { test } from 'vitest';
import { expectWords } from './words.ts';

const signer = (workload: string) => ({ cluster: 'eu-1', environment: 'production', workload, messages: 3 });

test('its words', () =>
  expectWords('key_not_published', {
    'one signer': {},
    'a revoked key, several signers': {
      facts: { state: 'revoked', signers: ['shop', 'news', 'bills', 'crm'].map(signer), signers_in_all: 4 },
    },
    'more signers than are on file': { facts: { signers: [signer('shop')], signers_in_all: 3 } },
    'two signers': { facts: { signers: ['shop', 'news'].map(signer), signers_in_all: 2 } },
    'one signer of two is named': { facts: { signers: [signer('shop')], signers_in_all: 2 } },
    'nobody is named': { facts: { signers: [], signers_in_all: 0 } },
    'no cluster, no environment': {
      facts: { signers: [{ cluster: '', environment: '', workload: 'shop', messages: 3 }] },
    },
  }));
