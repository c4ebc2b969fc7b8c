import { z } from 'zod';
import { short } from '../../shared/format.ts';

/** Who sends, as the logs have it. A cluster or an environment that no log source names is ''. */
export const senderInLogs = z.object({ cluster: z.string(), environment: z.string(), workload: z.string() });
export type SenderInLogs = z.output<typeof senderInLogs>;

/** "Workload shop (environment production, cluster eu-1)", the beginning of a sentence. */
export function workloadWords({ cluster, environment, workload }: SenderInLogs): string {
  const where = [
    ...(environment === '' ? [] : [`environment ${short(environment, 40)}`]),
    ...(cluster === '' ? [] : [`cluster ${short(cluster, 40)}`]),
  ];
  const name = workload === '' ? 'A workload without a name' : `Workload ${short(workload, 60)}`;
  return where.length === 0 ? name : `${name} (${where.join(', ')})`;
}

/** Where the log lines of single messages are read. */
export const WHY_ADVICE =
  'What the logs, keys and reports show of one message: "ruawatch logs why ID", with its Message-ID or queue ID.';
