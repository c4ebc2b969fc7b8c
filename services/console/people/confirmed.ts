import type { Visitor } from '../../store/console/rights.ts';
import type { Services } from '../routes.ts';
import { CONFIRM_MS, confirm } from './company.ts';

/** Confirmations that are under way: a page's requests come at once. */
const running = new WeakMap<Services['db'], Map<number, Promise<boolean>>>();

/** Whether the provider has to be asked again about somebody. */
export const isDue = ({ confirmed_at }: Pick<Visitor, 'confirmed_at'>, now: Date): boolean =>
  confirmed_at !== null && now.getTime() - confirmed_at.getTime() >= CONFIRM_MS;

/**
 * Whether somebody may still be here: a person of the company's provider is confirmed by it every few
 * minutes.
 * @throws TransientError when the provider does not answer
 */
export async function isConfirmed({ db, config, clock }: Services, visitor: Visitor): Promise<boolean> {
  const now = clock.now();
  if (!isDue(visitor, now)) return true;
  const { person_key } = visitor;
  const own = running.get(db) ?? new Map<number, Promise<boolean>>();
  running.set(db, own);
  const asked = own.get(person_key) ?? confirm(db, config.console.oidc, person_key, now).finally(() => own.delete(person_key));
  own.set(person_key, asked);
  return asked;
}
