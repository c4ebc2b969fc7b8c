import type { Knowledge } from '../../services/milter/rules.ts';
import type { Results } from '../../services/milter/verify/results.ts';

/** What verification found of a mail forged as example.com, unless `given` says otherwise. */
export const results = (given: Partial<Results> = {}): Results => ({
  spf: { result: 'fail', domain: 'stranger.example', identity: 'mailfrom', why: null, aligned: false },
  dkim: [],
  arc: { result: 'none', sealers: [], why: null },
  dmarc: { result: 'fail', domain: 'example.com', policy: 'none', at: 'example.com', why: 'no aligned mechanism passes' },
  authenticated: 'no',
  vouched_by: null,
  source: '203.0.113.0/24',
  ...given,
});

/** What the store knows: example.com is own, and Ada Lovelace writes from there. */
export const knowledge = (given: Partial<Knowledge> = {}): Knowledge => ({
  own: ['example.com'],
  people: [{ name: 'Ada Lovelace', addresses: [] }],
  lookalikes: [],
  contacted: [],
  settled: [],
  source_class: null,
  ...given,
});
