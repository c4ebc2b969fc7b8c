import { expect, test } from 'vitest';
import { networksOf } from '../../../services/findings/kinds/networks.ts';
import { EVIDENCE } from './samples.ts';

test('up to three networks are listed, of more only the largest is named', () => {
  const of = (senders: number) =>
    networksOf({
      domain: 'example.com',
      subject: 'example.com',
      evidence: {
        ...EVIDENCE,
        messages: 30,
        senders,
        who: Array.from({ length: Math.min(5, senders) }, (_, i) => ({ source: `192.0.${i}.0/24`, messages: 9 - i })),
      },
    });
  expect([1, 2, 3, 4, 8].map(of)).toEqual([
    '1 network (192.0.0.0/24)',
    '2 networks (192.0.0.0/24 and 192.0.1.0/24)',
    '3 networks (192.0.0.0/24, 192.0.1.0/24 and 192.0.2.0/24)',
    '4 networks, the largest 192.0.0.0/24,',
    '8 networks, the largest 192.0.0.0/24,',
  ]);
});

test('of many networks with little from each, none is named', () => {
  const who = Array.from({ length: 5 }, (_, i) => ({ source: `192.0.${i}.0/24`, messages: 3 }));
  expect(
    networksOf({ domain: 'a.example', subject: 'a.example', evidence: { ...EVIDENCE, senders: 283, messages: 332, who } }),
  ).toBe('283 networks');
});
