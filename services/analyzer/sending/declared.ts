import { type DeclaredSenders, declaredSenders } from '../../dns/guard/senders.ts';
import { GuardWatch } from '../../shared/guard-watch.ts';
import type { Context } from '../../shared/runtime/service.ts';
import type { Config } from '../../shared/settings/config.ts';

const watches = new WeakMap<Config, GuardWatch>();

/**
 * Who may send by mail-guard.yaml as it is now.
 * @returns null: there is no file, or it declares no workload; undefined: it was never readable
 */
export function declaredNow({ config, log }: Pick<Context, 'config' | 'log'>): DeclaredSenders | null | undefined {
  let watch = watches.get(config);
  if (watch === undefined) {
    watch = new GuardWatch(config.guardFile, log);
    watches.set(config, watch);
  }
  watch.refresh();
  const { declared } = watch;
  return declared == null ? declared : declaredSenders(declared);
}
