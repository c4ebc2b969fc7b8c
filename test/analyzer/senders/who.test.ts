import { test } from 'vitest';
import { expectUnits } from './invented-units.ts';

test('who sends for invented senders is as it was', () => expectUnits('who'));
