import { z } from 'zod';
import { messageVerdicts } from '../../dns/message-verdicts.ts';
import { whyWords } from '../../findings/sentences/why-mail-failed.ts';
import { organizationalDomain } from '../../report/orgdomain.ts';
import { messagesOf } from '../../store/sending/why-mail-failed.ts';
import type { AnyRoute } from '../routes.ts';
import { apiRoute } from './route.ts';

const text = z.string();
const at = z.iso.datetime();

const hop = z.object({
  source: text,
  cluster: text,
  environment: text,
  workload: text,
  host: text,
  queue_id: text,
  message_id: text.nullable(),
  started_at: at,
  direction: z.enum(['out', 'in', 'internal', 'unknown']),
  signatures: z.array(z.object({ domain: text, selector: text })),
  recipients: z.array(
    z.object({ domain: text, relay: text.nullable(), status: text, dsn: text.nullable(), words: text.nullable() }),
  ),
});
const mail = z.object({
  domain: text,
  hops: z.array(hop),
  reasons: z
    .array(
      z.object({
        part: z.enum(['delivery', 'signature', 'key', 'spf', 'report']),
        wrong: z.boolean(),
        says: text.describe('A sentence.'),
      }),
    )
    .describe('What log, key, SPF and reports show of it; what is wrong comes first.'),
});

const why = apiRoute({
  method: 'GET',
  path: '/sent-messages',
  id: 'explainMessage',
  summary: 'Why a mail of yours failed, by its Message-ID or queue id: what log, key, SPF and reports show of it.',
  token: 'read',
  scope: 'filtered',
  query: z.object({ id: z.string().trim().min(1).max(998) }),
  answer: z.object({ items: z.array(mail) }),
  async handle({ reader, query: { id } }) {
    const mails = await messagesOf(reader, id);
    const items = await Promise.all(
      mails.map(async (one) => ({
        domain: one.domain,
        hops: one.hops.map((each) => hop.parse({ ...each, started_at: each.started_at.toISOString() })),
        reasons: whyWords(one, await messageVerdicts(one, organizationalDomain)),
      })),
    );
    return { items };
  },
});

export const MESSAGE_API: AnyRoute[] = [why];
