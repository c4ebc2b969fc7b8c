import { expect, test } from 'vitest';
import { fatesWords } from '../../../services/findings/sentences/fates.ts';

const fates = (messages: number, delivered: number, quarantined: number, rejected: number) =>
  fatesWords({ messages, delivered, quarantined, rejected });

test.each([
  [fates(1, 1, 0, 0), 'it was delivered'],
  [fates(2, 2, 0, 0), 'both were delivered'],
  [fates(9, 0, 0, 9), 'all were rejected'],
  [fates(9, 0, 9, 0), 'all were quarantined'],
  [fates(1610, 3, 0, 0), '3 were delivered'],
  [fates(1610, 1, 0, 1609), '1 was delivered and 1,609 rejected'],
  [fates(30, 0, 10, 20), '10 were quarantined and 20 rejected'],
  [fates(1610, 5, 20, 1585), '5 were delivered, 20 quarantined and 1,585 rejected'],
  [fates(9, 0, 0, 0), ''],
])('%j', (said, expected) => expect(said).toBe(expected));
