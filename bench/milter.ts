import { randomBytes } from 'node:crypto';
import { startMilter } from '../services/milter/index.ts';
import { systemClock } from '../services/shared/clock.ts';
import { openPool } from '../services/shared/runtime/db.ts';
import { createLog } from '../services/shared/runtime/log.ts';
import { createMetrics } from '../services/shared/runtime/metrics.ts';
import { createQueues } from '../services/shared/runtime/queues.ts';
import { loadConfig } from '../services/shared/settings/config.ts';
import { milterOf, milterSchema } from '../services/shared/settings/milter.ts';
import { putOwn } from '../services/store/domains/domains.ts';
import { type DkimKey, dkimKey, dkimSigned } from '../test/attacks/dkim.ts';
import { startKnot } from '../test/helpers/knot.ts';
import { Server } from '../test/milter/server.ts';
import { connect, macros, negotiate, packet, strings } from '../test/milter/wire/packets.ts';
import { CONNECTIONS, type StageInput } from './input.ts';
import { type Measure, measure, round } from './measure.ts';

/** Mail servers' connections, each with one mail at a time. */
const AT_ONCE = 8;
/** Domains that write; each signs with a key of 2,048 bits. */
const DOMAINS = 20;
/** Octets of a body: most are of the first size, one in ten of the second. */
const BODIES = [8_000, 200_000] as const;
/** A milter takes no more of a packet of the body at once. */
const CHUNK = 65_535;

/**
 * Signed mails that the milter takes in over its protocol, verifies by SPF, DKIM and DMARC against a name
 * server, looks up in the store, and lets pass: `input.mails` of them, over eight connections. `records` are
 * mails as well.
 */
export async function milter(stage: string, input: StageInput): Promise<Measure> {
  const key = dkimKey();
  const names = Array.from({ length: DOMAINS }, (_, n) => `sender${n}.test`);
  const knot = await startKnot(Object.fromEntries(names.map((name) => [name, zoneOf(key)])));
  const config = loadConfig({ DATABASE_URL: input.databaseUrl!, LOG_LEVEL: 'warn', HTTP_LISTEN: 'off' }, '/nonexistent');
  config.dnsServers = [knot.server];
  config.milter = milterOf(milterSchema.parse({ listen: '127.0.0.1:0', authserv_id: 'mx.bench.test' }), '/');
  const db = openPool(config.databaseUrl!, { max: CONNECTIONS });
  await putOwn(db, ['bench.test'], 'listed', { now: new Date(), ignored: false });
  const mails = names.flatMap((name) => BODIES.map((size) => packetsOf(name, size, key)));
  const [log, metrics] = [createLog('warn'), createMetrics()];
  const queues = createQueues({ redisUrl: null, databaseUrl: config.databaseUrl! }, log, metrics);
  const context = { config, db, clock: systemClock, log, metrics, queues };
  const running = await startMilter(context, async () => {
    throw new Error('A mail of the bench was to be held.');
  });
  const longest = { ms: 0 };
  try {
    const measured = await measure(stage, input.postmaster, async () => {
      let next = 0;
      const one = async () => {
        const server = new Server({ port: running.port! });
        server.send(negotiate(), connect('mail.test', '192.0.2.10'), packet('H', strings('mail.test')));
        for (let n = next++; n < input.mails!; n = next++) await handOver(server, mailAt(mails, n), longest);
        server.socket.destroy();
      };
      await Promise.all(Array.from({ length: AT_ONCE }, one));
      return { mails: input.mails!, reports: 0, records: input.mails! };
    });
    const counted = (await metrics.milterMails.get()).values;
    const passed = counted.find(({ labels }) => labels.outcome === 'accepted')?.value ?? 0;
    if (passed !== input.mails) throw new Error(`${passed} of ${input.mails} mails passed: ${JSON.stringify(counted)}`);
    return {
      ...measured,
      note: `${Math.round(measured.mails / measured.cpu_s)} mails a second of CPU; the slowest took ${round(longest.ms / 1000, 2)} s`,
    };
  } finally {
    await running.stop();
    await queues.close();
    await Promise.all([db.end(), knot.stop()]);
  }
}

const mailAt = (mails: readonly Buffer[][], n: number): Buffer[] => mails[2 * (n % DOMAINS) + (n % 10 === 9 ? 1 : 0)]!;

async function handOver(server: Server, packets: Buffer[], longest: { ms: number }): Promise<void> {
  const start = performance.now();
  server.heard.length = 0;
  server.send(...packets);
  await settled(server);
  longest.ms = Math.max(longest.ms, performance.now() - start);
}

/** The last reply to a mail: accept, discard, try again, or a reply of its own. */
function settled({ socket, heard }: Server): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!heard.some(({ command }) => 'adty'.includes(command))) return;
      socket.off('data', look);
      resolve();
    };
    socket.on('data', look);
  });
}

function zoneOf(key: DkimKey): string[] {
  return [
    '@ TXT "v=spf1 ip4:192.0.2.0/28 -all"',
    '_dmarc TXT "v=DMARC1; p=reject"',
    `s1._domainkey TXT "${key.record.slice(0, 200)}" "${key.record.slice(200)}"`,
  ];
}

/** The packets of a mail as a mail server writes them. */
function packetsOf(domain: string, size: number, key: DkimKey): Buffer[] {
  const line = `${randomBytes(36).toString('base64')}\r\n`;
  const raw = dkimSigned(
    Buffer.from(
      `From: Ann <ann@${domain}>\r\nTo: grace@bench.test\r\nSubject: Lunch\r\nDate: Fri, 27 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@${domain}>\r\n\r\n${line.repeat(size / line.length)}`,
    ),
    { domain, key, headers: ['from', 'to', 'subject', 'date', 'message-id'] },
  );
  const text = raw.toString('latin1');
  const at = text.indexOf('\r\n\r\n');
  const fields = text.slice(0, at).split(/\r\n(?![ \t])/);
  const body = text.slice(at + 4);
  return [
    packet('M', strings(`<ann@${domain}>`)),
    macros('R', { i: '4AF2' }),
    packet('R', strings('<grace@bench.test>')),
    ...fields.map((field) => packet('L', strings(field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 1)))),
    packet('N'),
    ...Array.from({ length: Math.ceil(body.length / CHUNK) }, (_, n) => packet('B', body.slice(n * CHUNK, (n + 1) * CHUNK))),
    packet('E'),
  ];
}
