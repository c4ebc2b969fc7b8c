import { expect, test } from 'vitest';
import { after, FINAL, STATES, STEPS, type Step } from '../../services/requests/states.ts';

test('final states are those that the design names, and nothing leads out of them', () => {
  expect([...FINAL].sort()).toEqual(['denied', 'done', 'ended', 'expired', 'failed', 'returned', 'stale', 'withdrawn']);
  for (const state of FINAL) for (const step of Object.keys(STEPS) as Step[]) expect(after(state, step)).toBeNull();
});

test('every state but the first can be reached, and from every one a final state', () => {
  const leads = (from: string) =>
    Object.values(STEPS).flatMap((step) => ((step.from as readonly string[]).includes(from) ? [step.to] : []));
  const reach = (start: string) => {
    const seen = new Set([start]);
    for (const one of seen) for (const next of leads(one)) seen.add(next);
    return seen;
  };
  expect([...reach('draft')].sort()).toEqual([...STATES].sort());
  for (const state of STATES) expect([...reach(state)].some((one) => (FINAL as readonly string[]).includes(one))).toBe(true);
});

test('only an approved request is applied, and an approved one is not approved again', () => {
  expect(STATES.filter((state) => after(state, 'claim') !== null)).toEqual(['approved']);
  expect(STATES.filter((state) => after(state, 'approve') !== null)).toEqual(['pending']);
  expect(STATES.filter((state) => after(state, 'return') !== null)).toEqual(['active']);
});
