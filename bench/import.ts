import path from 'node:path';
import { importPaths } from '../services/cli/commands/import.ts';
import { openForImport } from '../services/cli/open.ts';
import { loadConfig } from '../services/shared/settings/config.ts';
import { CONNECTIONS, type StageInput, warm } from './input.ts';
import { type Measure, measure } from './measure.ts';

/** `ruawatch import` of the path, from files to committed rows, without the start of the program. */
export async function importStage(stage: string, input: StageInput): Promise<Measure> {
  const config = loadConfig(
    { LOG_LEVEL: 'silent', HTTP_LISTEN: 'off', DATABASE_URL: input.databaseUrl! },
    path.parse(input.path).root,
  );
  const context = await openForImport(config);
  try {
    await warm(context.db, CONNECTIONS);
    return await measure(stage, input.postmaster, async () => {
      const summary = await importPaths(context, [input.path], () => undefined);
      const { messages, reports, records, duplicates } = summary;
      const lost = summary.failed.length + summary.quarantined.length + summary.ignored.length + duplicates + summary.known;
      if (lost > 0) throw new Error(`The import left out ${lost} of the load: ${JSON.stringify(summary).slice(0, 500)}`);
      return { mails: messages, reports, records };
    });
  } finally {
    await context.close();
  }
}
