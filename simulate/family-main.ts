import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Family } from './families/family.ts';
import { familiesOf } from './families/index.ts';
import { detailOf, printedFamilies } from './family-print.ts';
import { type Draw, drawOf } from './family-run.ts';
import { byFamily, scoreOf } from './family-score.ts';
import { columns, markdown } from './print.ts';
import { withDatabase, withServer } from './run.ts';
import { targetsOf } from './targets.ts';

export interface FamilyOptions {
  families: string;
  draws: number;
  seed: number;
  json: boolean;
  markdown: boolean;
  false: boolean;
  mails?: string;
  nameless?: boolean;
  signal: AbortSignal;
  progress: (line: string) => void;
}

/**
 * Families × draws, each world on a database of its own, and what the command prints of them. A run that is
 * stopped prints the worlds that are done.
 */
export async function runFamilies(options: FamilyOptions): Promise<void> {
  const families = familiesOf(options.families);
  const kept = families.filter(({ group }) => group === 'reported').map(({ name }) => name);
  if (kept.length > 0) console.error(`reported families, on which no rule may be tuned: ${kept.join(', ')}`);
  const done: Draw[] = [];
  try {
    await withServer(process.env.DATABASE_URL, (url) => drawAll(url, families, options, done));
  } catch (error) {
    if (!options.signal.aborted || done.length === 0) throw error;
    process.exitCode = 1;
  }
  if (options.json) {
    for (const one of byFamily(done)) console.log(JSON.stringify({ score: one }));
    console.log(JSON.stringify({ score: scoreOf('all', done), targets: targetsOf(done) }));
    return;
  }
  for (const line of printedFamilies(done, options.markdown ? markdown : columns)) console.log(line);
}

async function drawAll(url: string, families: readonly Family[], options: FamilyOptions, done: Draw[]): Promise<void> {
  const { draws, seed, signal, progress, nameless = false } = options;
  for (const family of families) {
    for (let draw = 1; draw <= draws; draw++) {
      const onTick = (tick: number, mails: number) => progress(`${family.name} ${draw}: day ${tick}, ${mails} mails`);
      const one = await withDatabase(url, (db) => drawOf(db, family, { seed, draw, nameless, onTick, signal }));
      progress('');
      if (!process.stderr.isTTY) console.error(`${family.name} ${draw}: ${one.mails} mails`);
      if (options.mails !== undefined) writeMails(options.mails, one);
      const { sent: _, ...kept } = one;
      if (options.json) console.log(JSON.stringify({ draw: kept }));
      else if (options.false) for (const line of detailOf(one)) console.log(line);
      // Their texts are on the disk by now.
      done.push({ ...one, sent: [] });
    }
  }
}

/** All alert mails of a world, one file, oldest first. */
function writeMails(folder: string, { family, draw, sent }: Draw): void {
  mkdirSync(folder, { recursive: true });
  const text = sent.map((mail) => `=== day ${mail.tick}\nSubject: ${mail.subject}\n\n${mail.text}`).join('\n');
  writeFileSync(path.join(folder, `${family}-${draw}.txt`), text || 'No mail.\n');
}
