import type { Clock } from '../../services/shared/clock.ts';
import { systemClock } from '../../services/shared/clock.ts';
import { createLog } from '../../services/shared/runtime/log.ts';
import { createMetrics } from '../../services/shared/runtime/metrics.ts';
import { createQueues } from '../../services/shared/runtime/queues.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { loadConfig } from '../../services/shared/settings/config.ts';
import type { TestDatabase } from './database.ts';

/**
 * A context on a test database; `env` are settings as the environment would give them. Close its queues when
 * done.
 */
export function testContext(
  database: TestDatabase,
  options: { env?: Record<string, string>; redisUrl?: string | null; clock?: Clock; namespace?: string } = {},
): Context {
  const config = loadConfig(
    { LOG_LEVEL: 'silent', HTTP_LISTEN: 'off', DATABASE_URL: database.url, ...options.env },
    '/nonexistent',
  );
  // The reader's threads are JavaScript: tests of processes have them.
  config.parser.isolate = false;
  // Sweeps are quick here: a test waits for them.
  config.sweep = { every_seconds: 0.2, after_seconds: 1 };
  const log = createLog(process.env.TEST_LOG ?? 'silent');
  const metrics = createMetrics();
  const queues = createQueues(
    {
      redisUrl: options.redisUrl ?? null,
      databaseUrl: database.url,
      ...(options.namespace ? { namespace: options.namespace } : {}),
    },
    log,
    metrics,
  );
  return { config, db: database.db, queues, log, metrics, clock: options.clock ?? systemClock };
}
