import type { FastifyInstance } from 'fastify';
import { messageOf, SettingsError } from '../shared/errors.ts';
import { type Context, repeat, type Service, sweepMs } from '../shared/runtime/service.ts';
import { Kept } from '../store/console/page-cache.ts';
import { nobodyYet } from '../store/console/people.ts';
import { forgetEnded, makeLink } from '../store/console/sessions.ts';
import { cannotListen } from './listen.ts';
import { ROUTES } from './pages/index.ts';
import type { Probes } from './routes.ts';
import { buildConsole } from './server.ts';

export { checkListen } from './listen.ts';
export { useCode } from './people/use-code.ts';

export type { Probes } from './routes.ts';

const NAME = 'console';

export interface ConsoleService extends Service {
  /** Where the console is, once it listens: `console.url`, or an address of this machine. */
  address(): string | null;
}

/**
 * The web console. What it needs may come later: an address that is taken and a database that does not answer
 * are tried again.
 * @param print shows a line to whoever started it: the link with which the first account is made
 * @param probes what the page that sets ruawatch up may try
 * @throws SettingsError without an address to listen on
 */
export function startConsole(context: Context, print: (line: string) => void, probes?: Probes): ConsoleService {
  const { config, db, clock } = context;
  const log = context.log.child({ service: NAME });
  const { listen } = config.console;
  if (listen === null) throw new SettingsError('The console needs an address: CONSOLE_LISTEN is "off".');
  let app: FastifyInstance | null = null;
  let waits: string | null = 'the console is starting';
  let invited = false;

  const bringUp = async () => {
    try {
      app ??= await listening({ ...context, ...(probes && { probes }) }, listen);
      if (!invited && (await nobodyYet(db))) {
        print(
          `Nobody can sign in to the console yet. Create the first account: ${addressOf(app, config)}/link/${await makeLink(db, null, 'password', clock.now())}`,
        );
      }
      invited = true;
      await forgetEnded(db, clock.now());
      waits = null;
    } catch (error) {
      waits = messageOf(error);
      throw error;
    }
  };
  const loop = repeat(sweepMs(config), bringUp, log, 'the console');
  return {
    name: NAME,
    address: () => (app === null ? null : addressOf(app, config)),
    waitingFor: () => waits,
    stuck: () => loop.stuck(),
    stop: async () => {
      await loop.stop();
      await app?.close();
      app = null;
    },
  };
}

async function listening(
  { db, config, log, clock, probes }: Context & { probes?: Probes },
  listen: { host: string; port: number },
): Promise<FastifyInstance> {
  const app = await buildConsole({
    routes: ROUTES,
    services: { db, config, log: log.child({ service: NAME }), clock, kept: new Kept(), ...(probes && { probes }) },
  });
  try {
    await app.listen(listen);
  } catch (error) {
    await app.close();
    throw cannotListen(listen, error);
  }
  log.info({ address: addressOf(app, config) }, 'serving the console');
  return app;
}

/** `localhost` rather than an address: passkeys need a name. */
function addressOf(app: FastifyInstance, config: Context['config']): string {
  if (config.consoleUrl !== null) return config.consoleUrl;
  const bound = app.server.address();
  const first = typeof bound === 'object' ? bound : null;
  const host = first === null || /^(?:127\.|::1$|0\.0\.0\.0$|::$)/.test(first.address) ? 'localhost' : first.address;
  return `${config.console.tls === null ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${first?.port ?? ''}`;
}
