import type { Visitor } from '../../store/console/rights.ts';
import type { Services } from '../routes.ts';
import { CONFIRM_MS, confirm } from './company.ts';

/** Confirmations that are under way: a page's requests come at once. */
const running = new WeakMap<Services['db'], Map<number, Promise<boolean>>>();

/**
 * Whether somebody may still be here: a person of the company's provider is confirmed by it every few minutes.
 * @throws TransientError when the provider does not answer
 */
export async function isConfirmed({ db, config, clock }: Services, { person_key, confirmed_at }: Visitor): Promise<boolean> {
  const now = clock.now();
  if (confirmed_at === null || now.getTime() - confirmed_at.getTime() < CONFIRM_MS) return true;
  const own = running.get(db) ?? new Map<number, Promise<boolean>>();
  running.set(db, own);
  const asked = own.get(person_key) ?? confirm(db, config.console.oidc, person_key, now).finally(() => own.delete(person_key));
  own.set(person_key, asked);
  return asked;
}
