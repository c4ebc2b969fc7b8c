import type { DkimKey } from '../../shared/settings/dkim-keys.ts';
import { keysByCommand } from './command.ts';
import { keyFiles } from './files.ts';
import { type KubernetesMeans, keysInKubernetes } from './kubernetes.ts';
import type { KeyStore } from './layout.ts';

/** Where the keys of a domain of the settings are. */
export function keyStoreOf({ layout, folder, command, kubernetes, domain, bits }: DkimKey, means: KubernetesMeans): KeyStore {
  if (layout === 'command') return keysByCommand(command!, domain, bits);
  if (layout === 'kubernetes') return keysInKubernetes(kubernetes!, domain, bits, means);
  return keyFiles(layout, folder!, domain, bits);
}
