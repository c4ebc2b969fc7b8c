import type { AddressInfo } from 'node:net';
import { ROUTES } from '../services/console/pages/index.ts';
import { buildConsole } from '../services/console/server.ts';
import { systemClock } from '../services/shared/clock.ts';
import { type Db, openPool } from '../services/shared/runtime/db.ts';
import { createLog } from '../services/shared/runtime/log.ts';
import { loadConfig } from '../services/shared/settings/config.ts';
import { addPerson } from '../services/store/console/people.ts';
import { beginSession } from '../services/store/console/sessions.ts';
import { fillArchive, ownAll } from './archive.ts';
import type { StageInput } from './input.ts';
import { type Measure, measure } from './measure.ts';

/**
 * Requests of each page before those that count: a console runs for weeks, and Node translates what it runs
 * often.
 */
const WARM_UPS = 20;

/** A page, as a browser gets it. */
interface Got {
  firstByteMs: number;
  wholeMs: number;
  bytes: number;
}

/**
 * The console's pages on an archive of `input.records` records, made first: some warm-ups, then `input.runs`
 * requests of each, of which the median by time counts. The note has the first byte's time and the size.
 */
export async function pages(_stage: string, input: StageInput): Promise<Measure[]> {
  const db = openPool(input.databaseUrl!, { max: 8 });
  const say = (line: string) => process.stderr.write(`pages: ${line}\n`);
  const config = loadConfig({ DATABASE_URL: input.databaseUrl!, CONSOLE_LISTEN: '127.0.0.1:0' }, '/nonexistent');
  const app = await buildConsole({
    routes: ROUTES,
    services: { db, config, log: createLog('silent'), clock: systemClock },
  });
  try {
    const size = await fillArchive(db, input.records!, say);
    say(JSON.stringify(size));
    await ownAll(db);
    const person = await addPerson(db, { name: 'bench', role: 'admin', domains: null }, 'bench', new Date());
    const session = await beginSession(db, person, { address: '127.0.0.1', agent: null }, new Date());
    await app.listen({ host: '127.0.0.1', port: 0 });
    const base = `http://localhost:${(app.server.address() as AddressInfo).port}`;
    const lines: Measure[] = [];
    for (const [name, path] of Object.entries(await addresses(db))) {
      const got: Got[] = [];
      const runs: Measure[] = [];
      for (let n = 0; n < WARM_UPS; n++) await get(`${base}${path}`, session);
      for (let run = 0; run < Math.max(5, input.runs ?? 5); run++) {
        runs.push(
          await measure(`page_${name}`, input.postmaster, async () => {
            got.push(await get(`${base}${path}`, session));
            return { mails: 0, reports: size.reports, records: size.records };
          }),
        );
      }
      const middle = Math.floor(runs.length / 2);
      const first = got.map(({ firstByteMs }) => firstByteMs).sort((a, b) => a - b)[middle]!;
      const note = `first byte ${Math.round(first)} ms, ${Math.round(got[0]!.bytes / 1000)} kB; ${path}`;
      lines.push({ ...runs.sort((a, b) => a.seconds - b.seconds)[middle]!, note });
    }
    return lines;
  } finally {
    await app.close();
    await db.end();
  }
}

/** The pages that are asked for: of the domain and the sender with the most mail. */
export async function addresses(db: Db): Promise<Record<string, string>> {
  const { rows } = await db.query<{ domain: string; sender: string }>(
    'select domain, grouped_as as sender from dmarc.sources order by messages desc limit 1',
  );
  const { domain, sender } = rows[0]!;
  return {
    overview: '/',
    domain: `/domains/${domain}`,
    domain_year: `/domains/${domain}?days=365`,
    sender: `/domains/${domain}/senders/${encodeURIComponent(sender)}`,
    findings: '/findings',
    reports: '/reports',
    week: '/digest',
    health: '/health',
  };
}

async function get(url: string, session: string): Promise<Got> {
  const began = performance.now();
  const answer = await fetch(url, { headers: { cookie: `ruawatch=${session}` } });
  if (answer.status !== 200) throw new Error(`${url} answers ${answer.status}`);
  const reader = answer.body!.getReader();
  let bytes = 0;
  let firstByteMs = 0;
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    if (bytes === 0) firstByteMs = performance.now() - began;
    bytes += chunk.value.length;
  }
  return { firstByteMs, wholeMs: performance.now() - began, bytes };
}
