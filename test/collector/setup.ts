import { Readable } from 'node:stream';
import { importLogs } from '../../services/collector/index.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import type { NewLogSource } from '../../services/store/sending/sources.ts';

export const SOURCE: NewLogSource = {
  name: 'mail',
  cluster: 'a',
  environment: 'production',
  workload: 'shop',
  syslog_from: [],
  egress: [],
};

/** Imports lines as a file of them, which is judged at its end. */
export const importLines = (context: Context, lines: readonly string[], source: Partial<NewLogSource> = {}) =>
  importLogs(context, {
    file: '-',
    source: { ...SOURCE, ...source },
    stdin: Readable.from([Buffer.from(`${lines.join('\n')}\n`)]),
  });

export interface MessageLines {
  id: string;
  at?: string;
  host?: string;
  from?: string;
  to?: string;
  messageId?: string;
  client?: string;
  sasl?: string;
  signed?: string | null;
  relay?: string;
  status?: string;
  dsn?: string;
  words?: string;
  removed?: boolean;
}

/** The lines that Postfix and OpenDKIM write about one mail. */
export function linesOf({
  id,
  at = '2026-11-27T10:00:00.000000+00:00',
  host = 'mx1',
  from = 'news@example.com',
  to = 'bob@gmx.net',
  messageId = `${id}@mx1.example.com`,
  client = 'app-0.shop[10.1.2.3]',
  sasl,
  signed = 's1',
  relay = 'mx00.gmx.net[203.0.113.5]:25',
  status = 'sent',
  dsn = '2.0.0',
  words = '250 Requested mail action okay',
  removed = true,
}: MessageLines): string[] {
  const line = (tag: string, text: string) => `${at} ${host} ${tag}[7]: ${id}: ${text}`;
  return [
    line('postfix/smtpd', `client=${client}${sasl === undefined ? '' : `, sasl_method=PLAIN, sasl_username=${sasl}`}`),
    line('postfix/cleanup', `message-id=<${messageId}>`),
    ...(signed === null ? [] : [line('opendkim', `DKIM-Signature field added (s=${signed}, d=${from.split('@')[1]})`)]),
    line('postfix/qmgr', `from=<${from}>, size=500, nrcpt=1 (queue active)`),
    line('postfix/smtp', `to=<${to}>, relay=${relay}, delay=1, delays=0.1/0/0.5/0.4, dsn=${dsn}, status=${status} (${words})`),
    ...(removed ? [line('postfix/qmgr', 'removed')] : []),
  ];
}
