import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../services/shared/errors.ts';
import { cameThrough, type Damage, damageOf, printedDamage } from './attacked.ts';
import { planAttacks } from './attackers.ts';
import { Calendar } from './calendar.ts';
import { merged } from './classes.ts';
import { runDnsEvents } from './dns/main.ts';
import { runFamilies } from './family-main.ts';
import { runLogFamilies } from './logs/main.ts';
import { columns, markdown, printed } from './print.ts';
import { runReturns } from './returns/main.ts';
import { type Outcome, simulate, withDatabase, withServer } from './run.ts';
import { summarize } from './score.ts';
import { seedsOf } from './seeds.ts';

const HELP = `npm run simulate -- [options]

A model of domains, senders, reporters and incidents writes report mails; the real pipeline takes them in day by day, and what the
analyzer tells is scored against the truth, beside the rules of four other tools on the same rows. docs/simulator.md says how.

  --family NAMES families, such as m365-pool or botnet,no-reports: a small world for each draw of one behaviour
  --families G   a group of them: tuning, reported, benign, incidents or all
  --draws N      worlds for each family (default 5)
  --logs         worlds whose servers write mail logs (with --draws, --seed, --json)
  --dns          changes of DNS records: each world with the watcher and without it (with --draws, --seed, --json)
  --returns      policy steps that are watched, while strangers try to have them taken back (with --draws, --seed, --json);
                 fails if one is taken back by anything but own mail that breaks
  --nameless     name servers answer nothing, and there is no ASN file: addresses are all that is known
  --mails FOLDER writes all alert mails of each world of a family, as the alerter makes them

Without families, one mixed world for each seed:
  --seed S       a seed, a list or a range: 1, 1-9, 101-120,7; or "tuning" (1-9) or "reported" (101-120). Default 1.
  --domains N    domains in the world (default 20)
  --days D       report days, at least 40 (default 90)
  --json         JSON lines on standard output: one a seed, and one for all together
  --markdown     the tables as in docs/simulator.md
  --out FOLDER   writes truth.json, findings.json and score.json, in a folder for each seed
  --attackers    runs each world a second time with strangers who mail lies, and says what came through; fails if anything did
  --false        lists every false alarm of ruawatch, and every incident that it missed

Rules and constants are tuned on tuning families and seeds 1-9 only; what is published comes from reported families and seeds 101-120.
Postgres is an embedded one in a temporary folder, or the server that DATABASE_URL names (a database of its own is made and dropped).`;

try {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      domains: { type: 'string', default: '20' },
      days: { type: 'string', default: '90' },
      json: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      out: { type: 'string' },
      false: { type: 'boolean', default: false },
      attackers: { type: 'boolean', default: false },
      family: { type: 'string' },
      families: { type: 'string' },
      draws: { type: 'string', default: '5' },
      mails: { type: 'string' },
      nameless: { type: 'boolean', default: false },
      dns: { type: 'boolean', default: false },
      logs: { type: 'boolean', default: false },
      returns: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) console.log(HELP);
  else await main(values as Options);
} catch (error) {
  console.error(`simulate: ${messageOf(error)}`);
  process.exitCode = 1;
}

interface Options {
  family?: string;
  families?: string;
  draws: string;
  mails?: string;
  nameless: boolean;
  dns: boolean;
  logs: boolean;
  returns: boolean;
  seed: string;
  domains: string;
  days: string;
  json: boolean;
  markdown: boolean;
  out?: string;
  false: boolean;
  attackers: boolean;
}

async function main(options: Options): Promise<void> {
  // The embedded server outlives us unless it is closed.
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort(new Error(`stopped by ${name}`)));
  const { signal } = stopping;
  if (options.dns) {
    const [seed, draws] = [wholeNumber('--seed', options.seed, 1), wholeNumber('--draws', options.draws, 1)];
    return runDnsEvents({ seed, draws, json: options.json, signal });
  }
  if (options.returns) {
    const [seed, draws] = [wholeNumber('--seed', options.seed, 1), wholeNumber('--draws', options.draws, 1)];
    if (!(await runReturns({ seed, draws, json: options.json, signal }))) process.exitCode = 1;
    return;
  }
  if (options.logs) {
    const [seed, draws] = [wholeNumber('--seed', options.seed, 1), wholeNumber('--draws', options.draws, 1)];
    return runLogFamilies({ seed, draws, json: options.json, families: options.families, signal });
  }
  const families = options.families ?? options.family;
  if (families === undefined) return mixedWorlds(options, signal);
  const seed = wholeNumber('--seed', options.seed, 1);
  const draws = wholeNumber('--draws', options.draws, 1);
  await runFamilies({ ...options, families, seed, draws, signal, progress });
}

async function mixedWorlds(options: Options, signal: AbortSignal): Promise<void> {
  const seeds = seedsOf(options.seed);
  const domains = wholeNumber('--domains', options.domains, 1);
  const days = wholeNumber('--days', options.days, 40);
  const began = performance.now();
  const damages: { seed: number; damage: Damage[] }[] = [];
  const outcomes = await withServer(process.env.DATABASE_URL, async (url) => {
    const done: Outcome[] = [];
    for (const seed of seeds) {
      const onTick = (tick: number, mails: number) => progress(`seed ${seed}: day ${tick} of ${days}, ${mails} mails`);
      const given = { seed, domains, days, onTick, signal };
      const outcome = await withDatabase(url, (db) => simulate(db, given));
      if (options.attackers) {
        const attacked = await withDatabase(url, (db) => simulate(db, { ...given, attackers: true }));
        damages.push({ seed, damage: damageOf(planAttacks(outcome.world), outcome.ending, attacked.ending) });
      }
      progress('');
      if (!process.stderr.isTTY) console.error(`seed ${seed}: ${outcome.passage.mails} mails`);
      if (options.out !== undefined) write(path.join(options.out, `seed-${seed}`), outcome);
      if (options.json) console.log(JSON.stringify({ seed, mails: outcome.passage.mails, ...figures([outcome]) }));
      done.push(outcome);
    }
    return done;
  });
  const seconds = Math.round((performance.now() - began) / 1000);
  const total = { seeds, domains, days, seconds, ...figures(outcomes) };
  if (options.out !== undefined) writeFileSync(path.join(options.out, 'score.json'), `${JSON.stringify(total, null, 2)}\n`);
  const layout = options.markdown ? markdown : columns;
  if (options.json) console.log(JSON.stringify(options.attackers ? { ...total, damages } : total));
  else for (const line of printed(total, options.false ? outcomes : [], layout)) console.log(line);
  if (!options.json)
    for (const { seed, damage } of damages) for (const line of printedDamage(seed, damage, layout)) console.log(line);
  if (damages.some(({ damage }) => cameThrough(damage) > 0)) process.exitCode = 1;
}

function figures(outcomes: readonly Outcome[]) {
  const systems = outcomes[0]!.scores.map((one) => one.system);
  return {
    systems: systems.map((_, i) => summarize(outcomes.map((outcome) => outcome.scores[i]!))),
    classes: merged(outcomes.map((outcome) => outcome.classes)),
  };
}

function write(folder: string, outcome: Outcome): void {
  mkdirSync(folder, { recursive: true });
  const file = (name: string, content: unknown) =>
    writeFileSync(path.join(folder, name), `${JSON.stringify(content, null, 2)}\n`);
  const { world, passage } = outcome;
  const calendar = new Calendar(world.days);
  const incidents = world.incidents.map((one) => ({
    ...one,
    first_day: calendar.text(one.begin),
    last_day: calendar.text(one.end),
    per_day: one.messages / (one.end - one.begin + 1),
    share: one.of === 0 ? null : one.messages / one.of,
    addresses: [...one.addresses].sort(),
  }));
  const domains = world.domains.map(({ name, parked, policy, volume, flows }) => ({
    name,
    parked,
    policy,
    volume: Math.round(volume),
    senders: flows.map(({ id, what, truth, mean, addresses }) => ({ id, what, truth, mean, addresses: addresses.slice(0, 20) })),
  }));
  file('truth.json', { seed: world.seed, days: world.days, ...passage, domains, incidents, traps: world.traps });
  file('findings.json', outcome.alarms);
  file('score.json', { ...figures([outcome]), scores: outcome.scores });
}

/** On a terminal, one line that is overwritten. */
function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
}

function wholeNumber(option: string, text: string, least: number): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < least) throw new Error(`${option} ${text}: give a whole number, ${least} or more.`);
  return n;
}
