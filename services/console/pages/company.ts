import { z } from 'zod';
import { companyPerson } from '../../store/console/company.ts';
import { signIn } from '../../store/console/sign-ins.ts';
import { Address, localAddress, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import { beginAtProvider, type Flow, returnedFromProvider } from '../people/company.ts';
import { type AnyRoute, Refusal, route, see } from '../routes.ts';

const A_MINUTE = 30;
const RETURN = '/sign-in/company/return';
const flowSchema = z.strictObject({ state: z.string(), nonce: z.string(), verifier: z.string(), next: z.string() });

const begin = route({
  method: 'GET',
  path: '/sign-in/company',
  kind: 'page',
  least: 'everybody',
  scope: 'none',
  waitsFor: 'provider',
  perMinute: A_MINUTE,
  query: z.object({ next: z.string().max(2000).optional() }),
  async handle({ config, origin, query }) {
    const { oidc } = config.console;
    if (oidc === null) throw new Refusal(404, 'no_page', words.problems.no_page);
    const { address, flow } = await beginAtProvider(oidc, `${origin}${RETURN}`, query.next ?? '/');
    return see(new Address(address.href), { flow: Buffer.from(JSON.stringify(flow)).toString('base64url') });
  },
});

/** Where the provider sends the browser back to. The state must be the one that this browser keeps. */
const back = route({
  method: 'GET',
  path: RETURN,
  kind: 'page',
  least: 'everybody',
  scope: 'none',
  waitsFor: 'provider',
  perMinute: A_MINUTE,
  query: z.looseObject({ state: z.string().max(500).optional(), code: z.string().max(4000).optional() }),
  async handle({ db, config, origin, here, flow: kept, address, agent, clock }) {
    const { oidc } = config.console;
    if (oidc === null) throw new Refusal(404, 'no_page', words.problems.no_page);
    const flow = flowOf(kept);
    if (flow === null) throw new Refusal(403, 'form_outdated', words.company.outdated);
    const now = clock.now();
    const person = await companyPerson(db, await returnedFromProvider(oidc, new URL(`${origin}${here}`), flow), now);
    const session = await signIn(db, { ...person, how: 'company', address, agent }, now);
    return see(localAddress(flow.next) ?? path`/`, { session, flow: null });
  },
});

function flowOf(kept: string | null): Flow | null {
  if (kept === null) return null;
  try {
    return flowSchema.parse(JSON.parse(Buffer.from(kept, 'base64url').toString('utf8')));
  } catch {
    return null;
  }
}

export const COMPANY_ROUTES: AnyRoute[] = [begin, back];
