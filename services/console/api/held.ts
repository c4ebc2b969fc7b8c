import { z } from 'zod';
import { heldResults } from '../../requests/held/facts.ts';
import { STATES } from '../../requests/states.ts';
import { noteAct } from '../../store/console/audit.ts';
import { heldLines } from '../../store/console/held.ts';
import { approverOf } from '../../store/console/people.ts';
import { asksFor } from '../../store/held/asks.ts';
import type { HeldRow } from '../../store/held/held.ts';
import { loadRequest } from '../../store/requests/requests.ts';
import { decideHeld, heldDecision } from '../actions/held.ts';
import { shownHeld } from '../pages/held-shown.ts';
import type { AnyRoute, Asked } from '../routes.ts';
import { key, whole } from './parameters.ts';
import { apiRoute } from './route.ts';

const HELD_STATES = ['held', 'releasing', 'released', 'rejected', 'deleted', 'expired', 'lost'] as const;
const at = z.iso.datetime();
/** As it is sent. */
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const line = z.object({
  held_key: z.int(),
  request_key: z.int(),
  domain: z.string(),
  held_at: at,
  rule: z.string(),
  state: z.enum(HELD_STATES),
  header_from: z.string().nullable(),
  display_name: z.string().nullable(),
  subject: z.string().nullable(),
  recipients: z.array(z.string()),
  source_class: z.string().nullable(),
  asks: z.int(),
  doubt: z.boolean().describe('Nobody can know whether it was delivered.'),
});

const wholeMail = line.omit({ asks: true }).extend({
  reason: z.string(),
  envelope_from: z.string(),
  header_from_domain: z.string().nullable(),
  message_id: z.string().nullable(),
  peer_ip: z.string(),
  peer_name: z.string().nullable(),
  helo: z.string().nullable(),
  results: heldResults,
  source: z.string().nullable(),
  size: z.int(),
  sha256: z.string(),
  attachments: z.array(z.object({ name: z.string().nullable(), type: z.string(), bytes: z.int(), sha256: z.string() })),
  decided_by: z.array(z.string()).nullable(),
  decided_at: at.nullable(),
  settled_at: at.nullable(),
  body_gone_at: at.nullable(),
  answer: z.string().nullable(),
  request_state: z.enum(STATES),
  digest: z.string().describe('Of the plan that a decision names.'),
  asks: z.array(z.object({ recipient: z.string(), why: z.string(), asked_at: at })),
});

const MOST = 500;

const list = apiRoute({
  method: 'GET',
  path: '/held',
  id: 'listHeldMail',
  summary: 'Held mails, the newest first.',
  token: 'decide',
  scope: 'filtered',
  query: z.object({
    state: z.enum(['open', 'all', ...HELD_STATES]).default('open'),
    domain: z.string().max(253).default(''),
    rule: z.string().max(63).default(''),
    recipient: z.string().max(320).default(''),
    limit: whole(1, MOST).default(100),
    offset: whole(0, 1_000_000).default(0),
  }),
  answer: z.object({ items: z.array(line) }),
  handle: async ({ reader, query }) => ({ items: z.array(line).parse(json(await heldLines(reader, query))) }),
});

async function shown(db: Asked['db'], held: HeldRow): Promise<z.input<typeof wholeMail>> {
  const { state: request_state, digest } = await loadRequest(db, held.request_key);
  return wholeMail.parse(json({ ...held, request_state, digest, asks: await asksFor(db, held.held_key) }));
}

const one = apiRoute({
  method: 'GET',
  path: '/held/:key',
  id: 'getHeldMail',
  summary: 'A held mail: who sent it, what was verified, its attachments by name, type and digest. Its text is not there.',
  token: 'decide',
  scope: 'object',
  params: key,
  answer: wholeMail,
  handle: async (asked) => shown(asked.db, await shownHeld(asked)),
});

const decideRoute = apiRoute({
  method: 'POST',
  path: '/held/:key/decide',
  id: 'decideHeldMail',
  summary: 'Decides about a held mail: release, reject or delete, and whether to ask to approve or deny its source from now on.',
  token: 'decide',
  scope: 'object',
  params: key,
  body: heldDecision,
  answer: wholeMail,
  async handle(asked) {
    const { db, visitor, clock, body } = asked;
    const held = await shownHeld(asked);
    await decideHeld(asked, held, { ...body, person: await approverOf(db, visitor!.person_key), via: 'api' });
    const { name: by, person_key: person, token } = visitor!;
    const detail = { token: token!.token_key, verb: body.verb };
    await noteAct(
      db,
      { by, person, act: 'held_decide', domain: held.domain, object: String(held.held_key), detail },
      clock.now(),
    );
    return shown(db, await shownHeld(asked));
  },
});

export const HELD_API: AnyRoute[] = [list, one, decideRoute];
