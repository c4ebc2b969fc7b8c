import { addressOf, domainOf, idOf, type LogEvent, type Reading, wordsOf } from '../events.ts';

/*
 * Mail services send events, not lines. `given` takes of one what is read, as a line of JSON; the parser
 * reads that line, so that events are stored, redacted and read as all other lines are. All three were
 * compared with the pages that are named below, and none was tried against the service itself.
 */

/**
 * An event as a line: of which message, when (milliseconds since the epoch; null: not said), and what it
 * says.
 */
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
  /** Went into a mailbox of the service's own. */
  local?: true | undefined;
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
 * An event that Amazon SES publishes, as it is or in a notification of SNS. Null: it is none.
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html and
 * …-sns-examples.html
 */
export function givenBySes(raw: Record<string, unknown>): GivenEvent | null {
  // Through EventBridge the event is the detail.
  let event = raw.source === 'aws.ses' ? record(raw.detail) : raw;
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
    message_id: headerOf(mail, 'message-id') ?? text(common.messageId),
    to: list(mail.destination)
      .filter((one) => typeof one === 'string')
      .slice(0, MOST_RECIPIENTS),
  };
  const part = record(event[SES_PARTS[kind] ?? '']);
  if (kind === 'Delivery') {
    const to = list(part.recipients)
      .filter((one) => typeof one === 'string')
      .slice(0, MOST_RECIPIENTS);
    // reportingMTA is the server of SES that sent it, not the one that took it.
    Object.assign(said, { event: 'sent', to });
  } else if (kind === 'Bounce' || kind === 'DeliveryDelay') {
    const hit = list(kind === 'Bounce' ? part.bouncedRecipients : part.delayedRecipients).map(record);
    Object.assign(said, {
      event: kind === 'DeliveryDelay' ? 'deferred' : SES_NOT_TRIED.has(text(part.bounceSubType) ?? '') ? 'rejected' : 'bounced',
      to: hit
        .map((one) => bare(text(one.emailAddress)))
        .filter((one) => one !== undefined)
        .slice(0, MOST_RECIPIENTS),
      dsn: text(hit[0]?.status),
      words: text(hit[0]?.diagnosticCode),
    });
  } else if (kind === 'Reject' || kind === 'Rendering Failure')
    Object.assign(said, { event: 'rejected', words: text(part.reason) });
  else if (kind !== 'Send') return { program: 'ses', at: null, text: '{}' };
  return { program: 'ses', at: timeOf(part.timestamp ?? mail.timestamp), text: JSON.stringify(said) };
}

/** Bounces of addresses that SES suppresses: no server was asked. */
const SES_NOT_TRIED = new Set(['Suppressed', 'OnAccountSuppressionList']);

/** A header field of the mail that was given to SES, by its name in lower case. */
const headerOf = (mail: Record<string, unknown>, name: string): string | undefined =>
  text(
    list(mail.headers)
      .map(record)
      .find((one) => text(one.name)?.toLowerCase() === name)?.value,
  );

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

/**
 * One event of SendGrid's event webhook. Null: it is none. Its events do not say who sent the mail.
 * https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
 */
export function givenBySendgrid(raw: Record<string, unknown>): GivenEvent | null {
  const smtpId = text(raw['smtp-id'])?.replace(/^<|>$/g, '');
  // A bounce that comes later has no sg_message_id; a smtp-id of SendGrid's own begins as its message ids do.
  const id = text(raw.sg_message_id) ?? (text(raw.sg_event_id) === undefined ? undefined : smtpId?.split('@')[0]);
  const kind = text(raw.event);
  const to = text(raw.email);
  if (id === undefined || kind === undefined || to === undefined) return null;
  const event = SENDGRID[kind];
  const at = typeof raw.timestamp === 'number' ? raw.timestamp * 1000 : null;
  // Opens, clicks and complaints are not about delivery.
  if (event === undefined) return { program: 'sendgrid', at, text: '{}' };
  const said: Said = {
    // "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0": what precedes ".filter" or ".recvd" names the
    // message.
    id: id.split(/\.(?:filter|recvd)/)[0]!,
    event,
    message_id: smtpId,
    to: [to],
    dsn: text(raw.status),
    words: text(raw.reason) ?? text(raw.response),
  };
  return { program: 'sendgrid', at, text: JSON.stringify(said) };
}

/** Delivery statuses of a trace, and the last event of a recipient (`Receive, Send`) in its reports. */
const M365: Record<string, Said['event']> = {
  delivered: 'sent',
  send: 'sent',
  deliver: 'sent',
  pending: 'deferred',
  defer: 'deferred',
  failed: 'bounced',
  fail: 'bounced',
};

/**
 * Statuses as the admin center may name them in German, French, Spanish, Italian, Dutch and Portuguese; not
 * tried against it.
 */
const M365_LOCAL: readonly [RegExp, Said['event']][] = [
  [
    /^(?:zugestellt|übermittelt|remis|distribué|livré|entregad[oa]|entregue|consegnat[oa]|recapitat[oa]|bezorgd|geleverd)$/,
    'sent',
  ],
  [
    /^(?:fehlgeschlagen|fehler|échec|échoué|error|erroneo|fallid[oa]|conerrores|nonriuscit[oa]|mislukt|com?falha|falhou|falha)$/,
    'bounced',
  ],
  [/^(?:ausstehend|enattente|pendiente|insospeso|inbehandeling|pendente)$/, 'deferred'],
];

/**
 * A row of Exchange Online's message trace, by the names of its columns in any case, spaces and underscores
 * left out: one event for each recipient. Empty: it is none.
 * https://learn.microsoft.com/powershell/module/exchangepowershell/get-messagetracev2
 * https://learn.microsoft.com/exchange/monitoring/trace-an-email-message/message-trace-modern-eac These pages
 * confirm neither the names that end in "_utc" nor the form of times.
 */
export function givenByM365(row: Readonly<Record<string, string>>): GivenEvent[] {
  const of = (...names: string[]) => names.map((name) => row[name]).find((value) => value !== undefined && value !== '');
  const messageId = of('messageid')?.replace(/^<|>$/g, '');
  const id = of('messagetraceid', 'networkmessageid') ?? messageId;
  const from = of('senderaddress', 'sender');
  const to = of('recipientstatus')?.includes('##') ? of('recipientstatus') : of('recipientaddress', 'recipient');
  if (id === undefined || from === undefined || to === undefined) return [];
  // "For inbound messages", To IP "is blank"; an outbound one has directionality 2.
  const inbound = row.toip === '' || /^(?:1|inbound|incoming)$/i.test(row.directionality ?? '');
  const at = timeOf(of('received', 'receivedtime', 'origintimestamp', 'origintimestamputc', 'datetime', 'datetimeutc', 'date'));
  return to
    .split(';')
    .map((one) => one.split('##'))
    .filter(([address]) => address!.includes('@'))
    .slice(0, MOST_RECIPIENTS)
    .map(([address, last]) => {
      const status = (of('eventid') ?? last ?? of('status') ?? '').split(',').at(-1)!.toLowerCase().replaceAll(' ', '');
      const event = M365[status] ?? M365_LOCAL.find(([pattern]) => pattern.test(status))?.[1] ?? 'handed';
      const said: Said = {
        // A trace has the id as a GUID, its reports without hyphens.
        id: GUID.test(id) ? id.replaceAll('-', '').toLowerCase() : id,
        event,
        from,
        message_id: messageId,
        to: [address!.trim().replace(/^<|>$/g, '')],
        local: event === 'sent' && (inbound || status === 'deliver') ? true : undefined,
      };
      return { program: 'm365', at, text: JSON.stringify(said) };
    });
}

const GUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/**
 * Dates as Export-Csv writes them by the language of the system: 27.11.2026 10:00:00, 11/27/2026 10:00:00 AM,
 * 27/11/2026 10:00.
 */
const LOCAL_DATE = /^(\d{1,2})([./-])(\d{1,2})\2(\d{4}),? (\d{1,2}):(\d\d)(?::(\d\d))?(?: ([AP])\.?M\.?)?$/i;

function timeOf(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  const local = LOCAL_DATE.exec(value.trim().replace(/[\u00a0\u202f]/g, ' '));
  if (local !== null) return localTime(local);
  const at = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`);
  return Number.isNaN(at) ? null : at;
}

/** Null: nobody can say which number is the month. */
function localTime([, one, mark, two, year, hour, minute, second = '0', half]: RegExpExecArray): number | null {
  const american = mark === '/' && (half !== undefined || Number(two) > 12);
  if (mark === '/' && !american && Number(one) <= 12 && one !== two) return null;
  const [day, month] = american ? [Number(two), Number(one)] : [Number(one), Number(two)];
  const hours = half === undefined ? Number(hour) : (Number(hour) % 12) + (half.toUpperCase() === 'P' ? 12 : 0);
  const at = Date.UTC(Number(year), month - 1, day, hours, Number(minute), Number(second));
  return month >= 1 && month <= 12 && new Date(at).getUTCDate() === day ? at : null;
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
  if (said.message_id !== undefined) events.push({ kind: 'message_id', id: idOf(said.message_id.replace(/^<|>$/g, '')) });
  if (said.from !== undefined) events.push({ kind: 'envelope', from: addressOf(said.from.replace(/^.*</, '<')) });
  const author = /@([\w.-]+)>?\s*$/.exec(said.header_from ?? '')?.[1];
  if (author !== undefined) events.push({ kind: 'author', domain: domainOf(author) });
  const { event } = said;
  if (event === 'sent' || event === 'deferred' || event === 'bounced')
    for (const to of said.to ?? [])
      events.push({
        kind: 'delivery',
        to: addressOf(to),
        by: said.local ? 'local' : 'smtp',
        relay: null,
        ip: null,
        status: event,
        dsn: said.dsn ?? null,
        words: event === 'sent' || said.words === undefined ? null : wordsOf(said.words),
        queuedAs: null,
      });
  if (event === 'rejected') events.push({ kind: 'rejected', words: wordsOf(said.words ?? '') });
  return { queueId: said.id.slice(0, 200), events };
}
