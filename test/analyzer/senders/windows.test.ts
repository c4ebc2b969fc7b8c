import { test } from 'vitest';
import { expectUnits } from './invented-units.ts';

test('the windows of invented senders are as they were', () => expectUnits('windows'));
