import { test } from 'vitest';
import { findingText } from '../../services/mails/finding-text.ts';
import { contentOf } from '../../services/mails/finding-words.ts';
import { expectCases } from './cases.ts';

test('each case as a text', () =>
  expectCases('text.txt', ({ event, step, console }) => findingText(contentOf(event, step, console ?? null))));
