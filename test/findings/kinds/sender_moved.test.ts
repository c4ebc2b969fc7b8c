import { test } from 'vitest';
import { expectWords } from './words.ts';

test('a sender that moved, and one whose mail is moving', () =>
  expectWords('sender_moved', {
    moved: {},
    migrated: { facts: { how: 'migrated' }, evidence: { messages: 40 } },
  }));
