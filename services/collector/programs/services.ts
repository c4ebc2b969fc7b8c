import { addressOf, domainOf, type LogEvent, MOST_ID, type Reading, wordsOf } from '../events.ts';

/*
 * Mail services send events, not lines. `given` takes of one what is read, as a line of JSON; the parser reads that line, so that events
 * are stored, redacted and read as all other lines are. All three are written from the services' documentation, not from their traffic.
 */

/** An event as a line: of which message, when (milliseconds since the epoch; null: not said), and what it says. */
export interface GivenEvent {
  program: 'ses' | 'sendgrid' | 'm365';
  at: number | null;
  text: string;
}

interface Said {
  id: string;
  event: 'sent' | 'handed' | 'deferred' | 'bounced' | 'rejected';
  from?: string | undefined;
  header_from?: string | undefined;
  message_id?: string | undefined;
  to: string[];
  relay?: string | undefined;
  ip?: string | undefined;
  dsn?: string | undefined;
  words?: string | undefined;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

/** The address of "Name <address>": names are not kept. */
const bare = (from: string | undefined): string | undefined => /[^<>\s"]+@[^<>\s"]+/.exec(from ?? '')?.[0];

/** Recipients of one event; more are left out. */
const MOST_RECIPIENTS = 1_000;

/**
 * An event that Amazon SES publishes (documentation: "Examples of event data that Amazon SES publishes"), as it is or in a
 * notification of SNS. Null: it is none.
 */
export function givenBySes(raw: Record<string, unknown>): GivenEvent | null {
  let event = raw;
  if (raw.Type === 'Notification' && typeof raw.Message === 'string') {
    try {
      event = record(JSON.parse(raw.Message));
    } catch {
      return null;
    }
  }
  const kind = text(event.eventType) ?? text(event.notificationType);
  const mail = record(event.mail);
  const id = text(mail.messageId);
  if (kind === undefined || id === undefined) return null;
  const common = record(mail.commonHeaders);
  const said: Said = {
    id,
    event: 'handed',
    from: bare(text(mail.source)),
    header_from: bare(text(list(common.from)[0])),
    message_id: text(common.messageId),
    to: list(mail.destination)
      .filter((one) => typeof one === 'string')
      .slice(0, MOST_RECIPIENTS),
  };
  const part = record(event[SES_PARTS[kind] ?? '']);
  if (kind === 'Delivery') {
    const to = list(part.recipients)
      .filter((one) => typeof one === 'string')
      .slice(0, MOST_RECIPIENTS);
    Object.assign(said, { event: 'sent', to, relay: text(part.reportingMTA), ip: text(part.remoteMtaIp) });
  } else if (kind === 'Bounce' || kind === 'DeliveryDelay') {
    const hit = list(kind === 'Bounce' ? part.bouncedRecipients : part.delayedRecipients).map(record);
    Object.assign(said, {
      event: kind === 'Bounce' ? 'bounced' : 'deferred',
      to: hit
        .map((one) => text(one.emailAddress))
        .filter((one) => one !== undefined)
        .slice(0, MOST_RECIPIENTS),
      dsn: text(hit[0]?.status),
      words: text(hit[0]?.diagnosticCode),
      ip: text(part.remoteMtaIp),
    });
  } else if (kind === 'Reject' || kind === 'Rendering Failure') said.event = 'rejected';
  else if (kind !== 'Send') return { program: 'ses', at: null, text: '{}' };
  return { program: 'ses', at: timeOf(part.timestamp ?? mail.timestamp), text: JSON.stringify(said) };
}

const SES_PARTS: Record<string, string> = {
  Delivery: 'delivery',
  Bounce: 'bounce',
  DeliveryDelay: 'deliveryDelay',
  Reject: 'reject',
  Send: 'send',
};

const SENDGRID: Record<string, Said['event']> = {
  processed: 'handed',
  delivered: 'sent',
  deferred: 'deferred',
  bounce: 'bounced',
  dropped: 'rejected',
};

/** One event of SendGrid's event webhook (documentation: "Event Webhook Reference"). Null: it is none. */
export function givenBySendgrid(raw: Record<string, unknown>): GivenEvent | null {
  const id = text(raw.sg_message_id);
  const kind = text(raw.event);
  const to = text(raw.email);
  if (id === undefined || kind === undefined || to === undefined) return null;
  const event = SENDGRID[kind];
  const at = typeof raw.timestamp === 'number' ? raw.timestamp * 1000 : null;
  // Opens, clicks and complaints are not about delivery.
  if (event === undefined) return { program: 'sendgrid', at, text: '{}' };
  const said: Said = {
    // "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0": what precedes ".filter" or ".recvd" names the message.
    id: id.split(/\.(?:filter|recvd)/)[0]!,
    event,
    message_id: text(raw['smtp-id'])?.replace(/^<|>$/g, ''),
    to: [to],
    ip: text(raw.ip),
    dsn: text(raw.status),
    words: text(raw.reason) ?? text(raw.response),
  };
  return { program: 'sendgrid', at, text: JSON.stringify(said) };
}

const M365: Record<string, Said['event']> = {
  delivered: 'sent',
  expanded: 'handed',
  resolved: 'handed',
  pending: 'deferred',
  gettingstatus: 'handed',
  failed: 'bounced',
  filteredasspam: 'bounced',
  quarantined: 'handed',
};

/**
 * A row of Exchange Online's message trace (documentation: Get-MessageTraceV2 and "Message trace in the Exchange admin center"), by the
 * names of its columns in any case, spaces and underscores left out. Null: it is none.
 */
export function givenByM365(row: Readonly<Record<string, string>>): GivenEvent | null {
  const of = (...names: string[]) => names.map((name) => row[name]).find((value) => value !== undefined && value !== '');
  const id = of('messagetraceid', 'networkmessageid', 'messageid');
  const from = of('senderaddress', 'sender');
  const to = of('recipientaddress', 'recipient', 'recipientstatus');
  const status = of('status', 'recipientstatus')?.replace(/^.*##/, '').toLowerCase().replaceAll(' ', '');
  if (id === undefined || from === undefined || to === undefined) return null;
  const said: Said = {
    id,
    event: M365[status ?? ''] ?? 'handed',
    from,
    message_id: of('messageid')?.replace(/^<|>$/g, ''),
    to: to
      .split(';')
      .map((one) => one.split('##')[0]!.trim())
      .filter((one) => one.includes('@'))
      .slice(0, MOST_RECIPIENTS),
    ip: of('toip'),
  };
  return { program: 'm365', at: timeOf(of('received', 'origintimestamputc', 'receivedtime')), text: JSON.stringify(said) };
}

function timeOf(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  const at = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`);
  return Number.isNaN(at) ? null : at;
}

/** Reads a line that `given…` made. */
export function readService(line: string): Reading | null {
  let said: Partial<Said>;
  try {
    said = record(JSON.parse(line)) as Partial<Said>;
  } catch {
    return null;
  }
  if (said.id === undefined || said.event === undefined) return { queueId: null, events: [] };
  const events: LogEvent[] = [];
  if (said.message_id !== undefined)
    events.push({ kind: 'message_id', id: said.message_id.replace(/^<|>$/g, '').slice(0, MOST_ID) });
  if (said.from !== undefined) events.push({ kind: 'envelope', from: addressOf(said.from.replace(/^.*</, '<')) });
  const author = /@([\w.-]+)>?\s*$/.exec(said.header_from ?? '')?.[1];
  if (author !== undefined) events.push({ kind: 'author', domain: domainOf(author) });
  const { event } = said;
  if (event === 'sent' || event === 'deferred' || event === 'bounced')
    for (const to of said.to ?? [])
      events.push({
        kind: 'delivery',
        to: addressOf(to),
        by: 'smtp',
        relay: said.relay?.slice(0, 253) ?? null,
        ip: null,
        status: event,
        dsn: said.dsn ?? null,
        words: event === 'sent' || said.words === undefined ? null : wordsOf(said.words),
        queuedAs: null,
      });
  if (event === 'rejected') events.push({ kind: 'rejected', words: '' });
  return { queueId: said.id.slice(0, 200), events };
}
