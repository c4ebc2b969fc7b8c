import { setMaxListeners } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { Db } from '../services/shared/runtime/db.ts';
import { addPerson } from '../services/store/console/people.ts';
import { beginSession } from '../services/store/console/sessions.ts';
import { freePort } from '../test/helpers/services.ts';
import { fillArchive, ownAll } from './archive.ts';
import type { StageInput } from './input.ts';
import { generateLoad } from './load.ts';
import { type Measure, rates, round, serverCpu } from './measure.ts';
import { addresses } from './pages.ts';
import { inWorld, settled, storeWaiting, type World } from './pipeline.ts';
import type { ServiceProcess } from './processes.ts';

/** People who read at the same time, each on a page for that long on average before opening the next. */
const READERS = 200;
const PAUSE_MS = 20_000;
/**
 * Parts of the backlog, every other of which is parsed while they read: what else the machine does falls on
 * both alike.
 */
const PARTS = 6;
const STORE_AT_ONCE = 200;
const SETTINGS = `sweep:
  every_seconds: 1
  after_seconds: 3600
trust:
  check: off
console:
  proxies: [127.0.0.1]
`;

/** A page that somebody opened. */
interface Opened {
  page: string;
  ms: number;
  status: number | string;
}

/** What parsing a part came to. */
interface Part {
  records: number;
  seconds: number;
  parser_cpu_s: number;
  opened: number;
}

/**
 * A backlog of `input.mails` mails, parsed by one parser over an archive of `input.records` records, half of
 * it while 200 people read the console. The note has the pages they opened, 95 % of them within what time,
 * and the rates of the parser with and without them.
 */
export async function readers(stage: string, input: StageInput): Promise<Measure> {
  return inWorld(
    input,
    3_600,
    async (world) => {
      const size = await fillArchive(world.db, input.records!, (line) => process.stderr.write(`readers: ${line}\n`));
      await ownAll(world.db);
      await goOn(world.db);
      const port = await freePort();
      const parser = world.start('parser');
      const console = world.start('console', { CONSOLE_LISTEN: `127.0.0.1:${port}` });
      await Promise.all([parser.running, console.running]);
      const people = await signIn(world.db);
      const pages = Object.entries(await addresses(world.db));
      const backlog = await mailsInParts(input);
      const before = { console: console.usage().cpu_s ?? 0, parser: parser.usage().cpu_s ?? 0, server: server(input) };
      const begun = Date.now();
      const parts: Part[] = [];
      const all: Opened[] = [];
      for (const [n, raws] of backlog.entries()) {
        const reading = n % 2 === 1 ? beginReading(`http://localhost:${port}`, people, pages) : null;
        // Everybody has opened a first page by then.
        if (reading) await wait(PAUSE_MS / 2);
        const from = reading?.opened.length ?? 0;
        const part = await parse(world, parser, raws);
        const opened = reading?.opened.slice(from) ?? [];
        await reading?.stop();
        all.push(...opened);
        parts.push({ ...part, opened: opened.length });
        process.stderr.write(`readers: part ${n + 1}, ${JSON.stringify(parts.at(-1))}\n`);
      }
      const seconds = parts.reduce((sum, part) => sum + part.seconds, 0);
      const records = parts.reduce((sum, part) => sum + part.records, 0);
      return {
        stage,
        mails: input.mails!,
        reports: input.mails!,
        records,
        ...rates(seconds, { mails: input.mails!, records }),
        cpu_s: round((console.usage().cpu_s ?? 0) - before.console + (parser.usage().cpu_s ?? 0) - before.parser, 2),
        server_cpu_s: round(server(input) - before.server, 2),
        peak_rss_mb: Math.max(console.usage().peak_rss_mb ?? 0, parser.usage().peak_rss_mb ?? 0),
        processes: Object.fromEntries(
          [console, parser].map((one) => {
            const { cpu_s, peak_rss_mb } = one.usage();
            return [one.name, { cpu_s: round((cpu_s ?? 0) - before[one.name as 'console' | 'parser'], 2), peak_rss_mb }];
          }),
        ),
        note: `archive of ${size.records} records; ${Math.round((Date.now() - begun) / 1000)} s in all; ${told(parts, all)}`,
      };
    },
    SETTINGS,
  );
}

const server = (input: StageInput) => (input.postmaster === null ? 0 : (serverCpu(input.postmaster) ?? 0));

/** The archive was made with keys of its own: those of the backlog come after them. */
async function goOn(db: Db): Promise<void> {
  for (const [table, key] of [
    ['messages', 'message_key'],
    ['reports', 'report_key'],
  ])
    await db.query(
      `select setval(pg_get_serial_sequence('ruawatch.${table}', '${key}'), (select max(${key}) from ruawatch.${table}))`,
    );
}

/** @returns the token of each person's session */
async function signIn(db: Db): Promise<string[]> {
  const tokens: string[] = [];
  for (let n = 0; n < READERS; n++) {
    const person = await addPerson(db, { name: `reader-${n}`, role: 'viewer', domains: null }, 'bench', new Date());
    tokens.push(await beginSession(db, person, { address: '127.0.0.1', agent: null }, new Date()));
  }
  return tokens;
}

/** The mails of the backlog, dealt out in turn, so that the parts are alike. */
async function mailsInParts(input: StageInput): Promise<Buffer[][]> {
  const parts: Buffer[][] = Array.from({ length: PARTS }, () => []);
  let n = 0;
  for await (const { raw } of generateLoad({ seed: input.seed!, mails: input.mails! })) parts[n++ % PARTS]!.push(raw);
  return parts;
}

/** Stores mails and waits until the parser has settled them all. */
async function parse(world: World, parser: ServiceProcess, raws: readonly Buffer[]): Promise<Omit<Part, 'opened'>> {
  const count = async () => {
    const { rows } = await world.db.query<{ records: number; mails: number }>(
      `select (select coalesce(sum(records), 0) from ruawatch.reports where message_key is not null)::float8 as records,
              (select count(*) from ruawatch.messages) as mails`,
    );
    return rows[0]!;
  };
  const before = await count();
  const keys: number[] = [];
  for (let i = 0; i < raws.length; i += STORE_AT_ONCE)
    keys.push(...(await storeWaiting(world.db, raws.slice(i, i + STORE_AT_ONCE))));
  const cpu = parser.usage().cpu_s ?? 0;
  const begun = performance.now();
  await world.add(keys);
  await settled(world.db, before.mails + keys.length);
  const seconds = (performance.now() - begun) / 1000;
  return {
    records: (await count()).records - before.records,
    seconds: round(seconds, 2),
    parser_cpu_s: round((parser.usage().cpu_s ?? 0) - cpu, 2),
  };
}

/** Each person opens a page, reads it, and opens the next, until `stop`. */
function beginReading(base: string, people: readonly string[], pages: readonly [string, string][]) {
  const opened: Opened[] = [];
  const end = new AbortController();
  // Every reader waits for it.
  setMaxListeners(people.length, end.signal);
  const read = async (session: string, n: number) => {
    const headers = { cookie: `ruawatch=${session}`, 'x-forwarded-for': `198.51.100.${n % 256}` };
    // Spread over the first pause, as people are.
    let pause = (PAUSE_MS * n) / people.length / 2;
    for (let at = n; ; at++) {
      await wait(pause, undefined, { signal: end.signal });
      const [page, path] = pages[at % pages.length]!;
      const begun = performance.now();
      let status: number | string;
      try {
        const answer = await fetch(`${base}${path}`, { headers });
        await answer.arrayBuffer();
        status = answer.status;
      } catch (error) {
        // Counted, not thrown: a page that does not come is what is looked for.
        status = String(error);
      }
      opened.push({ page, ms: performance.now() - begun, status });
      pause = PAUSE_MS * (0.5 + ((n * 7 + at * 13) % 100) / 100);
    }
  };
  const all = people.map((session, n) => read(session, n));
  const ended = Promise.allSettled(all);
  return {
    opened,
    async stop() {
      end.abort();
      for (const one of await ended) if (one.status === 'rejected' && !end.signal.aborted) throw one.reason;
    },
  };
}

function told(parts: readonly Part[], opened: readonly Opened[]): string {
  const rate = (of: readonly Part[]) =>
    of.reduce((sum, part) => sum + part.records, 0) / of.reduce((sum, part) => sum + part.seconds, 0);
  const cpu = (of: readonly Part[]) =>
    (of.reduce((sum, part) => sum + part.parser_cpu_s, 0) / of.reduce((sum, part) => sum + part.records, 0)) * 1e6;
  const alone = parts.filter((_, n) => n % 2 === 0);
  const beside = parts.filter((_, n) => n % 2 === 1);
  const times = opened.map(({ ms }) => ms).sort((a, b) => a - b);
  const within = (share: number) => Math.round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0);
  const failed = opened.filter(({ status }) => status !== 200);
  return [
    `${opened.length} pages of ${READERS} readers, ${failed.length} failed${failed[0] ? ` (${failed[0].page}: ${failed[0].status})` : ''}`,
    `half within ${within(0.5)} ms, 95 % within ${within(0.95)} ms, the slowest ${within(1)} ms`,
    `records/s of the parser alone ${Math.round(rate(alone))}, beside them ${Math.round(rate(beside))}`,
    `its CPU s a million records ${round(cpu(alone), 1)} and ${round(cpu(beside), 1)}`,
  ].join('; ');
}
