import { expect, test } from 'vitest';
import { grantKind } from '../../services/requests/grants/index.ts';
import { GRANT_KINDS } from '../../services/requests/grants/kinds.ts';
import { heldFacts } from '../../services/requests/held/facts.ts';
import { planSchema } from '../../services/requests/plan.ts';
import { frozenSchema } from '../../services/requests/rules.ts';
import { limitsOf } from '../helpers/limits.ts';

// They are stored: what one version wrote, every later one must read.
test('what plans, scopes of grants, frozen rules and facts of held mail may have is as in golden/', () =>
  expect(
    [
      `# plan\n${limitsOf(planSchema)}`,
      `# frozen rule\n${limitsOf(frozenSchema)}`,
      `# facts of a held mail\n${limitsOf(heldFacts)}`,
      ...GRANT_KINDS.map((kind) => `# scope of ${kind}\n${limitsOf(grantKind(kind).scope)}`),
    ].join('\n'),
  ).toMatchFileSnapshot('golden/limits.txt'));
