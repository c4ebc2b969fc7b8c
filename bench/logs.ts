import { Readable } from 'node:stream';
import { importLogs } from '../services/collector/index.ts';
import { systemClock } from '../services/shared/clock.ts';
import { openPool } from '../services/shared/runtime/db.ts';
import { createLog } from '../services/shared/runtime/log.ts';
import { pinSemiSpaces } from '../services/shared/runtime/semi-spaces.ts';
import { loadConfig } from '../services/shared/settings/config.ts';
import { linesOf } from '../test/collector/setup.ts';
import type { StageInput } from './input.ts';
import { CONNECTIONS } from './input.ts';
import { type Measure, measure } from './measure.ts';

/**
 * Lines of Postfix and OpenDKIM from a stream to messages and daily totals: `input.mails` messages of six
 * lines, from 20 hosts, to 200 domains. `records` are lines. `mails` are messages.
 */
export async function logs(stage: string, input: StageInput): Promise<Measure> {
  const config = loadConfig({ DATABASE_URL: input.databaseUrl!, LOG_LEVEL: 'warn', HTTP_LISTEN: 'off' }, '/nonexistent');
  const db = openPool(config.databaseUrl!, { max: CONNECTIONS });
  const messages = input.mails!;
  const source = { name: 'bench', cluster: 'a', environment: 'b', workload: 'c', syslog_from: [], egress: [] };
  try {
    const context = { config, db, clock: systemClock, log: createLog('warn') };
    // As in the service.
    pinSemiSpaces(false);
    const measured = await measure(stage, input.postmaster, async () => {
      const done = await importLogs(context, { file: '-', source, stdin: Readable.from(octets(messages)) });
      return { mails: done.judged, reports: 0, records: done.lines };
    });
    const { rows } = await db.query<{ sent: number }>('select sum(sent)::bigint as sent from dmarc.sending_days');
    if (rows[0]?.sent !== messages) throw new Error(`${rows[0]?.sent} of ${messages} messages were counted.`);
    return { ...measured, note: `${Math.round(measured.records / measured.cpu_s)} lines a second of CPU` };
  } finally {
    await db.end();
  }
}

/** Lines as servers write them: those of a host's messages in turn, several messages at once. */
function* octets(messages: number): Generator<Buffer> {
  const began = Date.now();
  // Each message at its own microsecond, as servers write it.
  const timeAt = (n: number) =>
    new Date(began + Math.floor(n / 1000)).toISOString().replace('Z', `${String(n % 1000).padStart(3, '0')}+00:00`);
  const AT_ONCE = 50;
  for (let n = 0; n < messages; n += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, messages - n) }, (_, m) => {
      const id = (0x1000000000 + n + m).toString(16).toUpperCase();
      return linesOf({
        id,
        at: timeAt(n + m),
        host: `mx${(n + m) % 20}`,
        from: `news${(n + m) % 500}@example${(n + m) % 10}.com`,
        to: `reader${n + m}@receiver${(n + m) % 200}.net`,
        signed: (n + m) % 10 === 0 ? null : 's1',
      });
    });
    const longest = Math.max(...some.map((lines) => lines.length));
    const mixed: string[] = [];
    for (let line = 0; line < longest; line++) for (const lines of some) if (lines[line] !== undefined) mixed.push(lines[line]!);
    yield Buffer.from(`${mixed.join('\n')}\n`);
  }
}
