import { expect, test } from 'vitest';
import type { WebAnswer } from '../../services/dns/web.ts';
import { openWeb } from '../../services/shared/runtime/web.ts';
import { publicWeb } from '../../services/watcher/web.ts';
import { dnsOf } from '../dns/zone.ts';

const get = (answer: WebAnswer) => publicWeb({ get: async () => answer }).get('https://a.test/', { mostOctets: 1 });

test('a private address is no answer, and every other answer stays what it is', async () => {
  const inside = publicWeb(openWeb(dnsOf({ 'mta-sts.example.com': { A: ['10.0.0.7'] } })));
  expect(await inside.get('https://mta-sts.example.com/', { mostOctets: 1 })).toMatchObject({ state: 'unknown' });
  for (const answer of [
    { state: 'broken', message: 'The certificate is for another name.' },
    { state: 'unknown', message: 'It did not answer.' },
    { state: 'answered', status: 200, type: 'text/plain', body: new Uint8Array() },
  ] as const)
    expect(await get(answer)).toEqual(answer);
});
